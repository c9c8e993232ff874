//! Weights of PyTorch's, Keras's and Burn's own recurrent layers, and back to PyTorch's names.

mod from_burn;

use crate::{Cell, Recurrent, RecurrentConfig, RecurrentLayer};
use burn::module::Param;
use burn::tensor::{Device, TensorData};
use std::collections::BTreeMap;

/// Weights that do not make a recurrent layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A tensor that the layer needs is not there.
    #[error("no tensor `{name}`; there are {found}")]
    Missing {
        /// The name looked for.
        name: String,
        /// The names there are.
        found: String,
    },
    /// A tensor has another shape than the others ask for.
    #[error("`{name}` has the shape {found:?}, expected {expected}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: String,
    },
    /// A tensor is not of `f32`.
    #[error("`{name}` holds {found}, expected f32")]
    Type {
        /// The tensor.
        name: String,
        /// Its element type.
        found: String,
    },
    /// A layer of Burn is set to something that this one cannot do.
    #[error("the layer of Burn is used with its option `{name}`, which this layer does not have")]
    Option {
        /// The option.
        name: &'static str,
    },
}

/// One direction of one Keras layer, as `layer.get_weights()` gives it.
#[derive(Debug, Clone)]
pub struct KerasWeights {
    /// `[d_input, gates * d_hidden]`; an LSTM's gates are `i f c o`, a GRU's `z r h`.
    pub kernel: TensorData,
    /// `[d_hidden, gates * d_hidden]`.
    pub recurrent_kernel: TensorData,
    /// `[gates * d_hidden]`, or `[2, gates * d_hidden]` of a GRU with `reset_after=True`.
    pub bias: TensorData,
}

/// One direction in our own order of gates: matrices `[in, gates * d_hidden]`, bias `[4 * d_hidden]`.
struct Direction {
    ih: Vec<f32>,
    hh: Vec<f32>,
    bias: Vec<f32>,
}

impl Recurrent {
    /// The layer of a PyTorch state dict: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, their `_reverse`, and so on for
    /// `l1`, .... The cell, the sizes, the layers and the directions are read off the names and shapes; other names are left alone.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use hairpin_nn::{Cell, Recurrent, RecurrentConfig};
    ///
    /// let device = Device::flex();
    /// let layer = RecurrentConfig::new(4, 8).with_cell(Cell::Gru).with_layers(2).init(&device);
    /// let tensors = layer.to_pytorch();
    /// assert_eq!(tensors["weight_ih_l1"].shape().as_slice(), [24, 8]);
    /// let same = Recurrent::from_pytorch(&tensors, &device)?;
    /// assert_eq!(same.to_pytorch(), tensors);
    /// # Ok::<(), hairpin_nn::ConvertError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConvertError`] names the first tensor that is missing or has another shape or type.
    pub fn from_pytorch(
        tensors: &BTreeMap<String, TensorData>,
        device: &Device,
    ) -> Result<Self, ConvertError> {
        let (_, [width, d_hidden]) = matrix(tensors, "weight_hh_l0")?;
        let gates = width.checked_div(d_hidden).unwrap_or(0);
        let cell = match gates {
            4 => Cell::Lstm,
            3 => Cell::Gru,
            _ => {
                return Err(ConvertError::Shape {
                    name: "weight_hh_l0".to_owned(),
                    found: vec![width, d_hidden],
                    expected:
                        "[4 * d_hidden, d_hidden] of an LSTM or [3 * d_hidden, d_hidden] of a GRU"
                            .to_owned(),
                });
            }
        };
        let (_, [_, d_input]) = matrix(tensors, "weight_ih_l0")?;
        let has = |name: String| tensors.contains_key(&name);
        let config = RecurrentConfig::new(d_input, d_hidden)
            .with_cell(cell)
            .with_bidirectional(has("weight_ih_l0_reverse".to_owned()))
            .with_layers(
                (1..)
                    .find(|layer| !has(format!("weight_ih_l{layer}")))
                    .unwrap_or(1),
            );
        build(&config, device, |layer, reverse, d_input| {
            let suffix = format!("l{layer}{}", if reverse { "_reverse" } else { "" });
            let (ih, _) = sized(tensors, &format!("weight_ih_{suffix}"), [width, d_input])?;
            let (hh, _) = sized(tensors, &format!("weight_hh_{suffix}"), [width, d_hidden])?;
            let b_ih = vector(tensors, &format!("bias_ih_{suffix}"), width)?;
            let b_hh = vector(tensors, &format!("bias_hh_{suffix}"), width)?;
            Ok(Direction {
                ih: transposed(&ih, d_input),
                hh: transposed(&hh, d_hidden),
                bias: joined_bias(cell, &b_ih, &b_hh, d_hidden),
            })
        })
    }

