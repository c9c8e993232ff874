//! A trained model as four files that load together or not at all.

use burn::module::Module;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::sha256_hex;
use crate::error::TrainError;
use crate::run_dir::RunDir;
use crate::weights::{halved, load_weights, weights_of};

/// Number of the format below; another one is refused.
const FORMAT: u32 = 1;
const MIB: u64 = 1 << 20;
/// What the files may have at most: no larger ones are written, and none are read whatever `bundle.json` records.
const RUN_CAP: u64 = 16 * MIB;
const TARGETS_CAP: u64 = 1024 * MIB;
const WEIGHTS_CAP: u64 = 4096 * MIB;
const MANIFEST_CAP: u64 = 64 << 10;

/// All that predicting with a trained model needs.
///
/// In the run's folder it is `run.toml`, `targets.json` and `model.bpk`, and `bundle.json` with their sizes and hashes:
///
/// ```json
/// {
///   "format": 1,
///   "hairpin": "0.1.0",
///   "model": "sequence_lstm",
///   "files": {
///     "run.toml": { "bytes": 812, "sha256": "9f86d0..." },
///     "targets.json": { "bytes": 64, "sha256": "60303a..." },
///     "model.bpk": { "bytes": 162384, "sha256": "fd61a0..." }
///   }
/// }
/// ```
///
/// ```
/// use hairpin_train::{Bundle, RunDir};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// let bundle = Bundle {
///     model: "sequence_lstm".into(),
///     config_toml: "seed = 0\n".into(),
///     targets: serde_json::json!({ "classes": 5 }),
///     weights: vec![1, 2, 3],
/// };
/// let run = RunDir::create(path)?;
/// bundle.save(&run)?;
/// assert_eq!(Bundle::load(&run, "sequence_lstm")?, bundle);
///
/// // Weights of another training beside this configuration: refused, and the message names the file.
/// run.write(RunDir::MODEL, &[1, 2, 4])?;
/// assert!(Bundle::load(&run, "sequence_lstm").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Name of the model, such as `sequence_lstm`.
    pub model: String,
    /// The resolved configuration.
    pub config_toml: String,
    /// What was learned about the targets from the training rows.
    pub targets: Value,
    /// The weights, as the model's record writes them.
    pub weights: Vec<u8>,
}

/// `bundle.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    hairpin: String,
    model: String,
    files: Files,
}

/// A struct and no map: serde then refuses a part that is missing, unknown or recorded twice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    #[serde(rename = "run.toml")]
    run: Part,
    #[serde(rename = "targets.json")]
    targets: Part,
    #[serde(rename = "model.bpk")]
    model: Part,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    bytes: u64,
    sha256: String,
}

/// Read before the rest: another format may have other keys.
#[derive(Deserialize)]
struct Head {
    format: Value,
}

