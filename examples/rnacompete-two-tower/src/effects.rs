//! What is true of a probe whatever the protein: synthesis, labelling, a place on the array. The network cannot read it from the letters, but
//! probes that are asked about were often measured with other proteins.

use anyhow::{Context, Result, ensure};
use hairpin::seq::{Rna, Seq};
use hairpin::targets::TargetMatrix;
use hairpin::tasks::embeddings::{Embeddings, sequence_id};
use hairpin::train::RunDir;
use ndarray::Array2;
use std::collections::HashMap;

/// The file of a run, with `FILE.json` beside it.
pub(crate) const FILE: &str = "probe_effects.npy";

/// What stands there in the place of a model's name.
const MODEL: &str = "effects of probes";

/// In the place of the hash of weights.
const WEIGHTS: &str = "none";

/// The effect of each probe that was measured, in the unit of the predictions: the best linear unbiased prediction of a random effect.
///
/// ```text
/// r_ij = measured - predicted by the network = b_i + e_ij        probe i, of m_i measurements j: proteins and spots
/// b_i  = (mean_j r_ij - mean r) s_b / (s_b + s_e / m_i)
/// s_e  = within probes,  s_b = mean_i (mean_j r_ij - mean r)² - s_e mean_i 1 / m_i, at least 0
/// ```
///
/// Robinson 1991, *That BLUP is a good thing*, Statistical Science (doi:10.1214/ss/1177011926), with the variances by their moments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProbeEffects {
    of: HashMap<String, f32>,
}

impl ProbeEffects {
    /// From what was measured of the training proteins and what networks say of them, `[probes, proteins]` each.
    pub(crate) fn fit(
        probes: &[Seq<Rna>],
        measured: &TargetMatrix,
        predicted: &TargetMatrix,
    ) -> Result<Self> {
        ensure!(
            measured.values().dim() == predicted.values().dim()
                && probes.len() == measured.n_rows(),
            "effects of probes: measured and predicted are not of the same pairs"
        );
        #[derive(Default)]
        struct Sums {
            n: f64,
            sum: f64,
            squares: f64,
        }
        let mut sums: HashMap<String, Sums> = HashMap::new();
        let (mut n, mut total) = (0.0, 0.0);
        for (row, probe) in probes.iter().enumerate() {
            let own = sums.entry(sequence_id(probe)).or_default();
            for column in 0..measured.n_columns() {
                if !measured.measured()[[row, column]] {
                    continue;
                }
                let at = [row, column];
                let residual = f64::from(measured.values()[at] - predicted.values()[at]);
                own.n += 1.0;
                own.sum += residual;
                own.squares += residual * residual;
                n += 1.0;
                total += residual;
            }
        }
        let mean = total / f64::max(n, 1.0);
        sums.retain(|_, own| own.n > 0.0);
        let (mut within, mut freedom, mut between, mut inverse) = (0.0, 0.0, 0.0, 0.0);
        for own in sums.values() {
            within += own.squares - own.sum * own.sum / own.n;
            freedom += own.n - 1.0;
            between += (own.sum / own.n - mean).powi(2);
            inverse += 1.0 / own.n;
        }
        let n_probes = f64::max(sums.len() as f64, 1.0);
        let s_e = within / f64::max(freedom, 1.0);
        let s_b = f64::max(between / n_probes - s_e * inverse / n_probes, 0.0);
        let shrunk = |own: Sums| {
            let share = s_b / f64::max(s_b + s_e / own.n, f64::MIN_POSITIVE);
            ((own.sum / own.n - mean) * share) as f32
        };
        let of = sums.into_iter().map(|(id, own)| (id, shrunk(own)));
        Ok(Self { of: of.collect() })
    }

    /// Of each probe; 0 of one that was never measured.
    pub(crate) fn of(&self, probes: &[Seq<Rna>]) -> Vec<f32> {
        let effect = |probe: &Seq<Rna>| self.of.get(&sequence_id(probe)).copied();
        probes
            .iter()
            .map(|probe| effect(probe).unwrap_or(0.0))
            .collect()
    }

    /// Predictions with the effects of their probes.
    pub(crate) fn add(
        &self,
        probes: &[Seq<Rna>],
        predicted: &TargetMatrix,
    ) -> Result<TargetMatrix> {
        let mut values = predicted.values().clone();
        for (mut row, effect) in values.rows_mut().into_iter().zip(self.of(probes)) {
            row += effect;
        }
        Ok(TargetMatrix::new(values, predicted.names().to_vec())?)
    }

