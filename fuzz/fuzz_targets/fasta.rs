//! Any bytes as a FASTA file, plain or compressed, whole or in small portions: the same records or the same error, and what is
//! read is written and read again.
#![no_main]

use std::io::{Cursor, Read};

use hairpin_seq::{Ambiguous, Case, Dna, Policy, ReadOptions, SeqError, fasta};
use libfuzzer_sys::fuzz_target;

/// Gives some bytes at a time.
struct Portions(Cursor<Vec<u8>>, usize);

impl Read for Portions {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

fn read(
    bytes: &[u8],
    portion: usize,
    options: ReadOptions,
) -> Result<Vec<fasta::Record<Dna>>, SeqError> {
    fasta::Reader::new(Portions(Cursor::new(bytes.to_vec()), portion), options)?.collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    #[allow(clippy::needless_update, reason = "a policy may gain fields")]
    let policy = match choice & 1 {
        0 => Policy::default(),
        _ => Policy {
            ambiguous: Ambiguous::Unknown,
            case: Case::Fold,
            ..Policy::default()
        },
    };
    let options = ReadOptions {
        policy,
        max_record_bytes: 1 << 12,
        unique_ids: choice & 2 != 0,
        allow_empty: choice & 4 != 0,
    };
    let records = read(bytes, usize::MAX, options);
    assert_eq!(read(bytes, usize::from(choice) + 1, options), records);
    match records {
        Ok(records) => {
            let mut text = Vec::new();
            let written = fasta::write_to(&mut text, usize::from(choice >> 3), &records);
            if written.is_ok() {
                let unknown = Policy {
                    ambiguous: Ambiguous::Unknown,
                    ..policy
                };
                let options = ReadOptions {
                    policy: unknown,
                    max_record_bytes: 1 << 24,
                    allow_empty: true,
                    ..options
                };
                assert_eq!(read(&text, usize::MAX, options), Ok(records));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
