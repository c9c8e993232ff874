//! How every gene of a cell type answers to a compound, from the two names and from what is known of each: [`PerturbationTransformer`],
//! [`Autoencoder`] with its [`LatentRegressor`], and the small [`EncodingNet`].

mod autoencoder;
mod encoding_net;
mod latent_regressor;
mod transformer;

pub use autoencoder::{Autoencoder, AutoencoderConfig, Coder};
pub use encoding_net::{EncodingHead, EncodingNet, EncodingNetConfig};
pub use latent_regressor::{LatentRegressor, LatentRegressorConfig};
pub use transformer::{PerturbationTransformer, PerturbationTransformerConfig};

use crate::ModelError;
use burn::tensor::Tensor;
use hairpin_nn::{EncoderInput, TransformerEncoder};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// What attends to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionOver {
    /// The parts of a sample to each other: what a row is told does not depend on the other rows of its batch.
    WithinSample,
    /// The samples of a batch to each other. Published networks of this task hand their encoder a matrix `[batch_size, d_model]`, which
    /// PyTorch reads as *one* string of `batch_size` positions. Whatever is answered about a row then depends on the rows that happen to
    /// be asked about with it, in training (where every row sees the others) and in prediction (where it sees other test rows): a
    /// prediction is about a whole batch, and is to be asked for in one. Kept to reproduce what was published, and for nothing else.
    AcrossSamples,
}

/// The encoder over rows that are one position each.
///
/// # Shapes
///
/// `[batch_size, d_model]` -> `[batch_size, d_model]`
fn encode_rows(encoder: &TransformerEncoder, x: Tensor<2>, attention: AttentionOver) -> Tensor<2> {
    let [batch, d_model] = x.dims();
    let x = match attention {
        AttentionOver::WithinSample => x.reshape([batch, 1, d_model]),
        AttentionOver::AcrossSamples => x.reshape([1, batch, d_model]),
    };
    encoder
        .forward(EncoderInput::new(x))
        .reshape([batch, d_model])
}

/// Widest input or output of a network: genes, or a few statistics of each.
const MAX_WIDTH: usize = 1 << 20;

/// Largest size of anything within: a wrong digit is to be an error and not an allocation that ends the program.
const MAX_SIZE: usize = 16_384;

/// A hyper-parameter with the values that it may have.
type Size = (&'static str, usize, RangeInclusive<usize>, &'static str);

fn width(name: &'static str, found: usize) -> Size {
    (name, found, 1..=MAX_WIDTH, "1 to 1048576")
}

fn size(name: &'static str, found: usize) -> Size {
    (name, found, 1..=MAX_SIZE, "1 to 16384")
}

/// Refuses the first size outside its range.
fn check_sizes(sizes: impl IntoIterator<Item = Size>) -> Result<(), ModelError> {
    for (name, found, range, expected) in sizes {
        if !range.contains(&found) {
            return Err(refused(name, found, expected));
        }
    }
    Ok(())
}

fn check_dropout(name: &'static str, found: f64) -> Result<(), ModelError> {
    if (0.0..1.0).contains(&found) {
        Ok(())
    } else {
        Err(refused(name, found, "0 up to, not including, 1"))
    }
}

fn refused(name: &'static str, found: impl Display, expected: &'static str) -> ModelError {
    ModelError::OutOfRange {
        name,
        found: found.to_string(),
        expected,
    }
}
