//! Where the positions of a changed sequence came from.

/// For each position of a changed sequence, the position it had before, or none where a symbol was padded or inserted.
///
/// A position keeps its origin when its symbol is replaced.
///
/// ```
/// use hairpin_seq::augment::{Augment, Reverse, row_rng};
/// use hairpin_seq::{Dna, Seq};
///
/// let seq: Seq<Dna> = "ACG".parse()?;
/// let reversed = Reverse::new(1.0)?.augment(&seq, &mut row_rng(0, 0, 0));
/// assert_eq!(reversed.origin.positions(), [Some(2), Some(1), Some(0)]);
/// assert_eq!(reversed.origin.carry(&[0.1, 0.2, 0.3], 1, 0.0), [0.3, 0.2, 0.1]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    positions: Vec<Option<usize>>,
}

impl Origin {
    pub(super) fn new(positions: Vec<Option<usize>>) -> Self {
        Self { positions }
    }

    /// Every position of a sequence of `len` where it was.
    pub fn identity(len: usize) -> Self {
        Self::new((0..len).map(Some).collect())
    }

    /// The position before, of each position after.
    pub fn positions(&self) -> &[Option<usize>] {
        &self.positions
    }

    /// Moves row-major `[positions, channels]` values, such as per-base targets, along with the symbols; positions without an origin get
    /// `fill`.
    ///
    /// # Panics
    ///
    /// When an origin lies outside `values`, which then belong to another sequence.
    pub fn carry<T: Copy>(&self, values: &[T], channels: usize, fill: T) -> Vec<T> {
        let mut carried = Vec::with_capacity(self.positions.len() * channels);
        for &position in &self.positions {
            match position {
                Some(i) => carried.extend_from_slice(&values[i * channels..(i + 1) * channels]),
                None => carried.extend(std::iter::repeat_n(fill, channels)),
            }
        }
        carried
    }

    /// The origin of what was changed again.
    ///
    /// # Panics
    ///
    /// When `next` comes from a longer sequence than this change gave.
    pub fn then(&self, next: &Self) -> Self {
        let through = |position: &Option<usize>| position.and_then(|i| self.positions[i]);
        Self::new(next.positions.iter().map(through).collect())
    }
}
