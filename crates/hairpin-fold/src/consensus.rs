//! One structure that stands for an ensemble.

use crate::{Ensemble, FoldError, Structure};

impl Ensemble<'_> {
    /// The structure of maximum expected accuracy (Do, Woods and Batzoglou 2006, doi:10.1093/bioinformatics/btl246): the one with the largest
    /// [`expected_accuracy`](Self::expected_accuracy). The larger `gamma`, the more pairs. Of several such structures, one.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
    /// assert_eq!(ensemble.mea(1.0)?.to_string(), "((((((....))))))");
    /// assert_eq!(ensemble.mea(1e-9)?.to_string(), "................");
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Setting`] if `gamma` is not a finite number above 0.
    pub fn mea(&self, gamma: f64) -> Result<Structure, FoldError> {
        check(gamma)?;
        let unpaired = self.unpaired();
        Ok(heaviest(
            self.len(),
            self.pairs()
                .map(|(i, j, p)| (i, j, 2.0 * gamma * p - unpaired[i - 1] - unpaired[j - 1])),
        ))
    }

    /// The number of bases of which `structure` is expected to be right, with `gamma` for each that it pairs
    ///
    /// ```text
    /// A(S) = sum over pairs of S of 2 gamma p[i,j] + sum over unpaired i of q[i],    q[i] = 1 - sum over j of p[i,j]
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Setting`] if `gamma` is not a finite number above 0; [`FoldError::Length`] if the structure has another length.
    pub fn expected_accuracy(&self, structure: &Structure, gamma: f64) -> Result<f64, FoldError> {
        check(gamma)?;
        self.check_length(structure)?;
        let unpaired = self.unpaired();
        let pairs = (structure.pairs()).map(|(i, j)| 2.0 * gamma * self.pair_probability(i, j));
        let open = (1..=self.len()).filter(|&k| structure.partner(k).is_none());
        Ok(pairs.sum::<f64>() + open.map(|k| unpaired[k - 1]).sum::<f64>())
    }

    /// The centroid (Ding, Chan and Lawrence 2005, doi:10.1261/rna.2500605): all pairs with a probability above 1/2, which is the structure with the
    /// least [`expected_distance`](Self::expected_distance) to the ensemble.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
    /// let centroid = ensemble.centroid();
    /// assert_eq!(centroid.to_string(), "((((((....))))))");
    /// assert!(ensemble.expected_distance(&centroid)? < ensemble.diversity());
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    pub fn centroid(&self) -> Structure {
        // Two pairs above 1/2 never exclude each other, unless by rounding.
        heaviest(self.len(), self.pairs().map(|(i, j, p)| (i, j, p - 0.5)))
    }
}

fn check(gamma: f64) -> Result<(), FoldError> {
    if gamma.is_finite() && gamma > 0.0 {
        return Ok(());
    }
    Err(FoldError::Setting {
        name: "gamma",
        value: gamma,
        expected: "give a finite number above 0",
    })
}

/// The structure with the largest sum of gains; pairs that gain nothing are left out. With `W[i,j]` over structures on `i..=j`
/// (Nussinov and Jacobson 1980, doi:10.1073/pnas.77.11.6309):
///
/// ```text
/// W[i,j] = max(W[i+1,j], max over pairs (i,k), k <= j, of gain(i,k) + W[i+1,k-1] + W[k+1,j])
/// ```
///
/// Pairs come by `i`. A row is stored where a pair begins, since it is otherwise that of the next base.
fn heaviest(n: usize, gains: impl Iterator<Item = (usize, usize, f64)>) -> Structure {
    let gains: Vec<(usize, usize, f64)> = gains.filter(|gain| gain.2 > 0.0).collect();
    let mut rows = vec![vec![0.0_f64; n + 2]];
    let mut row_of = vec![0; n + 3];
    let mut end = gains.len();
    for i in (1..=n).rev() {
        let start = gains.partition_point(|gain| gain.0 < i);
        row_of[i] = row_of[i + 1];
        if start < end {
            let below = &rows[row_of[i + 1]];
            let mut row = below.clone();
            for &(_, k, gain) in &gains[start..end] {
                let closed = gain + below[k - 1];
                let rest = &rows[row_of[k + 1]];
                for j in k..=n {
                    row[j] = row[j].max(closed + rest[j]);
                }
            }
            row_of[i] = rows.len();
            rows.push(row);
        }
        end = start;
    }
    let at = |i: usize, j: usize| rows[row_of[i]][j];
    let mut structure = Structure::open(n);
    let mut parts = vec![(1, n)];
    while let Some((i, j)) = parts.pop() {
        if i > j || at(i, j) <= 0.0 {
            continue;
        }
        let from = gains.partition_point(|gain| gain.0 < i);
        // The sums are made again in the same order, so that they are the same numbers.
        let pair = (gains[from..].iter())
            .take_while(|gain| gain.0 == i)
            .filter(|gain| gain.1 <= j)
            .find(|&&(_, k, gain)| {
                at(i, j) > at(i + 1, j) && at(i, j) == gain + at(i + 1, k - 1) + at(k + 1, j)
            });
        match pair {
            None => parts.push((i + 1, j)),
            Some(&(_, k, _)) => {
                structure.join(i, k);
                parts.extend([(i + 1, k - 1), (k + 1, j)]);
            }
        }
    }
    structure
}
