//! Any bytes as OpenVaccine's JSON lines, as labels and as a submission, with and without its header: molecules or an error, and what is
//! read fits together.
#![no_main]

use hairpin_seq::Policy;
use hairpin_tasks::open_vaccine;
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"id_seqpos,reactivity,deg_Mg_pH10,deg_pH10,deg_Mg_50C,deg_50C\n";

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("train.json");
    for bytes in [data.to_vec(), [HEADER, data].concat()] {
        std::fs::write(&path, bytes).expect("a file");
        if let Ok(train) = open_vaccine::read_train(&path, Policy::default()) {
            for (molecule, targets) in train.molecules.iter().zip(&train.targets) {
                assert_eq!(molecule.structure.len(), molecule.sequence.len());
                assert_eq!(molecule.loops.len(), molecule.sequence.len());
                assert_eq!(targets.n_rows(), molecule.seq_scored);
            }
        }
        for error in [
            open_vaccine::read_test(&path, Policy::default()).err(),
            open_vaccine::read_labels(&path).err(),
            open_vaccine::read_submission(&path).err(),
        ]
        .into_iter()
        .flatten()
        {
            assert!(error.to_string().starts_with(&path.display().to_string()));
        }
    }
});
