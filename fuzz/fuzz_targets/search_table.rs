//! Any bytes as a table of trials, with and without its header: trials or an error, and what is read can be merged and shown.
#![no_main]

use hairpin_search::{Space, merge, report, table};
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"study,trial,state,value,param.x,param.c,param.k,reports,message\n";

fuzz_target!(|data: &[u8]| {
    let space = Space::builder()
        .float("x", 0.0..=1.0)
        .categorical("c", ["a", "b"])
        .int("k", 1..=3)
        .when("c", ["a"])
        .build()
        .expect("the space is right");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trials.csv");
    for bytes in [data.to_vec(), [HEADER, data].concat()] {
        std::fs::write(&path, bytes).expect("a file");
        let merged = merge(&[&path], &folder.path().join("merged.csv"));
        match table::read(&path, &space) {
            Ok(trials) => {
                assert_eq!(merged.ok(), Some(trials.trials.len()));
                assert!(report::html("fuzz", &space, &trials).ends_with("</html>\n"));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
