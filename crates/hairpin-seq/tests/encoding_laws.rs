//! Encoders against their definitions and against loops over the text.

use std::collections::HashMap;

use hairpin_seq::{
    Alphabet, Ambiguous, Dna, Encode, KmerCounts, OneHot, Policy, Protein, Rna, Seq, SeqError,
    Tokens, UnknownRow, kmers,
};
use proptest::prelude::*;

fn seq<A: Alphabet>() -> impl Strategy<Value = Seq<A>> {
    // Unknown is drawn rarely, so that windows without it remain.
    let code = prop_oneof![9 => 0..Seq::<A>::UNKNOWN_CODE, 1 => Just(Seq::<A>::UNKNOWN_CODE)];
    proptest::collection::vec(code, 0..60)
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

/// The index of the largest value of each row, or the number of channels where the row is flat.
fn argmax(rows: &[f32], channels: usize) -> Vec<u8> {
    let place = |row: &[f32]| row.iter().position(|&v| v == 1.0).unwrap_or(channels) as u8;
    rows.chunks(channels).map(place).collect()
}

fn one_hot_decodes<A: Alphabet>(seq: &Seq<A>, unknown: UnknownRow) -> Result<(), TestCaseError> {
    let channels = A::SYMBOLS.len();
    // The old contents of the buffer must not show.
    let mut rows = vec![f32::NAN; seq.len() * channels];
    OneHot { unknown }.encode_into(seq, &mut rows);
    prop_assert_eq!(argmax(&rows, channels), seq.codes());
    for (row, &code) in rows.chunks(channels).zip(seq.codes()) {
        let total: f32 = row.iter().sum();
        let known = code != Seq::<A>::UNKNOWN_CODE;
        let expected = if known || unknown == UnknownRow::Uniform {
            1.0
        } else {
            0.0
        };
        prop_assert!((total - expected).abs() < 1e-6);
    }
    Ok(())
}

/// Every window of the text without an N, counted by its letters.
fn count_windows(text: &str, k: usize) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for start in 0..(text.len() + 1).saturating_sub(k) {
        let window = &text[start..start + k];
        if !window.contains('N') {
            *counts.entry(window.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

/// All k-mers in alphabetical order.
fn all_kmers(k: usize) -> Vec<String> {
    (0..k).fold(vec![String::new()], |shorter, _| {
        shorter
            .iter()
            .flat_map(|s| ["A", "C", "G", "T"].map(|base| format!("{s}{base}")))
            .collect()
    })
}

fn reverse_complement(kmer: &str) -> String {
    kmer.parse::<Seq<Dna>>()
        .expect("valid")
        .reverse_complement()
        .to_string()
}

proptest! {
    #[test]
    fn the_largest_channel_is_the_code(
        dna in seq::<Dna>(), protein in seq::<Protein>(),
        unknown in proptest::sample::select(vec![UnknownRow::Zeros, UnknownRow::Uniform]),
    ) {
        one_hot_decodes(&dna, unknown)?;
        one_hot_decodes(&dna.transcribe(), unknown)?;
        one_hot_decodes(&protein, unknown)?;
    }

    #[test]
    fn the_one_hot_of_the_other_strand_is_reversed_in_both_axes(dna in seq::<Dna>()) {
        let mut reversed = OneHot::default().encode(&dna);
        reversed.reverse();
        prop_assert_eq!(OneHot::default().encode(&dna.reverse_complement()), reversed);
    }

    #[test]
    fn counts_are_those_of_a_loop_over_the_text(dna in seq::<Dna>(), k in 1_usize..5) {
        let expected = count_windows(&dna.to_string(), k);
        let mut counts = vec![f32::NAN; 1 << (2 * k)];
        KmerCounts::new(k).expect("in range").encode_into(&dna, &mut counts);
        for (kmer, &count) in all_kmers(k).iter().zip(&counts) {
            prop_assert_eq!(count as usize, expected.get(kmer).copied().unwrap_or(0), "{}", kmer);
        }
    }

    #[test]
    fn counts_sum_to_the_windows_without_an_unknown_base(dna in seq::<Dna>(), k in 1_usize..7) {
        let windows = (dna.len() + 1).saturating_sub(k);
        let skipped = dna.codes().windows(k).filter(|w| w.contains(&Seq::<Dna>::UNKNOWN_CODE)).count();
        let counter = KmerCounts::new(k).expect("in range");
        let total: f32 = counter.encode(&dna).iter().sum();
        prop_assert_eq!(total as usize, windows - skipped);
        prop_assert_eq!(kmers(&dna, k).count(), windows - skipped);

        let total: f32 = counter.with_frequencies(true).encode(&dna).iter().sum();
        let expected = if windows > skipped { 1.0 } else { 0.0 };
        prop_assert!((total - expected).abs() < 1e-5);
    }

    #[test]
    fn the_other_strand_permutes_the_counts(dna in seq::<Dna>(), k in 1_usize..4) {
        let counter = KmerCounts::new(k).expect("in range");
        let (here, there) = (counter.encode(&dna), counter.encode(&dna.reverse_complement()));
        let names = all_kmers(k);
        for (index, name) in names.iter().enumerate() {
            let partner = names.binary_search(&reverse_complement(name)).expect("a k-mer too");
            prop_assert_eq!(here[index], there[partner]);
        }
    }

    #[test]
    fn dna_and_its_rna_count_the_same(dna in seq::<Dna>(), k in 1_usize..4) {
        let counter = KmerCounts::new(k).expect("in range");
        prop_assert_eq!(counter.encode(&dna), counter.encode(&dna.transcribe()));
    }

    #[test]
    fn tokens_decode_to_the_codes(protein in seq::<Protein>(), begin: bool, end: bool) {
        let tokens = Tokens::new().with_begin(begin).with_end(end);
        let mut row = vec![i64::MIN; Encode::<Protein>::positions(&tokens, protein.len())];
        tokens.encode_tokens_into(&protein, &mut row);

        let floats: Vec<f32> = row.iter().map(|&token| token as f32).collect();
        prop_assert_eq!(tokens.encode(&protein), floats);
        prop_assert!(row.iter().all(|&t| t != Tokens::PADDING && (t as usize) < Tokens::vocabulary_size::<Protein>()));

        let mut row = &row[..];
        if begin {
            prop_assert_eq!(row[0], Tokens::BEGIN);
            row = &row[1..];
        }
        if end {
            prop_assert_eq!(row.last(), Some(&Tokens::END));
            row = &row[..row.len() - 1];
        }
        let codes: Vec<u8> = row.iter().map(|&t| if t == Tokens::UNKNOWN { 20 } else { (t - 4) as u8 }).collect();
        prop_assert_eq!(&codes[..], protein.codes());
    }
}

#[test]
fn dinucleotides_on_paper() {
    let policy = Policy {
        ambiguous: Ambiguous::Unknown,
        ..Policy::default()
    };
    // AA AC CA | N | GT TT TT
    let seq = Seq::<Dna>::parse("AACANGTTT", policy).expect("valid");
    let mut expected = [0.0; 16];
    for (name, count) in [
        ("AA", 1.0),
        ("AC", 1.0),
        ("CA", 1.0),
        ("GT", 1.0),
        ("TT", 2.0),
    ] {
        expected[all_kmers(2)
            .iter()
            .position(|k| k == name)
            .expect("a dinucleotide")] = count;
    }
    assert_eq!(KmerCounts::new(2).expect("in range").encode(&seq), expected);
}

#[test]
fn a_sequence_without_a_window_has_zero_counts_and_frequencies() {
    let counter = KmerCounts::new(3).expect("in range");
    for text in ["", "AC"] {
        let seq: Seq<Dna> = text.parse().expect("valid");
        assert_eq!(counter.encode(&seq), [0.0; 64]);
        assert_eq!(counter.with_frequencies(true).encode(&seq), [0.0; 64]);
    }
}

#[test]
fn counts_do_not_stick_at_the_integers_f32_can_step_through() {
    let seq = Seq::<Dna>::from_codes(vec![0; (1 << 24) + 2]).expect("in range");
    assert_eq!(
        KmerCounts::new(1).expect("in range").encode(&seq),
        [16_777_218.0, 0.0, 0.0, 0.0]
    );
}

#[test]
fn k_is_checked_before_a_row_is_allocated() {
    assert_eq!(KmerCounts::new(0), Err(SeqError::KmerLength { k: 0 }));
    assert_eq!(
        KmerCounts::new(usize::MAX),
        Err(SeqError::KmerLength { k: usize::MAX })
    );
    let longest = KmerCounts::new(12).expect("in range");
    assert_eq!(Encode::<Rna>::channels(&longest), 4_usize.pow(12));
}

#[test]
#[should_panic(expected = "kmers: k is 0, expected 1 to 12")]
fn a_window_of_nothing_panics() {
    let _ = kmers(&Seq::<Dna>::from_codes(vec![]).expect("valid"), 0);
}

#[test]
#[should_panic(expected = "OneHot: out has 11 values, expected positions 3 x channels 4 = 12")]
fn a_buffer_of_the_wrong_size_panics_with_both_dimensions() {
    let seq: Seq<Dna> = "ACG".parse().expect("valid");
    OneHot::default().encode_into(&seq, &mut [0.0; 11]);
}
