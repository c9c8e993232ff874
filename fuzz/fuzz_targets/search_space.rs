//! Any text as the space of a search: what is read is written and read again, and can be drawn from.
#![no_main]

use std::path::Path;

use hairpin_search::{Direction, Sampler, Space};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Space::from_toml(&text, Path::new("space.toml")) {
        Ok(space) => {
            let again = Space::from_toml(&space.to_toml(), Path::new("again"));
            assert_eq!(again.as_ref().ok(), Some(&space));
            let params = Sampler::Random.draw(&space, 1, 2, Direction::Minimise, &[]);
            assert!(params.iter().count() <= space.params().len());
            assert!(!params.to_toml().is_empty());
        }
        Err(error) => assert!(error.to_string().starts_with("space.toml")),
    }
});
