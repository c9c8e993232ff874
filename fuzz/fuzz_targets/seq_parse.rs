//! Any text as a sequence of each alphabet under each policy: what is read is written and read again.
#![no_main]

use hairpin_seq::{Alphabet, Ambiguous, Case, Dna, Policy, Protein, Rna, Seq};
use libfuzzer_sys::fuzz_target;

fn check<A: Alphabet>(text: &str, policy: Policy) {
    match Seq::<A>::parse(text, policy) {
        Ok(seq) => {
            assert!(seq.len() <= text.chars().count());
            assert_eq!(Seq::<A>::from_codes(seq.codes().to_vec()), Ok(seq.clone()));
            let keep = Policy {
                ambiguous: Ambiguous::Unknown,
                ..policy
            };
            assert_eq!(Seq::<A>::parse(&seq.to_string(), keep), Ok(seq));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for ambiguous in [Ambiguous::Refuse, Ambiguous::Unknown] {
        for case in [Case::Refuse, Case::Fold] {
            #[allow(clippy::needless_update, reason = "a policy may gain fields")]
            let policy = Policy {
                ambiguous,
                case,
                ..Policy::default()
            };
            check::<Dna>(&text, policy);
            check::<Rna>(&text, policy);
            check::<Protein>(&text, policy);
        }
    }
});
