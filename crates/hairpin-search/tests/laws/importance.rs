//! Importances of functions whose shares can be computed on paper.

use hairpin_search::{
    Budget, FinishedTrial, ImportanceConfig, Params, SearchError, Space, Study, StudyConfig,
    importance,
};
use proptest::prelude::*;

fn trials(
    space: &Space,
    n: usize,
    objective: impl Fn(&Params) -> Result<f64, SearchError>,
) -> Vec<FinishedTrial> {
    let study = Study::new(space.clone(), StudyConfig::default()).unwrap();
    study
        .run(Budget::trials(n), |trial| objective(trial.params()))
        .unwrap();
    study.trials()
}

fn shares(space: &Space, trials: &[FinishedTrial]) -> Vec<f64> {
    let found = importance(space, trials, ImportanceConfig::default()).unwrap();
    found.iter().map(|found| found.share).collect()
}

#[test]
fn of_choices_and_integers_the_shares_are_exact() {
    // With every cell drawn often, the trees are the function itself.
    let space = Space::builder()
        .categorical("c", ["a", "b", "c"])
        .int("k", 1..=4)
        .int("nothing", 0..=1)
        .build()
        .unwrap();
    let effect = |c: &str| match c {
        "a" => 0.0,
        "b" => 3.0,
        _ => 1.0,
    };
    let found = shares(
        &space,
        &trials(&space, 1500, |params| {
            Ok(effect(params.text("c")?) + params.float("k")?)
        }),
    );
    // Var c = (0 + 9 + 1) / 3 - (4 / 3)^2 = 14 / 9, Var k = 5 / 4.
    let all = 14.0 / 9.0 + 1.25;
    for (found, expected) in found.iter().zip([14.0 / 9.0 / all, 1.25 / all, 0.0]) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}

#[test]
fn a_logarithmic_integer_counts_by_its_probabilities() {
    let space = Space::builder()
        .log_int("k", 1..=4)
        .int("j", 0..=1)
        .build()
        .unwrap();
    let found = shares(
        &space,
        &trials(&space, 1500, |params| {
            Ok(f64::from(params.int("k")? == 1) + params.float("j")?)
        }),
    );
    // k is 1 with p = ln 3 / ln 9 = 1/2: both have the variance 1/4.
    for share in found {
        assert!((share - 0.5).abs() < 1e-9, "{share}");
    }
}

#[test]
fn an_interaction_belongs_to_neither() {
    let space = Space::builder()
        .int("a", 0..=1)
        .int("b", 0..=1)
        .build()
        .unwrap();
    let exclusive = |params: &Params| Ok(f64::from(params.int("a")? != params.int("b")?));
    for share in shares(&space, &trials(&space, 400, exclusive)) {
        assert!(share.abs() < 1e-12, "{share}");
    }
}

#[test]
fn a_condition_is_weighed_by_how_often_it_holds() {
    let space = Space::builder()
        .categorical("cell", ["lstm", "gru", "conv", "none"])
        .int("k", 0..=1)
        .when("cell", ["gru"])
        .int("j", 0..=1)
        .build()
        .unwrap();
    let objective = |params: &Params| {
        Ok(f64::from(params.get("k") == Some(&1.into())) + 2.0 * params.float("j")?)
    };
    let found = shares(&space, &trials(&space, 2000, objective));
    // k is 1 in an eighth of all trials: its variance is 7 / 64, that of 2 j is 1.
    for (found, expected) in found.iter().zip([0.0, 7.0 / 71.0, 64.0 / 71.0]) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}

#[test]
fn constants_have_no_importance_and_few_trials_are_refused() {
    let space = Space::builder()
        .float("x", 0.0..=1.0)
        .float("same", 2.0..=2.0)
        .build()
        .unwrap();
    assert_eq!(
        shares(&space, &trials(&space, 20, |_| Ok(1e300))),
        [0.0, 0.0]
    );
    let found = shares(
        &space,
        &trials(&space, 60, |params| Ok(1e12 + params.float("x")?)),
    );
    assert!(found[0] > 0.95 && found[1] == 0.0, "{found:?}");
    let few = trials(&space, 3, |params| params.float("x"));
    let refused = |trials: &[FinishedTrial], trees| {
        let config = ImportanceConfig { trees, seed: 0 };
        importance(&space, trials, config).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&few, 64),
        "3 complete trials, expected at least 4: run more before asking for importances"
    );
    assert_eq!(
        refused(&few, 0),
        "trees of the importance is 0: expected at least 1"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn shares_are_shares_and_depend_neither_on_order_nor_unit(
        values in prop::collection::vec(-1e3..1e3_f64, 4..30),
        unit in -40..40_i32,
    ) {
        let space = Space::builder().log_float("x", 1e-3..=1.0).categorical("c", ["a", "b", "c"]).log_int("k", 1..=9)
            .when("c", ["a", "b"]).build().unwrap();
        let study = Study::new(space.clone(), StudyConfig::default()).unwrap();
        study.run(Budget::trials(values.len()), |trial| Ok::<_, String>(values[trial.number()])).unwrap();
        let mut trials = study.trials();
        let before = shares(&space, &trials);
        prop_assert!(before.iter().all(|share| (0.0..=1.0 + 1e-9).contains(share)), "{before:?}");
        prop_assert!(before.iter().sum::<f64>() <= 1.0 + 1e-9, "{before:?}");
        trials.reverse();
        prop_assert_eq!(&shares(&space, &trials), &before);
        // A power of two, so that nothing is rounded and no tie is broken another way.
        for trial in &mut trials {
            trial.value = trial.value.map(|value| value * 2_f64.powi(unit));
        }
        prop_assert_eq!(&shares(&space, &trials), &before);
    }
}
