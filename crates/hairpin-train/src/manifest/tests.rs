use std::fs;

use proptest::prelude::*;

use super::*;

const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn manifest() -> Manifest {
    Manifest {
        git_commit: Some("0".repeat(40)),
        seed: 7,
        device: "cuda:0".into(),
        features: vec!["flex".into(), "cuda".into()],
        data: vec![DataFile {
            name: "a \"b\"\n[fit]".into(),
            bytes: 3,
            sha256: SHA256.into(),
        }],
        ..Manifest::new("tune", "0.1.0")
    }
}

fn refusal(text: &str) -> String {
    split(text, Path::new("run.toml")).unwrap_err().to_string()
}

#[test]
fn a_run_is_a_configuration_again_to_the_last_byte() {
    let bare = Manifest::new("", "");
    for config in [
        "",
        "\n",
        "seed = 1\n",
        "seed = 1\n\n\n",
        "# only a comment\n",
        "seed = 1\r\n\r\n[fit]\r\nepochs = 3\r\n",
        "text = \"\"\"\n[manifest]\n\"\"\"\n",
        "[fit]\nmanifest = 3\n",
        "[fit.manifest]\nx = 3\n\n[[rows]]\na = 1\n",
    ] {
        for manifest in [&manifest(), &bare] {
            let text = manifest.append_to(config).unwrap();
            let (found, table) = split(&text, Path::new("run.toml")).unwrap();
            assert_eq!(found, config, "{text}");
            assert_eq!(table.as_ref(), Some(manifest));
            assert_eq!(table.unwrap().append_to(&found).unwrap(), text);
        }
        let (found, none) = split(config, Path::new("run.toml")).unwrap();
        assert_eq!((found.as_str(), none), (config, None));
    }
    let text = manifest().append_to("seed = 1").unwrap();
    assert_eq!(split(&text, Path::new("a")).unwrap().0, "seed = 1\n");
}

proptest! {
    #[test]
    fn any_text_of_a_manifest_survives(
        words in proptest::collection::vec(any::<String>(), 6), seed: u64, bytes: u64,
    ) {
        let file = DataFile { name: words[0].clone(), bytes, sha256: SHA256.into() };
        let before = Manifest {
            program: words[1].clone(),
            program_version: words[2].clone(),
            git_commit: Some(words[3].clone()),
            device: words[4].clone(),
            features: words[3..].to_vec(),
            seed,
            data: vec![file; 2],
            ..Manifest::new("", "")
        };
        let text = before.append_to("x = 1\n").unwrap();
        let (config, after) = split(&text, Path::new("run.toml")).unwrap();
        prop_assert_eq!(config, "x = 1\n");
        prop_assert_eq!(after, Some(before));
    }

    #[test]
    fn no_text_brings_split_down(text in "[\\[\\]a-c=\"'.\n# manifest{}0-9]{0,60}", extra in any::<String>()) {
        for text in [&text, &extra, &format!("{text}\n[manifest]\n{extra}")] {
            if let Ok((config, None)) = split(text, Path::new("run.toml")) {
                prop_assert_eq!(&config, text);
            }
        }
    }
}

