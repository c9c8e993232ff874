//! Any bytes as each of RNAcompete's files: sequences, intensities, an answer, or an error; what is read fits together and can be
//! written and read again.
#![no_main]

use hairpin_seq::{Ambiguous, Case, Policy};
use hairpin_tasks::embeddings::Embeddings;
use hairpin_tasks::rnacompete::{self, Missing, Reading, Stray, TrainFiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let strict = Reading::default();
    let lenient = |policy| Policy {
        ambiguous: Ambiguous::Unknown,
        case: Case::Fold,
        ..policy
    };
    let lenient = Reading {
        proteins: lenient(strict.proteins),
        probes: lenient(strict.probes),
        stray: Stray::Repair,
        missing: Missing::Mask,
    };
    // The bytes are all three files in turn, so that one input finds lines that fit together.
    let mut parts = data.splitn(3, |&byte| byte == 0);
    for name in [
        rnacompete::PROTEINS,
        rnacompete::PROBES,
        rnacompete::INTENSITIES,
    ] {
        std::fs::write(at(name), parts.next().unwrap_or_default()).expect("a file");
    }
    for reading in [strict, lenient] {
        match rnacompete::read_train(&TrainFiles::in_folder(folder.path()), reading) {
            Ok(train) => {
                assert_eq!(
                    train.intensities.values().dim(),
                    (train.probes.len(), train.proteins.len())
                );
                assert!(train.probes.iter().all(|probe| !probe.is_empty()));
                let out = at("answer");
                if train
                    .intensities
                    .measured()
                    .iter()
                    .all(|&measured| measured)
                {
                    rnacompete::write_submission(&out, &train.intensities)
                        .expect("what was read can be written");
                    let read = rnacompete::read_submission(&out).expect("and read again");
                    assert_eq!(read.values().dim(), train.intensities.values().dim());
                }
            }
            Err(error) => assert!(error.to_string().starts_with(&at("").display().to_string())),
        }
    }
    for name in [
        "probes.tsv.gz",
        "experiments.tsv",
        "intensities.npz",
        "proteins_info_all.tab",
    ] {
        std::fs::write(at(name), data).expect("a file");
    }
    assert!(rnacompete::prepare(folder.path(), &at("prepared"), None).is_err());
    let _ = rnacompete::read_constructs(&at("proteins_info_all.tab"));
    let _ = rnacompete::read_experiment(&at("experiments.tsv"));
    std::fs::write(at("x.npy"), data).expect("a file");
    std::fs::write(at("x.npy.json"), data).expect("a file");
    assert!(Embeddings::read(&at("x.npy")).is_err());
});
