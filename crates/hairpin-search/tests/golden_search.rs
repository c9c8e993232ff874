//! Samplers and importance beside Optuna's; `fixtures/make/golden_search.py` made the values.

mod functions;

use std::collections::BTreeMap;
use std::path::Path;

use functions::Objective;
use hairpin_search::{Budget, Sampler, Space, Study, StudyConfig, Tpe};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    searches: BTreeMap<String, Found>,
}

/// Best values of 20 seeds, sorted.
#[derive(Deserialize)]
struct Found {
    random: Vec<f64>,
    tpe: Vec<f64>,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/golden/hairpin-search/search.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The best values after 60 trials of 20 seeds, sorted.
fn search(space: &Space, objective: Objective, sampler: Sampler) -> Vec<f64> {
    let mut best: Vec<f64> = (0..20)
        .map(|seed| {
            let config = StudyConfig {
                seed,
                sampler,
                ..StudyConfig::default()
            };
            let study = Study::new(space.clone(), config).unwrap();
            study
                .run(Budget::trials(60), |trial| objective(trial.params()))
                .unwrap();
            study.best().unwrap().value.unwrap()
        })
        .collect();
    best.sort_by(f64::total_cmp);
    best
}

fn median(sorted: &[f64]) -> f64 {
    (sorted[9] + sorted[10]) / 2.0
}

#[test]
fn tpe_beats_random_search_and_stands_beside_optunas() {
    let golden = golden();
    for (name, space, objective) in functions::all() {
        let theirs = &golden.searches[name];
        let random = search(&space, objective, Sampler::Random);
        let tpe = search(&space, objective, Sampler::Tpe(Tpe::default()));
        println!(
            "{name}: random {:.3} theirs {:.3}; tpe {:.3} [{:.3} {:.3}] theirs {:.3} [{:.3} {:.3}]",
            median(&random),
            median(&theirs.random),
            median(&tpe),
            tpe[2],
            tpe[17],
            median(&theirs.tpe),
            theirs.tpe[2],
            theirs.tpe[17]
        );
    }
}
