//! [`Loss`]: a weighted sum of losses of numbers, on tensors and over a whole split.

mod terms;
mod text;
mod whole;

use crate::TrainError;
use burn::tensor::Tensor;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use terms::Elements;

/// One loss of outputs `x` against targets `y`, with a weight `w` for every element.
///
/// | term | text | formula | source |
/// |---|---|---|---|
/// | [`Mse`](Self::Mse) | `mse` | `Σ w (x - y)² / Σ w` | |
/// | [`Mae`](Self::Mae) | `mae` | `Σ w \|x - y\| / Σ w` | |
/// | [`Huber`](Self::Huber) | `huber(δ)` | `Σ w h(x - y) / Σ w`, `h(d) = d² / 2` up to `\|d\| = δ`, `δ (\|d\| - δ / 2)` beyond | Huber (1964), [doi:10.1214/aoms/1177703732](https://doi.org/10.1214/aoms/1177703732) |
/// | [`LogCosh`](Self::LogCosh) | `log_cosh` | `Σ w ln cosh(x - y) / Σ w` | Green (1990), [doi:10.1109/42.52985](https://doi.org/10.1109/42.52985) |
/// | [`Pearson`](Self::Pearson) | `pearson` | mean over columns of `1 - r`, `r = Σ w x' y' / √((Σ w x'² + ε Σ w) Σ w y'²)`, `x' = x - Σ w x / Σ w`, `y'` alike | Pearson (1895), [doi:10.1098/rspl.1895.0041](https://doi.org/10.1098/rspl.1895.0041) |
/// | [`Mcrmse`](Self::Mcrmse) | `mcrmse` | mean over columns of `√(Σ w (x - y)² / Σ w)` | the score of OpenVaccine |
/// | [`Mrrmse`](Self::Mrrmse) | `mrrmse` | mean over rows of the same | the score of Open Problems' single-cell perturbations |
///
/// **Weights.** Every mean is divided by the sum of its weights, so that a common factor changes nothing and a weight of 0 is an
/// element that is not there, whatever stands in it. What is left without any weight is 0: a column without one in
/// [`Mcrmse`](Self::Mcrmse), a column with fewer than two in [`Pearson`](Self::Pearson) is not in the mean over columns. Columns
/// count alike in that mean, so a factor on a whole column has no effect on these two; rows count in [`Mrrmse`](Self::Mrrmse) by the
/// mean of their weights above 0.
///
/// **Constants.** `ε` of [`Pearson`](Self::Pearson) is 1e-8, on the variance of the outputs: outputs that spread by much less than
/// 1e-4 correlate with nothing, and `1 - r` and its gradient stay finite. A constant column of targets has `r = 0` and no gradient.
/// The root of [`Mcrmse`](Self::Mcrmse) and [`Mrrmse`](Self::Mrrmse) has the gradient 0 where it is 0, [`Mae`](Self::Mae) where
/// `x = y`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum LossTerm {
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    Mae,
    /// Squared near 0, absolute further away.
    Huber {
        /// Where one passes into the other, in the unit of the targets; 1e-6 to 1e6.
        delta: f64,
    },
    /// Like half the square near 0, like the absolute value less `ln 2` further away.
    LogCosh,
    /// One minus Pearson's correlation, column by column.
    Pearson,
    /// Mean columnwise root mean squared error.
    Mcrmse,
    /// Mean rowwise root mean squared error.
    Mrrmse,
}

