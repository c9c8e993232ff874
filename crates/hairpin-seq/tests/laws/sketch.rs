//! k-mer sets and sketches against sets of strings, their laws, and Python; `fixtures/make/golden_split.py` made the values.

use hairpin_golden::golden_json;
use std::collections::BTreeSet;

use hairpin_seq::sketch::{KmerSet, Sketch, mash_distance};
use hairpin_seq::{Ambiguous, Dna, Policy, Protein, Seq};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    kmers: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    k: usize,
    a: String,
    b: String,
    jaccard: f64,
    canonical: f64,
    mash: f64,
}

#[test]
fn jaccard_and_mash_are_those_of_sets_of_strings() {
    let golden: Golden = golden_json("hairpin-seq", "similarity.json");
    for Pair {
        k,
        a,
        b,
        jaccard,
        canonical,
        mash,
    } in golden.kmers
    {
        let (a, b): (Seq<Dna>, Seq<Dna>) = (a.parse().unwrap(), b.parse().unwrap());
        let plain = |seq| KmerSet::new(seq, k).unwrap();
        assert_eq!(plain(&a).jaccard(&plain(&b)).unwrap(), jaccard);
        let both = |seq| KmerSet::canonical(seq, k).unwrap();
        assert_eq!(both(&a).jaccard(&both(&b)).unwrap(), canonical);
        let sketch = |seq| Sketch::canonical(seq, k, 1000).unwrap();
        assert_eq!(sketch(&a).jaccard(&sketch(&b)).unwrap(), canonical);
        assert!((sketch(&a).mash_distance(&sketch(&b)).unwrap() - mash).abs() < 1e-15);
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let seq: Seq<Dna> = "ACGTACGT".parse().unwrap();
    let protein: Seq<Protein> = "ACGTACGT".parse().unwrap();
    let set = KmerSet::new(&seq, 3).unwrap();
    assert_eq!(
        set.jaccard(&KmerSet::canonical(&seq, 3).unwrap())
            .unwrap_err()
            .to_string(),
        "3-mers of DNA, one strand cannot be compared with 3-mers of DNA, both strands: make both with the same settings"
    );
    assert!(
        set.containment(&KmerSet::new(&protein, 3).unwrap())
            .is_err()
    );
    assert!(set.jaccard(&KmerSet::new(&seq, 4).unwrap()).is_err());
    assert!(KmerSet::new(&seq, 32).is_ok() && KmerSet::new(&protein, 12).is_ok());
    assert_eq!(
        KmerSet::new(&protein, 13).unwrap_err().to_string(),
        "k-mer length 13 is outside 1 to 12, what fits 64 bits of protein; choose a smaller k"
    );
    assert!(KmerSet::new(&seq, 0).is_err() && KmerSet::new(&seq, 33).is_err());
    assert!(Sketch::new(&seq, 3, 0).is_err());
}

#[test]
fn nothing_in_common_is_far_and_nothing_at_all_is_equal() {
    let set = |text: &str| KmerSet::new(&text.parse::<Seq<Dna>>().unwrap(), 3).unwrap();
    assert_eq!(set("AAAA").jaccard(&set("CCCC")).unwrap(), 0.0);
    assert_eq!(set("A").jaccard(&set("")).unwrap(), 1.0);
    assert_eq!(set("A").jaccard(&set("AAA")).unwrap(), 0.0);
    assert_eq!(set("AAAC").containment(&set("CAAACC")).unwrap(), 1.0);
    assert_eq!(mash_distance(0.0, 21), 1.0);
    assert_eq!(mash_distance(1e-12, 1), 1.0); // 27 substitutions per position are no more than 1
}

/// The estimate is a mean of `size` draws; its distance from the index is at most four standard deviations on these sequences.
#[test]
fn a_sketch_estimates_the_index() {
    let mut state = 1_u64;
    let mut draw = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let a: Vec<u8> = (0..20_000).map(|_| draw(4) as u8).collect();
    for one_in in [200, 50, 20] {
        let mut b = a.clone();
        for code in &mut b {
            if draw(one_in) == 0 {
                *code = (*code + 1) % 4;
            }
        }
        let changed = a.iter().zip(&b).filter(|(x, y)| x != y).count();
        let rate = changed as f64 / a.len() as f64;
        let (a, b) = (
            Seq::<Dna>::from_codes(a.clone()).unwrap(),
            Seq::from_codes(b).unwrap(),
        );
        let exact = KmerSet::canonical(&a, 16)
            .unwrap()
            .jaccard(&KmerSet::canonical(&b, 16).unwrap())
            .unwrap();
        let sketch = |seq| Sketch::canonical(seq, 16, 1000).unwrap();
        let estimate = sketch(&a).jaccard(&sketch(&b)).unwrap();
        let deviation = (exact * (1.0 - exact) / 1000.0).sqrt();
        assert!(
            (estimate - exact).abs() < 4.0 * deviation,
            "{estimate} for {exact}"
        );
        // Mash's own measure: the distance is about the rate of substitutions.
        let distance = mash_distance(exact, 16);
        assert!(
            (distance / rate - 1.0).abs() < 0.15,
            "{distance} for {rate}"
        );
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ACGT]{0,80}", "[ACGTN]{0,80}", "[AC]{0,40}"]
}

fn read(text: &str) -> Seq<Dna> {
    Seq::parse(
        text,
        Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        },
    )
    .unwrap()
}

