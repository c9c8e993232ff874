//! Folding in windows: against RNAplfold, and against every window by itself.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use hairpin_fold::{
    Boltzmann, Dangles, FoldError, Folder, LoopContext, Settings, SparseEnsemble, Window, Workspace,
};
use hairpin_golden::golden_json;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn file(parts: &str) -> Result<BufReader<File>, std::io::Error> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), parts].iter().collect();
    File::open(Path::new(&path)).map(BufReader::new)
}

fn folder(boltzmann: Boltzmann, dangles: Dangles) -> Folder {
    let settings = Settings::default()
        .with_boltzmann(boltzmann)
        .with_dangles(dangles);
    Folder::turner_2004(settings).unwrap()
}

fn molecule(seed: u64, n: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| b"GCGCAU"[rng.random_range(0..6)]).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    (value.as_array().unwrap().iter())
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// One record of RNAplfold. Its numbers have six or seven digits.
fn check(folder: &Folder, record: &Value) {
    let id = &record["id"];
    let seq = record["seq"].as_str().unwrap();
    let number = |name: &str| record[name].as_u64().unwrap() as usize;
    let window = Window::new(number("W"), number("L")).unwrap();
    let local = folder.windows(seq.as_bytes(), &window).unwrap();
    let pairs = record["bpp"].as_array().unwrap();
    for pair in pairs {
        let pair = numbers(pair);
        let found = local.pair_probability(pair[0] as usize, pair[1] as usize);
        assert!((found - pair[2]).abs() < 1e-6, "{id}: {pair:?} is {found}");
    }
    let likely = local.pairs().iter().filter(|pair| pair.2 > 1.1e-5).count();
    assert!(
        likely <= pairs.len(),
        "{id}: {likely} pairs, expected {}",
        pairs.len()
    );
    for (channel, letter) in ["P", "H", "I", "M", "E"].into_iter().enumerate() {
        let expected = numbers(&record["ctx"][letter]);
        assert_eq!(expected.len(), local.len());
        for (index, expected) in expected.into_iter().enumerate() {
            let found = local.context(index + 1)[channel];
            assert!(
                (found - expected).abs() < 1e-6,
                "{id}: {letter} of base {} is {found}, not {expected}",
                index + 1
            );
        }
    }
}

#[test]
fn a_few_molecules() {
    let golden: Value = golden_json("hairpin-fold", "window.json");
    for record in golden["windows"].as_array().unwrap() {
        let boltzmann = if record["smooth"] == 1 {
            Boltzmann::Smoothed
        } else {
            Boltzmann::Exact
        };
        let dangles = if record["dangles"] == 2 {
            Dangles::Both
        } else {
            Dangles::None
        };
        check(&folder(boltzmann, dangles), record);
    }
}

#[test]
fn every_molecule_of_the_oracle() {
    let Ok(file) = file("../../../shared/oracles/fold/pf_plfold.jsonl.gz") else {
        eprintln!("skipped: no ../shared");
        return;
    };
    let folder = folder(Boltzmann::Smoothed, Dangles::Both);
    let mut molecules = 0;
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        check(&folder, &serde_json::from_str(&line.unwrap()).unwrap());
        molecules += 1;
    }
    assert_eq!(molecules, 125);
}

/// The average over windows that are folded one by one, each as a molecule of its own: pairs in a square, and contexts.
fn one_by_one(folder: &Folder, seq: &[u8], size: usize) -> (Vec<f64>, Vec<[f64; 5]>) {
    let n = seq.len();
    let mut workspace = Workspace::default();
    let mut pairs = vec![(0.0, 0); (n + 1) * (n + 1)];
    let mut contexts = vec![([0.0; 5], 0); n + 1];
    for first in 0..=n - size {
        let ensemble = folder
            .ensemble(&mut workspace, &seq[first..first + size])
            .unwrap();
        for i in 1..=size {
            let (sums, windows) = &mut contexts[first + i];
            *windows += 1;
            for (sum, x) in sums.iter_mut().zip(ensemble.context(i)) {
                *sum += x;
            }
            for j in i + 1..=size {
                let (sum, windows) = &mut pairs[(first + i) * (n + 1) + first + j];
                *windows += 1;
                *sum += ensemble.pair_probability(i, j);
            }
        }
    }
    (
        (pairs.into_iter())
            .map(|(sum, windows)| {
                if windows == 0 {
                    0.0
                } else {
                    sum / windows as f64
                }
            })
            .collect(),
        (contexts.into_iter())
            .map(|(sums, windows)| sums.map(|sum| sum / windows as f64))
            .collect(),
    )
}

