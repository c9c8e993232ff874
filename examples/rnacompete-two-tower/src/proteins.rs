//! Proteins as vectors: by their kin among the training proteins, from a language model's embeddings, from features that need no weights, or
//! each by its column alone.

use crate::residues;
use anyhow::{Context, Result, ensure};
use hairpin::seq::align::{Aligner, Ends, Per, Scoring};
use hairpin::seq::protein::{GappedKmers, PhysicoChemical, Residues};
use hairpin::seq::{Ambiguous, Policy, Protein, Seq, Stacked};
use hairpin::targets::control::features;
use hairpin::targets::similarity::{Similarity, between_all};
use hairpin::targets::{FittedRecipe, Recipe, Step, TargetMatrix};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where vectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Source {
    /// The training proteins that it is like, and nothing else: the network places it at their mean.
    Kin,
    /// Gapped 3-mers of seven classes of residues, composition, and how properties vary along the chain up to this lag.
    Peptides { lags: usize },
    /// Each residue with so many before and behind it, by attention.
    Residues { window: usize },
    /// Each residue with its vector of a file, made with weights of this hash, by attention.
    ResidueEmbeddings { weights: String },
    /// Vectors of a file, made with weights of this hash.
    Embeddings { weights: String },
    /// One place for each column of the training matrix: nothing is known of another protein.
    Columns,
}

impl Source {
    /// Whether attention reads residues.
    pub(crate) fn reads_residues(&self) -> bool {
        matches!(self, Self::Residues { .. } | Self::ResidueEmbeddings { .. })
    }
}

impl fmt::Display for ProteinVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Kin => write!(f, "means of their kin"),
            Source::Peptides { .. } => write!(
                f,
                "{} features without trained weights: gapped 3-mers, composition, properties along the chain",
                self.source_width()
            ),
            Source::Residues { window } => write!(
                f,
                "their residues, each with {window} before and {window} behind it, by attention"
            ),
            Source::Embeddings { weights } | Source::ResidueEmbeddings { weights } => {
                let short: String = weights.chars().take(12).collect();
                let width = self.source_width();
                let of_what = match self.source.reads_residues() {
                    true => "their residues by attention, ",
                    false => "",
                };
                write!(
                    f,
                    "{of_what}embeddings of {width} values, weights {short}..."
                )
            }
            Source::Columns => write!(f, "columns: nothing is known of another protein"),
        }?;
        match &self.neighbours {
            None => Ok(()),
            Some(near) => write!(
                f,
                "; nearness to each of {} training proteins",
                near.proteins.len()
            ),
        }
    }
}

/// How proteins become what the network reads; kept in the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProteinVectors {
    pub(crate) source: Source,
    /// The z-scores of the training proteins, where there is something beside the kin.
    scaling: Option<FittedRecipe>,
    /// How near a protein is to each of those, if that is shown, too.
    neighbours: Option<Neighbours>,
}

/// Nearness to the training proteins: behind the other values a value for each of them, which add up to [`WEIGHT`](Self::WEIGHT), or to 1
/// where there are no other values.
///
/// ```text
/// v_j = WEIGHT exp(identity_j / T) / sum over the training proteins k of exp(identity_k / T)
/// ```
///
/// A layer on top of it learns an embedding of each training protein and reads a protein as the mean of its neighbours'. Of
/// [`Source::Kin`] a protein that was learned from is itself alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbours {
    temperature: f64,
    proteins: Vec<String>,
}

impl Neighbours {
    /// What the values add up to: as large as a few values of a standard deviation of 1.
    const WEIGHT: f64 = 10.0;

    pub(crate) fn new(temperature: f64, train: &[Seq<Protein>]) -> Self {
        Self {
            temperature,
            proteins: train.iter().map(Seq::to_string).collect(),
        }
    }

