//! Any text as dot-bracket and as loop types: what is read is written and read again, and has its features.
#![no_main]

use hairpin_seq::structure::{LoopType, Structure, loop_types, parse_loop_types, write_loop_types};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(loops) = parse_loop_types(&text) {
        assert_eq!(write_loop_types(&loops), text);
    }
    match text.parse::<Structure>() {
        Ok(structure) => {
            assert_eq!(structure.len(), text.len());
            let nested = structure.without_pseudoknots();
            assert!(!nested.has_pseudoknots());
            assert_eq!(
                Structure::from_pair_table(&structure.pair_table()),
                Ok(structure.clone())
            );
            // Fewer kinds of brackets may not suffice for what the text wrote with its own choice of them.
            if let Ok(written) = structure.to_dot_bracket() {
                assert_eq!(written.parse::<Structure>(), Ok(structure.clone()));
            }
            let loops = loop_types(&structure);
            assert_eq!(loops.len(), structure.len());
            let mut rows = vec![0.0; loops.len() * LoopType::ALL.len()];
            LoopType::one_hot_into(&loops, &mut rows);
            let mut mountain = vec![0.0; structure.len()];
            structure.mountain_into(&mut mountain);
            assert!(mountain.iter().all(|&height| height >= 0.0));
            if structure.len() <= 128 {
                let mut distances = vec![0.0; structure.len() * structure.len()];
                structure.distances_into(&mut distances);
                assert!(distances.iter().all(|&distance| distance >= 0.0));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
