//! Samples, MEA and centroid, suboptimal structures, accessibility and diversity against every structure of short molecules.

use std::collections::HashMap;

use hairpin_fold::{
    Boltzmann, Constraints, Dangles, Ensemble, FoldError, Folder, Settings, Structure, Workspace,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// kT at 37 degrees, kcal/mol.
const KT: f64 = 310.15 * 1.987_17e-3;
const MOLECULES: usize = if cfg!(debug_assertions) { 40 } else { 300 };
const TRNA: &[u8] = b"GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA";

/// A molecule, constraints, and the structures that meet them with their energies in kcal/mol.
struct Case {
    seq: Vec<u8>,
    constraints: Constraints,
    weighed: Vec<(Structure, f64)>,
}

impl Case {
    fn probabilities(&self) -> Vec<f64> {
        let weights: Vec<f64> = self.weighed.iter().map(|s| (-s.1 / KT).exp()).collect();
        let z: f64 = weights.iter().sum();
        weights.iter().map(|w| w / z).collect()
    }

    fn expected(&self, of: impl Fn(&Structure) -> f64) -> f64 {
        let probabilities = self.probabilities();
        self.weighed
            .iter()
            .zip(probabilities)
            .map(|(s, p)| p * of(&s.0))
            .sum()
    }
}

fn free(structure: &Structure, from: usize, width: usize) -> bool {
    (from..from + width).all(|k| structure.partner(k).is_none())
}

fn distance(a: &Structure, b: &Structure) -> f64 {
    let (of_a, of_b): (Vec<_>, Vec<_>) = (a.pairs().collect(), b.pairs().collect());
    let shared = of_a.iter().filter(|pair| of_b.contains(pair)).count();
    (of_a.len() + of_b.len() - 2 * shared) as f64
}

/// A random molecule, every other one with pseudo-energies in whole 0.01 kcal/mol, so low that multiloops matter, a forced pair and a forced unpaired base.
fn draw(rng: &mut ChaCha8Rng, folder: &Folder, index: usize) -> Case {
    const DESIGNED: [&[u8]; 3] = [
        b"AGGCAAAGCGAAACCA",
        b"GAGAAACUGAAACAC",
        b"AGCGAAACAGAAACAGCU",
    ];
    let n = rng.random_range(1..=18);
    let letters: &[u8] = if rng.random_bool(0.2) {
        b"GCGCAUN"
    } else {
        b"GCGCAU"
    };
    let mut seq: Vec<u8> = (0..n)
        .map(|_| letters[rng.random_range(0..letters.len())])
        .collect();
    if index % 8 == 1 {
        seq = DESIGNED[index / 8 % 3].to_vec();
    }
    let n = seq.len();
    let mut all = crate::every_structure::of(&seq);
    let mut constraints = Constraints::default();
    let (mut unpaired, mut paired, mut stacked) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    if index % 2 == 1 {
        let mut energies = |from: i32, to: i32| -> Vec<f64> {
            (0..n)
                .map(|_| f64::from(rng.random_range(from..to)) / 100.0)
                .collect()
        };
        unpaired = energies(-50, 50);
        paired = energies(-250, 50);
        stacked = energies(-50, 50);
        constraints = constraints
            .with_unpaired_kcal(unpaired.clone())
            .with_paired_kcal(paired.clone())
            .with_stacked_kcal(stacked.clone());
        let model = all[rng.random_range(0..all.len())].clone();
        if let Some((i, j)) = model.pairs().find(|_| rng.random_bool(0.1)) {
            constraints = constraints.with_pair(i, j);
            all.retain(|structure| structure.partner(i) == Some(j));
        }
        if let Some(k) = (1..=n).find(|&k| model.partner(k).is_none() && rng.random_bool(0.02)) {
            constraints = constraints.with_unpaired(k);
            all.retain(|structure| structure.partner(k).is_none());
        }
    }
    let weighed = (all.into_iter())
        .map(|structure| {
            let mut pseudo: f64 = (1..=n)
                .map(|k| {
                    structure
                        .partner(k)
                        .map_or(unpaired[k - 1], |_| paired[k - 1])
                })
                .sum();
            for (i, j) in structure.pairs() {
                if j > i + 2 && structure.partner(i + 1) == Some(j - 1) {
                    let stack = [i - 1, i, j - 2, j - 1].map(|index| stacked[index]);
                    pseudo += stack.iter().sum::<f64>();
                }
            }
            let kcal = folder.energy().evaluate(&seq, &structure).unwrap().kcal() + pseudo;
            (structure, kcal)
        })
        .collect();
    Case {
        seq,
        constraints,
        weighed,
    }
}

fn cases(seed: u64, dangles: Dangles, mut test: impl FnMut(&Folder, &mut Workspace, &Case)) {
    let folder = Folder::turner_2004(Settings::default().with_dangles(dangles)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut workspace = Workspace::default();
    for index in 0..MOLECULES {
        let case = draw(&mut rng, &folder, index);
        test(&folder, &mut workspace, &case);
    }
}

/// The normal deviate of a sum of squares (Wilson and Hilferty 1931).
fn deviate(squares: f64, freedom: f64) -> f64 {
    let variance = 2.0 / (9.0 * freedom);
    ((squares / freedom).cbrt() - (1.0 - variance)) / variance.sqrt()
}

#[test]
fn samples_are_as_frequent_as_their_weights() {
    const DRAWN: usize = 2000;
    for (seed, dangles) in [(1, Dangles::Both), (2, Dangles::None)] {
        let (mut squares, mut freedom) = (0.0, 0.0);
        cases(seed, dangles, |folder, workspace, case| {
            let ensemble = (folder.ensemble_with(workspace, &case.seq, &case.constraints)).unwrap();
            let mut counts: HashMap<Structure, usize> = HashMap::new();
            for structure in ensemble.sample(99 + seed, DRAWN).unwrap() {
                *counts.entry(structure).or_default() += 1;
            }
            let (mut own, mut classes) = (0.0, 0.0);
            // Rare structures make one class together.
            let (mut rare_expected, mut rare_found) = (0.0, 0.0);
            for ((structure, _), p) in case.weighed.iter().zip(case.probabilities()) {
                let expected = p * DRAWN as f64;
                let found = counts.remove(structure).unwrap_or(0) as f64;
                if expected < 5.0 {
                    rare_expected += expected;
                    rare_found += found;
                } else {
                    own += (found - expected).powi(2) / expected;
                    classes += 1.0;
                }
            }
            assert!(
                counts.is_empty(),
                "no structures of this molecule: {counts:?}"
            );
            if rare_expected >= 5.0 {
                own += (rare_found - rare_expected).powi(2) / rare_expected;
                classes += 1.0;
            } else {
                assert!(rare_found < 30.0);
            }
            if classes > 1.0 {
                let z = deviate(own, classes - 1.0);
                assert!(z < 4.5, "{}: {z}", String::from_utf8_lossy(&case.seq));
                squares += own;
                freedom += classes - 1.0;
            }
        });
        let z = deviate(squares, freedom);
        assert!(
            freedom > 100.0 && z.abs() < 4.0,
            "{dangles:?}: {z} of {freedom}"
        );
    }
}

/// Frequencies in samples against exact probabilities: of pairs and of free windows.
fn compare_with_samples(ensemble: &Ensemble<'_>, widths: &[usize]) {
    const DRAWN: usize = 1500;
    let n = ensemble.len();
    let samples = ensemble.sample(5, DRAWN).unwrap();
    let check = |found: usize, p: f64, what: String| {
        let expected = p * DRAWN as f64;
        let spread = (expected * (1.0 - p)).max(0.0).sqrt();
        let off = (found as f64 - expected).abs();
        assert!(
            off < 5.0 * spread + 3.0,
            "{what}: {found} samples, expected {expected}"
        );
    };
    let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
    for pair in samples
        .iter()
        .flat_map(|structure| structure.pairs().collect::<Vec<_>>())
    {
        *pairs.entry(pair).or_default() += 1;
    }
    for (i, j, p) in ensemble.pairs() {
        check(
            pairs.remove(&(i, j)).unwrap_or(0),
            p,
            format!("pair {i}-{j}"),
        );
    }
    assert!(pairs.is_empty());
    for &width in widths {
        for (index, p) in ensemble
            .accessibility(width)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            let found = samples.iter().filter(|s| free(s, index + 1, width)).count();
            check(found, p, format!("window of {width} from {}", index + 1));
        }
    }
    let single = ensemble.accessibility(1).unwrap();
    for k in 1..=n {
        let off = single[k - 1] + ensemble.context(k)[0] - 1.0;
        assert!(off.abs() < 1e-10, "base {k} is off by {off}");
    }
}

#[test]
fn samples_of_long_molecules() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    // So long that it is scaled.
    let long: Vec<u8> = (0..240)
        .map(|_| b"GCAUGCAUN"[rng.random_range(0..9)])
        .collect();
    let mut workspace = Workspace::default();
    for (boltzmann, dangles) in [
        (Boltzmann::Exact, Dangles::Both),
        (Boltzmann::Exact, Dangles::None),
        (Boltzmann::Smoothed, Dangles::Both),
    ] {
        let settings = Settings::default()
            .with_boltzmann(boltzmann)
            .with_dangles(dangles);
        let folder = Folder::turner_2004(settings).unwrap();
        compare_with_samples(
            &folder.ensemble(&mut workspace, TRNA).unwrap(),
            &[2, 4, 9, 33],
        );
    }
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    compare_with_samples(&folder.ensemble(&mut workspace, &long).unwrap(), &[3, 8]);
    let constraints = Constraints::default()
        .with_pair(10, 25)
        .with_unpaired(35)
        .with_paired_kcal((0..TRNA.len()).map(|k| (k as f64).sin()).collect());
    let ensemble = folder
        .ensemble_with(&mut workspace, TRNA, &constraints)
        .unwrap();
    compare_with_samples(&ensemble, &[2, 5]);
    for structure in ensemble.sample(3, 200).unwrap() {
        assert_eq!(
            (structure.partner(10), structure.partner(35)),
            (Some(25), None)
        );
    }
}