impl Bundle {
    /// The bundle of a trained model.
    ///
    /// # Errors
    ///
    /// [`TrainError::Weights`] when the weights cannot be recorded.
    pub fn of<M: Module>(
        name: &str,
        config_toml: String,
        targets: serde_json::Value,
        model: &M,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            model: name.to_owned(),
            config_toml,
            targets,
            weights: weights_of(model, Path::new(RunDir::MODEL))?,
        })
    }

    /// Puts the weights into a model of the bundle's configuration.
    ///
    /// # Errors
    ///
    /// [`TrainError::Weights`] when they are those of another configuration.
    pub fn into_model<M: Module>(self, model: M) -> Result<M, TrainError> {
        load_weights(model, self.weights, Path::new(RunDir::MODEL))
    }

    /// The same with the weights in half precision (IEEE 754 `binary16`), for passing on: half as many bytes, a relative error of at most 2⁻¹¹
    /// of each. [`into_model`](Self::into_model) reads them as full numbers; training goes on from the whole ones, not from these.
    ///
    /// # Errors
    ///
    /// [`TrainError::Weights`] when a weight is beyond 65504.
    pub fn in_half_precision(mut self) -> Result<Self, TrainError> {
        self.weights = halved(self.weights, Path::new(RunDir::MODEL))?;
        Ok(self)
    }

    /// Writes the four files, `bundle.json` last.
    ///
    /// All are on the disk under temporary names before the first is renamed, so a full disk leaves an earlier bundle as it
    /// was. What remains is a crash between two renames: the folder then holds new parts beside the old `bundle.json`, whose
    /// hashes make [`load`](Self::load) refuse the mixture. It never loads, and saving again mends it.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable), and [`TooLarge`](TrainError::TooLarge) for a part that
    /// [`load`](Self::load) would refuse to read.
    pub fn save(&self, run: &RunDir) -> Result<(), TrainError> {
        let json = |name: &str, written: serde_json::Result<Vec<u8>>| {
            written.map_err(|error| content(&run.file(name), error))
        };
        let config = self.config_toml.as_bytes();
        let targets = json(RunDir::TARGETS, serde_json::to_vec_pretty(&self.targets))?;
        for (name, bytes, cap) in [
            (RunDir::RUN, config, RUN_CAP),
            (RunDir::TARGETS, &targets, TARGETS_CAP),
            (RunDir::MODEL, &self.weights, WEIGHTS_CAP),
        ] {
            let found = bytes.len() as u64;
            if found > cap {
                let path = run.file(name);
                return Err(TrainError::TooLarge { path, cap, found });
            }
        }
        let manifest = Manifest {
            format: FORMAT,
            hairpin: env!("CARGO_PKG_VERSION").into(),
            model: self.model.clone(),
            files: Files {
                run: Part::of(config),
                targets: Part::of(&targets),
                model: Part::of(&self.weights),
            },
        };
        let manifest = json(RunDir::BUNDLE, serde_json::to_vec_pretty(&manifest))?;
        run.write_all(&[
            (RunDir::RUN, config),
            (RunDir::TARGETS, &targets),
            (RunDir::MODEL, &self.weights),
            (RunDir::BUNDLE, &manifest),
        ])
    }

    /// Reads what [`save`](Self::save) wrote, if it is whole and of this model.
    ///
    /// # Errors
    ///
    /// [`NoBundle`](TrainError::NoBundle) for a run that did not end, [`BundleFormat`](TrainError::BundleFormat) for another
    /// format, [`BundleModel`](TrainError::BundleModel) for another model, [`Missing`](TrainError::Missing) for a part that
    /// is not there, [`BundlePart`](TrainError::BundlePart) for one of another size or hash,
    /// [`BundleContent`](TrainError::BundleContent) for one that is not what its name says (`bundle.json` with a key too
    /// many, for instance), and what [`RunDir::read`] refuses.
    pub fn load(run: &RunDir, expected_model: &str) -> Result<Self, TrainError> {
        let path = run.file(RunDir::BUNDLE);
        let text = match run.read(RunDir::BUNDLE, MANIFEST_CAP) {
            Err(TrainError::Missing { path }) => {
                let holds = run.names()?;
                return Err(TrainError::NoBundle { path, holds });
            }
            read => read?,
        };
        let head: Head = serde_json::from_slice(&text).map_err(|error| content(&path, error))?;
        if head.format != FORMAT {
            return Err(TrainError::BundleFormat {
                path,
                expected: FORMAT,
                found: head.format.to_string(),
            });
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| content(&path, error))?;
        if manifest.model != expected_model {
            return Err(TrainError::BundleModel {
                path,
                expected: expected_model.into(),
                found: manifest.model,
            });
        }

        // The small parts first: no gigabyte is hashed before a broken configuration is found.
        let files = manifest.files;
        let config = files.run.read(run, RunDir::RUN, RUN_CAP)?;
        let config_toml = String::from_utf8(config)
            .map_err(|error| content(&run.file(RunDir::RUN), error.utf8_error()))?;
        let targets = files.targets.read(run, RunDir::TARGETS, TARGETS_CAP)?;
        let targets = serde_json::from_slice(&targets)
            .map_err(|error| content(&run.file(RunDir::TARGETS), error))?;
        Ok(Self {
            model: manifest.model,
            config_toml,
            targets,
            weights: files.model.read(run, RunDir::MODEL, WEIGHTS_CAP)?,
        })
    }
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
        }
    }

    /// The bytes of the file of this name, if they are the recorded ones.
    fn read(&self, run: &RunDir, name: &str, cap: u64) -> Result<Vec<u8>, TrainError> {
        let differs = |what, expected: String, found: String| TrainError::BundlePart {
            path: run.file(name),
            what,
            expected,
            found,
        };
        let size = |found: u64| differs("size in bytes", self.bytes.to_string(), found.to_string());
        let bytes = match run.read(name, cap.min(self.bytes)) {
            Err(TrainError::TooLarge { found, .. }) if found != self.bytes => {
                return Err(size(found));
            }
            read => read?,
        };
        let found = Self::of(&bytes);
        if found.bytes != self.bytes {
            return Err(size(found.bytes));
        }
        if found.sha256 != self.sha256 {
            return Err(differs("SHA-256", self.sha256.clone(), found.sha256));
        }
        Ok(bytes)
    }
}

