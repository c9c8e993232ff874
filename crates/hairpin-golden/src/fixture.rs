//! Text and JSON under `fixtures/`.

use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// The text of `fixtures/<path>` of this workspace.
///
/// # Panics
///
/// If the file is absent or no text.
pub fn fixture(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("fixture {}: {error}", path.display()))
}

/// The values of `fixtures/golden/<crate_name>/<file>`, which is JSON.
///
/// ```
/// let cases: serde_json::Value = hairpin_golden::golden_json("hairpin-targets", "blend.json");
/// assert!(cases["cases"].is_array());
/// ```
///
/// # Panics
///
/// If the file is absent, no JSON, or holds something else than a `T`.
pub fn golden_json<T: DeserializeOwned>(crate_name: &str, file: &str) -> T {
    let text = fixture(&format!("golden/{crate_name}/{file}"));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("golden file {crate_name}/{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::tests::panic_message;

    #[test]
    fn a_file_that_is_not_there_or_of_another_form_is_named() {
        let message = panic_message(|| drop(fixture("no/such.txt")));
        assert!(message.contains("no/such.txt"), "{message}");
        let message = panic_message(|| {
            golden_json::<Vec<u8>>("hairpin-targets", "blend.json");
        });
        assert!(message.contains("hairpin-targets/blend.json"), "{message}");
    }
}