fn compare(folder: &Folder, seq: &[u8], size: usize) {
    let window = Window::new(size, size).unwrap().with_cutoff(0.0).unwrap();
    let local = folder.windows(seq, &window).unwrap();
    let n = seq.len();
    let (pairs, contexts) = one_by_one(folder, seq, size);
    for i in 1..=n {
        for j in i + 1..=n {
            let (found, expected) = (local.pair_probability(i, j), pairs[i * (n + 1) + j]);
            assert!(
                (found - expected).abs() < 1e-11,
                "{i}-{j} is {found}, not {expected}"
            );
        }
        for (found, expected) in local.context(i).into_iter().zip(contexts[i]) {
            assert!(
                (found - expected).abs() < 1e-11,
                "base {i}: {found}, not {expected}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn windows_one_by_one(seq in "[GCAU]{12,70}", size in 1_usize..40) {
        // Without dangles a window knows nothing of the bases beside it, as a molecule of its own.
        let seq = seq.as_bytes();
        compare(&folder(Boltzmann::Exact, Dangles::None), seq, size.min(seq.len()));
    }

    #[test]
    fn a_molecule_within_one_window_is_folded_as_a_whole(seq in "[GCAUN]{1,60}", more in 0_usize..30) {
        let folder = folder(Boltzmann::Exact, Dangles::Both);
        let size = seq.len() + more;
        let window = Window::new(size, size).unwrap().with_cutoff(0.0).unwrap();
        let local = folder.windows(seq.as_bytes(), &window).unwrap();
        let mut workspace = Workspace::default();
        let ensemble = folder.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        prop_assert_eq!(local.len(), ensemble.len());
        for (i, j, p) in ensemble.pairs() {
            prop_assert!((local.pair_probability(i, j) - p).abs() < 1e-12);
        }
        for position in 1..=seq.len() {
            let (found, expected) = (local.fine_context(position), ensemble.fine_context(position));
            prop_assert!(found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-12));
        }
    }

    #[test]
    fn contexts_sum_to_one_and_pairs_stay_within_their_span(
        seq in "[GCAU]{1,150}", size in 1_usize..60, span in 1_usize..60,
    ) {
        let folder = folder(Boltzmann::Exact, Dangles::Both);
        let size = size.max(span);
        let window = Window::new(size, span).unwrap().with_cutoff(0.0).unwrap();
        let local = folder.windows(seq.as_bytes(), &window).unwrap();
        prop_assert!(local.pairs().windows(2).all(|two| (two[0].0, two[0].1) < (two[1].0, two[1].1)));
        for &(i, j, p) in local.pairs() {
            prop_assert!(j - i < span && (0.0..=1.0 + 1e-12).contains(&p));
        }
        for position in 1..=seq.len() {
            prop_assert!((local.context(position).iter().sum::<f64>() - 1.0).abs() < 1e-11);
        }
    }
}

#[test]
fn windows_that_need_a_scale() {
    // Beyond what a float holds without one: a stable and a loose part.
    let mut seq = b"GGGGGGCCAAAAGGCCCCCC".repeat(7);
    seq.extend(molecule(1, 90));
    compare(&folder(Boltzmann::Exact, Dangles::None), &seq, 220);
}

#[test]
fn long_stable_windows_stay_in_range() {
    let folder = folder(Boltzmann::Exact, Dangles::Both);
    let seq = [b"G".repeat(220), b"C".repeat(220)].concat();
    let local = folder
        .windows(&seq, &Window::new(400, 150).unwrap())
        .unwrap();
    assert!(local.context(200)[LoopContext::Paired as usize] > 0.5);
    for position in 1..=seq.len() {
        assert!((local.context(position).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = folder(Boltzmann::Exact, Dangles::Both);
    let seq = molecule(2, 900);
    let on = |threads: usize| -> SparseEnsemble {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| folder.windows(&seq, &Window::new(50, 30).unwrap()))
            .unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(3));
    let mut channels = vec![0.0; 900 * 5];
    one.contexts_into(&mut channels);
    assert_eq!(channels[5 * 450 + 1], one.context(451)[1] as f32);
}

#[test]
fn the_cutoff_leaves_out_unlikely_pairs_and_no_others() {
    let folder = folder(Boltzmann::Exact, Dangles::Both);
    let seq = molecule(3, 200);
    let window = Window::new(60, 40).unwrap();
    let all = folder
        .windows(&seq, &window.with_cutoff(0.0).unwrap())
        .unwrap();
    let likely = folder
        .windows(&seq, &window.with_cutoff(0.1).unwrap())
        .unwrap();
    let expected: Vec<_> = (all.pairs().iter().copied())
        .filter(|pair| pair.2 >= 0.1)
        .collect();
    assert!(!expected.is_empty() && expected.len() < all.pairs().len());
    assert_eq!(likely.pairs(), expected);
}

#[test]
fn refusals() {
    for (size, span) in [(0, 0), (10, 0), (0, 10), (10, 11)] {
        let error = Window::new(size, span).unwrap_err();
        assert!(matches!(error, FoldError::Window { .. }), "{error}");
    }
    let window = Window::new(100, 100).unwrap();
    for cutoff in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            window.with_cutoff(cutoff),
            Err(FoldError::Cutoff { .. })
        ));
    }
    let folder = folder(Boltzmann::Exact, Dangles::Both);
    assert!(matches!(
        folder.windows(b"", &window),
        Err(FoldError::Empty)
    ));
    let mut seq = molecule(4, 400);
    seq[300] = b'x';
    let refused = folder.windows(&seq, &window);
    assert!(matches!(
        refused,
        Err(FoldError::Letter {
            position: 301,
            found: 'x'
        })
    ));
    let huge = Window::new(100_000, 100).unwrap();
    let seq = b"A".repeat(100_000);
    assert!(matches!(
        folder.windows(&seq, &huge),
        Err(FoldError::TooLong { .. })
    ));
}