    /// The layer as a PyTorch state dict; see [`from_pytorch`](Self::from_pytorch).
    ///
    /// PyTorch's two biases are always added, so the first holds ours and the second is zero, but for a GRU's part that is added after
    /// the product. A [`Cell::GruResetBefore`] has no counterpart in PyTorch; its names are the same and its meaning is not.
    pub fn to_pytorch(&self) -> BTreeMap<String, TensorData> {
        let mut tensors = BTreeMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let [d_input, _] = layer.weight_ih.dims();
            let [directions, d_hidden, width] = layer.weight_hh.dims();
            let ih = floats(layer.weight_ih.val().into_data());
            let hh = floats(layer.weight_hh.val().into_data());
            let bias = floats(layer.bias.val().into_data());
            for direction in 0..directions {
                let suffix = format!("l{index}{}", if direction == 1 { "_reverse" } else { "" });
                let own: Vec<f32> = ih
                    .chunks_exact(directions * width)
                    .flat_map(|row| &row[direction * width..(direction + 1) * width])
                    .copied()
                    .collect();
                let mut add = |name: &str, values: Vec<f32>, dims: Vec<usize>| {
                    tensors.insert(format!("{name}_{suffix}"), TensorData::new(values, dims));
                };
                add("weight_ih", transposed(&own, width), vec![width, d_input]);
                let own = &hh[direction * d_hidden * width..][..d_hidden * width];
                add("weight_hh", transposed(own, width), vec![width, d_hidden]);
                let own = &bias[direction * 4 * d_hidden..][..4 * d_hidden];
                let mut second = vec![0.0; width];
                if width == 3 * d_hidden {
                    second[2 * d_hidden..].copy_from_slice(&own[3 * d_hidden..]);
                }
                add("bias_ih", own[..width].to_vec(), vec![width]);
                add("bias_hh", second, vec![width]);
            }
        }
        tensors
    }

    /// The layer of Keras weights: for each layer its direction, or forward and reverse.
    ///
    /// With [`Cell::Gru`] the weights are those of `reset_after=True`, Keras's default; [`Cell::GruResetBefore`] is `reset_after=False`.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] names the first tensor that has another shape or type, as `layer 0 forward kernel`.
    pub fn from_keras(
        cell: Cell,
        layers: &[Vec<KerasWeights>],
        device: &Device,
    ) -> Result<Self, ConvertError> {
        let missing = || ConvertError::Missing {
            name: "layer 0 forward".to_owned(),
            found: "no layers".to_owned(),
        };
        let first = layers
            .first()
            .and_then(|own| own.first())
            .ok_or_else(missing)?;
        let directions = layers[0].len();
        let (_, [d_input, _]) = as_matrix("layer 0 forward kernel", &first.kernel)?;
        let (_, [d_hidden, _]) =
            as_matrix("layer 0 forward recurrent_kernel", &first.recurrent_kernel)?;
        let width = cell.gates() * d_hidden;
        let config = RecurrentConfig::new(d_input, d_hidden)
            .with_cell(cell)
            .with_bidirectional(directions > 1)
            .with_layers(layers.len());
        // Ours in Keras's order: a GRU of Keras has its update gate first.
        let order: &[usize] = match cell {
            Cell::Lstm => &[0, 1, 2, 3],
            Cell::Gru | Cell::GruResetBefore => &[1, 0, 2],
        };
        build(&config, device, |layer, reverse, d_input| {
            let name = format!(
                "layer {layer} {}",
                if reverse { "reverse" } else { "forward" }
            );
            let own = layers[layer].get(usize::from(reverse));
            let own = own.ok_or_else(|| ConvertError::Missing {
                name: name.clone(),
                found: format!("{} directions of this layer", layers[layer].len()),
            })?;
            let matrix = |part: &str, data: &TensorData, dims| -> Result<Vec<f32>, ConvertError> {
                let (values, _) = expect(&format!("{name} {part}"), data, dims)?;
                let rows = values.chunks_exact(width);
                Ok(rows.flat_map(|row| ordered(row, order, d_hidden)).collect())
            };
            let after = cell == Cell::Gru;
            let dims = if after { vec![2, width] } else { vec![width] };
            let bias = checked(&format!("{name} bias"), &own.bias, &dims)?;
            let input = ordered(&bias[..width], order, d_hidden);
            let recurrent = match after {
                true => ordered(&bias[width..], order, d_hidden),
                false => vec![0.0; width],
            };
            Ok(Direction {
                ih: matrix("kernel", &own.kernel, [d_input, width])?,
                hh: matrix("recurrent_kernel", &own.recurrent_kernel, [d_hidden, width])?,
                bias: joined_bias(cell, &input, &recurrent, d_hidden),
            })
        })
    }
}