    /// Into a run's folder.
    pub(crate) fn save(&self, run: &RunDir) -> Result<()> {
        let mut all: Vec<(&String, f32)> = self.of.iter().map(|(id, own)| (id, *own)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        let values = all.iter().map(|(_, effect)| *effect).collect();
        let values = Array2::from_shape_vec((all.len(), 1), values)?;
        let ids = all.into_iter().map(|(id, _)| id.clone()).collect();
        Ok(Embeddings::new(ids, values, MODEL, WEIGHTS)?.write(&run.file(FILE))?)
    }

    /// From a run's folder.
    pub(crate) fn load(run: &RunDir) -> Result<Self> {
        let path = run.file(FILE);
        let found = Embeddings::read(&path)
            .context("the run's effects of probes are missing or damaged; train again")?;
        found.check(&path, 1, WEIGHTS)?;
        let values = found.vectors().iter().copied();
        let of = found.ids().iter().cloned().zip(values);
        Ok(Self { of: of.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes with effects of this spread among noise of spread 1, `[probes, proteins]`; the probes stand on two spots each.
    fn drawn(spread: f32, proteins: usize) -> (Vec<Seq<Rna>>, Vec<f32>, TargetMatrix) {
        let mut state = 7_u64;
        let mut uniform = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
        let distinct: Vec<Seq<Rna>> = (0..500_u32)
            .map(|row| Seq::from_codes((0..10).map(|at| (row >> at & 1) as u8).collect()).unwrap())
            .collect();
        let effects: Vec<f32> = distinct.iter().map(|_| spread * normal()).collect();
        let values = Array2::from_shape_fn((1000, proteins), |(row, _)| {
            3.0 + effects[row % 500] + normal()
        });
        let names = (0..proteins).map(|own| format!("RBP{own}")).collect();
        let probes = distinct.iter().chain(&distinct).cloned().collect();
        (probes, effects, TargetMatrix::new(values, names).unwrap())
    }

    fn zeros(like: &TargetMatrix) -> TargetMatrix {
        let zeros = Array2::zeros(like.values().dim());
        TargetMatrix::new(zeros, like.names().to_vec()).unwrap()
    }

    fn error(found: &[f32], expected: &[f32]) -> f32 {
        let squares = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f32>() / expected.len() as f32
    }

    #[test]
    fn effects_are_found_and_shrunk_to_what_noise_allows() {
        let (probes, effects, measured) = drawn(0.5, 4);
        let fitted = ProbeEffects::fit(&probes, &measured, &zeros(&measured)).unwrap();
        let found = fitted.of(&probes[..500]);
        // The best that is possible: 0.25 * 0.125 / (0.25 + 0.125), eight measurements each; their mean alone is at 0.125.
        let best = 0.25 * 0.125 / 0.375;
        let reached = error(&found, &effects);
        assert!(reached < 1.2 * best, "{reached} {best}");
        let unseen: Seq<Rna> = "GGGGGGGG".parse().unwrap();
        assert_eq!(fitted.of(&[unseen]), [0.0]);

        let (probes, _, measured) = drawn(0.0, 4);
        let fitted = ProbeEffects::fit(&probes, &measured, &zeros(&measured)).unwrap();
        let found = fitted.of(&probes);
        // Of nothing but noise, next to nothing: its mean square would be 0.125.
        assert!(error(&found, &vec![0.0; 1000]) < 0.002);
    }

    #[test]
    fn what_is_saved_is_read_and_what_is_damaged_is_refused() {
        let (probes, _, measured) = drawn(0.5, 2);
        let fitted = ProbeEffects::fit(&probes, &measured, &zeros(&measured)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path().join("run")).unwrap();
        fitted.save(&run).unwrap();
        assert_eq!(ProbeEffects::load(&run).unwrap(), fitted);
        let shown = fitted.add(&probes, &zeros(&measured)).unwrap();
        assert_eq!(shown.values()[[3, 1]], fitted.of(&probes)[3]);
        std::fs::write(run.file(FILE), b"not an array").unwrap();
        let error = format!("{:#}", ProbeEffects::load(&run).unwrap_err());
        assert!(
            error.contains(FILE) && error.contains("train again"),
            "{error}"
        );
        std::fs::remove_file(run.file(FILE)).unwrap();
        assert!(ProbeEffects::load(&run).is_err());
    }
}
