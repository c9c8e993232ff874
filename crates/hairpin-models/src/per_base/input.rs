//! [`PerBaseInput`]: a padded batch of feature matrices, with pair matrices where there are any.

use burn::tensor::{Int, Tensor, TensorData};
use std::sync::Arc;

/// A padded batch of molecules, position by position.
#[derive(Debug, Clone)]
pub struct PerBaseInput {
    /// Features of each position, `[batch_size, length, channels]`, zero beyond each length.
    pub x: Tensor<3>,
    /// True length of each row.
    pub lengths: Arc<[usize]>,
    /// What is known of each pair of positions (the probability that they pair, how near they are in the structure),
    /// `[batch_size, n_pairs, length, length]`.
    pub pairs: Option<Tensor<4>>,
    /// Which rows stand in reverse order, features and pairs; none when nothing is said. The model puts its answers back, see
    /// [`in_order`](Self::in_order): whoever compares them with targets need not know.
    pub reversed: Option<Arc<[bool]>>,
}

impl PerBaseInput {
    /// A batch of features with their lengths.
    ///
    /// # Panics
    ///
    /// When the number of lengths is not `batch_size`, or one is greater than `length`.
    pub fn new(x: Tensor<3>, lengths: impl Into<Arc<[usize]>>) -> Self {
        let lengths = lengths.into();
        let [batch, length, _] = x.dims();
        assert_eq!(batch, lengths.len(), "PerBaseInput: lengths and batch_size");
        assert!(
            lengths.iter().all(|&own| own <= length),
            "PerBaseInput: a length is greater than the batch's {length}"
        );
        Self {
            x,
            lengths,
            pairs: None,
            reversed: None,
        }
    }

    /// With pair matrices, `[batch_size, n_pairs, length, length]`.
    ///
    /// # Panics
    ///
    /// When `batch_size` or `length` are not those of the features.
    pub fn with_pairs(mut self, pairs: Tensor<4>) -> Self {
        let ([batch, length, _], [pairs_batch, _, rows, columns]) = (self.x.dims(), pairs.dims());
        assert_eq!(
            [batch, length, length],
            [pairs_batch, rows, columns],
            "PerBaseInput: batch_size and length of the pairs"
        );
        self.pairs = Some(pairs);
        self
    }

    /// With the rows that stand in reverse order.
    ///
    /// # Panics
    ///
    /// When there is not one entry for each row.
    pub fn with_reversed(mut self, reversed: impl Into<Arc<[bool]>>) -> Self {
        let reversed = reversed.into();
        assert_eq!(
            reversed.len(),
            self.lengths.len(),
            "PerBaseInput: reversed and batch_size"
        );
        self.reversed = Some(reversed);
        self
    }

    /// What was found position by position, with the rows that were read in reverse put back: position `i` of an example of length `n`
    /// is that of `n - 1 - i`.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, channels]` -> the same
    pub fn in_order(&self, found: Tensor<3>) -> Tensor<3> {
        let reversed = match &self.reversed {
            Some(reversed) if reversed.contains(&true) => reversed,
            _ => return found,
        };
        let [batch, length, channels] = found.dims();
        let rows = self.lengths.iter().zip(reversed.iter()).enumerate();
        let places: Vec<i64> = rows
            .flat_map(|(row, (&own, &reversed))| {
                (0..length).map(move |position| {
                    let from = match reversed && position < own {
                        true => own - 1 - position,
                        false => position,
                    };
                    (row * length + from) as i64
                })
            })
            .collect();
        let places = TensorData::new(places, [batch * length]);
        let places = Tensor::<1, Int>::from_data(places, &found.device());
        found
            .reshape([batch * length, channels])
            .select(0, places)
            .reshape([batch, length, channels])
    }
}