/// A layer whose directions `read` gives: `(layer, reverse, d_input)`.
fn build(
    config: &RecurrentConfig,
    device: &Device,
    read: impl Fn(usize, bool, usize) -> Result<Direction, ConvertError>,
) -> Result<Recurrent, ConvertError> {
    let (directions, d_hidden) = (config.directions(), config.d_hidden);
    let width = config.cell.gates() * d_hidden;
    let mut built = config.init(device);
    for (index, layer) in built.layers.iter_mut().enumerate() {
        let d_input = match index {
            0 => config.d_input,
            _ => directions * d_hidden,
        };
        let parts = (0..directions)
            .map(|direction| read(index, direction == 1, d_input))
            .collect::<Result<Vec<_>, _>>()?;
        let ih: Vec<f32> = (0..d_input)
            .flat_map(|row| {
                parts
                    .iter()
                    .flat_map(move |part| &part.ih[row * width..(row + 1) * width])
            })
            .copied()
            .collect();
        let hh: Vec<f32> = parts.iter().flat_map(|part| &part.hh).copied().collect();
        let bias: Vec<f32> = parts.iter().flat_map(|part| &part.bias).copied().collect();
        let param = |values, dims: Vec<usize>| TensorData::new(values, dims);
        *layer = RecurrentLayer {
            weight_ih: Param::from_data(param(ih, vec![d_input, directions * width]), device),
            weight_hh: Param::from_data(param(hh, vec![directions, d_hidden, width]), device),
            bias: Param::from_data(param(bias, vec![directions * 4 * d_hidden]), device),
        };
    }
    Ok(built)
}

/// Our one bias: all of the input's, with the recurrent one's added where nothing stands between them and kept where the reset gate does.
fn joined_bias(cell: Cell, input: &[f32], recurrent: &[f32], d_hidden: usize) -> Vec<f32> {
    let together = match cell {
        Cell::Gru => 2 * d_hidden,
        Cell::Lstm | Cell::GruResetBefore => input.len(),
    };
    let mut bias: Vec<f32> = input.to_vec();
    for (sum, value) in bias.iter_mut().zip(&recurrent[..together]) {
        *sum += value;
    }
    bias.extend_from_slice(&recurrent[together..]);
    bias.resize(4 * d_hidden, 0.0);
    bias
}

/// The blocks of `d_hidden` values of a row in another order.
fn ordered(row: &[f32], order: &[usize], d_hidden: usize) -> Vec<f32> {
    let blocks = order
        .iter()
        .flat_map(|&gate| &row[gate * d_hidden..(gate + 1) * d_hidden]);
    blocks.copied().collect()
}

/// The transpose of a row-major matrix of `columns` columns.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

fn floats(data: TensorData) -> Vec<f32> {
    data.try_into_vec::<f32>()
        .expect("a recurrent layer's weights are f32")
}

fn find<'a>(
    tensors: &'a BTreeMap<String, TensorData>,
    name: &str,
) -> Result<&'a TensorData, ConvertError> {
    tensors.get(name).ok_or_else(|| ConvertError::Missing {
        name: name.to_owned(),
        found: match tensors.len() {
            0 => "none".to_owned(),
            _ => tensors
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        },
    })
}

fn matrix(
    tensors: &BTreeMap<String, TensorData>,
    name: &str,
) -> Result<(Vec<f32>, [usize; 2]), ConvertError> {
    as_matrix(name, find(tensors, name)?)
}

pub(crate) fn sized(
    tensors: &BTreeMap<String, TensorData>,
    name: &str,
    dims: [usize; 2],
) -> Result<(Vec<f32>, [usize; 2]), ConvertError> {
    expect(name, find(tensors, name)?, dims)
}

pub(crate) fn vector(
    tensors: &BTreeMap<String, TensorData>,
    name: &str,
    length: usize,
) -> Result<Vec<f32>, ConvertError> {
    checked(name, find(tensors, name)?, &[length])
}

fn as_matrix(name: &str, data: &TensorData) -> Result<(Vec<f32>, [usize; 2]), ConvertError> {
    match data.shape().as_slice() {
        &[rows, columns] if rows > 0 && columns > 0 => expect(name, data, [rows, columns]),
        other => Err(ConvertError::Shape {
            name: name.to_owned(),
            found: other.to_vec(),
            expected: "a matrix".to_owned(),
        }),
    }
}

fn expect(
    name: &str,
    data: &TensorData,
    dims: [usize; 2],
) -> Result<(Vec<f32>, [usize; 2]), ConvertError> {
    Ok((checked(name, data, &dims)?, dims))
}

fn checked(name: &str, data: &TensorData, dims: &[usize]) -> Result<Vec<f32>, ConvertError> {
    if data.shape().as_slice() != dims {
        return Err(ConvertError::Shape {
            name: name.to_owned(),
            found: data.shape().as_slice().to_vec(),
            expected: format!("{dims:?}"),
        });
    }
    data.clone()
        .try_into_vec::<f32>()
        .map_err(|_| ConvertError::Type {
            name: name.to_owned(),
            found: format!("{:?}", data.dtype()),
        })
}