#[test]
fn a_seed_is_a_sample() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let ensemble = folder.ensemble(&mut workspace, TRNA).unwrap();
    let drawn = ensemble.sample(1, 50).unwrap();
    assert_eq!(drawn, ensemble.sample(1, 50).unwrap());
    assert_eq!(drawn[..20], ensemble.sample(1, 20).unwrap());
    assert_ne!(drawn, ensemble.sample(2, 50).unwrap());
    assert!(ensemble.samples(1).take(50).eq(drawn));
}

#[test]
fn accessibility_is_that_of_all_structures() {
    for (seed, dangles) in [(3, Dangles::Both), (4, Dangles::None)] {
        cases(seed, dangles, |folder, workspace, case| {
            let ensemble = (folder.ensemble_with(workspace, &case.seq, &case.constraints)).unwrap();
            let n = case.seq.len();
            for width in [1, 2, 3, 4, 6, 9, n] {
                if width > n {
                    continue;
                }
                let found = ensemble.accessibility(width).unwrap();
                assert_eq!(found.len(), n - width + 1);
                for (index, found) in found.into_iter().enumerate() {
                    let expected =
                        case.expected(|s| f64::from(u8::from(free(s, index + 1, width))));
                    assert!(
                        (found - expected).abs() < 1e-11,
                        "{} {dangles:?}: {width} from {}: {found}, not {expected}",
                        String::from_utf8_lossy(&case.seq),
                        index + 1
                    );
                }
            }
        });
    }
}

