//! Any bytes as an npz of the DNA class challenge and as a single npy: values or an error.
#![no_main]

use hairpin_seq::Policy;
use hairpin_tasks::rnn_dna;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if std::fs::write(file.path(), data).is_err() {
        return;
    }
    for error in [
        rnn_dna::read_train(file.path(), Policy::default()).err(),
        rnn_dna::read_test(file.path(), Policy::default()).err(),
        rnn_dna::read_labels(file.path()).err(),
    ]
    .into_iter()
    .flatten()
    {
        assert!(!error.to_string().is_empty());
    }
});