    /// `[proteins, training proteins]`; a protein of the same sequence is taken as `same` says.
    fn values(&self, proteins: &[Seq<Protein>], same: Same, total: f64) -> Result<Array2<f32>> {
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        let train = self.proteins.iter().map(|text| Seq::parse(text, policy));
        let train = train.collect::<Result<Vec<Seq<Protein>>, _>>()?;
        let identity = between_all(proteins, &train, &identity())?;
        let mut values = Array2::zeros(identity.dim());
        for ((identities, protein), mut row) in identity
            .rows()
            .into_iter()
            .zip(proteins)
            .zip(values.rows_mut())
        {
            // The nearest one weighs 1 and not a number that is too small for its type.
            let nearest = identities.iter().zip(&train);
            let nearest =
                nearest.filter(|(_, other)| same != Same::PassedOver || *other != protein);
            let nearest = nearest.fold(0.0, |best, (&own, _)| f64::max(best, own));
            let known = same == Same::Alone && train.contains(protein);
            let weight = |(&identity, other): (&f64, &Seq<Protein>)| match other == protein {
                true if same == Same::PassedOver => 0.0,
                false if known => 0.0,
                _ => ((identity - nearest) / self.temperature).exp(),
            };
            let weights: Vec<f64> = identities.iter().zip(&train).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            for (value, weight) in row.iter_mut().zip(weights) {
                *value = (total * weight / sum.max(f64::MIN_POSITIVE)) as f32;
            }
        }
        Ok(values)
    }
}

/// How a training protein reads itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    /// As its nearest neighbour.
    Near,
    /// As itself, without neighbours.
    Alone,
    /// By its neighbours alone, as if it had not been measured.
    PassedOver,
}

/// Aligns proteins so that a domain finds the protein that holds it.
pub(crate) fn aligner() -> Aligner<Protein> {
    Aligner::new(Scoring::blosum62()).with_ends(Ends::Free)
}

/// Identity in the best alignment of two proteins, as a share of the shorter one.
pub(crate) fn identity() -> Similarity<Protein> {
    Similarity::aligned(aligner(), Per::Shorter, 0.0)
}

impl ProteinVectors {
    /// Learns the scaling of the training proteins' vectors, `[proteins, width]`, or of their residues'.
    pub(crate) fn fit(
        source: Source,
        train: Array2<f32>,
        neighbours: Option<Neighbours>,
    ) -> Result<Self> {
        let recipe = match source {
            Source::Kin | Source::Residues { .. } => None,
            Source::Columns => Some(Recipe::default()),
            _ => Some(Recipe(vec![Step::ZScore])),
        };
        let scaling = match recipe {
            None => None,
            Some(recipe) => Some(recipe.fit(&matrix(train)?)?),
        };
        Ok(Self {
            source,
            scaling,
            neighbours,
        })
    }

    /// Values of a vector as it comes from its source.
    pub(crate) fn source_width(&self) -> usize {
        let scaling = self.scaling.as_ref();
        scaling.map_or(0, |own| own.output_names().len())
    }

    /// Values of a vector as the network reads it; channels of a residue where those are read.
    pub(crate) fn width(&self) -> usize {
        match self.source {
            Source::Residues { window } => return residues::channels_of_window(window),
            Source::ResidueEmbeddings { .. } => {
                return residues::channels_of_vector(self.source_width());
            }
            _ => (),
        }
        let near = self.neighbours.as_ref();
        self.source_width() + near.map_or(0, |own| own.proteins.len())
    }

    /// Vectors as the network reads them, of proteins whose sequences are known or not asked for.
    pub(crate) fn read(
        &self,
        vectors: Array2<f32>,
        proteins: Option<&[Seq<Protein>]>,
    ) -> Result<Array2<f32>> {
        self.joined(vectors, proteins, false)
    }

    /// The same, as if none of the proteins were one that was learned from; nothing where neighbours are not shown.
    pub(crate) fn read_without_themselves(
        &self,
        vectors: Array2<f32>,
        proteins: Option<&[Seq<Protein>]>,
    ) -> Result<Option<Array2<f32>>> {
        match self.neighbours {
            None => Ok(None),
            Some(_) => Ok(Some(self.joined(vectors, proteins, true)?)),
        }
    }

