//! Encoders against their definitions and against loops over the text.

use std::collections::HashMap;

use hairpin_seq::{
    Alphabet, Ambiguous, Dna, Dust, Encode, EncodeAs, Esm2Tokens, IupacDna, KmerCounts, KmerTokens,
    Landmark, Layout, OneHot, Packed, PaddedBatch, Policy, Protein, RelativePosition, Rna, Seq,
    SeqError, Sinusoidal, Stacked, Tokens, UnknownRow, decode_argmax, kmers,
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

/// From `[positions, channels]` to `[channels, length]`, in a plain loop.
fn transposed<T: Copy>(rows: &[T], channels: usize, length: usize, padding: T) -> Vec<T> {
    let mut out = vec![padding; channels * length];
    for (position, row) in rows.chunks(channels).enumerate() {
        for (channel, &value) in row.iter().enumerate() {
            out[channel * length + position] = value;
        }
    }
    out
}

fn layouts_and_types_agree<A: Alphabet>(
    seq: &Seq<A>,
    unknown: UnknownRow,
    more: usize,
) -> Result<(), TestCaseError> {
    let one_hot = OneHot { unknown };
    let length = seq.len() + more;
    let rows = one_hot.encode(seq);
    let mut columns = vec![f32::NAN; A::CHANNELS * length];
    one_hot.encode_channels_first_into(seq, length, &mut columns);
    prop_assert_eq!(&columns, &transposed(&rows, A::CHANNELS, length, 0.0));

    // Bytes mark every channel that has a share.
    let mut bytes = vec![9_u8; rows.len()];
    one_hot.encode_as_into(seq, &mut bytes);
    let marks: Vec<u8> = rows.iter().map(|&v| u8::from(v > 0.0)).collect();
    prop_assert_eq!(&bytes, &marks);
    let mut columns = vec![9_u8; A::CHANNELS * length];
    one_hot.encode_channels_first_as_into(seq, length, &mut columns);
    prop_assert_eq!(&columns, &transposed(&marks, A::CHANNELS, length, 0));
    Ok(())
}

fn decoding_gives_the_sequence_back<A: Alphabet>(
    seq: &Seq<A>,
    unknown: UnknownRow,
) -> Result<(), TestCaseError> {
    let one_hot = OneHot { unknown };
    prop_assert_eq!(
        &decode_argmax::<A>(&one_hot.encode(seq), Layout::LengthFirst),
        seq
    );
    let mut columns = vec![f32::NAN; A::CHANNELS * seq.len()];
    one_hot.encode_channels_first_into(seq, seq.len(), &mut columns);
    prop_assert_eq!(&decode_argmax::<A>(&columns, Layout::ChannelsFirst), seq);
    Ok(())
}

/// A batch in a plain loop: each sequence alone, padding behind.
fn rows_by_loop<A: Alphabet, E: Encode<A>>(
    encoder: &E,
    seqs: &[Seq<A>],
    length: usize,
) -> Vec<f32> {
    let mut out = Vec::new();
    for seq in seqs {
        let mut row = encoder.encode(seq);
        row.resize(length * encoder.channels(), encoder.padding());
        out.extend(row);
    }
    out
}

proptest! {
    #[test]
    fn both_layouts_and_both_types_hold_the_same(
        dna in seq::<Dna>(), iupac in seq::<IupacDna>(), protein in seq::<Protein>(), more in 0_usize..5,
        unknown in proptest::sample::select(vec![UnknownRow::Zeros, UnknownRow::Uniform]),
    ) {
        layouts_and_types_agree(&dna, unknown, more)?;
        layouts_and_types_agree(&iupac, unknown, more)?;
        layouts_and_types_agree(&protein, unknown, more)?;
    }

    #[test]
    fn the_row_of_an_iupac_code_is_the_mean_of_its_bases(iupac in seq::<IupacDna>()) {
        let uniform = OneHot { unknown: UnknownRow::Uniform };
        let zeros = OneHot::default();
        let letters = ["A", "C", "G", "T", "AG", "CT", "CG", "AT", "GT", "AC", "CGT", "AGT", "ACT", "ACG", "ACGT"];
        let (rows, zero_rows) = (uniform.encode(&iupac), zeros.encode(&iupac));
        for ((&code, row), zero_row) in iupac.codes().iter().zip(rows.chunks(4)).zip(zero_rows.chunks(4)) {
            let bases = letters[usize::from(code)];
            for (base, (&value, &zero)) in "ACGT".chars().zip(row.iter().zip(zero_row)) {
                let expected = if bases.contains(base) { 1.0 / bases.len() as f32 } else { 0.0 };
                prop_assert_eq!(value, expected);
                prop_assert_eq!(zero, if bases.len() == 1 { expected } else { 0.0 });
            }
        }
    }

    #[test]
    fn decoding_is_the_inverse(
        dna in seq::<Dna>(), protein in seq::<Protein>(),
        unknown in proptest::sample::select(vec![UnknownRow::Zeros, UnknownRow::Uniform]),
    ) {
        decoding_gives_the_sequence_back(&dna, unknown)?;
        decoding_gives_the_sequence_back(&protein, unknown)?;
    }

    #[test]
    fn a_packed_sequence_is_the_same_sequence(dna in proptest::collection::vec(0_u8..5, 0..300), uniform: bool) {
        let dna = Seq::<Dna>::from_codes(dna).expect("in range");
        let known = Seq::<Dna>::from_codes(dna.codes().iter().map(|&c| c & 3).collect()).expect("in range");
        prop_assert!(!Packed::from(&known).has_unknown());
        for seq in [dna, known] {
            let packed = Packed::from(&seq);
            prop_assert_eq!(&packed.to_seq(), &seq);
            prop_assert_eq!(packed.has_unknown(), seq.count_unknown() > 0);
            let codes: Vec<u8> = (0..=seq.len()).filter_map(|i| packed.code(i)).collect();
            prop_assert_eq!(&codes, seq.codes());
            let unknown = if uniform { UnknownRow::Uniform } else { UnknownRow::Zeros };
            let mut rows = vec![f32::NAN; 4 * seq.len()];
            packed.encode_into(OneHot { unknown }, &mut rows);
            prop_assert_eq!(rows, OneHot { unknown }.encode(&seq));
        }
    }

    #[test]
    fn a_batch_is_its_sequences(
        seqs in proptest::collection::vec(seq::<Dna>(), 0..150), proteins in proptest::collection::vec(seq::<Protein>(), 0..20),
        more in 0_usize..4,
    ) {
        let length = seqs.iter().map(Seq::len).max().unwrap_or(0) + 2 + more;
        let batch = PaddedBatch::new(length);
        let columns = batch.with_layout(Layout::ChannelsFirst);
        let rows = rows_by_loop(&OneHot::default(), &seqs, length);
        prop_assert_eq!(&batch.encode::<f32, _, _>(&OneHot::default(), &seqs).expect("long enough"), &rows);
        let transposed: Vec<f32> = rows.chunks(4 * length).flat_map(|row| transposed(row, 4, length, 0.0)).collect();
        let mut out = vec![f32::NAN; rows.len()];
        columns.encode_into(&OneHot::default(), &seqs, &mut out).expect("long enough");
        prop_assert_eq!(out, transposed);

        let tokens = Tokens::new().with_begin(true).with_end(true);
        let expected = rows_by_loop(&tokens, &seqs, length);
        for (t, &expected) in batch.encode::<i64, _, _>(&tokens, &seqs).expect("long enough").iter().zip(&expected) {
            prop_assert_eq!(*t as f32, expected);
        }
        for (t, &expected) in columns.encode::<u8, _, _>(&tokens, &seqs).expect("long enough").iter().zip(&expected) {
            prop_assert_eq!(f32::from(*t), expected);
        }
        let mask = batch.mask(&tokens, &seqs).expect("long enough");
        let padded: Vec<bool> = expected.iter().map(|&t| t == Tokens::PADDING as f32).collect();
        prop_assert_eq!(mask, padded);

        let length = proteins.iter().map(Seq::len).max().unwrap_or(0) + 2 + more;
        let found = PaddedBatch::new(length).encode::<i64, _, _>(&Esm2Tokens, &proteins).expect("long enough");
        let expected = rows_by_loop(&Esm2Tokens, &proteins, length);
        prop_assert!(found.iter().zip(&expected).all(|(&t, &e)| t as f32 == e));
        prop_assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn kmer_tokens_are_windows_by_name(dna in seq::<Dna>(), k in 1_usize..4, stride in 1_usize..6, begin: bool, end: bool) {
        let tokens = KmerTokens::new(k).and_then(|t| t.with_stride(stride)).expect("in range");
        let tokens = tokens.with_begin(begin).with_end(end);
        let (names, text) = (all_kmers(k), dna.to_string());
        let mut expected = Vec::new();
        if begin {
            expected.push(Tokens::BEGIN);
        }
        for start in (0..(text.len() + 1).saturating_sub(k)).step_by(stride) {
            let place = names.iter().position(|name| name == &text[start..start + k]);
            expected.push(place.map_or(Tokens::UNKNOWN, |place| 4 + place as i64));
        }
        if end {
            expected.push(Tokens::END);
        }
        let mut found = vec![-1_i64; Encode::<Dna>::positions(&tokens, dna.len())];
        tokens.encode_as_into(&dna, &mut found);
        prop_assert_eq!(&found, &expected);
        prop_assert!(found.iter().all(|&t| (t as usize) < tokens.vocabulary_size()));
    }

    #[test]
    fn tokens_are_decoded(protein in seq::<Protein>(), begin: bool, end: bool, padding in 0_usize..3) {
        let tokens = Tokens::new().with_begin(begin).with_end(end);
        let length = protein.len() + 2 + padding;
        let row = PaddedBatch::new(length).encode::<i64, _, _>(&tokens, std::slice::from_ref(&protein)).expect("fits");
        prop_assert_eq!(Tokens::decode::<Protein>(&row), protein);
    }
}

#[test]
fn numbers_that_are_no_tokens_decode_as_unknown() {
    let seq = Tokens::decode::<Dna>(&[4, 8, -1, i64::MAX, i64::MIN, 1, 0]);
    assert_eq!(seq.to_string(), "ANNNNN");
}

#[test]
fn positions_are_waves() {
    let seq: Seq<Dna> = "ACGTA".parse().expect("valid");
    let waves = Sinusoidal::new(6)
        .and_then(|w| w.with_base(100.0))
        .expect("in range");
    for (position, row) in waves.encode(&seq).chunks(6).enumerate() {
        for i in 0..3 {
            let angle = position as f64 / 100_f64.powf(2.0 * i as f64 / 6.0);
            assert!((f64::from(row[2 * i]) - angle.sin()).abs() < 1e-6);
            assert!((f64::from(row[2 * i + 1]) - angle.cos()).abs() < 1e-6);
        }
    }
    for channels in [0, 3] {
        assert!(matches!(
            Sinusoidal::new(channels),
            Err(SeqError::Setting {
                name: "channels",
                ..
            })
        ));
    }
    for base in [1.0, f64::NAN, f64::INFINITY] {
        assert!(waves.with_base(base).is_err());
    }
    let one: Seq<Dna> = "A".parse().expect("valid");
    for landmark in [Landmark::Start, Landmark::Centre, Landmark::End] {
        assert_eq!(RelativePosition { landmark }.encode(&one), [0.0]);
    }
}

#[test]
fn a_sequence_that_does_not_fit_is_refused_before_anything_is_written() {
    let seqs: Vec<Seq<Dna>> = ["A", "ACG", "ACGT"]
        .iter()
        .map(|t| t.parse().expect("valid"))
        .collect();
    let mut out = [7.0_f32; 3 * 2 * 4];
    let error = PaddedBatch::new(2).encode_into(&OneHot::default(), &seqs, &mut out);
    assert_eq!(
        error,
        Err(SeqError::TooLong {
            sequence: 1,
            positions: 3,
            length: 2
        })
    );
    assert!(out.iter().all(|&v| v == 7.0));
    // A block that no memory holds is refused as well.
    let endless = PaddedBatch::new(usize::MAX).encode::<f32, _, _>(&OneHot::default(), &seqs);
    assert!(matches!(
        endless,
        Err(SeqError::Setting { name: "length", .. })
    ));
}

#[test]
#[should_panic(
    expected = "KmerTokens: a vocabulary of 260 tokens does not fit into u8; encode into i64"
)]
fn a_token_is_never_cut_to_a_byte() {
    let seq: Seq<Dna> = "ACGT".parse().expect("valid");
    KmerTokens::new(4)
        .expect("in range")
        .encode_as_into(&seq, &mut [0_u8]);
}

