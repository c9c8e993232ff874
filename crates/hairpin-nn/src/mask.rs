//! The mask of a padded batch, and what is pooled over the positions it leaves.

use burn::tensor::{Bool, Device, Tensor, TensorData};

/// The padding mask of a batch: **true where padded**, as Burn's attention wants it.
///
/// # Shapes
///
/// lengths `[batch_size]` -> `[batch_size, length]`
///
/// ```
/// use burn::tensor::Device;
/// let mask = hairpin_nn::mask_pad(&[3, 1], 3, &Device::flex());
/// let found = mask.into_data().try_into_vec::<bool>().unwrap();
/// assert_eq!(found, [false, false, false, false, true, true]);
/// ```
pub fn mask_pad(lengths: &[usize], length: usize, device: &Device) -> Tensor<2, Bool> {
    let padded: Vec<bool> = lengths
        .iter()
        .flat_map(|&own| (0..length).map(move |position| position >= own))
        .collect();
    Tensor::from_data(TensorData::new(padded, [lengths.len(), length]), device)
}

/// The batch with zeros beyond each length.
///
/// # Shapes
///
/// `[batch_size, length, channels]` and lengths `[batch_size]` -> `[batch_size, length, channels]`
///
/// # Panics
///
/// As [`masked_mean`].
pub fn zero_padded(x: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
    padded_with(x, lengths, 0.0)
}

/// Mean over the positions of each string.
///
/// # Shapes
///
/// `[batch_size, length, channels]` and lengths `[batch_size]` -> `[batch_size, channels]`
///
/// # Panics
///
/// When there is not one length per row, or one is greater than `length`.
pub fn masked_mean(x: Tensor<3>, lengths: &[usize]) -> Tensor<2> {
    let [batch, _, channels] = x.dims();
    let counts: Vec<f32> = lengths.iter().map(|&own| own as f32).collect();
    let sums = zero_padded(x, lengths)
        .sum_dim(1)
        .reshape([batch, channels]);
    let counts = Tensor::<2>::from_data(TensorData::new(counts, [batch, 1]), &sums.device());
    sums / counts
}

/// Maximum over the positions of each string.
///
/// # Shapes
///
/// `[batch_size, length, channels]` and lengths `[batch_size]` -> `[batch_size, channels]`
///
/// # Panics
///
/// As [`masked_mean`].
pub fn masked_max(x: Tensor<3>, lengths: &[usize]) -> Tensor<2> {
    let [batch, _, channels] = x.dims();
    padded_with(x, lengths, f32::MIN)
        .max_dim(1)
        .reshape([batch, channels])
}

fn padded_with(x: Tensor<3>, lengths: &[usize], value: f32) -> Tensor<3> {
    let [batch, length, channels] = x.dims();
    assert_eq!(
        lengths.len(),
        batch,
        "{} lengths for batch_size {batch}",
        lengths.len()
    );
    if let Some(own) = lengths.iter().find(|&&own| own > length) {
        panic!("a length is {own}, the batch is {length} long");
    }
    if lengths.iter().all(|&own| own == length) {
        return x;
    }
    let mask = mask_pad(lengths, length, &x.device())
        .unsqueeze_dim::<3>(2)
        .expand([batch, length, channels]);
    x.mask_fill(mask, value)
}
