//! Minimizers and closed syncmers against loops over every window.

use hairpin_seq::kmer::Sampler;
use hairpin_seq::{Dna, Seq, SeqError};
use proptest::prelude::*;

const HASHES: [u32; 4] = [0x95c6_0474, 0x62a0_2b4c, 0x4be2_4456, 0x8257_2324];

fn nt_hash(kmer: &[u8]) -> u32 {
    kmer.iter().fold(0_u32, |hash, &code| {
        hash.rotate_left(7) ^ HASHES[usize::from(code)]
    })
}

/// The place of the smallest k-mer of a window, by the definition in the documentation.
fn smallest(window: &[u8], k: usize, canonical: bool) -> usize {
    let order = |kmer: &[u8]| {
        let other: Vec<u8> = kmer.iter().rev().map(|code| 3 - code).collect();
        let hash = if canonical {
            nt_hash(kmer).wrapping_add(nt_hash(&other))
        } else {
            nt_hash(kmer)
        };
        hash >> 16
    };
    let orders: Vec<u32> = window.windows(k).map(order).collect();
    let least = orders.iter().min().expect("a window has k-mers");
    let mut places = (0..orders.len()).filter(|&i| orders[i] == *least);
    let gt = window.iter().filter(|&&code| code > 1).count();
    let first = places.next().expect("the least is there");
    if canonical && 2 * gt < window.len() {
        places.next_back().unwrap_or(first)
    } else {
        first
    }
}

/// Minimizers and closed syncmers by a loop over every window.
fn naive(seq: &Seq<Dna>, k: usize, w: usize, canonical: bool) -> (Vec<usize>, Vec<usize>) {
    let (mut minimizers, mut syncmers) = (Vec::new(), Vec::new());
    for (start, window) in seq.codes().windows(k + w - 1).enumerate() {
        if window.iter().all(|&code| code < 4) {
            let place = smallest(window, k, canonical);
            minimizers.push(start + place);
            if place == 0 || place == w - 1 {
                syncmers.push(start);
            }
        }
    }
    minimizers.sort_unstable();
    minimizers.dedup();
    (minimizers, syncmers)
}

fn seq(len: usize) -> impl Strategy<Value = Seq<Dna>> {
    let code = prop_oneof![60 => 0_u8..4, 1 => Just(4_u8)];
    let drawn = proptest::collection::vec(code, 0..len);
    // Repeats, so that ties occur.
    let repeated = (proptest::collection::vec(0_u8..4, 1..4), 0..len)
        .prop_map(|(unit, len)| unit.into_iter().cycle().take(len).collect());
    prop_oneof![3 => drawn, 1 => repeated]
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

proptest! {
    #[test]
    fn they_are_those_of_a_loop_over_every_window(seq in seq(300), k in 1_usize..=32, w in 1_usize..40) {
        let sampler = Sampler::new(k, w).expect("in range");
        let (minimizers, syncmers) = naive(&seq, k, w, false);
        prop_assert_eq!(sampler.minimizers(&seq), minimizers);
        prop_assert_eq!(sampler.closed_syncmers(&seq), syncmers);
        if let Ok(sampler) = sampler.with_canonical(true) {
            let (minimizers, syncmers) = naive(&seq, k, w, true);
            prop_assert_eq!(sampler.minimizers(&seq), minimizers);
            prop_assert_eq!(sampler.closed_syncmers(&seq), syncmers);
        }
    }

    #[test]
    fn both_strands_pick_the_same_places(seq in seq(400), k in 1_usize..=31, half in 0_usize..15) {
        let w = 2 * half + k % 2 + usize::from(k.is_multiple_of(2)) * 2; // k + w is even
        let sampler = Sampler::new(k, w).and_then(|s| s.with_canonical(true)).expect("in range");
        let other = seq.reverse_complement();
        let mirror = |places: Vec<usize>, width: usize| -> Vec<usize> {
            places.iter().rev().map(|place| seq.len() - width - place).collect()
        };
        prop_assert_eq!(mirror(sampler.minimizers(&other), k), sampler.minimizers(&seq));
        prop_assert_eq!(mirror(sampler.closed_syncmers(&other), sampler.span()), sampler.closed_syncmers(&seq));
    }
}

#[test]
fn a_long_sequence_is_the_same_in_pieces() {
    // Longer than one piece, with an unknown base in the second.
    let mut state = 1_u64;
    let mut codes: Vec<u8> = (0..300_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 62) as u8
        })
        .collect();
    codes[280_000] = 4;
    let seq = Seq::<Dna>::from_codes(codes).expect("in range");
    for canonical in [false, true] {
        let sampler = Sampler::new(5, 9)
            .and_then(|s| s.with_canonical(canonical))
            .expect("in range");
        let (minimizers, syncmers) = naive(&seq, 5, 9, canonical);
        assert!(sampler.minimizers(&seq) == minimizers);
        assert!(sampler.closed_syncmers(&seq) == syncmers);
    }
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    assert_eq!(Sampler::new(0, 5), Err(SeqError::WordLength { k: 0 }));
    assert_eq!(Sampler::new(33, 5), Err(SeqError::WordLength { k: 33 }));
    assert_eq!(Sampler::new(5, 0), Err(SeqError::Window { w: 0 }));
    assert_eq!(
        Sampler::new(5, 1 << 15),
        Err(SeqError::Window { w: 1 << 15 })
    );
    let even = Sampler::new(4, 3).expect("in range");
    assert_eq!(even.with_canonical(false), Ok(even));
    assert_eq!(
        even.with_canonical(true).expect_err("even").to_string(),
        "a canonical window of 3 k-mers of 4 bases has 6 bases, an even number; choose k and w whose sum is even"
    );
    let widest = Sampler::new(5, (1 << 15) - 1).expect("in range");
    assert!(
        widest
            .minimizers(&Seq::from_codes(vec![0; 100]).expect("in range") as &Seq<Dna>)
            .is_empty()
    );
    let codes = vec![0; (1 << 15) + 100];
    assert!(
        !widest
            .minimizers(&Seq::from_codes(codes).expect("in range") as &Seq<Dna>)
            .is_empty()
    );
}
