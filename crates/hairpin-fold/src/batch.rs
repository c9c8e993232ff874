//! Many molecules at once.

use rayon::prelude::*;

use crate::{FoldError, Folder, LoopContext, Workspace};

impl Folder {
    /// The [`LoopContext`] probabilities of every base of every sequence, on all threads of the current rayon pool. A sequence is folded by one
    /// thread, so that the number of threads changes no bit.
    ///
    /// # Shapes
    ///
    /// `out`: `[n_sequences, length, 5]`, row-major; rows beyond the end of a shorter sequence are zero.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let seqs: [&[u8]; 2] = [b"GGGGAAAACCCC", b"GGGAAACCC"];
    /// let mut out = vec![0.0; 2 * 12 * 5];
    /// folder.contexts_batch(&seqs, 12, &mut out)?;
    /// assert!(out[5 * 5 + 1] > 0.99); // the sixth base lies in the hairpin
    /// assert_eq!(out[(12 + 9) * 5..], [0.0; 15]);
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Size`] if `out` has another size; [`FoldError::Row`] for the first sequence that is refused or longer than `length`.
    pub fn contexts_batch<S: AsRef<[u8]> + Sync>(
        &self,
        seqs: &[S],
        length: usize,
        out: &mut [f32],
    ) -> Result<(), FoldError> {
        let size =
            (length.checked_mul(LoopContext::COUNT)).and_then(|row| row.checked_mul(seqs.len()));
        if size != Some(out.len()) {
            return Err(FoldError::Size {
                what: "numbers in the output, n_sequences x length x 5",
                expected: size.unwrap_or(usize::MAX),
                found: out.len(),
            });
        }
        if length == 0 && !seqs.is_empty() {
            return Err(FoldError::Empty);
        }
        let refused = out
            .par_chunks_mut((length * LoopContext::COUNT).max(1))
            .zip(seqs)
            .enumerate()
            .map_init(Workspace::default, |workspace, (row, (out, seq))| {
                self.contexts(workspace, seq.as_ref(), length, out)
                    .err()
                    .map(|source| (row, source))
            })
            .flatten()
            .min_by_key(|(row, _)| *row);
        match refused {
            None => Ok(()),
            Some((row, source)) => Err(FoldError::Row {
                row,
                source: Box::new(source),
            }),
        }
    }

    fn contexts(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        length: usize,
        out: &mut [f32],
    ) -> Result<(), FoldError> {
        if seq.len() > length {
            return Err(FoldError::Size {
                what: "bases at most, the length of the batch",
                expected: length,
                found: seq.len(),
            });
        }
        let (used, rest) = out.split_at_mut(seq.len() * LoopContext::COUNT);
        self.ensemble(workspace, seq)?.contexts_into(used);
        rest.fill(0.0);
        Ok(())
    }
}
