//! Any bytes as a table of sequences, with and without its header, plain or gzip: rows or an error, and what is read can be looked at
//! and written.
#![no_main]

use hairpin_seq::{Dna, Policy};
use hairpin_tasks::sequence_csv::{self, Columns};
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"id,sequence,target,gene\n";

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("train.csv");
    let columns = Columns {
        group: Some("gene".to_owned()),
        ..Columns::default()
    };
    for bytes in [data.to_vec(), [HEADER, data].concat()] {
        std::fs::write(&path, bytes).expect("a file");
        match sequence_csv::read_train(&path, &columns) {
            Ok(train) => {
                assert_eq!(train.sequences.len(), train.ids.len());
                assert_eq!(
                    train.groups.map(|groups| groups.len()),
                    Some(train.ids.len())
                );
                let _ = sequence_csv::detect(&train.sequences);
                let _ = train.sequences.parse::<Dna>(Policy::default());
                let written = folder.path().join(sequence_csv::SUBMISSION);
                sequence_csv::write_submission(&written, &train.ids, &train.targets)
                    .expect("what was read can be written");
                let read = sequence_csv::read_labels(&written, &Columns::default())
                    .expect("what was written can be read");
                assert_eq!(read.values(), train.targets.values());
                assert_eq!(read.row_ids(), Some(train.ids.as_slice()));
            }
            Err(error) => assert!(error.to_string().starts_with(&path.display().to_string())),
        }
        if let Err(error) = sequence_csv::read_test(&path, &Columns::default()) {
            assert!(!error.to_string().is_empty());
        }
    }
});
