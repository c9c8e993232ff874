//! Weights of Burn's own recurrent layers.

use super::{ConvertError, Direction, build, joined_bias};
use crate::{Cell, Recurrent, RecurrentConfig};
use burn::nn::activation::Activation;
use burn::nn::gru::{BiGru, Gru};
use burn::nn::{BiLstm, GateController, Linear, Lstm};
use burn::tensor::TensorData;

/// The same weights, in one layer of one direction.
///
/// # Errors
///
/// [`ConvertError::Option`] names an option of Burn's layer that ours does not have: clipping, coupled gates, another activation, or
/// reading from the end.
impl TryFrom<&Lstm> for Recurrent {
    type Error = ConvertError;

    fn try_from(layer: &Lstm) -> Result<Self, ConvertError> {
        supported(!layer.reverse, "reverse")?;
        lstm(&[layer])
    }
}

/// The same weights, in one bidirectional layer.
///
/// # Errors
///
/// As for one direction.
impl TryFrom<&BiLstm> for Recurrent {
    type Error = ConvertError;

    fn try_from(layer: &BiLstm) -> Result<Self, ConvertError> {
        lstm(&[&layer.forward, &layer.reverse])
    }
}

/// The same weights, in one layer of one direction, [`Cell::Gru`] or [`Cell::GruResetBefore`] as `reset_after` says.
///
/// # Errors
///
/// [`ConvertError::Option`] names an option of Burn's layer that ours does not have: clipping or another activation.
impl TryFrom<&Gru> for Recurrent {
    type Error = ConvertError;

    fn try_from(layer: &Gru) -> Result<Self, ConvertError> {
        gru(&[layer])
    }
}

/// The same weights, in one bidirectional layer.
///
/// # Errors
///
/// As for one direction.
impl TryFrom<&BiGru> for Recurrent {
    type Error = ConvertError;

    fn try_from(layer: &BiGru) -> Result<Self, ConvertError> {
        gru(&[&layer.forward, &layer.reverse])
    }
}

fn lstm(directions: &[&Lstm]) -> Result<Recurrent, ConvertError> {
    for layer in directions {
        supported(layer.clip.is_none(), "clip")?;
        supported(!layer.input_forget, "input_forget")?;
        let gate = matches!(layer.gate_activation, Activation::Sigmoid(_));
        supported(gate, "gate_activation")?;
        let cell = matches!(layer.cell_activation, Activation::Tanh(_));
        supported(cell, "cell_activation")?;
        let hidden = matches!(layer.hidden_activation, Activation::Tanh(_));
        supported(hidden, "hidden_activation")?;
    }
    let gates = directions.iter().map(|layer| {
        let forget = layer.forget_gate.as_ref();
        let forget = forget.ok_or(ConvertError::Option {
            name: "input_forget",
        })?;
        Ok([
            &layer.input_gate,
            forget,
            &layer.cell_gate,
            &layer.output_gate,
        ])
    });
    let gates = gates.collect::<Result<Vec<_>, ConvertError>>()?;
    from_gates(Cell::Lstm, &gates)
}

fn gru(directions: &[&Gru]) -> Result<Recurrent, ConvertError> {
    let cell = match directions.first().is_some_and(|layer| layer.reset_after) {
        true => Cell::Gru,
        false => Cell::GruResetBefore,
    };
    for layer in directions {
        supported(layer.clip.is_none(), "clip")?;
        supported(layer.reset_after == (cell == Cell::Gru), "reset_after")?;
        let gate = matches!(layer.gate_activation, Activation::Sigmoid(_));
        supported(gate, "gate_activation")?;
        let hidden = matches!(layer.hidden_activation, Activation::Tanh(_));
        supported(hidden, "hidden_activation")?;
    }
    let gates = directions
        .iter()
        .map(|layer| [&layer.reset_gate, &layer.update_gate, &layer.new_gate]);
    from_gates(cell, &gates.collect::<Vec<_>>())
}

fn supported(is: bool, name: &'static str) -> Result<(), ConvertError> {
    match is {
        true => Ok(()),
        false => Err(ConvertError::Option { name }),
    }
}

/// One layer whose gates are given in our order, for each direction.
fn from_gates<const N: usize>(
    cell: Cell,
    directions: &[[&GateController; N]],
) -> Result<Recurrent, ConvertError> {
    let [d_input, d_hidden] = directions[0][0].input_transform.weight.dims();
    let config = RecurrentConfig::new(d_input, d_hidden)
        .with_cell(cell)
        .with_bidirectional(directions.len() > 1);
    let device = directions[0][0].input_transform.weight.device();
    build(&config, &device, |_, reverse, d_input| {
        let gates = directions[usize::from(reverse)];
        let name = |part: &str| format!("{} {part}", if reverse { "reverse" } else { "forward" });
        let input = gates.map(|gate| &gate.input_transform);
        let hidden = gates.map(|gate| &gate.hidden_transform);
        let (ih, input) = side(&name("input"), input, [d_input, d_hidden])?;
        let (hh, hidden) = side(&name("hidden"), hidden, [d_hidden, d_hidden])?;
        Ok(Direction {
            ih,
            hh,
            bias: joined_bias(cell, &input, &hidden, d_hidden),
        })
    })
}

/// The gates' weights side by side, `[d_in, gates * d_hidden]`, and their biases one after the other.
fn side<const N: usize>(
    name: &str,
    gates: [&Linear; N],
    dims: [usize; 2],
) -> Result<(Vec<f32>, Vec<f32>), ConvertError> {
    let [rows, d_hidden] = dims;
    let mut weights = Vec::with_capacity(N);
    let mut bias = Vec::with_capacity(N * d_hidden);
    for gate in gates {
        let own = gate.weight.val().into_data();
        weights.push(super::checked(&format!("{name} weight"), &own, &dims)?);
        let zeros = || TensorData::zeros::<f32, _>([d_hidden]);
        let own = gate
            .bias
            .as_ref()
            .map_or_else(zeros, |bias| bias.val().into_data());
        bias.extend(super::checked(&format!("{name} bias"), &own, &[d_hidden])?);
    }
    let joined = (0..rows).flat_map(|row| {
        let part = move |gate: &Vec<f32>| gate[row * d_hidden..][..d_hidden].to_vec();
        weights.iter().flat_map(part)
    });
    Ok((joined.collect(), bias))
}
