//! Weights from the files of PyTorch and safetensors: see `fixtures/make/golden_weights.py`.

use burn::tensor::{DType, Device, Tensor, TensorData};
use hairpin_nn::weights::{self, WeightFiles, WeightsError};
use hairpin_nn::{Recurrent, RecurrentInput};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/golden/hairpin-nn")
        .join(name)
}

fn floats(tensors: &BTreeMap<String, TensorData>, name: &str) -> Vec<f32> {
    tensors[name].clone().try_into_vec::<f32>().unwrap()
}

#[test]
fn every_container_holds_the_same_weights() {
    let first = weights::read(golden("weights.safetensors")).unwrap();
    assert_eq!(first.len(), 9);
    assert_eq!(first["steps"].dtype(), DType::I64);
    assert_eq!(first["steps"].clone().try_into_vec::<i64>().unwrap(), [7]);
    for name in ["weights.pt", "weights_legacy.pt"] {
        assert_eq!(weights::read(golden(name)).unwrap(), first, "{name}");
    }
    // Eleven and eight bits of mantissa, rounded to the nearest; the weights are below 0.45 = 1 / sqrt(5).
    let half = weights::read(golden("weights_f16.safetensors")).unwrap();
    let nested = weights::read(golden("weights_nested.pt")).unwrap();
    let nested = weights::under(&nested, "state_dict.");
    for (other, step) in [(half, 2f32.powi(-13)), (nested, 2f32.powi(-10))] {
        assert_eq!(
            other.keys().collect::<Vec<_>>(),
            first.keys().collect::<Vec<_>>()
        );
        for name in first.keys().filter(|name| name.starts_with("lstm")) {
            let (exact, rounded) = (floats(&first, name), floats(&other, name));
            assert_ne!(exact, rounded, "{name} was not rounded");
            for (exact, rounded) in exact.iter().zip(rounded) {
                assert!(
                    (exact - rounded).abs() <= step,
                    "{name}: {rounded} for {exact}"
                );
            }
        }
    }
}

#[test]
fn a_layer_is_made_of_a_file() {
    let device = Device::flex();
    let tensors = weights::read(golden("weights.pt")).unwrap();
    let layer = Recurrent::from_pytorch(&weights::under(&tensors, "lstm."), &device).unwrap();
    let out = layer.forward(RecurrentInput::new(Tensor::zeros([2, 6, 3], &device)));
    assert_eq!(out.output.dims(), [2, 6, 10]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.safetensors");
    weights::write_safetensors(&path, &layer.to_pytorch()).unwrap();
    let again = Recurrent::from_pytorch(&weights::read(&path).unwrap(), &device).unwrap();
    assert_eq!(again.to_pytorch(), layer.to_pytorch());
}

#[test]
fn of_several_files_only_what_is_asked_for_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let more = folder.path().join("more.safetensors");
    let own = [("of its own".to_owned(), TensorData::zeros::<f32, _>([2, 3]))];
    weights::write_safetensors(&more, &own.into()).unwrap();
    for name in ["weights.safetensors", "weights.pt", "weights_legacy.pt"] {
        let all = weights::read(golden(name)).unwrap();
        let files = WeightFiles::open(&[golden(name), more.clone()]).unwrap();
        let names: Vec<&str> = files.names().collect();
        assert_eq!(names.len(), all.len() + 1);
        for asked in names {
            let found = files.read(|name| name == asked).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), [asked]);
            match all.get(asked) {
                Some(expected) => assert_eq!(found[asked], *expected),
                None => assert_eq!(found[asked].shape().as_slice(), [2, 3]),
            }
        }
    }
    // A file that has gone since, or become shorter.
    let files = WeightFiles::open(&[&more]).unwrap();
    let bytes = std::fs::read(&more).unwrap();
    std::fs::write(&more, &bytes[..bytes.len() - 1]).unwrap();
    let error = files.read(|_| true).unwrap_err();
    assert!(matches!(error, WeightsError::File { what: "read", .. }));
    std::fs::remove_file(&more).unwrap();
    assert!(files.read(|_| true).is_err());
    assert!(files.read(|_| false).unwrap().is_empty());
}

#[test]
fn a_cut_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for name in ["weights.safetensors", "weights.pt", "weights_legacy.pt"] {
        let whole = std::fs::read(golden(name)).unwrap();
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = weights::read(&path).unwrap_err().to_string();
            assert!(error.contains("cut"), "{name} cut to {length}: {error}");
        }
    }
}

#[test]
fn a_damaged_file_is_an_error_or_another_set_of_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for name in ["weights.safetensors", "weights.pt", "weights_legacy.pt"] {
        let mut bytes = std::fs::read(golden(name)).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            bytes[at] ^= 0x55;
            std::fs::write(&path, &bytes).unwrap();
            // Either is right; what is tested is that nothing panics and nothing is taken from memory that is not there.
            let _ = weights::read(&path).map(|tensors| tensors.len());
            bytes[at] ^= 0x55;
        }
    }
}

#[test]
fn what_is_no_file_of_weights_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.pt");
    let error = weights::read(&absent).unwrap_err();
    assert!(
        matches!(error, WeightsError::File { what: "read", .. }),
        "{error}"
    );
    assert!(weights::read(folder.path()).is_err());

    // A header that claims to be larger than memory.
    let path = folder.path().join("huge.safetensors");
    std::fs::write(&path, [&[0xff; 8][..], b"{}"].concat()).unwrap();
    let error = weights::read(&path).unwrap_err();
    assert!(matches!(error, WeightsError::Safetensors { .. }), "{error}");

    let text = folder.path().join("text.pt");
    std::fs::write(&text, "epoch,loss\n1,0.5\n").unwrap();
    let error = weights::read(&text).unwrap_err();
    assert!(matches!(error, WeightsError::Pytorch { .. }), "{error}");

    // An earlier file survives what cannot be written.
    let absent = folder.path().join("no such folder/layer.safetensors");
    let error = weights::write_safetensors(&absent, &BTreeMap::new()).unwrap_err();
    assert!(
        matches!(error, WeightsError::File { what: "write", .. }),
        "{error}"
    );
}
