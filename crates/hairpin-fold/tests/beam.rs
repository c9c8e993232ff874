//! A beam: exact if it is wide, near if it is not.

use hairpin_fold::{Beam, Boltzmann, Dangles, FoldError, Folder, Settings, Workspace};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn molecule(seed: u64, n: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| b"GCAU"[rng.random_range(0..4)]).collect()
}

/// A beam that loses nothing beside the exact recursion.
fn compare(folder: &Folder, seq: &[u8]) {
    let wide = Beam::new(seq.len()).unwrap().with_cutoff(0.0).unwrap();
    let found = folder.beam(seq, &wide).unwrap();
    let mut workspace = Workspace::default();
    let exact = folder.ensemble(&mut workspace, seq).unwrap();
    let off = found.log_partition() - exact.log_partition();
    assert!(off.abs() < 1e-9, "ln Z is off by {off}");
    let probabilities = found.probabilities();
    assert_eq!(probabilities.len(), seq.len());
    for (i, j, expected) in exact.pairs() {
        let found = probabilities.pair_probability(i, j);
        assert!(
            (found - expected).abs() < 1e-9,
            "{i}-{j} is {found}, not {expected}"
        );
    }
    for position in 1..=seq.len() {
        let (found, expected) = (
            probabilities.fine_context(position),
            exact.fine_context(position),
        );
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(x, y)| (x - y).abs() < 1e-9),
            "base {position}: {found:?}, not {expected:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_wide_beam_loses_nothing(seq in "[GCAU]{1,60}|[GCAUN]{1,60}|[GC]{20,50}", smooth: bool, both: bool) {
        let settings = Settings::default()
            .with_boltzmann(if smooth { Boltzmann::Smoothed } else { Boltzmann::Exact })
            .with_dangles(if both { Dangles::Both } else { Dangles::None });
        compare(&Folder::turner_2004(settings).unwrap(), seq.as_bytes());
    }

    #[test]
    fn a_narrow_beam_loses_structures_and_finds_no_others(seq in "[GCAU]{1,90}", width in 1_usize..20) {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let beam = Beam::new(width).unwrap().with_cutoff(0.0).unwrap();
        let found = folder.beam(seq.as_bytes(), &beam).unwrap();
        let exact = folder.ensemble(&mut Workspace::default(), seq.as_bytes()).unwrap().log_partition();
        prop_assert!(found.log_partition() <= exact + 1e-9);
        // The probabilities are exact ones of what is left.
        for position in 1..=seq.len() {
            let contexts = found.probabilities().context(position);
            prop_assert!((contexts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn a_wide_beam_loses_nothing_of_longer_molecules() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    compare(&folder, &molecule(1, 150));
    // Multiloops, bulges and internal loops of all sizes.
    compare(
        &folder,
        b"GGGGAAAGGCCGAAAGGCCAAGGCAGCGAAAGCAAGCCAAACCGGAAACGGAAAAACCCC",
    );
    compare(
        &folder,
        b"GGACCCAAAAAAAAAAGGACCAAAAAAAGGACCGAAAGGACCAAACCCCGGGAAACCCGAAGGAACC",
    );
}