/// A weighted sum of [losses](LossTerm) of outputs against targets, such as `0.2 * huber(1.0) + 0.8 * pearson`.
///
/// ```text
/// loss = Σ_k a_k l_k(outputs, targets, weights)
/// ```
///
/// It is written and read as that text, in a configuration too.
///
/// ```text
/// sum    = term { "+" term }                        at most 16 terms, at most 1024 bytes
/// term   = [ number "*" ] name                      numbers from 0 to 1e6, not all of them 0; none is 1
/// name   = "mse" | "mae" | "huber(" number ")" | "log_cosh" | "pearson" | "mcrmse" | "mrrmse"
/// ```
///
/// ```
/// use hairpin_train::{Device, Loss, LossTerm};
/// use burn::tensor::Tensor;
///
/// let loss: Loss = "0.2 * huber(1.0) + 0.8*pearson".parse()?;
/// assert_eq!(loss, Loss::new([(0.2, LossTerm::Huber { delta: 1.0 }), (0.8, LossTerm::Pearson)])?);
/// assert_eq!(loss.to_string(), "0.2 * huber(1.0) + 0.8 * pearson");
///
/// // Two of three values count; what was not measured may hold anything.
/// let device = Device::flex();
/// let outputs = Tensor::<2>::from_data([[1.0], [2.0], [5.0]], &device);
/// let targets = Tensor::<2>::from_data([[0.0], [5.0], [f32::NAN]], &device);
/// let weights = Tensor::<2>::from_data([[3.0], [1.0], [0.0]], &device);
/// let found = Loss::default().forward(outputs, targets, Some(weights));
/// assert_eq!(found.into_scalar::<f32>(), (3.0 * 1.0 + 1.0 * 9.0) / 4.0);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Loss {
    terms: Vec<(f64, LossTerm)>,
}

impl Loss {
    /// Most terms of a sum.
    pub const MAX_TERMS: usize = 16;

    /// The sum of `weight * term`.
    ///
    /// # Errors
    ///
    /// [`TrainError::LossSetting`] for no terms or more than [`MAX_TERMS`](Self::MAX_TERMS), a weight that is not a number from 0 to
    /// 1e6, weights that are all 0, a `delta` that is not a number from 1e-6 to 1e6.
    pub fn new(terms: impl IntoIterator<Item = (f64, LossTerm)>) -> Result<Self, TrainError> {
        let terms: Vec<_> = terms.into_iter().take(Self::MAX_TERMS + 1).collect();
        let refuse = |setting, found: String, expected| {
            Err(TrainError::LossSetting {
                setting,
                found,
                expected,
            })
        };
        if !(1..=Self::MAX_TERMS).contains(&terms.len()) {
            let found = match terms.len() {
                0 => "0".to_owned(),
                _ => "more".to_owned(),
            };
            return refuse("number of terms", found, "1 to 16");
        }
        for &(weight, term) in &terms {
            if !text::is_weight(weight) {
                return refuse("weight", weight.to_string(), text::WEIGHT);
            }
            if let LossTerm::Huber { delta } = term
                && !text::is_delta(delta)
            {
                return refuse("delta", delta.to_string(), text::DELTA);
            }
        }
        if terms.iter().all(|&(weight, _)| weight == 0.0) {
            return refuse("weight", "0 in every term".to_owned(), "one above 0");
        }
        Ok(Self { terms })
    }

    /// One term alone.
    pub(super) fn of(term: LossTerm) -> Self {
        Self {
            terms: vec![(1.0, term)],
        }
    }

    /// The terms with their weights.
    pub fn terms(&self) -> &[(f64, LossTerm)] {
        &self.terms
    }

    /// The loss of a batch. One element; 0 where no element has a weight.
    ///
    /// # Shapes
    ///
    /// - `outputs`, `targets`, `weights`: `[rows, columns]`, weights finite and not below 0, none 1 each
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn forward(
        &self,
        outputs: Tensor<2>,
        targets: Tensor<2>,
        weights: Option<Tensor<2>>,
    ) -> Tensor<1> {
        let elements = Elements::new(outputs, targets, weights);
        self.terms
            .iter()
            .filter(|&&(weight, _)| weight > 0.0)
            .map(|&(weight, term)| elements.loss(term) * weight)
            .reduce(|sum, term| sum + term)
            .expect("one weight is above 0")
    }

    /// The same of a whole split, in `f64`. Without gradients, and without a device.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward)
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn value(
        &self,
        outputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        weights: Option<ArrayView2<'_, f32>>,
    ) -> f64 {
        whole::value(&self.terms, outputs, targets, weights)
    }
}

/// The mean squared error.
impl Default for Loss {
    fn default() -> Self {
        Self::of(LossTerm::Mse)
    }
}

/// Kept off the variance of outputs in a correlation.
const PEARSON_EPSILON: f64 = 1e-8;