#[test]
fn best_accuracy_and_least_distance_of_all_structures() {
    cases(5, Dangles::Both, |folder, workspace, case| {
        let ensemble = (folder.ensemble_with(workspace, &case.seq, &case.constraints)).unwrap();
        // From the definition: the number of bases that a structure has right, gamma times for paired ones.
        let accuracy = |candidate: &Structure, gamma: f64| {
            case.expected(|s| {
                (1..=case.seq.len())
                    .map(|k| match (candidate.partner(k), s.partner(k)) {
                        (None, None) => 1.0,
                        (Some(a), Some(b)) if a == b => gamma,
                        _ => 0.0,
                    })
                    .sum()
            })
        };
        for gamma in [0.3, 1.0, 6.0] {
            let mea = ensemble.mea(gamma).unwrap();
            let reached = ensemble.expected_accuracy(&mea, gamma).unwrap();
            assert!((reached - accuracy(&mea, gamma)).abs() < 1e-10);
            for (structure, _) in &case.weighed {
                let other = ensemble.expected_accuracy(structure, gamma).unwrap();
                assert!(
                    other < reached + 1e-10,
                    "{structure} has {other}, {mea} {reached}"
                );
            }
        }
        let centroid = ensemble.centroid();
        let least = ensemble.expected_distance(&centroid).unwrap();
        assert!((least - case.expected(|s| distance(s, &centroid))).abs() < 1e-10);
        for (structure, _) in &case.weighed {
            assert!(ensemble.expected_distance(structure).unwrap() > least - 1e-10);
        }
        for (i, j, p) in ensemble.pairs() {
            assert!(p < 0.5 - 1e-9 || centroid.partner(i) == Some(j) || p < 0.5 + 1e-9);
            assert!(centroid.partner(i) != Some(j) || p > 0.5);
        }
        let diversity = case.expected(|a| case.expected(|b| distance(a, b)));
        assert!((ensemble.diversity() - diversity).abs() < 1e-9);
        let entropy = ensemble.positional_entropy();
        for k in 1..=case.seq.len() {
            let state = |other: Option<usize>| {
                let p = case.expected(|s| f64::from(u8::from(s.partner(k) == other)));
                if p > 0.0 { -p * p.log2() } else { 0.0 }
            };
            let expected: f64 =
                state(None) + (1..=case.seq.len()).map(|j| state(Some(j))).sum::<f64>();
            assert!((entropy[k - 1] - expected).abs() < 1e-9, "base {k}");
        }
    });
}

