//! Names of keys, and which of them one may have meant.

use serde_json::Value;

/// Every key of the defaults with its distance to `key`, at all depths.
pub(super) fn nearest(
    defaults: &Value,
    parents: &[String],
    key: &str,
    candidates: &mut Vec<(usize, usize, String)>,
) {
    for (name, value) in defaults.as_object().into_iter().flatten() {
        candidates.push((distance(key, name), 1, dotted(parents, name)));
        nearest(value, &child(parents, name), key, candidates);
    }
}

/// Number of edits between two keys, whatever their case.
pub(super) fn distance(key: &str, name: &str) -> usize {
    strsim::damerau_levenshtein(&key.to_lowercase(), &name.to_lowercase())
}

pub(super) fn child(parents: &[String], key: &str) -> Vec<String> {
    parents.iter().cloned().chain([key.to_owned()]).collect()
}

/// The dotted name of a key as one would write it in TOML: what is not a bare key is quoted.
pub(super) fn dotted(parents: &[String], key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let quoted = |key: &str| {
        if !key.is_empty() && key.chars().all(bare) {
            key.to_owned()
        } else {
            format!("{key:?}")
        }
    };
    let names: Vec<String> = parents
        .iter()
        .map(String::as_str)
        .chain([key])
        .map(quoted)
        .collect();
    names.join(".")
}
