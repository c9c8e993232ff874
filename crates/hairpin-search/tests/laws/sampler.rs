//! What the samplers promise: the distributions of the random one, and of what each trial is a function.

use hairpin_search::{
    Budget, Direction, Domain, FinishedTrial, Params, Sampler, Space, Study, StudyConfig, Tpe,
    TrialState, Value,
};
use proptest::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF};

const N: usize = 4000;

fn draws(space: &Space, seed: u64) -> Vec<Params> {
    let draw = |number| Sampler::Random.draw(space, seed, number, Direction::Minimise, &[]);
    (0..N).map(draw).collect()
}

/// Kolmogorov and Smirnov's distance from the uniform distribution, times the root of n; 1.95 has a p of 0.001.
fn distance_from_uniform(mut shares: Vec<f64>) -> f64 {
    shares.sort_by(f64::total_cmp);
    let n = shares.len() as f64;
    let gaps = shares.iter().enumerate().map(|(i, share)| {
        let i = i as f64;
        (share - i / n).abs().max(((i + 1.0) / n - share).abs())
    });
    gaps.fold(0.0, f64::max) * n.sqrt()
}

/// The p of a chi-square test of counts against probabilities.
fn chi_square(counts: &[usize], probabilities: &[f64]) -> f64 {
    let n: usize = counts.iter().sum();
    let pairs = counts.iter().zip(probabilities);
    let statistic: f64 = pairs
        .map(|(&count, p)| (count as f64 - p * n as f64).powi(2) / (p * n as f64))
        .sum();
    let degrees = (counts.len() - 1) as f64;
    1.0 - ChiSquared::new(degrees).unwrap().cdf(statistic)
}

#[test]
fn floats_are_uniform_on_their_scale() {
    let space = Space::builder()
        .float("linear", -3.0..=5.0)
        .log_float("log", 1e-5..=1e-1)
        .build()
        .unwrap();
    let draws = draws(&space, 11);
    let linear = draws
        .iter()
        .map(|params| (params.float("linear").unwrap() + 3.0) / 8.0);
    let log = draws
        .iter()
        .map(|params| (params.float("log").unwrap().log10() + 5.0) / 4.0);
    assert!(distance_from_uniform(linear.collect()) < 1.95);
    assert!(distance_from_uniform(log.collect()) < 1.95);
    // The test itself can tell: the logarithmic one is far from uniform on a linear scale.
    let wrong = draws
        .iter()
        .map(|params| params.float("log").unwrap() / 1e-1);
    assert!(distance_from_uniform(wrong.collect()) > 20.0);
}

#[test]
fn integers_and_choices_have_their_probabilities() {
    let space = Space::builder()
        .int("linear", -2..=3)
        .log_int("log", 1..=8)
        .categorical("choice", ["a", "b", "c", "d"])
        .build()
        .unwrap();
    let draws = draws(&space, 12);
    let mut counts = (vec![0; 6], vec![0; 8], vec![0; 4]);
    for params in &draws {
        counts.0[(params.int("linear").unwrap() + 2) as usize] += 1;
        counts.1[(params.int("log").unwrap() - 1) as usize] += 1;
        counts.2[params.text("choice").unwrap().as_bytes()[0] as usize - usize::from(b'a')] += 1;
    }
    assert!(chi_square(&counts.0, &[1.0 / 6.0; 6]) > 0.001);
    let whole = (8.5_f64 / 0.5).ln();
    let log: Vec<f64> = (1..=8)
        .map(|k| ((f64::from(k) + 0.5) / (f64::from(k) - 0.5)).ln() / whole)
        .collect();
    assert!(chi_square(&counts.1, &log) > 0.001);
    assert!(chi_square(&counts.2, &[0.25; 4]) > 0.001);
    assert!(
        chi_square(&counts.1, &[0.125; 8]) < 1e-9,
        "the test can tell"
    );
}

#[test]
fn parameters_and_trials_are_independent() {
    let space = Space::builder()
        .float("a", 0.0..=1.0)
        .float("b", 0.0..=1.0)
        .build()
        .unwrap();
    let draws = draws(&space, 13);
    let column = |name: &str| -> Vec<f64> {
        draws
            .iter()
            .map(|params| params.float(name).unwrap())
            .collect()
    };
    let correlation = |x: &[f64], y: &[f64]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| 12.0 * (x - 0.5) * (y - 0.5))
            .sum::<f64>()
            / x.len() as f64
    };
    let (a, b) = (column("a"), column("b"));
    // Four standard deviations.
    let most = 4.0 / (N as f64).sqrt();
    assert!(correlation(&a, &b).abs() < most);
    assert!(correlation(&a[1..], &a[..N - 1]).abs() < most);
    let other = self::draws(&space, 14);
    let other: Vec<f64> = other
        .iter()
        .map(|params| params.float("a").unwrap())
        .collect();
    assert!(correlation(&a, &other).abs() < most);
}

#[test]
fn the_bits_of_a_draw_stay_what_they_are() {
    // Another value here is another search for everybody who resumes one.
    let params = Sampler::Random.draw(
        &crate::functions::network_space(),
        7,
        3,
        Direction::Minimise,
        &[],
    );
    let shown: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        shown.join(" "),
        "learning_rate=0.011230416273338123 layers=1 units=268 cell=lstm"
    );
}

/// Random trials with outcomes of every kind.
fn finished(space: &Space, n: usize) -> Vec<FinishedTrial> {
    let study = Study::new(
        space.clone(),
        StudyConfig {
            seed: 9,
            ..StudyConfig::default()
        },
    )
    .unwrap();
    let run = study.run(Budget::trials(n), |trial| match trial.number() % 7 {
        3 => Err("no".to_owned()),
        _ => crate::functions::network(trial.params()).map_err(|error| error.to_string()),
    });
    run.unwrap();
    study.trials()
}

