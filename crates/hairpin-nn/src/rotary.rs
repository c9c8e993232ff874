//! Rotary position embedding.

use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

/// The rotations of positions `0..length` by which attention knows how far apart two positions are
/// (Su et al. 2021, arXiv:2104.09864).
///
/// Feature `i` of the first half of a head and feature `i` of its second half are one plane, turned by an angle that grows with the
/// position:
///
/// ```text
/// a' = a cos(p θ_i) - b sin(p θ_i),     b' = b cos(p θ_i) + a sin(p θ_i),     a = x[i], b = x[d_head / 2 + i]
/// ```
///
/// The halves are those of GPT-NeoX, LLaMA and ESM-2, not the neighbouring pairs of the paper. Queries and keys are both turned, so that
/// a score depends on the difference of their positions alone:
/// [`AttentionInput::with_rotary`](crate::AttentionInput::with_rotary).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_nn::{AttentionInput, MultiHeadAttentionConfig, Rotary};
///
/// let device = Device::flex();
/// let layer = MultiHeadAttentionConfig::new(32, 4).init(&device);
/// let rotary = Rotary::new(&Rotary::frequencies(8, 10_000.0), 41);
/// let input = AttentionInput::new(Tensor::ones([2, 41, 32], &device)).with_rotary(rotary);
/// assert_eq!(layer.forward(input).dims(), [2, 41, 32]);
/// ```
#[derive(Debug, Clone)]
pub struct Rotary {
    half: usize,
    /// Cosines, then sines, of each position: `[length, 2, half]`.
    table: Arc<[f32]>,
}

impl Rotary {
    /// The usual frequencies of a head, `θ_i = base^(-2 i / d_head)`, `d_head / 2` of them.
    ///
    /// # Panics
    ///
    /// When `d_head` is odd or 0.
    pub fn frequencies(d_head: usize, base: f64) -> Vec<f32> {
        assert!(
            d_head > 0 && d_head.is_multiple_of(2),
            "Rotary: d_head is {d_head}, expected an even number"
        );
        // In f32 as the models that were trained with them have it.
        let frequency = |i| 1.0 / (base as f32).powf((2 * i) as f32 / d_head as f32);
        (0..d_head / 2).map(frequency).collect()
    }

    /// The rotations of positions `0..length` by the angles `position · frequency`, which are rounded to f32.
    ///
    /// # Panics
    ///
    /// When there is no frequency.
    pub fn new(frequencies: &[f32], length: usize) -> Self {
        assert!(!frequencies.is_empty(), "Rotary: no frequencies");
        let angle = |position: usize, frequency: &f32| f64::from(position as f32 * frequency);
        let table = (0..length).flat_map(|position| {
            let cos = frequencies.iter().map(move |f| angle(position, f).cos());
            let sin = frequencies.iter().map(move |f| angle(position, f).sin());
            cos.chain(sin)
        });
        Self {
            half: frequencies.len(),
            table: table.map(|value| value as f32).collect(),
        }
    }

    /// Positions that there are rotations for.
    pub fn length(&self) -> usize {
        self.table.len() / (2 * self.half)
    }

    /// Features of a head.
    pub fn d_head(&self) -> usize {
        2 * self.half
    }

    /// Cosines and sines of a position.
    #[cfg(feature = "flex")]
    pub(crate) fn at(&self, position: usize) -> (&[f32], &[f32]) {
        self.table[position * 2 * self.half..][..2 * self.half].split_at(self.half)
    }

    /// Refuses heads and positions that these rotations are not of.
    pub(crate) fn check(&self, d_head: usize, length: usize) {
        assert_eq!(
            self.d_head(),
            d_head,
            "Rotary: d_head of the rotations and of the layer"
        );
        assert!(
            length <= self.length(),
            "Rotary: {length} positions, there are rotations for {}",
            self.length()
        );
    }

    /// Turns `[batch_size, n_heads, length, d_head]`.
    pub(crate) fn plain(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, heads, length, d_head] = x.dims();
        let half = |from: usize, device: &Device| {
            let values = self.table[..length * d_head]
                .chunks_exact(d_head)
                .flat_map(|row| &row[from..from + self.half]);
            let data = TensorData::new(values.copied().collect(), [1, 1, length, self.half]);
            Tensor::<4>::from_data(data, device)
        };
        let device = x.device();
        let (cos, sin) = (half(0, &device), half(self.half, &device));
        let part = |from| {
            x.clone()
                .slice([0..batch, 0..heads, 0..length, from..from + self.half])
        };
        let (a, b) = (part(0), part(self.half));
        let first = a.clone() * cos.clone() - b.clone() * sin.clone();
        Tensor::cat(vec![first, b * cos + a * sin], 3)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_score_depends_on_the_difference_of_positions() {
        let frequencies = Rotary::frequencies(4, 100.0);
        assert_eq!(frequencies, [1.0, 0.1]);
        let rotary = Rotary::new(&frequencies, 12);
        assert_eq!((rotary.length(), rotary.d_head()), (12, 4));
        let device = Device::flex();
        let turned = |values: [f32; 4]| {
            let row = Tensor::<4>::from_data([[[values]]], &device).expand([1, 1, 12, 4]);
            rotary.plain(row).into_data().try_into_vec::<f32>().unwrap()
        };
        let (query, key) = (turned([0.3, -1.0, 0.7, 2.0]), turned([1.5, 0.2, -0.4, 0.9]));
        let score =
            |q: usize, k: usize| -> f32 { (0..4).map(|i| query[4 * q + i] * key[4 * k + i]).sum() };
        for shift in 0..8 {
            assert!((score(shift, shift + 3) - score(0, 3)).abs() < 1e-5);
            assert!((score(shift + 3, shift) - score(3, 0)).abs() < 1e-5);
        }
        assert!((score(0, 3) - score(3, 0)).abs() > 1e-2);
    }

    #[test]
    fn a_quarter_turn_on_paper() {
        // One plane, of which position 1 is turned by π / 2: (a, b) becomes (-b, a).
        let rotary = Rotary::new(&[std::f32::consts::FRAC_PI_2], 2);
        let x = Tensor::<4>::from_data([[[[3.0, 5.0], [3.0, 5.0]]]], &Device::flex());
        let found = rotary.plain(x).into_data().try_into_vec::<f32>().unwrap();
        for (found, expected) in found.iter().zip([3.0, 5.0, -5.0, 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        }
    }
}