    /// Vectors of residues as the network reads them.
    pub(crate) fn read_residues(&self, vectors: Vec<Array2<f32>>) -> Result<Vec<Array2<f32>>> {
        let read = |vectors| self.scaled(vectors);
        vectors.into_iter().map(read).collect()
    }

    fn scaled(&self, vectors: Array2<f32>) -> Result<Array2<f32>> {
        let (found, expected) = (vectors.ncols(), self.source_width());
        ensure!(
            found == expected,
            "the proteins' vectors have {found} values, expected {expected} as in training: give vectors of the same model"
        );
        Ok(match &self.scaling {
            None => vectors,
            Some(scaling) => scaling.apply_owned(matrix(vectors)?)?.into_arrays().0,
        })
    }

    fn joined(
        &self,
        vectors: Array2<f32>,
        proteins: Option<&[Seq<Protein>]>,
        but_themselves: bool,
    ) -> Result<Array2<f32>> {
        let scaled = self.scaled(vectors)?;
        let Some(neighbours) = &self.neighbours else {
            return Ok(scaled);
        };
        let proteins = proteins.context("neighbours are found by sequence, and there is none")?;
        let (same, total) = match (but_themselves, &self.source) {
            (false, Source::Kin) => (Same::Alone, 1.0),
            (true, Source::Kin) => (Same::PassedOver, 1.0),
            (false, _) => (Same::Near, Neighbours::WEIGHT),
            (true, _) => (Same::PassedOver, Neighbours::WEIGHT),
        };
        let near = neighbours.values(proteins, same, total)?;
        Ok(concatenate(Axis(1), &[scaled.view(), near.view()])?)
    }
}

fn matrix(vectors: Array2<f32>) -> Result<TargetMatrix> {
    let names = (1..=vectors.ncols()).map(|value| format!("value {value}"));
    TargetMatrix::new(vectors, names.collect()).context("a protein's vector")
}