fn in_domain(domain: &Domain, value: &Value) -> bool {
    match (domain, value) {
        (Domain::Float { low, high, .. }, Value::Float(value)) => (low..=high).contains(&value),
        (Domain::Int { low, high, .. }, Value::Int(value)) => (low..=high).contains(&value),
        (Domain::Categorical { choices }, value) => choices.contains(value),
        _ => false,
    }
}

fn holds(space: &Space, params: &Params) -> bool {
    space.params().iter().all(|param| {
        let active = param.when.as_ref().is_none_or(|condition| {
            params
                .get(&condition.param)
                .is_some_and(|value| condition.is.contains(value))
        });
        match params.get(&param.name) {
            Some(value) => active && in_domain(&param.domain, value),
            None => !active,
        }
    })
}

#[test]
fn tpe_does_not_care_for_the_order_of_what_it_learns_from() {
    let space = crate::functions::network_space();
    let mut trials = finished(&space, 40);
    let tpe = Sampler::Tpe(Tpe::default());
    let draw = |trials: &[FinishedTrial]| tpe.draw(&space, 9, 40, Direction::Minimise, trials);
    let before = draw(&trials);
    trials.reverse();
    assert_eq!(draw(&trials), before);
    assert_ne!(draw(&trials[..20]), before, "it learns");
    assert_ne!(
        tpe.draw(&space, 9, 40, Direction::Maximise, &trials),
        before
    );
}

#[test]
fn tpe_begins_at_random() {
    let space = crate::functions::network_space();
    let tpe = Sampler::Tpe(Tpe::default());
    let finished = finished(&space, 14);
    let with_value = |n: usize| {
        let failed = finished[..n]
            .iter()
            .filter(|trial| trial.state == TrialState::Failed);
        n - failed.count()
    };
    for n in 0..=finished.len() {
        let found = tpe.draw(&space, 0, n, Direction::Minimise, &finished[..n]);
        let random = Sampler::Random.draw(&space, 0, n, Direction::Minimise, &[]);
        assert_eq!(found == random, with_value(n) < 10, "after {n} trials");
    }
}

#[test]
fn tpe_leaves_what_fails() {
    let space = Space::builder().float("x", 0.0..=1.0).build().unwrap();
    let study = Study::new(space.clone(), StudyConfig::default()).unwrap();
    // No value is better than another, but below a third everything diverges.
    let run = study.run(Budget::trials(60), |trial| {
        let diverges = trial.params().float("x").unwrap() < 1.0 / 3.0;
        if diverges {
            Err("diverged")
        } else {
            Ok((trial.number() % 10) as f64)
        }
    });
    run.unwrap();
    let all = study.trials();
    let mut ended = all.clone();
    ended.retain(|trial| trial.state == TrialState::Complete);
    let failing = |trials: &[FinishedTrial]| {
        let tpe = Sampler::Tpe(Tpe::default());
        let draw = |number| tpe.draw(&space, 0, number, Direction::Minimise, trials);
        let draws = (100..400).map(|number| draw(number).float("x").unwrap());
        draws.filter(|&x| x < 1.0 / 3.0).count()
    };
    let (knowing, not_knowing) = (failing(&all), failing(&ended));
    assert!(knowing < 20, "{knowing} of 300");
    assert!(
        2 * knowing < not_knowing,
        "{knowing} of 300, {not_knowing} without the failures"
    );
}

proptest! {
    #[test]
    fn a_draw_is_in_the_space(seed: u64, number in 0..1000_usize, maximise: bool) {
        let space = crate::functions::network_space();
        let direction = if maximise { Direction::Maximise } else { Direction::Minimise };
        let trials = finished(&space, 25);
        for sampler in [Sampler::Random, Sampler::Tpe(Tpe::default())] {
            let params = sampler.draw(&space, seed, number, direction, &trials);
            prop_assert!(holds(&space, &params), "{params:?}");
            prop_assert_eq!(&params, &sampler.draw(&space, seed, number, direction, &trials));
        }
    }

    #[test]
    fn another_parameter_changes_no_draw(seed: u64, number in 0..1000_usize) {
        let alone = Space::builder().float("x", 0.0..=1.0).build().unwrap();
        let more = Space::builder().int("k", 0..=9).float("x", 0.0..=1.0).build().unwrap();
        let draw = |space: &Space| Sampler::Random.draw(space, seed, number, Direction::Minimise, &[]);
        let (alone, more) = (draw(&alone), draw(&more));
        prop_assert_eq!(alone.get("x"), more.get("x"));
    }

    #[test]
    fn extreme_ranges_are_drawn_from(
        seed: u64,
        low in prop::num::f64::NORMAL,
        width in 0.0..1e300_f64,
        k in -(1_i64 << 53)..(1_i64 << 53),
    ) {
        let high = low + width;
        let space = Space::builder().float("x", low..=high).int("k", k..=(1 << 53)).log_int("one", 1..=1)
            .log_float("tiny", 5e-324..=1e-320).float("same", low..=low).build();
        prop_assume!(space.is_ok());
        let space = space.unwrap();
        let trials: Vec<FinishedTrial> = {
            let study = Study::new(space.clone(), StudyConfig::default()).unwrap();
            study.run(Budget::trials(15), |trial| Ok::<_, String>(trial.number() as f64)).unwrap();
            study.trials()
        };
        for sampler in [Sampler::Random, Sampler::Tpe(Tpe::default())] {
            let params = sampler.draw(&space, seed, 15, Direction::Minimise, &trials);
            prop_assert!(holds(&space, &params), "{params:?}");
        }
    }
}
