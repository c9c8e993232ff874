//! Samplers and importance beside Optuna's; `fixtures/make/golden_search.py` made the values.

use std::collections::BTreeMap;

use crate::functions::Objective;
use hairpin_golden::golden_json;
use hairpin_search::{
    Budget, FinishedTrial, ImportanceConfig, Sampler, Space, Study, StudyConfig, Tpe, importance,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    searches: BTreeMap<String, Found>,
    importance: Rows,
}

/// Best values of the seeds, sorted.
#[derive(Deserialize)]
struct Found {
    random: Vec<f64>,
    tpe: Vec<f64>,
}

#[derive(Deserialize)]
struct Rows {
    u: Vec<f64>,
    v: Vec<f64>,
    c: Vec<usize>,
    y: Vec<f64>,
    known: BTreeMap<String, f64>,
    optuna: BTreeMap<String, f64>,
}

fn golden() -> Golden {
    golden_json("hairpin-search", "search.json")
}

/// The best values after 60 trials, sorted over as many seeds.
fn search(space: &Space, objective: Objective, sampler: Sampler, seeds: usize) -> Vec<f64> {
    let mut best: Vec<f64> = (0..seeds)
        .map(|seed| {
            let config = StudyConfig {
                seed: seed as u64,
                sampler,
                ..StudyConfig::default()
            };
            let study = Study::new(space.clone(), config).unwrap();
            let run = study.run(Budget::trials(60), |trial| objective(trial.params()));
            run.unwrap();
            study.best().unwrap().value.unwrap()
        })
        .collect();
    best.sort_by(f64::total_cmp);
    best
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

#[test]
fn tpe_beats_random_search_and_stands_beside_optunas() {
    let golden = golden();
    for (name, space, objective) in crate::functions::all() {
        let theirs = &golden.searches[name];
        let seeds = theirs.tpe.len();
        let random = search(&space, objective, Sampler::Random, seeds);
        let tpe = search(&space, objective, Sampler::Tpe(Tpe::default()), seeds);
        let median = |sorted: &[f64]| quantile(sorted, 0.5);
        let (beside, above) = (share_better(&tpe, &theirs.tpe), share_better(&tpe, &random));
        println!(
            "{name}: median of the best of {seeds} seeds: random {:.3}, Optuna's {:.3}; TPE {:.3}, Optuna's {:.3}; \
             better than Optuna's in {beside:.2} of pairs, than random search in {above:.2}",
            median(&random),
            median(&theirs.random),
            median(&tpe),
            median(&theirs.tpe),
        );
        assert!(above > 0.5 + FAR, "{name}");
        assert!(beside > 0.5 - FAR, "{name}");
        assert!(
            (share_better(&random, &theirs.random) - 0.5).abs() < FAR,
            "{name}"
        );
    }
}

/// How far from a half the share of better pairs of 40 and 40 seeds may be when both searches are equal: 2.6 standard deviations,
/// which are sqrt((40 + 40 + 1) / (12 * 40 * 40)), for a p of 0.01 (Mann and Whitney's test).
const FAR: f64 = 2.6 * 0.065;

/// In what share of all pairs the first is better.
fn share_better(ours: &[f64], theirs: &[f64]) -> f64 {
    let better = |a: &f64| theirs.iter().filter(|b| a < b).count();
    ours.iter().map(better).sum::<usize>() as f64 / (ours.len() * theirs.len()) as f64
}

#[test]
fn importances_are_the_known_shares_and_optunas() {
    let rows = golden().importance;
    let space = Space::builder()
        .float("u", 0.0..=1.0)
        .float("v", 0.0..=1.0)
        .categorical("c", ["a", "b", "c"])
        .build()
        .unwrap();
    let table = tempfile::NamedTempFile::new().unwrap();
    let study = Study::open(space.clone(), StudyConfig::default(), table.path()).unwrap();
    study
        .run(Budget::trials(1), |_| Ok::<_, String>(0.0))
        .unwrap();
    drop(study);
    // Rows of one's own come in through the table.
    let text = std::fs::read_to_string(table.path()).unwrap();
    let (header, row) = text.trim_end().split_once('\n').unwrap();
    let (id, _) = row.split_once(',').unwrap();
    let mut text = header.to_owned();
    for i in 0..rows.y.len() {
        let choice = ["a", "b", "c"][rows.c[i]];
        text += &format!(
            "\n{id},{i},complete,{:?},{:?},{:?},{choice},,",
            rows.y[i], rows.u[i], rows.v[i]
        );
    }
    std::fs::write(table.path(), text + "\n").unwrap();
    let trials: Vec<FinishedTrial> = hairpin_search::table::read(table.path(), &space)
        .unwrap()
        .trials;
    assert_eq!(trials.len(), 80);
    for found in importance(&space, &trials, ImportanceConfig::default()).unwrap() {
        let (known, optuna) = (rows.known[&found.param], rows.optuna[&found.param]);
        println!(
            "{}: {:.3}, known {known:.3}, Optuna's {optuna:.3}",
            found.param, found.share
        );
        assert!((found.share - known).abs() < 0.05, "{found:?}");
        assert!((found.share - optuna).abs() < 0.05, "{found:?}");
    }
}
