//! k-mers against loops over the text, and against scikit-learn.

use hairpin_golden::golden_json;
use std::collections::{BTreeMap, BTreeSet};

use hairpin_seq::kmer::{
    HashedKmerCounts, Pattern, SparseKmerCounts, canonical, canonical_words, mix,
    reverse_complement_word, spaced_words, word_seq, words,
};
use hairpin_seq::{Alphabet, Ambiguous, Dna, Encode, KmerCounts, Policy, Rna, Seq, SeqError};
use proptest::prelude::*;

fn seq(max: usize) -> impl Strategy<Value = Seq<Dna>> {
    let code = prop_oneof![30 => 0_u8..4, 1 => Just(4_u8)];
    proptest::collection::vec(code, 0..max)
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

/// Patterns of weight 1 to `weight`.
fn pattern(weight: usize) -> impl Strategy<Value = Pattern> {
    let inside = proptest::collection::vec("[01]", 0..2 * weight);
    inside.prop_filter_map("too heavy", move |inside| {
        let text = format!("1{}1", inside.concat());
        let text = if text.len() == 2 {
            "1".to_owned()
        } else {
            text
        };
        text.parse()
            .ok()
            .filter(|pattern: &Pattern| pattern.weight() <= weight)
    })
}

/// The words of all windows, letter by letter.
fn naive_words(seq: &Seq<Dna>, pattern: Pattern) -> Vec<u64> {
    let places: Vec<usize> = pattern
        .to_string()
        .char_indices()
        .filter(|&(_, c)| c == '1')
        .map(|(i, _)| i)
        .collect();
    let word = |window: &[u8]| {
        places.iter().try_fold(0_u64, |word, &place| {
            (window[place] < 4).then(|| word << 2 | u64::from(window[place]))
        })
    };
    seq.codes()
        .windows(pattern.span())
        .filter_map(word)
        .collect()
}

fn naive_counts(words: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u64> {
    words.into_iter().fold(BTreeMap::new(), |mut counts, word| {
        *counts.entry(word).or_insert(0) += 1;
        counts
    })
}

proptest! {
    #[test]
    fn words_are_those_of_a_loop(seq in seq(150), k in 1_usize..=32) {
        let expected = naive_words(&seq, Pattern::contiguous(k).expect("in range"));
        prop_assert_eq!(words(seq.codes().iter().copied(), k).collect::<Vec<_>>(), expected.clone());
        let both: Vec<u64> = canonical_words(seq.codes().iter().copied(), k).collect();
        prop_assert_eq!(&both, &expected.iter().map(|&word| canonical(word, k)).collect::<Vec<_>>());
        let mut other: Vec<u64> = canonical_words(seq.reverse_complement().codes().iter().copied(), k).collect();
        other.reverse();
        prop_assert_eq!(both, other);
    }

    #[test]
    fn words_spell_their_kmers(word: u64, k in 1_usize..=32) {
        let word = word >> (64 - 2 * k);
        let kmer = word_seq::<Rna>(word, k);
        prop_assert_eq!(kmer.len(), k);
        prop_assert_eq!(words(kmer.codes().iter().copied(), k).collect::<Vec<_>>(), [word]);
        let other = kmer.reverse_complement();
        prop_assert_eq!(word_seq::<Rna>(reverse_complement_word(word, k), k), other);
        prop_assert_eq!(reverse_complement_word(reverse_complement_word(word, k), k), word);
    }

    #[test]
    fn spaced_words_are_those_of_a_loop(seq in seq(150), pattern in pattern(32)) {
        prop_assert_eq!(spaced_words(seq.codes().iter().copied(), pattern).collect::<Vec<_>>(), naive_words(&seq, pattern));
    }

    // Long enough for several blocks.
    #[test]
    fn counts_are_those_of_a_loop(seq in seq(4000), pattern in pattern(6), frequencies: bool) {
        let counter = KmerCounts::spaced(pattern).expect("in range").with_frequencies(frequencies);
        let expected = naive_counts(naive_words(&seq, pattern));
        let mut counts = vec![u64::MAX; counter.channels()];
        counter.count_into(&seq, &mut counts);
        for (word, &count) in counter.words().zip(&counts) {
            prop_assert_eq!(count, expected.get(&word).copied().unwrap_or(0));
        }
        let unit = if frequencies { counts.iter().sum::<u64>().max(1) } else { 1 };
        let mut row = vec![f32::NAN; counts.len()];
        counter.encode_into(&seq, &mut row);
        let expected: Vec<f32> = counts.iter().map(|&count| (count as f64 / unit as f64) as f32).collect();
        prop_assert_eq!(row, expected);
    }

    #[test]
    fn canonical_counts_are_those_of_a_loop(seq in seq(3000), k in 1_usize..=6) {
        let counter = KmerCounts::new(k).and_then(|c| c.with_canonical(true)).expect("in range");
        let expected = naive_counts(canonical_words(seq.codes().iter().copied(), k));
        let mut counts = vec![u64::MAX; counter.channels()];
        counter.count_into(&seq, &mut counts);
        prop_assert_eq!(counter.words().count(), counts.len());
        for (word, &count) in counter.words().zip(&counts) {
            prop_assert_eq!(count, expected.get(&word).copied().unwrap_or(0));
        }
        let row = counter.encode(&seq);
        prop_assert_eq!(&row, &counts.iter().map(|&count| count as f32).collect::<Vec<_>>());
        prop_assert_eq!(row, counter.encode(&seq.reverse_complement()));
    }

    #[test]
    fn sparse_and_hashed_counts_are_those_of_a_loop(seq in seq(300), pattern in pattern(32), buckets in 1_usize..50) {
        let expected = naive_counts(naive_words(&seq, pattern));
        let sparse = SparseKmerCounts::of(&seq, pattern, false).expect("one strand");
        prop_assert_eq!(sparse.iter().collect::<BTreeMap<_, _>>(), expected.clone());
        prop_assert!(sparse.words().is_sorted());
        prop_assert_eq!((sparse.len(), sparse.is_empty()), (expected.len(), expected.is_empty()));

        let hashed = HashedKmerCounts::spaced(pattern, buckets).expect("in range");
        let mut row = vec![0.0; buckets];
        for (&word, &count) in &expected {
            prop_assert_eq!(sparse.count(word), count);
            row[hashed.bucket(word)] += count as f32;
        }
        prop_assert_eq!(hashed.encode(&seq), row);
        let total: f32 = hashed.with_frequencies(true).encode(&seq).iter().sum();
        let whole = if expected.is_empty() { 0.0 } else { 1.0_f32 };
        prop_assert!((total - whole).abs() < 1e-5);
    }

    #[test]
    fn symmetric_patterns_count_both_strands_alike(seq in seq(200), half in "1[01]{0,6}", buckets in 1_usize..50) {
        let pattern: Pattern = format!("{half}{}", half.chars().rev().collect::<String>()).parse().expect("a pattern");
        prop_assert!(pattern.is_symmetric());
        let other = seq.reverse_complement();
        let sparse = |seq| SparseKmerCounts::of(seq, pattern, true).expect("symmetric");
        prop_assert_eq!(sparse(&seq), sparse(&other));
        let hashed = HashedKmerCounts::spaced(pattern, buckets).and_then(|h| h.with_canonical(true)).expect("symmetric");
        prop_assert_eq!(hashed.encode(&seq), hashed.encode(&other));
        if let Ok(dense) = KmerCounts::spaced(pattern).map(|d| d.with_canonical(true).expect("symmetric"))
            && pattern.weight() <= 8
        {
            prop_assert_eq!(dense.encode(&seq), dense.encode(&other));
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "[01x]{0,70}") {
        match text.parse::<Pattern>() {
            Ok(pattern) => {
                prop_assert_eq!(pattern.to_string(), text.clone());
                prop_assert_eq!((pattern.span(), pattern.weight()), (text.len(), text.matches('1').count()));
                prop_assert_eq!(pattern.is_symmetric(), text.chars().eq(text.chars().rev()));
            }
            Err(error) => {
                let right = text.starts_with('1') && text.ends_with('1') && !text.contains('x')
                    && text.len() <= 64 && text.matches('1').count() <= 32;
                prop_assert!(!right, "{}", error);
            }
        }
    }
}

#[test]
fn long_words_and_wide_indices() {
    // Weights 9 to 12 take the wide indices; unknown bases at ends, together and a block apart.
    let mut codes: Vec<u8> = (0..5000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 30) as u8)
        .collect();
    for place in [0, 1, 1023, 1024, 2500, 4999] {
        codes[place] = 4;
    }
    let seq = Seq::<Dna>::from_codes(codes).expect("in range");
    for text in [
        "111111111",
        "1111111111",
        "11111111111",
        "111111111111",
        "1101101101101",
        "1111000000001111",
    ] {
        let pattern: Pattern = text.parse().expect("a pattern");
        let counter = KmerCounts::spaced(pattern).expect("in range");
        let mut counts = vec![0; counter.channels()];
        counter.count_into(&seq, &mut counts);
        let found: BTreeMap<u64, u64> = (0..).zip(counts).filter(|&(_, count)| count > 0).collect();
        assert!(found == naive_counts(naive_words(&seq, pattern)), "{text}");
    }
}

#[test]
fn long_sequences_fill_histograms_in_turns() {
    let mut state = 7_u64;
    let mut code = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        if state >> 48 & 255 == 0 {
            4
        } else {
            (state >> 62) as u8
        }
    };
    let seq = Seq::<Dna>::from_codes((0..1_100_001).map(|_| code()).collect()).expect("in range");
    for k in [3, 6, 7, 9] {
        let counter = KmerCounts::new(k).expect("in range");
        let mut expected = vec![0_u64; counter.channels()];
        for word in words(seq.codes().iter().copied(), k) {
            expected[word as usize] += 1;
        }
        let mut counts = vec![0; counter.channels()];
        counter.count_into(&seq, &mut counts);
        assert!(counts == expected, "k {k}");
    }
}

#[test]
fn canonical_rows_have_no_holes() {
    for k in 1..=8 {
        let counter = KmerCounts::new(k)
            .and_then(|c| c.with_canonical(true))
            .expect("in range");
        let names: BTreeSet<u64> = (0..1 << (2 * k)).map(|word| canonical(word, k)).collect();
        assert!(counter.words().eq(names.iter().copied()));
        assert_eq!(counter.channels(), names.len());
    }
    let longest = KmerCounts::new(12)
        .and_then(|c| c.with_canonical(true))
        .expect("in range");
    assert_eq!(longest.channels(), (16_777_216 + 4096) / 2);
}

#[test]
fn the_hash_is_the_published_one() {
    // The first outputs of SplitMix64 with seed 0 are the hashes of 0, g, 2g, with g its increment.
    let g = 0x9e37_79b9_7f4a_7c15_u64;
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    assert_eq!(mix(g), 0x6e78_9e6a_a1b9_65f4);
    assert_eq!(mix(g.wrapping_mul(2)), 0x06c4_5d18_8009_454f);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    assert_eq!(Pattern::contiguous(0), Err(SeqError::WordLength { k: 0 }));
    assert_eq!(Pattern::contiguous(33), Err(SeqError::WordLength { k: 33 }));
    assert!(Pattern::gapped(0, 2, 3).is_err() && Pattern::gapped(20, 2, 20).is_err());
    assert!(Pattern::gapped(usize::MAX, 2, 2).is_err());
    let heavy = Pattern::contiguous(13).expect("in range");
    assert_eq!(
        KmerCounts::spaced(heavy),
        Err(SeqError::KmerLength { k: 13 })
    );
    assert_eq!(HashedKmerCounts::new(21, 0), Err(SeqError::Buckets));
    let lopsided: Pattern = "1101".parse().expect("a pattern");
    let message = "k-mer pattern 1101 is not symmetric, so the two strands see different positions; \
                   use a pattern that reads the same from both ends, or count one strand";
    let error = KmerCounts::spaced(lopsided)
        .and_then(|c| c.with_canonical(true))
        .expect_err("not symmetric");
    assert_eq!(error.to_string(), message);
    assert!(
        HashedKmerCounts::spaced(lopsided, 3)
            .and_then(|c| c.with_canonical(true))
            .is_err()
    );
    let seq: Seq<Dna> = "ACGT".parse().expect("valid");
    assert!(SparseKmerCounts::of(&seq, lopsided, true).is_err());
    assert_eq!(
        "110x1"
            .parse::<Pattern>()
            .expect_err("not a pattern")
            .to_string(),
        "k-mer pattern \"110x1\": it has a symbol other than 0 and 1; \
         write 1 for a position that counts and 0 for one that may be anything, such as 11011"
    );
}

#[test]
#[should_panic(expected = "words: k is 33, expected 1 to 32")]
fn a_word_has_32_bases() {
    let _ = words([0], 33);
}

#[test]
fn counts_agree_with_scikit_learn() {
    let golden: serde_json::Value = golden_json("hairpin-seq", "kmers.json");
    let policy = Policy {
        ambiguous: Ambiguous::Unknown,
        ..Policy::default()
    };
    let seqs: Vec<Seq<Dna>> = golden["sequences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|text| Seq::parse(text.as_str().expect("a string"), policy).expect("valid"))
        .collect();
    let mut compared = 0;
    let mut agree = |key: &str, counter: &dyn Fn(&str) -> KmerCounts| {
        for (name, rows) in golden[key].as_object().expect("a map") {
            let counter = counter(name);
            let rows = rows.as_array().expect("a list");
            assert_eq!(rows.len(), seqs.len());
            for (seq, row) in seqs.iter().zip(rows) {
                let mut expected = vec![0_u64; counter.channels()];
                for pair in row.as_array().expect("a list") {
                    let place = pair[0].as_u64().expect("a column") as usize;
                    expected[place] = pair[1].as_u64().expect("a count");
                }
                let mut counts = vec![0; counter.channels()];
                counter.count_into(seq, &mut counts);
                assert!(counts == expected, "{key} {name} of {seq}");
                compared += 1;
            }
        }
    };
    let k = |name: &str| KmerCounts::new(name.parse().expect("a number")).expect("in range");
    agree("counts", &k);
    agree("canonical", &|name| {
        k(name).with_canonical(true).expect("symmetric")
    });
    agree("spaced", &|name| {
        KmerCounts::spaced(name.parse().expect("a pattern")).expect("in range")
    });
    assert_eq!(compared, 17 * seqs.len());

    for (k, expected) in golden["sparse"].as_object().expect("a map") {
        let k = k.parse().expect("a number");
        let pattern = Pattern::contiguous(k).expect("in range");
        let found = SparseKmerCounts::of(&seqs[2], pattern, true).expect("symmetric");
        let expected = expected.as_array().expect("a list");
        assert_eq!(found.len(), expected.len());
        for ((word, count), pair) in found.iter().zip(expected) {
            assert_eq!(pair[0], word_seq::<Dna>(word, k).to_string());
            assert_eq!(pair[1], count);
        }
    }
}

#[test]
fn alphabets_of_bases_share_their_words() {
    assert_eq!(Dna::SYMBOLS.len(), Rna::SYMBOLS.len());
    let seq: Seq<Dna> = "GATTACA".parse().expect("valid");
    let counter = HashedKmerCounts::new(3, 8).expect("in range");
    assert_eq!(counter.encode(&seq), counter.encode(&seq.transcribe()));
}
