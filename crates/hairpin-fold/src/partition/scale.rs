//! Keeping long molecules within the range of a float.

use crate::energy::{Energy, Evaluation};

/// Logarithms of the partition function up to which nothing is scaled. A float ends at 709.
const SAFE: f64 = 600.0;

/// Whether no structure of `n` bases, however stable, leaves the range of a float.
pub(crate) fn fits_unscaled(energy: &Energy, n: usize) -> bool {
    let most = energy
        .summed
        .tables
        .stack
        .iter()
        .fold(0.0, |least: f64, &x| least.min(x));
    // A pair for every two bases, with some room for dangles and for the number of structures.
    n as f64 * (0.5 - most / energy.kt / 2.0) < SAFE
}

/// Logarithms of the scale of every base `1..=n`: those of the loops of a very stable structure, half to each base of the pair that closes
/// the loop. Every interval that matters has then a partition function near one, also where one part of a molecule is far more stable than another.
pub(crate) fn logarithms(energy: &Energy, n: usize, stable: &Evaluation) -> Vec<f64> {
    let mut logarithms = vec![0.0; n + 2];
    for one in stable.loops() {
        if let Some((i, j)) = one.closing {
            let half = -f64::from(one.dcal) / energy.kt / 2.0;
            logarithms[i] += half;
            logarithms[j] += half;
        }
    }
    logarithms
}
