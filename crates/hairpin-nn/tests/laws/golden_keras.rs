//! Output and final states against Keras's LSTM and GRU, weights as Keras lays them out: see `fixtures/make/golden_keras.py`.

use crate::agreement::{TOLERANCE, data, values};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_nn::{Cell, ConvertError, KerasWeights, Recurrent, RecurrentInput};
use std::collections::BTreeMap;

fn check(file: &str, cell: Cell) {
    let golden = Golden::load("hairpin-nn", file);
    let device = Device::flex();
    let has = |name: &str| golden.names().any(|other| other == name);
    let directions: Vec<&str> = ["forward", "backward"]
        .into_iter()
        .filter(|direction| has(&format!("{direction}.kernel")))
        .collect();
    let weights = directions.iter().map(|direction| KerasWeights {
        kernel: data(&golden, &format!("{direction}.kernel")),
        recurrent_kernel: data(&golden, &format!("{direction}.recurrent_kernel")),
        bias: data(&golden, &format!("{direction}.bias")),
    });
    let layer = Recurrent::from_keras(cell, &[weights.collect()], &device).unwrap();
    let x = Tensor::<3>::from_data(data(&golden, "x"), &device);
    let out = layer.forward(RecurrentInput::new(x));
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };
    same("output", values(out.output));
    for (index, direction) in directions.iter().enumerate() {
        let own = |state: &Tensor<3>| values(state.clone().slice(index..index + 1));
        same(&format!("{direction}.h_n"), own(&out.state.hidden));
        if let Some(cell) = &out.state.cell {
            same(&format!("{direction}.c_n"), own(cell));
        }
    }
}

macro_rules! golden {
    ($($name:ident: $cell:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            check(concat!(stringify!($name), ".safetensors"), Cell::$cell);
        }
    )*};
}

golden!(
    keras_lstm: Lstm,
    keras_lstm_bi: Lstm,
    keras_gru: Gru,
    keras_gru_bi: Gru,
    keras_gru_before: GruResetBefore,
    keras_gru_before_bi: GruResetBefore,
);

#[test]
fn weights_that_make_no_layer_are_refused_by_name() {
    let device = Device::flex();
    let zeros = |dims: &[usize]| TensorData::zeros::<f32, _>(dims.to_vec());
    let base = || -> BTreeMap<String, TensorData> {
        [
            ("weight_ih_l0", vec![12, 2]),
            ("weight_hh_l0", vec![12, 3]),
            ("bias_ih_l0", vec![12]),
            ("bias_hh_l0", vec![12]),
        ]
        .map(|(name, dims)| (name.to_owned(), zeros(&dims)))
        .into()
    };
    assert!(Recurrent::from_pytorch(&base(), &device).is_ok());

    let mut tensors = base();
    tensors.remove("bias_hh_l0");
    let error = Recurrent::from_pytorch(&tensors, &device).unwrap_err();
    assert!(matches!(error, ConvertError::Missing { .. }));
    assert!(
        error.to_string().contains("no tensor `bias_hh_l0`"),
        "{error}"
    );
    let error = Recurrent::from_pytorch(&BTreeMap::new(), &device).unwrap_err();
    assert!(error.to_string().contains("there are none"), "{error}");

    for (name, dims) in [
        ("weight_hh_l0", vec![15, 3]),
        ("weight_hh_l0", vec![0, 0]),
        ("weight_ih_l0", vec![12, 2, 1]),
        ("bias_ih_l0", vec![11]),
    ] {
        let mut tensors = base();
        tensors.insert(name.to_owned(), zeros(&dims));
        let error = Recurrent::from_pytorch(&tensors, &device).unwrap_err();
        assert!(matches!(error, ConvertError::Shape { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }

    let mut tensors = base();
    tensors.insert("bias_ih_l0".to_owned(), TensorData::zeros::<f64, _>([12]));
    let error = Recurrent::from_pytorch(&tensors, &device).unwrap_err();
    assert!(matches!(error, ConvertError::Type { .. }), "{error}");
    assert!(Recurrent::from_keras(Cell::Lstm, &[], &device).is_err());
}