fn content(path: &Path, reason: impl ToString) -> TrainError {
    TrainError::BundleContent {
        path: path.into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    const PARTS: [&str; 3] = [RunDir::RUN, RunDir::TARGETS, RunDir::MODEL];

    fn bundle(seed: u8) -> Bundle {
        Bundle {
            model: "sequence_lstm".into(),
            config_toml: format!("seed = {seed}\n"),
            targets: json!({ "names": ["α", "b"], "mean": [0.25, -1.5], "seed": seed }),
            weights: (0..=255).map(|byte: u8| byte ^ seed).collect(),
        }
    }

    fn saved(seed: u8) -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path()).unwrap();
        bundle(seed).save(&run).unwrap();
        (folder, run)
    }

    fn load(run: &RunDir) -> Result<Bundle, TrainError> {
        Bundle::load(run, "sequence_lstm")
    }

    /// `bundle.json` with a change.
    fn edit(run: &RunDir, change: impl FnOnce(&mut Value)) {
        let mut manifest = serde_json::from_slice(&run.read(RunDir::BUNDLE, MIB).unwrap()).unwrap();
        change(&mut manifest);
        run.write(RunDir::BUNDLE, manifest.to_string().as_bytes())
            .unwrap();
    }

    #[test]
    fn load_returns_what_save_saved() {
        let (_folder, run) = saved(1);
        assert_eq!(load(&run).unwrap(), bundle(1));
        bundle(2).save(&run).unwrap();
        assert_eq!(load(&run).unwrap(), bundle(2));
        let mut names = [&PARTS[..], &[RunDir::BUNDLE]].concat();
        names.sort();
        assert_eq!(run.names().unwrap(), names);

        let empty = Bundle {
            config_toml: String::new(),
            targets: Value::Null,
            weights: Vec::new(),
            ..bundle(3)
        };
        empty.save(&run).unwrap();
        assert_eq!(load(&run).unwrap(), empty);
    }

    #[test]
    fn the_hash_is_the_sha256_of_the_file() {
        let (_folder, run) = saved(1);
        let manifest: Value =
            serde_json::from_slice(&run.read(RunDir::BUNDLE, MIB).unwrap()).unwrap();
        // echo 'seed = 1' | sha256sum
        assert_eq!(
            manifest["files"]["run.toml"],
            json!({ "bytes": 9, "sha256": "46545c629053298cb8b068758bd6cb0ba83f1533f50a054de71575535afea66b" })
        );
        assert_eq!(manifest["format"], 1);
    }

    #[test]
    fn a_run_without_a_bundle_is_not_finished() {
        let (_folder, run) = saved(1);
        fs::remove_file(run.file(RunDir::BUNDLE)).unwrap();
        let message = load(&run).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "bundle.json: no such file, so the run is not finished; \
                 its folder holds model.bpk, run.toml, targets.json; train first"
            ),
            "{message}"
        );
        for part in PARTS {
            fs::remove_file(run.file(part)).unwrap();
        }
        let error = load(&run).unwrap_err();
        assert!(matches!(&error, TrainError::NoBundle { holds, .. } if holds.is_empty()));
        assert!(error.to_string().contains("holds nothing"), "{error}");
    }

    #[test]
    fn a_missing_part_is_named() {
        for part in PARTS {
            let (_folder, run) = saved(1);
            fs::remove_file(run.file(part)).unwrap();
            let error = load(&run).unwrap_err();
            assert!(matches!(&error, TrainError::Missing { path } if *path == run.file(part)));
        }
    }

    #[test]
    fn any_changed_byte_is_found() {
        let (_folder, run) = saved(1);
        for part in PARTS {
            let whole = run.read(part, MIB).unwrap();
            for index in 0..whole.len() {
                let mut changed = whole.clone();
                changed[index] ^= 1;
                run.write(part, &changed).unwrap();
                let error = load(&run).unwrap_err();
                assert!(
                    matches!(&error, TrainError::BundlePart { path, what: "SHA-256", .. } if *path == run.file(part)),
                    "{error}"
                );
            }
            run.write(part, &whole).unwrap();
        }
        assert_eq!(load(&run).unwrap(), bundle(1));
    }

    #[test]
    fn any_other_length_is_found() {
        for part in PARTS {
            let (_folder, run) = saved(1);
            let whole = run.read(part, MIB).unwrap();
            let longer = [&whole[..], b" "].concat();
            for other in [&whole[..whole.len() - 1], &longer, b""] {
                run.write(part, other).unwrap();
                let message = load(&run).unwrap_err().to_string();
                let expected = format!(
                    "{part}: its size in bytes is {}, expected {} as recorded in bundle.json; restore the file, or train again",
                    other.len(),
                    whole.len()
                );
                assert!(message.ends_with(&expected), "{message}");
            }
        }
    }

    #[test]
    fn a_mixture_of_two_trainings_is_refused() {
        // Every state that a crash between two renames can leave.
        for renamed in 1..PARTS.len() + 1 {
            let (_old_folder, old) = saved(1);
            let (_new_folder, new) = saved(2);
            for part in &PARTS[..renamed] {
                old.write(part, &new.read(part, MIB).unwrap()).unwrap();
            }
            let error = load(&old).unwrap_err();
            assert!(matches!(error, TrainError::BundlePart { .. }), "{error}");
            bundle(2).save(&old).unwrap();
            assert_eq!(load(&old).unwrap(), bundle(2));
        }
    }

    #[test]
    fn a_failed_save_leaves_the_earlier_bundle() {
        let (_folder, run) = saved(1);
        let huge = Bundle {
            config_toml: " ".repeat(RUN_CAP as usize + 1),
            ..bundle(2)
        };
        let error = huge.save(&run).unwrap_err();
        assert!(matches!(error, TrainError::TooLarge { .. }), "{error}");
        assert_eq!(load(&run).unwrap(), bundle(1));
    }

    #[test]
    fn another_model_is_refused() {
        let (_folder, run) = saved(1);
        let message = Bundle::load(&run, "two_tower").unwrap_err().to_string();
        assert!(
            message.contains("the model is `sequence_lstm`, expected `two_tower`"),
            "{message}"
        );
    }

    #[test]
    fn another_format_is_refused_before_its_keys_are() {
        for format in [json!(2), json!("1"), json!(1.5), json!(null)] {
            let (_folder, run) = saved(1);
            edit(&run, |manifest| {
                manifest["format"] = format.clone();
                manifest["new_key"] = json!(1);
            });
            let error = load(&run).unwrap_err();
            let expected = format!("format is {format}, expected 1;");
            assert!(matches!(error, TrainError::BundleFormat { .. }), "{error}");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        type Change = (&'static str, fn(&mut Value));
        let changes: [Change; 6] = [
            ("unknown field `extra`", |m| m["extra"] = json!(1)),
            ("unknown field `a.txt`", |m| m["files"]["a.txt"] = json!({})),
            ("unknown field `mode`", |m| {
                m["files"]["run.toml"]["mode"] = json!(1)
            }),
            ("missing field `files`", |m| {
                m.as_object_mut().unwrap().remove("files");
            }),
            ("missing field `model.bpk`", |m| {
                m["files"].as_object_mut().unwrap().remove("model.bpk");
            }),
            ("missing field `format`", |m| {
                m.as_object_mut().unwrap().remove("format");
            }),
        ];
        for (expected, change) in changes {
            let (_folder, run) = saved(1);
            edit(&run, change);
            let error = load(&run).unwrap_err();
            assert!(matches!(error, TrainError::BundleContent { .. }), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains("line 1 column"), "{error}");
        }
    }

    #[test]
    fn what_is_not_a_bundle_is_refused() {
        let (_folder, run) = saved(1);
        for text in [&b""[..], b"[]", b"{", b"\xff", b"{\"format\": 1}"] {
            run.write(RunDir::BUNDLE, text).unwrap();
            let error = load(&run).unwrap_err();
            assert!(matches!(error, TrainError::BundleContent { .. }), "{error}");
        }
        run.write(RunDir::BUNDLE, &vec![b' '; MANIFEST_CAP as usize + 1])
            .unwrap();
        let error = load(&run).unwrap_err();
        assert!(matches!(error, TrainError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn parts_with_true_hashes_and_false_content_are_refused() {
        for (part, bytes) in [
            (RunDir::RUN, &b"seed = \xff"[..]),
            (RunDir::TARGETS, b"{ not json }"),
        ] {
            let (_folder, run) = saved(1);
            run.write(part, bytes).unwrap();
            edit(&run, |manifest| {
                manifest["files"][part] = serde_json::to_value(Part::of(bytes)).unwrap();
            });
            let error = load(&run).unwrap_err();
            assert!(
                matches!(&error, TrainError::BundleContent { path, .. } if *path == run.file(part)),
                "{error}"
            );
        }
    }

    #[test]
    fn a_recorded_size_beyond_all_memory_is_not_believed() {
        let (_folder, run) = saved(1);
        edit(&run, |manifest| {
            manifest["files"]["model.bpk"]["bytes"] = json!(u64::MAX);
        });
        let error = load(&run).unwrap_err();
        assert!(
            matches!(&error, TrainError::BundlePart { found, .. } if found == "256"),
            "{error}"
        );
    }
}