#[test]
fn the_band_holds_all_its_structures_and_no_others() {
    for (seed, dangles) in [(6, Dangles::Both), (7, Dangles::None)] {
        let mut total = 0;
        cases(seed, dangles, |folder, workspace, case| {
            let mut expected: Vec<(Structure, i32)> = (case.weighed.iter())
                .map(|(structure, kcal)| (structure.clone(), (kcal * 100.0).round() as i32))
                .collect();
            expected.sort_by_key(|(structure, dcal)| (*dcal, structure.to_string()));
            let least = expected[0].1;
            for band in [0.0, 2.3, 1e6] {
                let within: Vec<(Structure, i32)> = (expected.iter())
                    .filter(|(_, dcal)| f64::from(dcal - least) <= band * 100.0 + 1e-3)
                    .cloned()
                    .collect();
                let mut list = |limit| {
                    let (seq, constraints) = (&case.seq, &case.constraints);
                    folder
                        .suboptimal_with(workspace, seq, constraints, band, limit)
                        .unwrap()
                };
                let found = list(within.len());
                assert!(found.is_complete());
                assert_eq!(found.structures(), within);
                total += within.len();
                // With less room: the lowest.
                for limit in [1, within.len() / 2, within.len() - 1] {
                    if limit == 0 || limit == within.len() {
                        continue;
                    }
                    let found = list(limit);
                    assert!(!found.is_complete());
                    let energies =
                        |s: &[(Structure, i32)]| s.iter().map(|s| s.1).collect::<Vec<_>>();
                    assert_eq!(energies(found.structures()), energies(&within[..limit]));
                    assert!(found.structures().iter().all(|s| within.contains(s)));
                }
            }
        });
        assert!(total > 10 * MOLECULES);
    }
}

