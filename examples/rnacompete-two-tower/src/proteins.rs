//! Proteins as vectors: from a language model's embeddings, from features that need no weights, or each by its column alone.

use anyhow::{Context, Result, ensure};
use hairpin::seq::{Encode, PeptideFeatures, Protein, Seq};
use hairpin::targets::{FittedRecipe, Recipe, Step, TargetMatrix};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Where vectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Source {
    /// Composition, physico-chemical means and gapped 3-mers.
    Peptides { buckets: usize },
    /// Vectors of a file, made with weights of this hash.
    Embeddings { weights: String },
    /// One place for each column of the training matrix: nothing is known of another protein.
    Columns,
}

/// How proteins become what the network reads; kept in the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProteinVectors {
    pub(crate) source: Source,
    /// The z-scores of the training proteins.
    scaling: FittedRecipe,
}

impl ProteinVectors {
    /// Learns the scaling of the training proteins' vectors, `[proteins, width]`.
    pub(crate) fn fit(source: Source, train: Array2<f32>) -> Result<Self> {
        let recipe = match source {
            Source::Columns => Recipe::default(),
            _ => Recipe(vec![Step::ZScore]),
        };
        let scaling = recipe.fit(&matrix(train)?)?;
        Ok(Self { source, scaling })
    }

    /// Values of a vector.
    pub(crate) fn width(&self) -> usize {
        self.scaling.output_names().len()
    }

    /// Vectors as the network reads them.
    pub(crate) fn scaled(&self, vectors: Array2<f32>) -> Result<Array2<f32>> {
        let found = vectors.ncols();
        ensure!(
            found == self.width(),
            "the proteins' vectors have {found} values, expected {} as in training: give vectors of the same model",
            self.width()
        );
        let scaled = self.scaling.apply_owned(matrix(vectors)?)?;
        Ok(scaled.into_arrays().0)
    }
}

fn matrix(vectors: Array2<f32>) -> Result<TargetMatrix> {
    let names = (1..=vectors.ncols()).map(|value| format!("value {value}"));
    TargetMatrix::new(vectors, names.collect()).context("a protein's vector")
}

/// Features that need no weights.
pub(crate) fn peptides(proteins: &[Seq<Protein>], buckets: usize) -> Result<Array2<f32>> {
    let features = PeptideFeatures::new(buckets)?;
    let mut values = Array2::zeros((proteins.len(), features.channels()));
    for (protein, mut row) in proteins.iter().zip(values.rows_mut()) {
        let vector = features.encode(protein);
        row.iter_mut().zip(vector).for_each(|(to, from)| *to = from);
    }
    Ok(values)
}

/// One place for each of `n` columns.
pub(crate) fn columns(n: usize) -> Array2<f32> {
    Array2::eye(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin::seq::Alphabet;

    #[test]
    fn vectors_are_scaled_by_the_training_proteins() {
        let protein = |text: &str| text.parse::<Seq<Protein>>().unwrap();
        let train = [protein("MKVLAA"), protein("GGRRGG"), protein("WYFPLK")];
        let raw = peptides(&train, 16).unwrap();
        let fitted = ProteinVectors::fit(Source::Peptides { buckets: 16 }, raw.clone()).unwrap();
        assert_eq!(fitted.width(), Protein::SYMBOLS.len() + 6 + 16);
        let scaled = fitted.scaled(raw).unwrap();
        let mean = scaled.column(0).sum() / 3.0;
        assert!(mean.abs() < 1e-6);
        let other = peptides(&[protein("AAAA")], 16).unwrap();
        assert!(fitted.scaled(other).unwrap()[[0, 0]] > 1.0);
        let narrow = peptides(&[protein("AAAA")], 8).unwrap();
        let error = fitted.scaled(narrow).unwrap_err().to_string();
        assert!(error.contains("34") && error.contains("42"), "{error}");
        let json = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<ProteinVectors>(&json).unwrap(), fitted);
    }
}