#[test]
#[should_panic(expected = "Stacked: encoder 1 writes 4 positions, the first writes 3")]
fn stacked_encoders_must_agree_on_positions() {
    let seq: Seq<Dna> = "ACG".parse().expect("valid");
    let _ = Stacked::new(OneHot::default())
        .with(Tokens::new().with_begin(true))
        .encode(&seq);
}

#[test]
fn large_blocks_are_written_whole() {
    // Longer than what is filled at once, with a tail that is no multiple of anything.
    let codes: Vec<u8> = (0..3001_usize).map(|i| (i * i % 5) as u8).collect();
    let seq = Seq::<Dna>::from_codes(codes).expect("in range");
    let mut rows = vec![f32::NAN; 4 * seq.len()];
    OneHot::default().encode_into(&seq, &mut rows);
    assert_eq!(argmax(&rows, 4), seq.codes());
    assert_eq!(
        rows.iter().filter(|&&v| v != 0.0).count(),
        seq.len() - seq.count_unknown()
    );
}

proptest! {
    #[test]
    fn dust_is_its_definition(codes in proptest::collection::vec(prop_oneof![20 => 0_u8..2, 1 => 2_u8..5], 0..45), window in 4_usize..20, threshold in 2_u32..20) {
        let seq = Seq::<Dna>::from_codes(codes).expect("in range");
        let dust = Dust::default().with_window(window).expect("in range").with_threshold(threshold);
        let masked = seq.mask(&dust.intervals(&seq));
        prop_assert_eq!(masked, seq.mask(&dust_by_definition(&seq, window, threshold)));
        // The strand does not matter.
        let other = seq.reverse_complement();
        prop_assert_eq!(other.mask(&dust.intervals(&other)).reverse_complement(), seq.mask(&dust.intervals(&seq)));
    }
}