#[test]
fn the_same_manifest_is_the_same_bytes_and_has_no_time_in_it() {
    let text = manifest().append_to("seed = 7\n").unwrap();
    assert_eq!(
        text,
        format!(
            "seed = 7\n\n[manifest]\n\
             # Written by the run: what it was made with. As a configuration, this table is passed over.\n\
             hairpin = \"{}\"\nprogram = \"tune\"\nprogram_version = \"0.1.0\"\ngit_commit = \"{}\"\nseed = 7\n\
             device = \"cuda:0\"\nfeatures = [\"flex\", \"cuda\"]\nos = \"{}\"\narch = \"{}\"\n\n[[manifest.data]]\n\
             name = \"\"\"\na \"b\"\n[fit]\"\"\"\nbytes = 3\nsha256 = \"{SHA256}\"\n",
            env!("CARGO_PKG_VERSION"),
            "0".repeat(40),
            consts::OS,
            consts::ARCH,
        )
    );
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_written() {
    let refused = |manifest: &Manifest, config: &str| {
        let error = manifest.append_to(config).unwrap_err();
        assert!(matches!(error, TrainError::ConfigShape { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(&manifest(), "manifest = 1\n").contains("`manifest` of its own"));
    assert!(refused(&manifest(), "[manifest]\n").contains("`manifest` of its own"));
    refused(&manifest(), "text = \"\"\"\n");
}

#[test]
fn a_table_that_is_not_ours_is_refused_with_its_place() {
    let ours = manifest().append_to("seed = 1\n").unwrap();
    let last = "has to be the last table";
    for (text, place, reason) in [
        ("[fit", "line 1, column 5", ""),
        ("[manifest]\n[fit]\n", "line 2, column 2", last),
        ("manifest.seed = 1\nseed = 1\n", "line 2, column 1", last),
        ("a = 1\nmanifest = {}\nb = 2\n", "line 3, column 1", last),
        (
            "[a]\n[manifest.x]\n[b]\n[manifest.y]\n",
            "line 3, column 2",
            last,
        ),
        (
            "a = { b = 1 }\nmanifest = 3\n",
            "line 2, column 12",
            "invalid type",
        ),
        ("[[manifest]]\n", "line 1, column 1", ""),
        (
            "a = 1\n[manifest]\nseed = 1\n",
            "line 2, column 1",
            "missing field",
        ),
        (
            &ours.replace("seed = 7", "seed = -7"),
            "line 9, column 8",
            "",
        ),
        (
            &ours.replace("seed = 7", "seeds = 7"),
            "line 9, column 1",
            "unknown field `seeds`",
        ),
        (
            &ours.replace(&SHA256[..9], "../../../"),
            "line 3, column 2",
            "64 lower-case hexadecimal",
        ),
        (
            &ours.replace(SHA256, ""),
            "line 3, column 2",
            "64 lower-case hexadecimal",
        ),
        (
            &format!("{ours}\n[fit]\nepochs = 1\n"),
            "line 22, column 2",
            last,
        ),
    ] {
        let message = refusal(text);
        assert!(
            message.starts_with(&format!("run.toml, {place}: ")),
            "{text}\n{message}"
        );
        assert!(message.contains(reason), "{message}");
    }
    // Deep nesting and a key twice are the parser's to refuse.
    for text in [
        "[manifest]\n[manifest]\n",
        &format!("[manifest]\na = {}", "[".repeat(100_000)),
    ] {
        assert!(matches!(
            split(text, Path::new("a")),
            Err(TrainError::ConfigSyntax { .. })
        ));
    }
}

#[test]
fn data_are_recognised_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.csv"), "abc").unwrap();
    let file = DataFile::read(&path("a.csv")).unwrap();
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    assert_eq!(
        (file.name.as_str(), file.bytes, file.sha256.as_str()),
        ("a.csv", 3, SHA256)
    );

    let manifest = Manifest {
        data: vec![file.clone(), file],
        ..manifest()
    };
    fs::write(path("moved.csv"), "abc").unwrap();
    manifest
        .verify_data(&[path("a.csv"), path("moved.csv")])
        .unwrap();

    let refused = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|name| path(name)).collect();
        manifest.verify_data(&paths).unwrap_err()
    };
    let error = refused(&["a.csv"]);
    assert!(matches!(&error, TrainError::DataFiles { expected, found: 1 } if expected.len() == 2));
    assert!(error.to_string().contains("a.csv, a.csv"), "{error}");
    fs::write(path("longer.csv"), "abcd").unwrap();
    let error = refused(&["a.csv", "longer.csv"]).to_string();
    assert!(
        error.contains("longer.csv: its size in bytes is 4, expected 3"),
        "{error}"
    );
    fs::write(path("other.csv"), "abd").unwrap();
    let error = refused(&["other.csv", "a.csv"]).to_string();
    assert!(error.contains("other.csv: its SHA-256 is"), "{error}");
    assert!(error.contains(&format!("expected {SHA256}")), "{error}");
    fs::create_dir(path("folder")).unwrap();
    for name in ["absent.csv", "folder", "a.csv/b"] {
        let error = refused(&[name, "a.csv"]);
        assert!(matches!(error, TrainError::DataFile { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_large_file_is_hashed_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let bytes: Vec<u8> = (0..200_001u32)
        .map(|at| (at * 7 + at / 251) as u8)
        .collect();
    fs::write(&path, &bytes).unwrap();
    let file = DataFile::read(&path).unwrap();
    assert_eq!(file.bytes, 200_001);
    assert_eq!(file.sha256, crate::digest::sha256_hex(&bytes));
}

#[test]
fn changes_name_what_changed_and_nothing_else() {
    let recorded = manifest();
    assert_eq!(recorded.changes(&recorded), []);
    let reordered = Manifest {
        features: vec!["cuda".into(), "flex".into()],
        ..manifest()
    };
    assert_eq!(recorded.changes(&reordered), []);
    let other = Manifest {
        git_commit: None,
        seed: 8,
        ..manifest()
    };
    let changes: Vec<String> = recorded
        .changes(&other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        changes,
        [
            format!("git commit was {}, is unknown", "0".repeat(40)),
            "seed was 7, is 8".into()
        ]
    );
}

#[test]
fn a_run_is_the_configuration_of_the_next_one() {
    use crate::config::{layered, to_toml};

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Config {
        epochs: usize,
        seed: u64,
    }
    let path = Path::new("run.toml");
    let defaults = Config { epochs: 3, seed: 0 };
    let used = Config {
        epochs: 60,
        seed: 7,
    };
    let run = manifest().append_to(&to_toml(&used).unwrap()).unwrap();
    // As it is, the table is a key that no configuration has.
    let error = layered(&defaults, &run, path).unwrap_err();
    assert!(matches!(&error, TrainError::ConfigKey { key, .. } if key == "manifest"));
    let (config, _) = split(&run, path).unwrap();
    assert_eq!(layered(&defaults, &config, path).unwrap(), used);
}
