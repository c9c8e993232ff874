use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// One golden file: named tensors and where they come from.
///
/// ```
/// use hairpin_golden::Golden;
///
/// let golden = Golden::load("hairpin-models", "sequence_lstm_reference.safetensors");
/// assert_eq!(golden.config()["pooling"], "last");
/// let gradients = golden.names().filter(|name| name.starts_with("grad.")).count();
/// assert_eq!(gradients, 15); // x, eight of the LSTM, two each of norm, dense and output
/// ```
#[derive(Clone, Debug)]
pub struct Golden {
    file: String,
    provenance: Provenance,
    tensors: BTreeMap<String, Stored>,
}

/// Who made a golden file, and how: from the file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The program or library that computed the values.
    pub tool: String,
    /// The tool's version.
    pub version: String,
    /// The seed of everything random in the file.
    pub seed: u64,
    /// The script that made the file, as a path from the workspace's root.
    pub script: String,
    /// Everything else the script wrote down.
    pub details: BTreeMap<String, String>,
}

/// A tensor as plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T = f32> {
    /// The size of each dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values, row-major (the last dimension runs fastest).
    pub values: Vec<T>,
}

#[derive(Clone, Debug)]
enum Stored {
    F32(Tensor<f32>),
    I64(Tensor<i64>),
}

impl Golden {
    /// Loads `fixtures/golden/<crate_name>/<file>` of this workspace.
    ///
    /// # Panics
    ///
    /// If the file is absent or is no safetensors file, if its metadata lacks `tool`, `version`, `seed` or `script`, or if a
    /// tensor is neither float32 nor int64.
    pub fn load(crate_name: &str, file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/golden")
            .join(crate_name)
            .join(file);
        let bytes = fs::read(&path).unwrap_or_else(|error| {
            panic!(
                "golden file {}: {error}; the scripts in fixtures/make write these files",
                path.display()
            )
        });
        Self::parse(&format!("{crate_name}/{file}"), &bytes)
    }

    fn parse(file: &str, bytes: &[u8]) -> Self {
        let (header, content) = SafeTensors::read_metadata(bytes)
            .and_then(|(_, header)| Ok((header, SafeTensors::deserialize(bytes)?)))
            .unwrap_or_else(|error| panic!("golden file {file}: not a safetensors file: {error}"));
        let provenance = Provenance::read(file, header.metadata().clone().unwrap_or_default());
        let tensors = content.iter().map(|(name, view)| {
            let shape = view.shape().to_vec();
            let data = view.data();
            let stored = match view.dtype() {
                Dtype::F32 => Stored::F32(Tensor {
                    shape,
                    values: numbers(data, f32::from_le_bytes),
                }),
                Dtype::I64 => Stored::I64(Tensor {
                    shape,
                    values: numbers(data, i64::from_le_bytes),
                }),
                other => panic!(
                    "golden file {file}: tensor {name} is {other:?}; only F32 and I64 are read"
                ),
            };
            (name.to_owned(), stored)
        });
        Self {
            file: file.to_owned(),
            provenance,
            tensors: tensors.collect(),
        }
    }

    /// The float32 tensor `name`.
    ///
    /// # Panics
    ///
    /// If there is no such tensor (the message lists those that there are), or if it is int64.
    pub fn f32(&self, name: &str) -> Tensor<f32> {
        match self.stored(name) {
            Stored::F32(tensor) => tensor.clone(),
            Stored::I64(_) => panic!("golden file {}: {name} is int64, not float32", self.file),
        }
    }

    /// The int64 tensor `name`.
    ///
    /// # Panics
    ///
    /// If there is no such tensor (the message lists those that there are), or if it is float32.
    pub fn i64(&self, name: &str) -> Tensor<i64> {
        match self.stored(name) {
            Stored::I64(tensor) => tensor.clone(),
            Stored::F32(_) => panic!("golden file {}: {name} is float32, not int64", self.file),
        }
    }

    /// The tensors' names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Who made this file, and how.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The configuration that the script wrote down, as JSON, under `config`.
    ///
    /// # Panics
    ///
    /// If the metadata has no `config`, or if it is not JSON.
    pub fn config(&self) -> Value {
        let Some(text) = self.provenance.details.get("config") else {
            panic!("golden file {}: the metadata has no config", self.file);
        };
        serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("golden file {}: config: {error}", self.file))
    }

    fn stored(&self, name: &str) -> &Stored {
        self.tensors.get(name).unwrap_or_else(|| {
            let names: Vec<_> = self.names().collect();
            panic!(
                "golden file {}: no tensor {name}; it has {}",
                self.file,
                names.join(", ")
            )
        })
    }
}

impl Provenance {
    fn read(file: &str, metadata: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut details: BTreeMap<_, _> = metadata.into_iter().collect();
        let mut take = |key: &str| {
            details
                .remove(key)
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| {
                    panic!("golden file {file}: the metadata does not say the {key} that made it")
                })
        };
        let (tool, version, seed, script) =
            (take("tool"), take("version"), take("seed"), take("script"));
        Self {
            tool,
            version,
            seed: seed.parse().unwrap_or_else(|error| {
                panic!("golden file {file}: seed {seed:?} is not a whole number: {error}")
            }),
            script,
            details,
        }
    }
}