/// Every interval against every interval inside it.
fn dust_by_definition(
    seq: &Seq<Dna>,
    window: usize,
    threshold: u32,
) -> Vec<std::ops::Range<usize>> {
    // Repeats of triplets, and triplets less one; nothing for an interval over an unknown base.
    let score = |start: usize, end: usize| -> Option<(u64, u64)> {
        let part = &seq.codes()[start..end];
        let mut counts = HashMap::new();
        part.windows(3)
            .for_each(|t| *counts.entry(t).or_insert(0_u64) += 1);
        let known = part.iter().all(|&code| code < 4);
        known.then(|| {
            (
                counts.values().map(|c| c * (c - 1) / 2).sum(),
                (end - start - 3) as u64,
            )
        })
    };
    let mut perfect = Vec::new();
    for start in 0..seq.len() {
        for end in start + 4..=seq.len().min(start + window) {
            let Some((repeats, less_one)) = score(start, end) else {
                continue;
            };
            let inside = (start..end).flat_map(|a| (a + 4..=end).map(move |b| (a, b)));
            let highest = inside
                .filter_map(|(a, b)| score(a, b))
                .all(|(r, l)| r * less_one <= repeats * l);
            if highest && 10 * repeats > u64::from(threshold) * less_one {
                perfect.push(start..end);
            }
        }
    }
    perfect
}
