//! Holds the fixtures to their hashes, so that no reference value changes unseen.
//!
//! `fixtures/SHA256SUMS` has the format of `sha256sum`, with paths relative to `fixtures/`:
//! `cd fixtures && sha256sum --check SHA256SUMS` agrees with this check.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{sha256, workspace};

const LIST: &str = "fixtures/SHA256SUMS";

/// The folders under `fixtures/` whose every file is listed.
const LISTED: [&str; 2] = ["golden", "tasks"];

/// Paths relative to `fixtures/`, each with its hash.
type Hashes = BTreeMap<String, String>;

/// Compares the list with the files: none missing, none changed, none unlisted.
pub(crate) fn check(root: &Path) -> Result<String, String> {
    let path = root.join(LIST);
    let text =
        fs::read_to_string(&path).map_err(|source| format!("{LIST}: cannot read it: {source}"))?;
    let listed = parse(&text)?;
    let found = hash_files(&root.join("fixtures"))?;
    let problems = compare(&listed, &found);
    if problems.is_empty() {
        return Ok(format!(
            "fixtures: {} files, every hash agrees",
            found.len()
        ));
    }
    Err(format!(
        "{}\n\nfixtures: {} of the files disagree with {LIST}. If the change is meant, make the list anew with \
         `cargo xtask fixtures --write` and let the commit say which script made the files.",
        problems.join("\n"),
        problems.len()
    ))
}

/// Makes the list anew from the files.
pub(crate) fn write(root: &Path) -> Result<String, String> {
    let found = hash_files(&root.join("fixtures"))?;
    let text: String = found
        .iter()
        .map(|(path, hash)| format!("{hash}  {path}\n"))
        .collect();
    // Renamed into place, so that an interrupted run leaves the old list.
    let unfinished = root.join(format!("{LIST}.new"));
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, root.join(LIST)))
        .map_err(|source| format!("{LIST}: cannot write it: {source}"))?;
    Ok(format!("fixtures: {} files listed in {LIST}", found.len()))
}

fn hash_files(fixtures: &Path) -> Result<Hashes, String> {
    let mut hashes = Hashes::new();
    for folder in LISTED {
        for path in workspace::files_under(&fixtures.join(folder))? {
            let bytes = fs::read(&path)
                .map_err(|source| format!("{}: cannot read it: {source}", path.display()))?;
            let relative = path
                .strip_prefix(fixtures)
                .unwrap_or(&path)
                .display()
                .to_string()
                .replace('\\', "/");
            hashes.insert(relative, sha256::hex_digest(&bytes));
        }
    }
    Ok(hashes)
}

fn parse(text: &str) -> Result<Hashes, String> {
    let mut hashes = Hashes::new();
    for (index, line) in text.lines().enumerate() {
        let fault = |what: &str| format!("{LIST}:{}: {what}: `{line}`", index + 1);
        let (hash, path) = line
            .split_once("  ")
            .ok_or_else(|| fault("expected a hash, two spaces and a path"))?;
        if hash.len() != 64
            || !hash
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(fault("expected 64 lower-case hexadecimal digits"));
        }
        if hashes.insert(path.to_owned(), hash.to_owned()).is_some() {
            return Err(fault("this path is listed twice"));
        }
    }
    Ok(hashes)
}

fn compare(listed: &Hashes, found: &Hashes) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, expected) in listed {
        match found.get(path) {
            None => problems.push(format!(
                "missing:  fixtures/{path} is listed, but there is no such file"
            )),
            Some(hash) if hash != expected => {
                problems.push(format!(
                    "changed:  fixtures/{path} has {hash}, listed is {expected}"
                ));
            }
            Some(_) => {}
        }
    }
    for path in found.keys().filter(|path| !listed.contains_key(*path)) {
        problems.push(format!("unlisted: fixtures/{path}"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(entries: &[(&str, &str)]) -> Hashes {
        entries
            .iter()
            .map(|(path, hash)| ((*path).to_owned(), hash.repeat(64)))
            .collect()
    }

    #[test]
    fn names_what_is_missing_changed_and_unlisted() {
        let listed = hashes(&[
            ("golden/same", "a"),
            ("golden/changed", "b"),
            ("tasks/missing", "c"),
        ]);
        let found = hashes(&[
            ("golden/same", "a"),
            ("golden/changed", "d"),
            ("tasks/new", "e"),
        ]);
        let problems = compare(&listed, &found);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("changed:  fixtures/golden/changed "));
        assert!(problems[1].starts_with("missing:  fixtures/tasks/missing "));
        assert_eq!(problems[2], "unlisted: fixtures/tasks/new");
        assert!(compare(&listed, &listed).is_empty());
    }

    #[test]
    fn a_broken_list_is_refused_with_its_line() {
        let good = format!("{}  golden/a.safetensors\n", "0".repeat(64));
        assert_eq!(parse(&good).unwrap().len(), 1);
        for broken in [
            "no hash".to_owned(),
            "00  short".to_owned(),
            format!("{}  upper", "A".repeat(64)),
            good.clone(),
        ] {
            let error = parse(&format!("{good}{broken}")).unwrap_err();
            assert!(error.starts_with("fixtures/SHA256SUMS:2: "), "{error}");
        }
    }

    #[test]
    fn a_written_list_agrees_until_a_file_changes() {
        let root =
            std::env::temp_dir().join(format!("hairpin-xtask-fixtures-{}", std::process::id()));
        let folder = root.join("fixtures/golden/toy");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x.txt"), "one").unwrap();
        write(&root).unwrap();
        let agreed = check(&root);
        fs::write(folder.join("x.txt"), "two").unwrap();
        let changed = check(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(agreed.unwrap(), "fixtures: 1 files, every hash agrees");
        assert!(
            changed
                .unwrap_err()
                .starts_with("changed:  fixtures/golden/toy/x.txt has ")
        );
    }
}
