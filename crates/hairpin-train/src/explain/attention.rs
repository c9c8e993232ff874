//! What was read where: attention weights as maps.

use super::refused;
use crate::TrainError;
use burn::tensor::Tensor;
use ndarray::{Array2, s};

/// The map of one head for one sequence, `[length, length]` without padding: row `i` is how much position `i` reads of each other one.
///
/// `weights` are those of a layer, `[batch_size, n_heads, padded, padded]`, as
/// [`TransformerEncoder::attention_weights`](hairpin_nn::TransformerEncoder::attention_weights) gives them. With `head` `None` it is the mean
/// over the heads.
///
/// # Errors
///
/// [`TrainError::Explanation`] when there is no such row, head or position.
pub fn attention_map(
    weights: &Tensor<4>,
    row: usize,
    head: Option<usize>,
    length: usize,
) -> Result<Array2<f32>, TrainError> {
    let [rows, heads, queries, keys] = weights.dims();
    below("row", row, rows)?;
    below("head", head.unwrap_or(0), heads)?;
    if length > queries || length > keys {
        let expected = format!("at most the {} positions", queries.min(keys));
        return Err(refused("length", length, expected));
    }
    let of_row = weights.clone().inner().slice_dim(0, row..row + 1);
    let of_head = match head {
        Some(head) => of_row.slice_dim(1, head..head + 1),
        None => of_row.mean_dim(1),
    };
    let values: Vec<f32> = of_head.into_data().iter::<f32>().collect();
    let all = Array2::from_shape_vec((queries, keys), values).expect("a value for each pair");
    Ok(all.slice(s![..length, ..length]).to_owned())
}

/// Refuses an index that is not below `count`.
pub(super) fn below(name: &'static str, index: usize, count: usize) -> Result<(), TrainError> {
    if index < count {
        Ok(())
    } else {
        Err(refused(
            name,
            index,
            format!("below {count}, counted from 0"),
        ))
    }
}

/// Attention rollout (Abnar and Zuidema 2020, arXiv:2005.00928): how much of each position's input reaches each position after all layers, if
/// every layer passes on half of what it gets beside it and half through the mean of its heads,
///
/// ```text
/// R = A_n ... A_2 A_1,   A_l = (mean over heads of the weights + I) / 2
/// ```
///
/// # Shapes
///
/// for each layer `[batch_size, n_heads, length, length]`, the first of which reads the input -> `[batch_size, length, length]`
///
/// # Errors
///
/// [`TrainError::Explanation`] when there is no layer.
///
/// # Panics
///
/// When the layers' shapes differ.
pub fn rollout(weights: &[Tensor<4>]) -> Result<Tensor<3>, TrainError> {
    let layers = weights.iter().map(|weights| {
        let [batch, _, length, keys] = weights.dims();
        assert_eq!(length, keys, "rollout: positions and keys");
        let weights = weights.clone().inner().mean_dim(1);
        let own = Tensor::<2>::eye(length, &weights.device()).unsqueeze::<3>();
        (weights.reshape([batch, length, length]) + own) * 0.5
    });
    layers
        .reduce(|before, layer| layer.matmul(before))
        .ok_or_else(|| refused("layers", 0, "at least 1"))
}