/// Reads little-endian numbers one by one, as a tensor's bytes need not be aligned.
fn numbers<T, const N: usize>(data: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>()
        .0
        .iter()
        .map(|&bytes| read(bytes))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;
    use std::panic::{UnwindSafe, catch_unwind};

    use safetensors::serialize;
    use safetensors::tensor::TensorView;

    use super::*;

    /// The message with which `action` panics; fails if it does not.
    pub(crate) fn panic_message(action: impl FnOnce() + UnwindSafe) -> String {
        let payload = catch_unwind(action).expect_err("this must panic");
        match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => (*payload.downcast::<&str>().expect("a message")).to_owned(),
        }
    }

    const MADE_BY: [(&str, &str); 5] = [
        ("tool", "abacus"),
        ("version", "3.1"),
        ("seed", "42"),
        ("script", "fixtures/make/abacus.py"),
        ("config", r#"{"d_hidden": 7}"#),
    ];

    fn file(metadata: &[(&str, &str)]) -> Vec<u8> {
        let floats: Vec<u8> = [0.5f32, -1.0, 2.0, 3.0, 4.0, 1e-30]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let integers: Vec<u8> = [i64::MIN, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensors = [
            ("x", Dtype::F32, vec![2, 3], &floats[..]),
            ("loss", Dtype::F32, vec![], &floats[..4]),
            ("lengths", Dtype::I64, vec![2], &integers[..]),
        ]
        .map(|(name, dtype, shape, data)| (name, TensorView::new(dtype, shape, data).unwrap()));
        let metadata: HashMap<_, _> = metadata
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        serialize(tensors, Some(metadata)).unwrap()
    }

    fn abacus() -> Golden {
        Golden::parse("abacus", &file(&MADE_BY))
    }

    #[test]
    fn reads_values_shapes_and_names() {
        let golden = abacus();
        assert_eq!(golden.names().collect::<Vec<_>>(), ["lengths", "loss", "x"]);
        let x = golden.f32("x");
        assert_eq!(x.shape, [2, 3]);
        assert_eq!(x.values, [0.5, -1.0, 2.0, 3.0, 4.0, 1e-30]);
        assert_eq!(
            golden.f32("loss"),
            Tensor {
                shape: vec![],
                values: vec![0.5]
            }
        );
        assert_eq!(
            golden.i64("lengths"),
            Tensor {
                shape: vec![2],
                values: vec![i64::MIN, 7]
            }
        );
    }

    #[test]
    fn reads_provenance_and_config() {
        let golden = abacus();
        let provenance = golden.provenance();
        assert_eq!(provenance.tool, "abacus");
        assert_eq!(provenance.version, "3.1");
        assert_eq!(provenance.seed, 42);
        assert_eq!(provenance.script, "fixtures/make/abacus.py");
        assert_eq!(provenance.details.keys().collect::<Vec<_>>(), ["config"]);
        assert_eq!(golden.config()["d_hidden"], 7);
    }

    #[test]
    fn refuses_a_file_that_lacks_any_part_of_its_provenance() {
        for missing in ["tool", "version", "seed", "script"] {
            let rest: Vec<_> = MADE_BY
                .into_iter()
                .filter(|(key, _)| *key != missing)
                .collect();
            let message = panic_message(|| drop(Golden::parse("abacus", &file(&rest))));
            assert!(message.contains("golden file abacus"), "{message}");
            assert!(message.contains(&format!("the {missing} ")), "{message}");

            let empty = MADE_BY.map(|(key, value)| (key, if key == missing { "" } else { value }));
            panic_message(|| drop(Golden::parse("abacus", &file(&empty))));
        }
    }

    #[test]
    fn refuses_a_file_without_metadata_and_a_seed_that_is_no_number() {
        let bytes = serialize(Vec::<(String, TensorView)>::new(), None).unwrap();
        let message = panic_message(move || drop(Golden::parse("bare", &bytes)));
        assert!(message.contains("the tool"), "{message}");

        let odd = MADE_BY.map(|(key, value)| (key, if key == "seed" { "4x" } else { value }));
        let message = panic_message(|| drop(Golden::parse("abacus", &file(&odd))));
        assert!(message.contains("seed \"4x\""), "{message}");
    }

    #[test]
    fn refuses_a_cut_file_at_every_length() {
        let bytes = file(&MADE_BY);
        for length in 0..bytes.len() {
            let message = panic_message(|| drop(Golden::parse("cut", &bytes[..length])));
            assert!(message.contains("not a safetensors file"), "{message}");
        }
    }

    #[test]
    fn refuses_another_kind_of_number() {
        let view = TensorView::new(Dtype::F64, vec![1], &[0; 8]).unwrap();
        let metadata = MADE_BY.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let bytes = serialize([("wide", view)], Some(metadata.into())).unwrap();
        let message = panic_message(move || drop(Golden::parse("abacus", &bytes)));
        assert!(message.contains("tensor wide is F64"), "{message}");
    }

    #[test]
    fn a_wrong_name_lists_the_right_ones_and_a_wrong_kind_says_so() {
        let message = panic_message(|| drop(abacus().f32("y")));
        assert!(
            message.ends_with("no tensor y; it has lengths, loss, x"),
            "{message}"
        );
        assert!(panic_message(|| drop(abacus().f32("lengths"))).contains("is int64"));
        assert!(panic_message(|| drop(abacus().i64("x"))).contains("is float32"));
    }

    #[test]
    fn an_absent_file_is_named_with_where_it_would_come_from() {
        let message = panic_message(|| drop(Golden::load("hairpin-nn", "absent.safetensors")));
        assert!(
            message.contains("hairpin-nn/absent.safetensors"),
            "{message}"
        );
        assert!(message.contains("fixtures/make"), "{message}");
    }
}