#[test]
fn memory_bounds_the_band() {
    let folder = Folder::turner_2004(Settings::default().with_memory_limit(150_000)).unwrap();
    let mut workspace = Workspace::default();
    let found = folder
        .suboptimal(&mut workspace, TRNA, 30.0, usize::MAX)
        .unwrap();
    assert!(!found.is_complete());
    assert_eq!(found.structures().len(), 150_000 / (20 * TRNA.len() + 200));
}

#[test]
fn refuses_settings_that_mean_nothing() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    for band in [f64::NAN, -0.1, f64::INFINITY] {
        let refused = folder.suboptimal(&mut workspace, b"GGGAAACCC", band, 10);
        assert!(matches!(
            refused,
            Err(FoldError::Setting {
                name: "the energy band",
                ..
            })
        ));
    }
    let refused = folder
        .suboptimal(&mut workspace, b"GGGAAACCC", 1.0, 0)
        .unwrap_err();
    assert!(refused.to_string().contains("allow one structure at least"));
    assert!(matches!(
        folder.suboptimal(&mut workspace, b"", 1.0, 1),
        Err(FoldError::Empty)
    ));
    let ensemble = folder.ensemble(&mut workspace, b"GGGAAACCC").unwrap();
    assert_eq!(
        ensemble.sample(0, 0).unwrap_err().to_string(),
        "the number of samples is 0: ask for one structure at least"
    );
    for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            ensemble.mea(gamma),
            Err(FoldError::Setting { name: "gamma", .. })
        ));
        assert!(
            ensemble
                .expected_accuracy(&Structure::open(9), gamma)
                .is_err()
        );
    }
    for width in [0, 10, usize::MAX] {
        assert!(matches!(
            ensemble.accessibility(width),
            Err(FoldError::Setting { .. })
        ));
    }
    assert!(matches!(
        ensemble.expected_distance(&Structure::open(8)),
        Err(FoldError::Length {
            expected: 9,
            found: 8,
            ..
        })
    ));
    assert!(
        ensemble
            .expected_accuracy(&Structure::open(10), 1.0)
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wider_windows_are_rarer(seq in "[ACGUN]{1,60}") {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let mut workspace = Workspace::default();
        let ensemble = folder.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        let mut before = ensemble.accessibility(1).unwrap();
        for width in 2..=seq.len().min(40) {
            let windows = ensemble.accessibility(width).unwrap();
            for (a, p) in windows.iter().enumerate() {
                prop_assert!(*p <= before[a] + 1e-12 && *p <= before[a + 1] + 1e-12);
                // Two shorter windows that overlap exclude too much at most.
                prop_assert!(*p >= before[a] + before[a + 1] - 1.0 - 1e-12);
            }
            before = windows;
        }
    }

    #[test]
    fn a_band_begins_with_the_least(seq in "[ACGU]{1,50}", limit in 1_usize..40) {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let mut workspace = Workspace::default();
        let least = folder.mfe(&mut workspace, seq.as_bytes()).unwrap();
        let found = folder.suboptimal(&mut workspace, seq.as_bytes(), 3.0, limit).unwrap();
        prop_assert_eq!(found.structures()[0].1, least.dcal());
        prop_assert!(found.structures().len() <= limit);
        for (structure, dcal) in found.structures() {
            prop_assert_eq!(folder.energy().evaluate(seq.as_bytes(), structure).unwrap().dcal(), *dcal);
        }
    }
}
