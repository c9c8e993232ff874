//! Why a model says what it says: which positions and symbols its output depends on.
//!
//! | question | method | cost for `L` positions and `s` symbols |
//! |---|---|---|
//! | what would another symbol here change? | [`mutagenesis`], [`mutagenesis_of_model`] | `L (s - 1) + 1` predictions |
//! | where is the output most sensitive to a small change? | [`saliency`], [`gradient`] | one backward pass |
//! | how much of the output does the linear part at `x` account for? | [`input_x_gradient`] | one backward pass |
//! | how is the difference between two inputs shared out? | [`IntegratedGradients`] | one backward pass per step |
//! | which positions did an encoder read where? | [`attention_map`], [`rollout`] | one forward pass |
//! | what does a filter of the first layer look for? | [`filter_motifs`] | two passes over the sequences |
//!
//! # What they say, and what they do not
//!
//! With `f` one output of the network, `x` the encoded input, `x'` a baseline:
//!
//! ```text
//! in-silico mutagenesis  f(x with symbol s at i) - f(x)
//! saliency               |∂f/∂x[i, c]|                                    Simonyan et al. 2013, arXiv:1312.6034
//! input x gradient       x[i, c] ∂f/∂x[i, c]                              Shrikumar et al. 2016, arXiv:1605.01713
//! integrated gradients   (x - x')[i, c] ∫₀¹ ∂f/∂x[i, c] (x' + α (x - x')) dα
//!                                                                         Sundararajan et al. 2017, arXiv:1703.01365
//! ```
//!
//! * **In-silico mutagenesis** asks the network itself, one symbol at a time, and needs no gradient. Two positions of which either is enough
//!   (a motif that occurs twice) both look unimportant. Every answer is about a sequence that could be in the data.
//! * **Saliency** is the slope at one point: it says nothing about a change as large as another symbol, it is 0 where a unit is
//!   saturated however important, and it has no sign.
//! * **Input x gradient** has a sign and, on one-hot rows, a value at the symbol that is there only; it is exact for a linear network, where it
//!   equals integrated gradients from zeros, and as local as saliency elsewhere.
//! * **Integrated gradients** are complete: they add up to `f(x) - f(x')`. What is left over after a finite number of steps is the
//!   [`residual`](Integrated::residual), always reported. They answer "compared with what?" and depend on it: choose the
//!   [`Baseline`] on purpose, and look at more than one.
//! * **Attention** says what was mixed, not what the output depends on: weights can be changed much with no effect (Jain and Wallace 2019,
//!   arXiv:1902.10186). [`rollout`] follows it through the layers, through residual connections but not through the feed-forward blocks.
//! * **Filters** of a first layer are motifs only where the layer is wide enough to hold one; otherwise each holds a part, or a mixture.
//!
//! None of them says what causes the biology; they describe the network, faults included. A network that predicts no better than a control is
//! not worth explaining.
//!
//! # How
//!
//! Gradients are taken of any function from `N` encoded batches to outputs, for networks of one and of two inputs. [`as_function`] makes
//! one of a [`Model`](hairpin_models::Model) that reads sequences. It puts the model in evaluation: dropout drops nothing, batch norm uses its
//! running statistics, and weights are constants of which no gradient is kept. Of a model that answers at every position write the function
//! that takes its answers at the one in question: `|[x]| model.forward(PerBaseInput::new(x, lengths)).narrow(1, position, 1).squeeze_dim(1)`.
//!
//! ```
//! use hairpin_models::SequenceLstmConfig;
//! use hairpin_seq::{Dna, OneHot, Seq};
//! use hairpin_train::explain::{
//!     AttributionLogo, Baseline, IntegratedGradients, as_function, mutagenesis_of_model, of_example,
//! };
//! use hairpin_train::{Dataset, Device, SequenceDataset};
//!
//! let device = Device::flex();
//! let model = SequenceLstmConfig::new(4, 1).with_d_hidden(4).init(&device)?; // trained, in real life
//! let sequences: Vec<Seq<Dna>> = vec!["GATTACAGATTACA".parse()?, "ACGTACGT".parse()?];
//! let encoder = OneHot::default();
//! let batch = SequenceDataset::new(&sequences, encoder).batch(&[0, 1], None, &device);
//!
//! let function = as_function(&model, &batch.lengths)?;
//! let baselines = Baseline::DinucleotideShuffles { count: 4, seed: 1 }.of_sequences(&sequences, &encoder, &device)?;
//! let found = IntegratedGradients::default().attribute(function, [batch.x], &baselines, 0)?;
//!
//! let values = of_example(&found.attributions[0], 0, sequences[0].len())?;
//! let change = found.outputs[0] - found.baseline_outputs[0];
//! assert!((f64::from(values.sum()) - change - found.residual[0]).abs() < 1e-4);
//! let logo = AttributionLogo::default().svg::<Dna>(values.view())?;
//! assert!(logo.starts_with("<svg"));
//!
//! let changes = mutagenesis_of_model(&model, &sequences[1], &encoder, 0, 64, &device)?;
//! assert_eq!(changes.differences().dim(), (8, 4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it does not do: no perturbation of more than one symbol at a time, no DeepLIFT or SHAP rules (which need a rule for each kind of layer),
//! and no discovery of motifs from attributions.

mod attention;
mod baseline;
mod figures;
mod filters;
mod function;
mod gradient;
mod heat_map;
mod integrated;
mod logo;
mod mutagenesis;
mod picture;
mod point_map;
mod table;

pub use attention::{attention_map, rollout};
pub use baseline::Baseline;
pub use figures::{Explained, attribution_figures, filter_figures};
pub use filters::{FilterMotif, FilterSettings, Filters, filter_motifs, filters_to_meme};
pub use function::as_function;
pub use gradient::{gradient, input_x_gradient, saliency};
pub use heat_map::HeatMap;
pub use integrated::{Integrated, IntegratedGradients, Quadrature};
pub use logo::AttributionLogo;
pub use mutagenesis::{Mutagenesis, mutagenesis, mutagenesis_of_model};
pub use point_map::{MapPoint, PointMap};
pub use table::{of_example, to_csv};

use crate::TrainError;

/// The error of a setting outside its range.
fn refused(
    name: &'static str,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> TrainError {
    TrainError::Explanation {
        name,
        found: found.to_string(),
        expected: expected.into(),
    }
}
