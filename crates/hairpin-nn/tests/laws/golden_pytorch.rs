//! Output, final states and every gradient against `torch.nn.LSTM` and `torch.nn.GRU`: see `fixtures/make/golden_lstm.py` and
//! `fixtures/make/golden_gru.py`. The weights come in through `Recurrent::from_pytorch`, so that is tested as well.

use crate::agreement::{TOLERANCE, data, values};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_nn::{Recurrent, RecurrentInput, RecurrentState};
use std::collections::BTreeMap;

fn tensor<const D: usize>(golden: &Golden, name: &str, device: &Device) -> Tensor<D> {
    Tensor::from_data(data(golden, name), device)
}

/// The state dict of the file, or, with the prefix `grad.`, the gradients by the same names.
fn state_dict(golden: &Golden, prefix: &str) -> BTreeMap<String, TensorData> {
    let weights = golden.names().filter_map(|name| {
        let own = name.strip_prefix(prefix)?;
        let is_weight = own.starts_with("weight_") || own.starts_with("bias_");
        is_weight.then(|| (own.to_owned(), data(golden, name)))
    });
    weights.collect()
}

/// Gradients in the layer's own layout. The gradient of a sum of two biases is that of either, so one of them is left out where they
/// are added; a GRU's bias after the product stands for itself.
fn gradients(golden: &Golden, device: &Device) -> Recurrent {
    let mut tensors = state_dict(golden, "grad.");
    for (name, values) in &mut tensors {
        if name.starts_with("bias_hh") {
            let shape = values.shape().clone();
            let mut own = values.clone().try_into_vec::<f32>().unwrap();
            let d_hidden = golden.f32("weight_hh_l0").shape[1];
            let added = if own.len() == 3 * d_hidden {
                2 * d_hidden
            } else {
                own.len()
            };
            own[..added].fill(0.0);
            *values = TensorData::new(own, shape);
        }
    }
    Recurrent::from_pytorch(&tensors, device).unwrap()
}

fn check(file: &str, device: Device) {
    let golden = Golden::load("hairpin-nn", file);
    let has = |name: &str| golden.names().any(|other| other == name);
    let (has_state, has_cell) = (has("h0"), has("c_n"));
    let autodiff = device.clone().autodiff();
    let weights = state_dict(&golden, "");
    let trained = Recurrent::from_pytorch(&weights, &autodiff).unwrap();
    let lengths = golden.i64("lengths").values;
    let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };

    let x: Tensor<3> = tensor(&golden, "x", &autodiff).require_grad();
    let state = has_state.then(|| RecurrentState {
        hidden: tensor(&golden, "h0", &autodiff).require_grad(),
        cell: has_cell.then(|| tensor(&golden, "c0", &autodiff).require_grad()),
    });
    let mut input = RecurrentInput::new(x.clone()).with_lengths(lengths.clone());
    if let Some(state) = &state {
        input = input.with_state(state.clone());
    }
    let out = trained.forward(input);
    same("output", values(out.output.clone()));
    same("h_n", values(out.state.hidden.clone()));

    let weighted = |t: Tensor<3>, name: &str| (t * tensor(&golden, name, &autodiff)).sum();
    let mut loss = weighted(out.output, "g_output") + weighted(out.state.hidden, "g_h");
    if let Some(cell) = out.state.cell {
        same("c_n", values(cell.clone()));
        loss = loss + weighted(cell, "g_c");
    }
    let grads = loss.backward();
    same("grad.x", values(x.grad(&grads).unwrap()));
    if let Some(state) = state {
        same("grad.h0", values(state.hidden.grad(&grads).unwrap()));
        if let Some(cell) = state.cell {
            same("grad.c0", values(cell.grad(&grads).unwrap()));
        }
    }
    let expected = gradients(&golden, &device);
    for (index, (layer, expected)) in trained.layers.iter().zip(&expected.layers).enumerate() {
        let close = |name: &str, expected: Vec<f32>, found: Vec<f32>| {
            let name = format!("{file} grad.{name} of layer {index}");
            assert_close(&name, &expected, &found, TOLERANCE);
        };
        let ih = values(layer.weight_ih.val().grad(&grads).unwrap());
        close("weight_ih", values(expected.weight_ih.val()), ih);
        let hh = values(layer.weight_hh.val().grad(&grads).unwrap());
        close("weight_hh", values(expected.weight_hh.val()), hh);
        let bias = values(layer.bias.val().grad(&grads).unwrap());
        close("bias", values(expected.bias.val()), bias);
    }

    // Without autodiff nothing is kept, and nothing else changes.
    let plain = Recurrent::from_pytorch(&weights, &device).unwrap();
    let mut input = RecurrentInput::new(tensor(&golden, "x", &device)).with_lengths(lengths);
    if has_state {
        input = input.with_state(RecurrentState {
            hidden: tensor(&golden, "h0", &device),
            cell: has_cell.then(|| tensor(&golden, "c0", &device)),
        });
    }
    let out = plain.forward(input);
    same("output", values(out.output));
    same("h_n", values(out.state.hidden));
    if let Some(cell) = out.state.cell {
        same("c_n", values(cell));
    }

    // And back: the same function under the same names.
    let again = Recurrent::from_pytorch(&plain.to_pytorch(), &device).unwrap();
    let out = again.forward(RecurrentInput::new(tensor(&golden, "x", &device)));
    let first = plain.forward(RecurrentInput::new(tensor(&golden, "x", &device)));
    assert_eq!(
        values(out.output),
        values(first.output),
        "{file}: exported and imported"
    );
}

macro_rules! golden {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            check(concat!(stringify!($name), ".safetensors"), Device::flex());
        }
    )*};
}

golden!(
    lstm_uni_full,
    lstm_uni_full_state,
    lstm_uni_ragged,
    lstm_uni_ragged_state,
    lstm_uni_single,
    lstm_bi_full,
    lstm_bi_full_state,
    lstm_bi_ragged,
    lstm_bi_ragged_state,
    lstm_bi_single,
    gru_uni_full,
    gru_uni_full_state,
    gru_uni_ragged,
    gru_uni_ragged_state,
    gru_uni_single,
    gru_bi_full,
    gru_bi_full_state,
    gru_bi_ragged,
    gru_bi_ragged_state,
    gru_bi_single,
    stacked_lstm,
    stacked_gru,
);
