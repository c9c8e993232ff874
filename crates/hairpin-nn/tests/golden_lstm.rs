//! Forward, final states and every gradient against `torch.nn.LSTM`: see `fixtures/make/golden_lstm.py`.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_golden::{Golden, Tolerance, assert_close};
use hairpin_nn::{Recurrent, RecurrentConfig, RecurrentInput, RecurrentState};

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-4,
};
const DIRECTIONS: [&str; 2] = ["", "_reverse"];

fn tensor<const D: usize>(golden: &Golden, name: &str, device: &Device) -> Tensor<D> {
    let found = golden.f32(name);
    Tensor::from_data(TensorData::new(found.values, found.shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

fn transposed(tensor: &hairpin_golden::Tensor<f32>) -> Vec<f32> {
    let [rows, columns] = tensor.shape[..] else {
        panic!("a matrix was expected")
    };
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| tensor.values[r * columns + c]))
        .collect()
}

/// `weight_ih`, `weight_hh` and `bias` in our layout from torch's names, or, with `grad.`, their gradients.
fn weights(golden: &Golden, directions: usize, prefix: &str) -> [Vec<f32>; 3] {
    let d_input = golden.f32("x").shape[2];
    let mut ih = vec![Vec::new(); d_input];
    let (mut hh, mut bias) = (Vec::new(), Vec::new());
    for direction in &DIRECTIONS[..directions] {
        let matrix = golden.f32(&format!("{prefix}weight_ih_l0{direction}"));
        for (row, part) in ih
            .iter_mut()
            .zip(transposed(&matrix).chunks(matrix.shape[0]))
        {
            row.extend_from_slice(part);
        }
        let matrix = golden.f32(&format!("{prefix}weight_hh_l0{direction}"));
        hh.extend(transposed(&matrix));
        let b_ih = golden.f32(&format!("{prefix}bias_ih_l0{direction}")).values;
        let b_hh = golden.f32(&format!("{prefix}bias_hh_l0{direction}")).values;
        if prefix.is_empty() {
            bias.extend(b_ih.iter().zip(&b_hh).map(|(a, b)| a + b));
        } else {
            // The gradient of a sum is the gradient of each of its terms.
            assert_eq!(b_ih, b_hh);
            bias.extend(b_ih);
        }
    }
    [ih.concat(), hh, bias]
}

fn layer(golden: &Golden, directions: usize, device: &Device) -> Recurrent {
    let d_input = golden.f32("x").shape[2];
    let d_hidden = golden.f32("weight_hh_l0").shape[1];
    let width = 4 * d_hidden;
    let [ih, hh, bias] = weights(golden, directions, "");
    let mut layer = RecurrentConfig::new(d_input, d_hidden)
        .with_bidirectional(directions == 2)
        .init(device);
    let ih = TensorData::new(ih, [d_input, directions * width]);
    let hh = TensorData::new(hh, [directions, d_hidden, width]);
    let bias = TensorData::new(bias, [directions * width]);
    let own = &mut layer.layers[0];
    own.weight_ih = Param::from_data(ih, device);
    own.weight_hh = Param::from_data(hh, device);
    own.bias = Param::from_data(bias, device);
    layer
}

fn check(file: &str, device: Device) {
    let golden = Golden::load("hairpin-nn", file);
    let directions = golden.f32("h_n").shape[0];
    let has_state = golden.names().any(|name| name == "h0");
    let autodiff = device.clone().autodiff();
    let trained = layer(&golden, directions, &autodiff);
    let lengths = golden.i64("lengths").values;
    let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };

    let x: Tensor<3> = tensor(&golden, "x", &autodiff).require_grad();
    let mut input = RecurrentInput::new(x.clone()).with_lengths(lengths.clone());
    let state = has_state.then(|| RecurrentState {
        hidden: tensor(&golden, "h0", &autodiff).require_grad(),
        cell: Some(tensor(&golden, "c0", &autodiff).require_grad()),
    });
    if let Some(state) = &state {
        input = input.with_state(state.clone());
    }
    let out = trained.forward(input);
    same("output", values(out.output.clone()));
    same("h_n", values(out.state.hidden.clone()));
    same("c_n", values(out.state.cell.clone().unwrap()));

    let weighted = |t: Tensor<3>, name: &str| (t * tensor(&golden, name, &autodiff)).sum();
    let loss = weighted(out.output, "g_output")
        + weighted(out.state.hidden, "g_h")
        + weighted(out.state.cell.unwrap(), "g_c");
    let grads = loss.backward();
    same("grad.x", values(x.grad(&grads).unwrap()));
    if let Some(state) = state {
        same("grad.h0", values(state.hidden.grad(&grads).unwrap()));
        same("grad.c0", values(state.cell.unwrap().grad(&grads).unwrap()));
    }
    let found = [
        values(trained.layers[0].weight_ih.val().grad(&grads).unwrap()),
        values(trained.layers[0].weight_hh.val().grad(&grads).unwrap()),
        values(trained.layers[0].bias.val().grad(&grads).unwrap()),
    ];
    let expected = weights(&golden, directions, "grad.");
    for ((name, expected), found) in ["ih", "hh", "bias"].iter().zip(expected).zip(found) {
        assert_close(&format!("{file} grad.{name}"), &expected, &found, TOLERANCE);
    }

    // Without autodiff nothing is kept, and nothing else changes.
    let mut input = RecurrentInput::new(tensor(&golden, "x", &device)).with_lengths(lengths);
    if has_state {
        input = input.with_state(RecurrentState {
            hidden: tensor(&golden, "h0", &device),
            cell: Some(tensor(&golden, "c0", &device)),
        });
    }
    let out = layer(&golden, directions, &device).forward(input);
    same("output", values(out.output));
    same("h_n", values(out.state.hidden));
    same("c_n", values(out.state.cell.unwrap()));
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
);