/// Residues of these proteins, evenly spread, as many as tell how values are scaled.
pub(crate) fn some_residues(vectors: &[ArrayView2<'_, f32>]) -> Result<Array2<f32>> {
    const ENOUGH: usize = 20_000;
    let all: usize = vectors.iter().map(ArrayView2::nrows).sum();
    let step = all.div_ceil(ENOUGH).max(1);
    let mut skipped = 0;
    let mut parts = Vec::with_capacity(vectors.len());
    for own in vectors {
        let first = (step - skipped % step) % step;
        skipped += own.nrows();
        if first < own.nrows() {
            parts.push(own.slice(s![first..;step, ..]));
        }
    }
    Ok(concatenate(Axis(0), &parts)?)
}

/// Features that need no weights.
pub(crate) fn peptides(proteins: &[Seq<Protein>], lags: usize) -> Result<Array2<f32>> {
    let kmers = GappedKmers::triples(Residues::Seven).with_frequencies(true);
    let encoder = Stacked::new(kmers).with(PhysicoChemical::new(lags)?);
    Ok(features(&encoder, proteins))
}

/// Nothing of `n` proteins but their kin.
pub(crate) fn nothing(n: usize) -> Array2<f32> {
    Array2::zeros((n, 0))
}

/// One place for each of `n` columns.
pub(crate) fn columns(n: usize) -> Array2<f32> {
    Array2::eye(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protein(text: &str) -> Seq<Protein> {
        text.parse().unwrap()
    }

    #[test]
    fn vectors_are_scaled_by_the_training_proteins() {
        let train = ["MKVLAA", "GGRRGG", "WYFPLK"].map(protein);
        let raw = peptides(&train, 2).unwrap();
        let source = Source::Peptides { lags: 2 };
        let fitted = ProteinVectors::fit(source, raw.clone(), None).unwrap();
        assert_eq!(fitted.width(), 1029 + 26 + 10);
        let scaled = fitted.read(raw, None).unwrap();
        let mean = scaled.column(1029).sum() / 3.0;
        assert!(mean.abs() < 1e-6);
        let other = peptides(&[protein("AAAA")], 2).unwrap();
        // The share of A.
        assert!(fitted.read(other, None).unwrap()[[0, 1029]] > 1.0);
        let narrow = peptides(&[protein("AAAA")], 1).unwrap();
        let error = fitted.read(narrow, None).unwrap_err().to_string();
        assert!(error.contains("1060") && error.contains("1065"), "{error}");
        let json = serde_json::to_string(&fitted).unwrap();
        assert_eq!(
            serde_json::from_str::<ProteinVectors>(&json).unwrap(),
            fitted
        );
    }

    #[test]
    fn a_protein_is_nearest_to_itself_and_then_to_its_kin() {
        let train = ["MKVLAARGGRGG", "MKVLAARGGRGW", "WYFPLKDDEEHH"].map(protein);
        let near = Neighbours::new(0.05, &train);
        let raw = peptides(&train, 0).unwrap();
        let source = Source::Peptides { lags: 0 };
        let fitted = ProteinVectors::fit(source, raw.clone(), Some(near)).unwrap();
        assert_eq!(fitted.width(), 1055 + 3);
        let with = fitted.read(raw.clone(), Some(&train)).unwrap();
        let without = fitted
            .read_without_themselves(raw.clone(), Some(&train))
            .unwrap()
            .unwrap();
        for row in 0..3 {
            let values = |matrix: &Array2<f32>| matrix.row(row).to_vec()[1055..].to_vec();
            let (with, without) = (values(&with), values(&without));
            assert!((with.iter().sum::<f32>() - 10.0).abs() < 1e-4);
            assert!((without.iter().sum::<f32>() - 10.0).abs() < 1e-4);
            assert!(
                with[row] > 7.0 && without[row] == 0.0,
                "{with:?} {without:?}"
            );
        }
        assert!(without[[0, 1056]] > 9.9);
        assert!(fitted.read(raw, None).is_err());
    }

    #[test]
    fn a_measured_protein_is_itself_and_another_the_mean_of_its_kin() {
        let train = ["MKVLAARGGRGG", "MKVLAARGGRGW", "WYFPLKDDEEHH"].map(protein);
        let near = Neighbours::new(0.05, &train);
        let fitted = ProteinVectors::fit(Source::Kin, nothing(3), Some(near)).unwrap();
        assert_eq!((fitted.source_width(), fitted.width()), (0, 3));
        let own = fitted.read(nothing(3), Some(&train)).unwrap();
        assert_eq!(own, columns(3));
        let others = [protein("MKVLAARGGRWW"), protein("CCCC")];
        let found = fitted.read(nothing(2), Some(&others)).unwrap();
        for row in found.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-6, "{row}");
        }
        assert!(found[[0, 1]] > found[[0, 0]] && found[[0, 0]] > found[[0, 2]]);
        let hidden = fitted.read_without_themselves(nothing(3), Some(&train));
        let hidden = hidden.unwrap().unwrap();
        assert_eq!(hidden[[0, 0]], 0.0);
        assert!(hidden[[0, 1]] > 0.99);
    }

    #[test]
    fn residues_are_spread_over_all_proteins() {
        let vectors = [15_000usize, 3, 24_998, 1].map(|n| Array2::<f32>::zeros((n, 1)));
        let mut at = 0.0;
        let vectors = vectors.map(|own| {
            own.mapv(|_| {
                at += 1.0;
                at - 1.0
            })
        });
        let found = some_residues(&vectors.each_ref().map(|own| own.view())).unwrap();
        // 40,002 residues: every third.
        let expected: Vec<f32> = (0..40_002).step_by(3).map(|own| own as f32).collect();
        assert_eq!(found.into_raw_vec_and_offset().0, expected);
    }
}
