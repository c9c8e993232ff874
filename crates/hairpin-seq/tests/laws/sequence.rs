//! Reading, writing and complementing sequences: laws over any input.

use hairpin_seq::{
    Alphabet, Ambiguous, Case, Counterpart, Dna, Gap, IupacDna, IupacRna, NucleicAcid, Policy,
    Protein, Rna, Seq, SeqError,
};
use proptest::prelude::*;

const STRICT: Policy = Policy {
    ambiguous: Ambiguous::Refuse,
    case: Case::Refuse,
    gap: Gap::Refuse,
    counterpart: Counterpart::Refuse,
};
const KEEP_UNKNOWN: Policy = Policy {
    ambiguous: Ambiguous::Unknown,
    ..STRICT
};
const LENIENT: Policy = Policy {
    ambiguous: Ambiguous::Unknown,
    case: Case::Fold,
    ..STRICT
};

fn seq<A: Alphabet>() -> impl Strategy<Value = Seq<A>> {
    proptest::collection::vec(0..=Seq::<A>::UNKNOWN_CODE, 0..80)
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

fn policy() -> impl Strategy<Value = Policy> {
    let gap = proptest::sample::select(vec![Gap::Refuse, Gap::Drop, Gap::Unknown]);
    let ambiguous = proptest::sample::select(vec![Ambiguous::Refuse, Ambiguous::Unknown]);
    let case = proptest::sample::select(vec![Case::Refuse, Case::Fold]);
    let counterpart = proptest::sample::select(vec![Counterpart::Refuse, Counterpart::Convert]);
    (ambiguous, case, gap, counterpart).prop_map(|(ambiguous, case, gap, counterpart)| Policy {
        ambiguous,
        case,
        gap,
        counterpart,
    })
}

/// Text that is mostly near the alphabet, so that errors are not all at position 1.
fn nearly_dna() -> impl Strategy<Value = String> {
    "[ACGT]{0,30}[ACGTacgtNnRUuXé🧬 .-]{0,3}[ACGT]{0,30}"
}

/// What the policy's documentation says, one character at a time: nothing when it is refused, else what is written for it.
fn written<A: Alphabet>(symbol: char, policy: Policy) -> Option<String> {
    if matches!(symbol, '-' | '.') {
        return match policy.gap {
            Gap::Refuse => None,
            Gap::Drop => Some(String::new()),
            Gap::Unknown => Some(char::from(A::UNKNOWN).to_string()),
        };
    }
    let mut upper = symbol.to_ascii_uppercase();
    if upper != symbol && policy.case == Case::Refuse {
        return None;
    }
    if policy.counterpart == Counterpart::Convert {
        upper = match (upper, A::NAME) {
            ('U', "DNA" | "IUPAC DNA") => 'T',
            ('T', "RNA" | "IUPAC RNA") => 'U',
            _ => upper,
        };
    }
    let known = A::SYMBOLS.iter().any(|&s| char::from(s) == upper);
    let ambiguous = upper.is_ascii() && A::is_ambiguous(upper as u8);
    match policy.ambiguous {
        _ if known => Some(upper.to_string()),
        Ambiguous::Unknown if ambiguous => Some(char::from(A::UNKNOWN).to_string()),
        _ => None,
    }
}

fn obeys_the_policy<A: Alphabet>(text: &str, policy: Policy) -> Result<(), TestCaseError> {
    let expected: Option<String> = text.chars().map(|c| written::<A>(c, policy)).collect();
    match Seq::<A>::parse(text, policy) {
        Ok(seq) => prop_assert_eq!(Some(seq.to_string()), expected),
        Err(
            SeqError::AmbiguousSymbol {
                position,
                symbol,
                alphabet,
            }
            | SeqError::LowerCase {
                position,
                symbol,
                alphabet,
            }
            | SeqError::ForeignSymbol {
                position,
                symbol,
                alphabet,
                ..
            },
        ) => {
            let first = text.chars().position(|c| written::<A>(c, policy).is_none());
            prop_assert_eq!(Some(position - 1), first);
            prop_assert_eq!(text.chars().nth(position - 1), Some(symbol));
            prop_assert_eq!(alphabet, A::NAME);
        }
        Err(other) => prop_assert!(false, "unexpected {}", other),
    }
    Ok(())
}

fn complements_back<A: NucleicAcid>(seq: &Seq<A>) -> Result<(), TestCaseError> {
    prop_assert_eq!(&seq.reverse_complement().reverse_complement(), seq);
    prop_assert_eq!(&seq.complement().complement(), seq);
    let reversed: String = seq.complement().to_string().chars().rev().collect();
    prop_assert_eq!(seq.reverse_complement().to_string(), reversed);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(dna in seq::<Dna>(), rna in seq::<Rna>(), protein in seq::<Protein>()) {
        let masked = dna.to_string().to_lowercase();
        prop_assert_eq!(Seq::parse(&masked, LENIENT), Ok(dna.clone()));
        prop_assert_eq!(Seq::parse(&dna.to_string(), KEEP_UNKNOWN), Ok(dna));
        prop_assert_eq!(Seq::parse(&rna.to_string(), KEEP_UNKNOWN), Ok(rna));
        prop_assert_eq!(Seq::parse(&protein.to_string(), KEEP_UNKNOWN), Ok(protein));
    }

    #[test]
    fn any_text_is_a_sequence_or_an_error_at_its_first_bad_character(text in any::<String>(), policy in policy()) {
        obeys_the_policy::<Dna>(&text, policy)?;
        obeys_the_policy::<Protein>(&text, policy)?;
    }

    #[test]
    fn nearly_right_text_too(text in nearly_dna(), policy in policy()) {
        obeys_the_policy::<Dna>(&text, policy)?;
        obeys_the_policy::<Rna>(&text, policy)?;
        obeys_the_policy::<Protein>(&text, policy)?;
        obeys_the_policy::<IupacDna>(&text, policy)?;
        obeys_the_policy::<IupacRna>(&text, policy)?;
    }

    /// Longer than a block of the reader, with an odd character anywhere.
    #[test]
    fn and_text_of_many_blocks(
        odd in "[ACGTacgtNRU.é-]", at in 0_usize..10_000, more in 0_usize..5000, policy in policy(),
    ) {
        let text = format!("{}{odd}{}", "GATC".repeat(2500).split_at(at).0, "T".repeat(more));
        obeys_the_policy::<Dna>(&text, policy)?;
        obeys_the_policy::<Protein>(&text, policy)?;
    }

    #[test]
    fn codes_are_taken_or_refused_whole(codes in proptest::collection::vec(0_u8..7, 0..20)) {
        let first_bad = codes.iter().position(|&code| code > 4);
        match Seq::<Dna>::from_codes(codes.clone()) {
            Ok(seq) => {
                prop_assert_eq!(first_bad, None);
                prop_assert_eq!(seq.codes(), &codes[..]);
                prop_assert_eq!(seq.count_unknown(), seq.to_string().matches('N').count());
            }
            Err(error) => {
                let index = first_bad.expect("only a code above 4 is refused");
                prop_assert_eq!(error, SeqError::CodeOutOfRange {
                    position: index + 1, code: codes[index], unknown: 4, alphabet: "DNA",
                });
            }
        }
    }

    #[test]
    fn complementing_twice_is_the_identity(
        dna in seq::<Dna>(), rna in seq::<Rna>(), iupac in seq::<IupacDna>(),
    ) {
        complements_back(&dna)?;
        complements_back(&iupac)?;
        complements_back(&iupac.transcribe())?;
        prop_assert_eq!(&iupac.transcribe().reverse_transcribe(), &iupac);
        prop_assert_eq!(
            iupac.without_codes().reverse_complement(),
            iupac.reverse_complement().without_codes()
        );
        let widened = Seq::<IupacDna>::from(&dna);
        prop_assert_eq!(widened.reverse_complement(), Seq::from(&dna.reverse_complement()));
        prop_assert_eq!(widened.without_codes(), dna.clone());
        complements_back(&rna)?;
    }

    #[test]
    fn transcription_goes_by_symbol_and_back(dna in seq::<Dna>()) {
        prop_assert_eq!(dna.transcribe().to_string(), dna.to_string().replace('T', "U"));
        prop_assert_eq!(&dna.transcribe().reverse_transcribe(), &dna);
        prop_assert_eq!(dna.reverse_complement().transcribe(), dna.transcribe().reverse_complement());
    }

    #[test]
    fn slices_are_those_of_the_text(dna in seq::<Dna>(), a in 0_usize..80, b in 0_usize..80) {
        let (start, end) = (a.min(b).min(dna.len()), a.max(b).min(dna.len()));
        let text = dna.to_string();
        prop_assert_eq!(dna.slice(start..end).to_string(), &text[start..end]);
        prop_assert_eq!(dna.slice(start..).to_string(), &text[start..]);
        prop_assert_eq!(&dna.slice(..), &dna);
    }
}

#[test]
fn the_reverse_complement_pairs_every_base() {
    let dna = Seq::<Dna>::parse("AACGTN", KEEP_UNKNOWN).expect("valid");
    assert_eq!(dna.reverse_complement().to_string(), "NACGTT");
    let rna: Seq<Rna> = "AACGU".parse().expect("valid");
    assert_eq!(rna.reverse_complement().to_string(), "ACGUU");
}

#[test]
fn a_character_is_never_cut_to_a_byte_that_is_a_symbol() {
    // U+0141 ends in the byte 0x41, which is 'A'; the Cyrillic letter looks like one.
    for text in ["C\u{141}", "C\u{410}"] {
        let error = Seq::<Dna>::parse(text, LENIENT).expect_err("not ASCII");
        assert!(
            matches!(error, SeqError::ForeignSymbol { position: 2, .. }),
            "{error}"
        );
    }
    // Under case folding, the Kelvin sign's lower case is 'k', an ambiguity code; only ASCII is folded.
    assert!(Seq::<Dna>::parse("\u{212A}", LENIENT).is_err());
}

#[test]
fn the_empty_text_is_the_empty_sequence() {
    let seq: Seq<Dna> = "".parse().expect("no symbol to refuse");
    assert!(seq.is_empty());
    assert!(seq.reverse_complement().is_empty());
}

#[test]
fn display_pads_and_debug_names_the_alphabet() {
    let seq: Seq<Rna> = "ACGU".parse().expect("valid");
    assert_eq!(format!("[{seq:>6}]"), "[  ACGU]");
    assert_eq!(format!("{seq:?}"), "Seq<RNA>(\"ACGU\")");
}
