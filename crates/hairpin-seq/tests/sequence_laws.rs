//! Reading, writing and complementing sequences: laws over any input.

use hairpin_seq::{
    Alphabet, Ambiguous, Case, Dna, Nucleotide, Policy, Protein, Rna, Seq, SeqError,
};
use proptest::prelude::*;

const STRICT: Policy = Policy {
    ambiguous: Ambiguous::Refuse,
    case: Case::Refuse,
};
const KEEP_UNKNOWN: Policy = Policy {
    ambiguous: Ambiguous::Unknown,
    case: Case::Refuse,
};
const FOLD: Policy = Policy {
    ambiguous: Ambiguous::Refuse,
    case: Case::Fold,
};
const LENIENT: Policy = Policy {
    ambiguous: Ambiguous::Unknown,
    case: Case::Fold,
};

fn seq<A: Alphabet>() -> impl Strategy<Value = Seq<A>> {
    proptest::collection::vec(0..=Seq::<A>::UNKNOWN_CODE, 0..80)
        .prop_map(|codes| Seq::from_codes(codes).expect("codes were drawn in range"))
}

fn policy() -> impl Strategy<Value = Policy> {
    proptest::sample::select(vec![STRICT, KEEP_UNKNOWN, FOLD, LENIENT])
}

/// Text that is mostly near the alphabet, so that errors are not all at position 1.
fn nearly_dna() -> impl Strategy<Value = String> {
    "[ACGT]{0,30}[ACGTacgtNnRUé🧬 -]{0,3}[ACGT]{0,30}"
}

/// What the policy table in the crate's documentation says, one character at a time.
fn allowed<A: Alphabet>(symbol: char, policy: Policy) -> bool {
    let upper = symbol.to_ascii_uppercase();
    let known = A::SYMBOLS.iter().any(|&s| char::from(s) == upper);
    let ambiguous = upper.is_ascii() && A::is_ambiguous(upper as u8);
    (known || ambiguous && policy.ambiguous == Ambiguous::Unknown)
        && (upper == symbol || policy.case == Case::Fold)
}

fn obeys_the_policy<A: Alphabet>(text: &str, policy: Policy) -> Result<(), TestCaseError> {
    match Seq::<A>::parse(text, policy) {
        Ok(seq) => {
            prop_assert!(text.chars().all(|c| allowed::<A>(c, policy)));
            prop_assert_eq!(seq.len(), text.chars().count());
            for (read, written) in text.chars().zip(seq.to_string().chars()) {
                let upper = read.to_ascii_uppercase();
                let unknown = A::is_ambiguous(upper as u8);
                prop_assert_eq!(
                    written,
                    if unknown {
                        char::from(A::UNKNOWN)
                    } else {
                        upper
                    }
                );
            }
        }
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
            let first = text.chars().position(|c| !allowed::<A>(c, policy));
            prop_assert_eq!(Some(position - 1), first);
            prop_assert_eq!(text.chars().nth(position - 1), Some(symbol));
            prop_assert_eq!(alphabet, A::NAME);
        }
        Err(other) => prop_assert!(false, "unexpected {}", other),
    }
    Ok(())
}

fn complements_back<A: Nucleotide>(seq: &Seq<A>) -> Result<(), TestCaseError> {
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
    fn complementing_twice_is_the_identity(dna in seq::<Dna>(), rna in seq::<Rna>()) {
        complements_back(&dna)?;
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
