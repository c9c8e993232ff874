//! ViennaRNA's answers: a few molecules that are always there, and all of `../shared/oracles/fold` where it is.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use hairpin_fold::{
    Boltzmann, Dangles, Energy, Folder, LoopKind, Parameters, Settings, Structure, Workspace,
};
use hairpin_golden::golden_json;
use serde_json::Value;

const SETTINGS: [(&str, Boltzmann, Dangles); 3] = [
    ("pf_default", Boltzmann::Smoothed, Dangles::Both),
    ("pf_nosmooth", Boltzmann::Exact, Dangles::Both),
    ("pf_d0", Boltzmann::Exact, Dangles::None),
];

fn settings(boltzmann: Boltzmann, dangles: Dangles) -> Settings {
    Settings::default()
        .with_boltzmann(boltzmann)
        .with_dangles(dangles)
}

fn golden() -> Value {
    golden_json("hairpin-fold", "vienna.json")
}

/// The whole oracle, if this machine has it.
#[allow(clippy::print_stderr, reason = "a skipped check says so")]
fn shared(name: &str) -> Option<Vec<Value>> {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../../shared/oracles/fold"]
        .iter()
        .collect();
    let Ok(file) = File::open(root.join(format!("{name}.jsonl.gz"))) else {
        eprintln!("skipped: no ../shared");
        return None;
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(
        lines
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect(),
    )
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// One record: ensemble energy, minimum, pairs and contexts.
fn check(folder: &Folder, workspace: &mut Workspace, record: &Value) {
    let id = &record["id"];
    let seq = record["seq"].as_str().unwrap();
    let mfe = folder.mfe(workspace, seq.as_bytes()).unwrap();
    assert_eq!(
        mfe.kcal(),
        record["mfe_e"].as_f64().unwrap() + 0.0,
        "{id}: minimum"
    );
    let structure: Structure = record["mfe_s"].as_str().unwrap().parse().unwrap();
    for structure in [&structure, mfe.structure()] {
        let evaluation = folder.energy().evaluate(seq.as_bytes(), structure).unwrap();
        assert_eq!(evaluation.dcal(), mfe.dcal(), "{id}: {structure}");
    }

    let ensemble = folder.ensemble(workspace, seq.as_bytes()).unwrap();
    let off = ensemble.free_energy() - record["G"].as_f64().unwrap();
    assert!(
        off.abs() < 5e-6,
        "{id}: the ensemble energy is off by {off}"
    );
    let pairs = record["bpp"].as_array().unwrap();
    for pair in pairs {
        let pair = numbers(pair);
        let found = ensemble.pair_probability(pair[0] as usize, pair[1] as usize);
        assert!((found - pair[2]).abs() < 1e-6, "{id}: {pair:?} is {found}");
    }
    let likely = ensemble.pairs().filter(|pair| pair.2 > 1.1e-5).count();
    assert!(
        likely <= pairs.len(),
        "{id}: {likely} pairs, expected {}",
        pairs.len()
    );
    for (channel, letter) in ["P", "H", "I", "M", "E"].into_iter().enumerate() {
        for (index, expected) in numbers(&record["ctx"][letter]).into_iter().enumerate() {
            let found = ensemble.context(index + 1)[channel];
            let close = (found - expected).abs() < 1e-6;
            assert!(
                close,
                "{id}: {letter} of base {} is {found}, not {expected}",
                index + 1
            );
        }
    }
}

fn check_loops(energy: [&Energy; 2], record: &Value) {
    let seq = record["seq"].as_str().unwrap().as_bytes();
    let structure: Structure = record["st"].as_str().unwrap().parse().unwrap();
    let evaluation = energy[0].evaluate(seq, &structure).unwrap();
    let expected: Vec<(usize, usize, i32)> = (record["loops"].as_array().unwrap().iter())
        .map(|one| {
            let number = |k: usize| one[k].as_i64().unwrap();
            (number(1) as usize, number(2) as usize, number(3) as i32)
        })
        .collect();
    let found: Vec<(usize, usize, i32)> = (evaluation.loops().iter())
        .map(|one| {
            let (i, j) = one.closing.unwrap_or((0, 0));
            assert_eq!(one.kind == LoopKind::Exterior, i == 0);
            (i, j, one.dcal)
        })
        .collect();
    assert_eq!(found, expected, "{}", record["id"]);
    assert_eq!(
        i64::from(evaluation.dcal()),
        record["dcal"].as_i64().unwrap()
    );
    let without = energy[1].evaluate(seq, &structure).unwrap().dcal();
    assert_eq!(
        i64::from(without),
        record["dcal_d0"].as_i64().unwrap(),
        "{}",
        record["id"]
    );
}

fn energies() -> [Energy; 2] {
    let parameters = Parameters::turner_2004();
    [Dangles::Both, Dangles::None]
        .map(|dangles| Energy::new(&parameters, &settings(Boltzmann::Exact, dangles)).unwrap())
}

#[test]
fn a_few_molecules() {
    let golden = golden();
    for (name, boltzmann, dangles) in SETTINGS {
        let folder = Folder::turner_2004(settings(boltzmann, dangles)).unwrap();
        let mut workspace = Workspace::default();
        for record in golden[name].as_array().unwrap() {
            check(&folder, &mut workspace, record);
        }
    }
    let [both, none] = &energies();
    for record in golden["eval_loops"].as_array().unwrap() {
        check_loops([both, none], record);
    }
}

#[test]
fn other_temperatures() {
    for record in golden()["temperatures"].as_array().unwrap() {
        let celsius = record["celsius"].as_f64().unwrap();
        let boltzmann = if record["smooth"] == 1 {
            Boltzmann::Smoothed
        } else {
            Boltzmann::Exact
        };
        let settings = settings(boltzmann, Dangles::Both).with_temperature(celsius);
        let folder = Folder::turner_2004(settings).unwrap();
        check(&folder, &mut Workspace::default(), record);
    }
}

#[test]
fn every_molecule_of_the_oracle() {
    for (name, boltzmann, dangles) in SETTINGS {
        let Some(records) = shared(name) else { return };
        assert_eq!(records.len(), 261);
        let folder = Folder::turner_2004(settings(boltzmann, dangles)).unwrap();
        let mut workspace = Workspace::default();
        // Without optimisation, every eighth.
        let step = if cfg!(debug_assertions) { 8 } else { 1 };
        for record in records.iter().step_by(step) {
            check(&folder, &mut workspace, record);
        }
    }
}

#[test]
fn every_loop_of_the_oracle() {
    let Some(records) = shared("eval_loops") else {
        return;
    };
    assert_eq!(records.len(), 964);
    let [both, none] = &energies();
    for record in &records {
        check_loops([both, none], record);
    }
}
