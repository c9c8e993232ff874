//! One-hot encoding of categories.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Categories;
use crate::TargetError;

/// A one for the category that a row is of, zeros for the others; [`fit`](Self::fit) sees which there are.
///
/// ```
/// use hairpin_targets::category::{OneHot, UnseenCategory};
/// use ndarray::array;
///
/// let cells = OneHot::new(UnseenCategory::OwnChannel).fit(&["T cell", "B cell", "T cell"]);
/// assert_eq!(
///     cells.encode(&["T cell", "NK cell"])?,
///     array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
/// );
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    unseen: UnseenCategory,
}

/// What [`OneHot`] does with a category that the training rows do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnseenCategory {
    /// Refuses it, with its row.
    Refuse,
    /// Leaves all channels at zero.
    Zeros,
    /// Has a channel for all of them, after the others. No training row shows what it means.
    OwnChannel,
}

impl OneHot {
    /// An encoding with that policy.
    pub fn new(unseen: UnseenCategory) -> Self {
        Self { unseen }
    }

    /// Sees which categories the training rows have.
    pub fn fit<S: AsRef<str>>(&self, train: &[S]) -> FittedOneHot {
        FittedOneHot {
            unseen: self.unseen,
            categories: Categories::of(train),
        }
    }
}

/// A [`OneHot`] that knows the categories of its training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedOneHot {
    unseen: UnseenCategory,
    categories: Categories,
}

impl FittedOneHot {
    /// The categories, in the order of their channels.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// Number of channels: the categories, and one for all others if that is the policy.
    pub fn channels(&self) -> usize {
        self.categories.len() + usize::from(self.unseen == UnseenCategory::OwnChannel)
    }

    /// Encodes rows into the caller's buffer.
    ///
    /// # Shapes
    ///
    /// - `out`: `[n_rows, channels]`, row by row
    ///
    /// # Errors
    ///
    /// If a category was not seen, and that is refused.
    ///
    /// # Panics
    ///
    /// If `out` does not hold `n_rows * channels` numbers.
    pub fn encode_into<S: AsRef<str>>(
        &self,
        rows: &[S],
        out: &mut [f32],
    ) -> Result<(), TargetError> {
        let channels = self.channels();
        assert_eq!(out.len(), rows.len() * channels, "out: n_rows * channels");
        // One past the last category: its own channel, or none.
        let others = self.categories.len();
        let unseen = (self.unseen != UnseenCategory::Refuse).then_some(others);
        let codes = self.categories.codes("one-hot encoding", rows, unseen)?;
        out.fill(0.0);
        for (row, code) in codes.into_iter().enumerate() {
            if code < channels {
                out[row * channels + code] = 1.0;
            }
        }
        Ok(())
    }

    /// Encodes rows, `[n_rows, channels]`.
    ///
    /// # Errors
    ///
    /// As [`encode_into`](Self::encode_into).
    pub fn encode<S: AsRef<str>>(&self, rows: &[S]) -> Result<Array2<f32>, TargetError> {
        let mut out = Array2::zeros((rows.len(), self.channels()));
        if let Some(slice) = out.as_slice_mut() {
            self.encode_into(rows, slice)?;
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn three_policies_for_what_was_not_seen() {
        let encode = |unseen| OneHot::new(unseen).fit(&["b", "a"]).encode(&["b", "c"]);
        assert_eq!(
            encode(UnseenCategory::Refuse).unwrap_err().to_string(),
            "one-hot encoding, row 1: \"c\" is not among the 2 of the training rows"
        );
        assert_eq!(
            encode(UnseenCategory::Zeros).unwrap(),
            array![[0.0, 1.0], [0.0, 0.0]]
        );
        assert_eq!(
            encode(UnseenCategory::OwnChannel).unwrap(),
            array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        );
    }

    #[test]
    fn what_was_fitted_is_read_again_and_checked() {
        let fitted = OneHot::new(UnseenCategory::Zeros).fit(&["b", "a"]);
        let json = serde_json::to_string(&fitted).unwrap();
        assert_eq!(json, r#"{"unseen":"zeros","categories":["a","b"]}"#);
        assert_eq!(serde_json::from_str::<FittedOneHot>(&json).unwrap(), fitted);
        let twice = r#"{"unseen":"zeros","categories":["a","a"]}"#;
        let error = serde_json::from_str::<FittedOneHot>(twice).unwrap_err();
        assert!(
            error.to_string().contains("entries 0 and 1 are both"),
            "{error}"
        );
    }
}
