//! What the three matrices share: rows of one value per symbol.

use std::marker::PhantomData;

use crate::{Alphabet, SeqError};

/// `[width, symbols]` values, row-major, at least one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows<A> {
    values: Vec<f64>,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet> Rows<A> {
    pub(super) const SYMBOLS: usize = A::SYMBOLS.len();

    /// Takes whole rows, each value of which `accept` allows.
    pub(super) fn new(
        values: Vec<f64>,
        what: &'static str,
        expected: &'static str,
        accept: impl Fn(f64) -> bool,
    ) -> Result<Self, SeqError> {
        if values.is_empty() || !values.len().is_multiple_of(Self::SYMBOLS) {
            return Err(SeqError::MotifShape {
                expected: format!(
                    "one row of {} values, one per {} symbol, for each position",
                    Self::SYMBOLS,
                    A::NAME
                ),
                found: format!("{} values", values.len()),
            });
        }
        if let Some(index) = values.iter().position(|&value| !accept(value)) {
            return Err(SeqError::MotifValue {
                what,
                position: index / Self::SYMBOLS + 1,
                symbol: char::from(A::SYMBOLS[index % Self::SYMBOLS]),
                value: values[index].to_string(),
                expected,
            });
        }
        Ok(Self::from_checked(values))
    }

    pub(super) fn from_checked(values: Vec<f64>) -> Self {
        Self {
            values,
            alphabet: PhantomData,
        }
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn width(&self) -> usize {
        self.values.len() / Self::SYMBOLS
    }

    pub(super) fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(Self::SYMBOLS)
    }

    pub(super) fn row(&self, position: usize) -> &[f64] {
        &self.values[position * Self::SYMBOLS..][..Self::SYMBOLS]
    }

    /// Both orders turned round: code `c` pairs with `3 - c`, so the complement of a row is the row backwards.
    pub(super) fn reverse_complement(&self) -> Self {
        Self::from_checked(self.values.iter().rev().copied().collect())
    }

    /// The same values under an alphabet whose codes mean the same: DNA and RNA.
    pub(super) fn with_alphabet<B: Alphabet>(&self) -> Rows<B> {
        Rows::from_checked(self.values.clone())
    }
}
