//! Flips and cuts the bytes of a valid file: reading never panics, and what is still read is a data set.

use std::fs;

use crate::support::{arrays, labels, npz};
use hairpin_seq::Policy;
use hairpin_tasks::rnn_dna;
use proptest::prelude::*;

/// Reads everything from a file of these bytes.
fn read(content: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    fs::write(&path, content).unwrap();
    match rnn_dna::read_train(&path, Policy::default()) {
        Ok(task) => {
            for part in [task.train, task.valid] {
                assert_eq!(part.sequences.len(), part.labels.len());
                assert!(part.sequences.iter().all(|sequence| !sequence.is_empty()));
            }
        }
        Err(error) => assert!(error.to_string().starts_with(&path.display().to_string())),
    }
    if let Ok(test) = rnn_dna::read_test(&path, Policy::default()) {
        assert!(test.iter().all(|sequence| !sequence.is_empty()));
    }
    if let Ok(score) = rnn_dna::score(&path, &path) {
        assert_eq!(score.accuracy.value, 1.0);
    }
}

/// Positions are drawn as fractions, so that one strategy serves files of any length.
fn damage(content: &[u8], flips: &[(f64, u8)], cut: f64) -> Vec<u8> {
    let mut damaged = content.to_vec();
    for &(place, byte) in flips {
        let place = (place * damaged.len() as f64) as usize;
        damaged[place] = byte;
    }
    damaged.truncate((cut * content.len() as f64) as usize);
    damaged
}

fn flips() -> impl Strategy<Value = Vec<(f64, u8)>> {
    prop::collection::vec((0.0..1.0, any::<u8>()), 0..6)
}

/// Most files are flipped but whole.
fn cut() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(1.0), 1 => 0.0..1.0]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_npz_is_refused_or_read(flips in flips(), cut in cut()) {
        read(&damage(&npz(&arrays()), &flips, cut));
    }

    // Inside a sound zip, whose checksum would hide most damage from the decoder behind it.
    #[test]
    fn a_damaged_array_in_a_sound_npz(which in 0usize..5, flips in flips(), cut in cut()) {
        let mut arrays = arrays();
        arrays[which].1 = damage(&arrays[which].1, &flips, cut);
        read(&npz(&arrays));
    }

    // The header alone, where every byte has a meaning.
    #[test]
    fn a_damaged_header(which in 0usize..5, place in 0usize..70, byte in any::<u8>()) {
        let mut arrays = arrays();
        arrays[which].1[place] = byte;
        read(&npz(&arrays));
    }

    #[test]
    fn a_damaged_npy(flips in flips(), cut in cut()) {
        read(&damage(&labels(&[0, 1, 2, 3, 4]), &flips, cut));
    }
}
