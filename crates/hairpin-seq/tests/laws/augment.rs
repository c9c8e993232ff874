//! What augmentation must keep, and the laws its chances follow.

use std::collections::{BTreeMap, BTreeSet};

use hairpin_seq::augment::{
    Augment, Augmented, Augmenter, Crop, Delete, GaussianNoise, Insert, Jitter, Mixup, Mutate,
    Padding, Reverse, ReverseComplement, Shuffle, ShuffleDinucleotides, row_rng,
};
use hairpin_seq::{Alphabet, Dna, Protein, Seq, SeqError};
use proptest::prelude::*;

fn seq<A: Alphabet>() -> impl Strategy<Value = Seq<A>> {
    // Few symbols, so that repeats and rare exits from them occur.
    let code = prop_oneof![8 => 0_u8..2, 4 => 0..Seq::<A>::UNKNOWN_CODE, 1 => Just(Seq::<A>::UNKNOWN_CODE)];
    proptest::collection::vec(code, 0..60)
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

fn dna(text: &str) -> Seq<Dna> {
    text.parse().expect("valid")
}

/// How often each code follows each other one.
fn neighbours<A: Alphabet>(seq: &Seq<A>) -> BTreeMap<(u8, u8), usize> {
    let mut counts = BTreeMap::new();
    for pair in seq.codes().windows(2) {
        *counts.entry((pair[0], pair[1])).or_insert(0) += 1;
    }
    counts
}

fn sorted<A: Alphabet>(seq: &Seq<A>) -> Vec<u8> {
    let mut codes = seq.codes().to_vec();
    codes.sort_unstable();
    codes
}

/// Every position that has an origin holds the symbol that stood there.
fn origin_is_true<A: Alphabet>(before: &Seq<A>, after: &Augmented<A>) -> bool {
    after.seq.len() == after.origin.positions().len()
        && (after.seq.codes().iter().zip(after.origin.positions()))
            .all(|(&code, from)| from.is_none_or(|i| before.codes()[i] == code))
}

/// The chi-square statistic of counts that should be equal.
fn chi_square(counts: impl ExactSizeIterator<Item = usize> + Clone) -> f64 {
    let expected = counts.clone().sum::<usize>() as f64 / counts.len() as f64;
    counts
        .map(|count| (count as f64 - expected).powi(2) / expected)
        .sum()
}

/// All sequences with the neighbours of `start + edges`, by trying every next edge.
fn eulerian(
    codes: &mut Vec<u8>,
    left: &mut BTreeMap<(u8, u8), usize>,
    all: &mut BTreeSet<Vec<u8>>,
) {
    let here = *codes.last().expect("a start");
    if left.values().all(|&count| count == 0) {
        all.insert(codes.clone());
    }
    for next in 0..=4 {
        if left.get(&(here, next)).is_some_and(|&count| count > 0) {
            *left.entry((here, next)).or_default() -= 1;
            codes.push(next);
            eulerian(codes, left, all);
            codes.pop();
            *left.entry((here, next)).or_default() += 1;
        }
    }
}

proptest! {
    #[test]
    fn origins_name_where_symbols_stood(dna in seq::<Dna>(), seed: u64, size in 0_usize..70) {
        let mut rng = row_rng(seed, 0, 0);
        let steps: [&dyn Augment<Dna>; 9] = [
            &Reverse::new(0.5).expect("valid"),
            &Crop::random(size),
            &Crop::centred(size),
            &Jitter::new(size, Padding::Unknown),
            &Jitter::new(size, Padding::Circular),
            &Jitter::new(size, Padding::Random),
            &Insert::new(0.3).expect("valid"),
            &Delete::new(0.3).expect("valid"),
            &Shuffle,
        ];
        for step in steps {
            prop_assert!(origin_is_true(&dna, &step.augment(&dna, &mut rng)));
        }
        let twice = Augmenter::new(seed)
            .then(Insert::new(0.2).expect("valid"))
            .then(ShuffleDinucleotides)
            .then(Crop::random(size))
            .then(Reverse::new(0.5).expect("valid"))
            .apply(&dna, 1, 2);
        prop_assert!(origin_is_true(&dna, &twice));
    }

    #[test]
    fn dinucleotide_shuffles_keep_neighbours_and_ends(dna in seq::<Dna>(), protein in seq::<Protein>(), seed: u64) {
        let mut rng = row_rng(seed, 0, 0);
        let shuffled = ShuffleDinucleotides.augment(&dna, &mut rng);
        prop_assert_eq!(neighbours(&shuffled.seq), neighbours(&dna));
        prop_assert_eq!(shuffled.seq.codes().first(), dna.codes().first());
        prop_assert_eq!(shuffled.seq.codes().last(), dna.codes().last());
        prop_assert!(origin_is_true(&dna, &shuffled));
        let places: BTreeSet<_> = shuffled.origin.positions().iter().collect();
        prop_assert_eq!(places.len(), dna.len());

        let shuffled = ShuffleDinucleotides.augment(&protein, &mut rng);
        prop_assert_eq!(neighbours(&shuffled.seq), neighbours(&protein));
        prop_assert_eq!(sorted(&Shuffle.augment(&protein, &mut rng).seq), sorted(&protein));
    }

    #[test]
    fn strands_and_circles_come_back(dna in seq::<Dna>(), seed: u64, max in 0_usize..80) {
        let mut rng = row_rng(seed, 0, 0);
        let other = ReverseComplement::new(1.0).expect("valid");
        let there = other.augment(&dna, &mut rng);
        prop_assert_eq!(&there.seq, &dna.reverse_complement());
        prop_assert_eq!(other.augment(&there.seq, &mut rng).seq, dna.clone());
        let values: Vec<usize> = (0..dna.len()).collect();
        prop_assert_eq!(there.origin.carry(&values, 1, 0), values.iter().rev().copied().collect::<Vec<_>>());

        let turned = Jitter::new(max, Padding::Circular).augment(&dna, &mut rng);
        prop_assert_eq!(sorted(&turned.seq), sorted(&dna));
        let start = turned.origin.positions().first().copied().flatten().unwrap_or(0);
        let mut codes = dna.codes().to_vec();
        codes.rotate_left(start);
        prop_assert_eq!(turned.seq.codes(), codes);
    }

    #[test]
    fn rates_of_nothing_and_of_everything(dna in seq::<Dna>(), seed: u64) {
        let mut rng = row_rng(seed, 0, 0);
        let none: [&dyn Augment<Dna>; 7] = [
            &Reverse::new(0.0).expect("valid"),
            &ReverseComplement::new(0.0).expect("valid"),
            &Mutate::new(0.0).expect("valid"),
            &Insert::new(0.0).expect("valid"),
            &Delete::new(0.0).expect("valid"),
            &Jitter::new(0, Padding::Unknown),
            &Crop::random(dna.len()),
        ];
        for step in none {
            prop_assert_eq!(&step.augment(&dna, &mut rng).seq, &dna);
        }
        let mutated = Mutate::new(1.0).expect("valid").augment(&dna, &mut rng).seq;
        for (&before, &after) in dna.codes().iter().zip(mutated.codes()) {
            prop_assert_eq!(before == after, before == 4);
        }
        prop_assert_eq!(Insert::new(1.0).expect("valid").augment(&dna, &mut rng).seq.len(), 2 * dna.len() + 1);
        prop_assert!(Delete::new(1.0).expect("valid").augment(&dna, &mut rng).seq.is_empty());
    }

    #[test]
    fn rows_do_not_depend_on_order(seqs in proptest::collection::vec(seq::<Dna>(), 1..6), seed: u64) {
        let augmenter = Augmenter::new(seed)
            .then(Mutate::new(0.3).expect("valid"))
            .then(Crop::random(10))
            .then(Shuffle);
        let apply = |row: usize| augmenter.apply(&seqs[row], 4, row as u64);
        let forwards: Vec<_> = (0..seqs.len()).map(apply).collect();
        let mut backwards: Vec<_> = (0..seqs.len()).rev().map(apply).collect();
        backwards.reverse();
        prop_assert_eq!(forwards, backwards);
    }
}

#[test]
fn every_eulerian_path_has_the_same_probability() {
    // The last one has loops, a rare exit from a repeat and an unknown base.
    for text in ["ACAGACTCA", "GATTACAGTACT", "AAACAAGAATC"] {
        let seq = dna(text);
        let mut all = BTreeSet::new();
        eulerian(&mut vec![seq.codes()[0]], &mut neighbours(&seq), &mut all);
        let mut counts: BTreeMap<Vec<u8>, usize> =
            all.into_iter().map(|codes| (codes, 0)).collect();
        let classes = counts.len();
        assert!(classes > 5, "{text} has {classes} paths");

        let mut rng = row_rng(11, 0, 0);
        for _ in 0..200 * classes {
            let codes = ShuffleDinucleotides
                .augment(&seq, &mut rng)
                .seq
                .codes()
                .to_vec();
            *counts.get_mut(&codes).expect("a path of the graph") += 1;
        }
        // Mean n - 1, variance 2 (n - 1): five standard deviations.
        let freedom = (classes - 1) as f64;
        let statistic = chi_square(counts.values().copied());
        assert!(
            statistic < freedom + 5.0 * (2.0 * freedom).sqrt(),
            "{text}: {statistic} of {freedom}"
        );
    }
}

#[test]
fn every_order_crop_and_shift_has_the_same_probability() {
    let seq = dna("ACGT");
    let mut rng = row_rng(5, 0, 0);
    let mut orders: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for _ in 0..24 * 200 {
        *orders
            .entry(Shuffle.augment(&seq, &mut rng).seq.codes().to_vec())
            .or_default() += 1;
    }
    assert_eq!(orders.len(), 24);
    assert!(chi_square(orders.values().copied()) < 23.0 + 5.0 * 46.0_f64.sqrt());

    let seq = dna("AACAGATCCGC");
    let (mut starts, mut shifts) = ([0; 8], [0; 7]);
    for _ in 0..8000 {
        let crop = Crop::random(4).augment(&seq, &mut rng);
        starts[crop.origin.positions()[0].expect("not padded")] += 1;
        let jitter = Jitter::new(3, Padding::Unknown).augment(&seq, &mut rng);
        shifts[jitter.origin.positions()[5].expect("not padded") - 2] += 1;
    }
    assert!(chi_square(starts.iter().copied()) < 7.0 + 5.0 * 14.0_f64.sqrt());
    assert!(chi_square(shifts.iter().copied()) < 6.0 + 5.0 * 12.0_f64.sqrt());
}

#[test]
fn rates_are_kept_and_replacements_are_even() {
    let seq = Seq::<Dna>::from_codes(vec![2; 100_000]).expect("in range");
    let mut rng = row_rng(3, 0, 0);
    let mutated = Mutate::new(0.3).expect("valid").augment(&seq, &mut rng).seq;
    let mut counts = [0; 4];
    mutated
        .codes()
        .iter()
        .for_each(|&code| counts[usize::from(code)] += 1);
    // Standard deviation sqrt(100000 * 0.3 * 0.7) = 145.
    assert!((counts[2] as f64 - 70_000.0).abs() < 725.0, "{counts:?}");
    assert!(chi_square([counts[0], counts[1], counts[3]].into_iter()) < 2.0 + 10.0);

    let longer = Insert::new(0.3)
        .expect("valid")
        .augment(&seq, &mut rng)
        .seq
        .len();
    assert!((longer as f64 - 130_000.0).abs() < 725.0, "{longer}");
    let shorter = Delete::new(0.3)
        .expect("valid")
        .augment(&seq, &mut rng)
        .seq
        .len();
    assert!((shorter as f64 - 70_000.0).abs() < 725.0, "{shorter}");
}

#[test]
fn a_rare_exit_from_a_long_repeat_is_found_at_once() {
    // One in a million edges out of A leads to the end; drawing trees until one is right would take a million draws.
    let mut codes = vec![0; 1_000_000];
    codes.extend([1, 2, 3]);
    let seq = Seq::<Dna>::from_codes(codes).expect("in range");
    let shuffled = ShuffleDinucleotides
        .augment(&seq, &mut row_rng(0, 0, 0))
        .seq;
    assert_eq!(shuffled, seq); // the only path
}

#[test]
fn seeds_epochs_and_rows_change_the_stream() {
    let seq = Seq::<Dna>::from_codes(vec![1; 64]).expect("in range");
    let look = |seed, epoch, row| {
        let step = Mutate::new(0.5).expect("valid");
        Augmenter::new(seed).then(step).apply(&seq, epoch, row).seq
    };
    assert_eq!(look(1, 2, 3), look(1, 2, 3));
    let different: BTreeSet<_> = [
        look(1, 2, 3),
        look(2, 2, 3),
        look(1, 3, 3),
        look(1, 2, 4),
        look(3, 2, 1),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(different.len(), 5);
    assert_eq!(Augmenter::<Dna>::new(1).apply(&seq, 0, 0).seq, seq);
}

#[test]
fn windows_on_paper() {
    let seq = dna("ACGTACG");
    let mut rng = row_rng(0, 0, 0);
    let middle = Crop::centred(4).augment(&seq, &mut rng);
    assert_eq!(middle.seq, dna("CGTA"));
    assert_eq!(
        middle.origin.positions(),
        [Some(1), Some(2), Some(3), Some(4)]
    );
    assert_eq!(Crop::centred(9).augment(&seq, &mut rng).seq, seq);
    assert!(Crop::random(0).augment(&seq, &mut rng).seq.is_empty());

    // Shifted right by s, the first s are padding; left, the last.
    let far = Jitter::new(usize::MAX, Padding::Unknown);
    for _ in 0..50 {
        let moved = far.augment(&seq, &mut rng);
        let text = moved.seq.to_string();
        let kept = text.trim_matches('N');
        assert!(
            text.starts_with(kept) && seq.to_string().ends_with(kept)
                || text.ends_with(kept) && seq.to_string().starts_with(kept)
        );
        assert_eq!(
            moved.origin.carry(&[1; 7], 1, 0).iter().sum::<usize>(),
            kept.len()
        );
    }
    let rows = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11], [12, 13]].concat();
    assert_eq!(middle.origin.carry(&rows, 2, -1), [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn noise_has_the_moments_it_was_asked_for() {
    let n = 100_000;
    let mut rows = vec![1.0; 2 * n];
    let noise = GaussianNoise::per_channel(vec![0.5, 2.0]).expect("valid");
    noise.add_to(&mut rows, &mut row_rng(9, 0, 0));
    for (channel, std) in [(0, 0.5), (1, 2.0)] {
        let values = || {
            rows.iter()
                .skip(channel)
                .step_by(2)
                .map(|&v| (f64::from(v) - 1.0) / std)
        };
        let (mean, second) = (
            values().sum::<f64>() / n as f64,
            values().map(|v| v * v).sum::<f64>() / n as f64,
        );
        assert!(mean.abs() < 5.0 / (n as f64).sqrt(), "{mean}");
        assert!(
            (second - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(),
            "{second}"
        );
        let inside = values().filter(|v| v.abs() < 1.0).count() as f64 / n as f64;
        assert!((inside - 0.682_689).abs() < 5.0 * 0.0015, "{inside}");
    }
}

#[test]
#[should_panic(expected = "GaussianNoise: rows has 3 values, expected a multiple of channels 2")]
fn rows_of_another_width_panic_with_both_numbers() {
    let noise = GaussianNoise::per_channel(vec![1.0, 1.0]).expect("valid");
    noise.add_to(&mut [0.0; 3], &mut row_rng(0, 0, 0));
}

#[test]
fn mixup_weights_follow_the_beta_law() {
    for alpha in [0.01, 0.2, 1.0, 5.0] {
        let pairs = Mixup::new(alpha)
            .expect("valid")
            .pairs(100_000, &mut row_rng(1, 0, 0));
        assert!(
            pairs
                .iter()
                .enumerate()
                .all(|(row, pair)| pair.first == row)
        );
        let partners: BTreeSet<usize> = pairs.iter().map(|pair| pair.second).collect();
        assert_eq!(partners.len(), pairs.len());
        // Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)).
        let variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        let mean = pairs.iter().map(|p| f64::from(p.lambda)).sum::<f64>() / 1e5;
        let spread = pairs
            .iter()
            .map(|p| (f64::from(p.lambda) - 0.5).powi(2))
            .sum::<f64>()
            / 1e5;
        assert!(
            (mean - 0.5).abs() < 5.0 * (variance / 1e5_f64).sqrt(),
            "{alpha}: {mean}"
        );
        assert!((spread / variance - 1.0).abs() < 0.02, "{alpha}: {spread}");
    }
    let pair = hairpin_seq::augment::MixedPair {
        first: 0,
        second: 1,
        lambda: 0.25,
    };
    let mut out = [f32::NAN; 2];
    pair.mix_into(&[4.0, 0.0], &[0.0, 8.0], &mut out);
    assert_eq!(out, [1.0, 6.0]);
    // The smallest alpha still gives weights.
    let pairs = Mixup::new(1e-300)
        .expect("valid")
        .pairs(100, &mut row_rng(1, 0, 0));
    assert!(pairs.iter().all(|p| (0.0..=1.0).contains(&p.lambda)));
}

#[test]
fn settings_out_of_range_are_refused() {
    for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(Reverse::new(wrong), Err(SeqError::Setting { .. })));
        assert!(ReverseComplement::new(wrong).is_err());
        assert!(
            Mutate::new(wrong).is_err()
                && Insert::new(wrong).is_err()
                && Delete::new(wrong).is_err()
        );
    }
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Mixup::new(wrong).is_err());
    }
    assert!(GaussianNoise::new(-1.0).is_err() && GaussianNoise::new(f32::NAN).is_err());
    assert!(GaussianNoise::per_channel(vec![]).is_err());
    assert_eq!(
        Mutate::new(1.5).expect_err("too large").to_string(),
        "the rate of Mutate is 1.5, expected 0 to 1"
    );
}