fn words(text: &str, k: usize) -> BTreeSet<&str> {
    let windows = (0..(text.len() + 1).saturating_sub(k)).map(|start| &text[start..start + k]);
    windows.filter(|word| !word.contains('N')).collect()
}

proptest! {
    #[test]
    fn a_set_is_the_set_of_strings(a in text(), b in text(), k in 1usize..=32) {
        let (x, y) = (KmerSet::new(&read(&a), k).unwrap(), KmerSet::new(&read(&b), k).unwrap());
        let (u, v) = (words(&a, k), words(&b, k));
        prop_assert_eq!((x.len(), x.is_empty()), (u.len(), u.is_empty()));
        let (both, either) = (u.intersection(&v).count(), u.union(&v).count());
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        prop_assert_eq!(x.jaccard(&y).unwrap(), share(both, either));
        prop_assert_eq!(x.containment(&y).unwrap(), share(both, u.len()));
    }

    #[test]
    fn the_strand_does_not_matter_to_canonical_sets(a in text(), k in 1usize..=32) {
        let seq = read(&a);
        prop_assert_eq!(
            KmerSet::canonical(&seq, k).unwrap(),
            KmerSet::canonical(&seq.reverse_complement(), k).unwrap()
        );
        prop_assert_eq!(
            Sketch::canonical(&seq, k, 7).unwrap(),
            Sketch::canonical(&seq.reverse_complement(), k, 7).unwrap()
        );
    }

    #[test]
    fn a_sketch_is_the_bottom_of_the_whole(a in text(), b in text(), k in 1usize..6, size in 1usize..40) {
        let whole = |text: &str| Sketch::new(&read(text), k, 1000).unwrap();
        let small = |text: &str| Sketch::new(&read(text), k, size).unwrap();
        let (x, y) = (whole(&a), whole(&b));
        prop_assert_eq!(x.hashes().len(), words(&a, k).len());
        let bottom = small(&a);
        prop_assert_eq!(bottom.hashes(), &x.hashes()[..size.min(x.hashes().len())]);

        let union: BTreeSet<u64> = x.hashes().iter().chain(y.hashes()).copied().collect();
        let bottom: Vec<u64> = union.into_iter().take(size).collect();
        let both = bottom.iter().filter(|hash| x.hashes().contains(hash) && y.hashes().contains(hash)).count();
        let expected = if bottom.is_empty() { 1.0 } else { both as f64 / bottom.len() as f64 };
        prop_assert_eq!(small(&a).jaccard(&small(&b)).unwrap(), expected);
        prop_assert_eq!(small(&a).jaccard(&y).unwrap(), expected);
    }
}
