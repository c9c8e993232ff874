//! Stretches of a molecule that are free of pairs.

use crate::bases::{MAX_INTERNAL, MIN_HAIRPIN};
use crate::{Ensemble, FoldError};

impl Ensemble<'_> {
    /// The probability of every window of `width` bases to be wholly unpaired: exact, as RNAplfold's `-u` gives it for one window of the whole
    /// molecule (Bernhart, Mueckstein and Hofacker 2011, doi:10.1186/1748-7188-6-3).
    ///
    /// A window without a pair lies in one loop. Outside of all pairs and in a multiloop, with the names of the recursion, a bar for the adjoint of an
    /// array and `U` for the product over the window's bases:
    ///
    /// ```text
    /// exterior[a..=b] = Z5[a-1] U Z3[b+1] / Z
    /// multi[a..=b]    = U (sum over i of M1[i,a-1] M1'[i,b] + sum over j of R[b+1,j] R'[a,j])
    /// ```
    ///
    /// where the one sum has the windows after a branch, the other those before the first. A hairpin or one side of an internal loop adds its
    /// probability to all windows that it has room for. Time grows with the cube of the length.
    ///
    /// # Shapes
    ///
    /// `[length - width + 1]`; the window that begins with base 1 at index 0.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
    /// let accessibility = ensemble.accessibility(4)?;
    /// assert_eq!(accessibility.len(), 13);
    /// assert!(accessibility[6] > 0.99 && accessibility[5] < 0.01); // the loop, and one base beside it
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Setting`] if the window is empty or longer than the molecule.
    pub fn accessibility(&self, width: usize) -> Result<Vec<f64>, FoldError> {
        let n = self.len();
        if !(1..=n).contains(&width) {
            return Err(FoldError::Setting {
                name: "the width of the window",
                value: width as f64,
                expected: "give a number of bases from 1 to the length of the molecule",
            });
        }
        // Index a: the window from a to a + width - 1. First differences, then values.
        let mut windows = vec![0.0; n + 2];
        self.closed_loops(width, &mut windows);
        let mut sum = 0.0;
        for x in &mut windows {
            sum += *x;
            *x = sum;
        }
        self.exterior(width, &mut windows);
        self.multiloops(width, &mut windows);
        let windows = &windows[1..=n - width + 1];
        Ok(windows.iter().map(|p| p.clamp(0.0, 1.0)).collect())
    }

    fn weight(&self, k: usize) -> f64 {
        self.weights().map_or(1.0, |weights| weights.unpaired[k])
    }

    fn exterior(&self, width: usize, windows: &mut [f64]) {
        let (z3, z5) = (&self.workspace.sum.z3, &self.workspace.outside.z5);
        for a in 1..=self.len() + 1 - width {
            let open: f64 = (a..a + width).map(|k| self.weight(k)).product();
            windows[a] += z5[a - 1] * open * z3[a + width] / z3[1];
        }
    }

    /// Hairpins, bulges, internal loops.
    fn closed_loops(&self, width: usize, windows: &mut [f64]) {
        let workspace = self.workspace;
        let (b, o) = (&workspace.sum.b, &workspace.outside.o);
        // All windows within from..to.
        let mut add = |from: usize, to: usize, probability: f64| {
            if to >= from + width {
                windows[from] += probability;
                windows[to + 1 - width] -= probability;
            }
        };
        for (i, j, _) in self.pairs() {
            let outside = o.at(i, j);
            if let Some(number) = workspace.pairs.number(i, j) {
                add(i + 1, j, outside * workspace.sum.loops[number].hairpin);
            }
            if outside <= 0.0 || width > MAX_INTERNAL {
                continue;
            }
            let mut five = 1.0;
            for left in 0..=MAX_INTERNAL.min(j - i - 2) {
                let p = i + 1 + left;
                if left > 0 {
                    five *= self.weight(p - 1);
                }
                let mut three = 1.0;
                for right in 0..=MAX_INTERNAL - left {
                    let Some(q) = (j - 1).checked_sub(right).filter(|&q| q > p + MIN_HAIRPIN)
                    else {
                        break;
                    };
                    if right > 0 {
                        three *= self.weight(q + 1);
                    }
                    let inner = b.at(p, q);
                    if left.max(right) >= width && inner > 0.0 {
                        let dcal = (self.energy.summed).interior(&workspace.bases, i, j, p, q);
                        let probability = outside * (-dcal / self.kt).exp() * five * three * inner;
                        add(i + 1, p, probability);
                        add(q + 1, j, probability);
                    }
                }
            }
        }
    }

    fn multiloops(&self, width: usize, windows: &mut [f64]) {
        let n = self.len();
        let (inside, closed) = (&self.workspace.sum, &self.workspace.outside.m2);
        let base = (-self.energy.summed.tables.ml_unpaired / self.kt).exp();
        let factors: Vec<f64> = (0..=n)
            .map(|k| if k == 0 { 1.0 } else { base * self.weight(k) })
            .collect();
        let open = |a: usize| factors[a..a + width].iter().product::<f64>();
        // R, from the last row on.
        let stride = n + 1;
        let mut r = vec![0.0; (n + 2) * stride];
        for i in (1..=n).rev() {
            for j in i..=n {
                r[i * stride + j] = inside.m1.at(i, j) + factors[i] * r[(i + 1) * stride + j];
            }
        }
        let mut r_bar = vec![0.0; n + 1];
        let mut m1_bar = vec![0.0; n + 1];
        for i in 1..=n {
            // M'[i,k] from the row of M2' and the rows of M1 below; R' from that of the row above.
            for (k, r_bar) in r_bar.iter_mut().enumerate().skip(i) {
                let m_bar: f64 = if k < n {
                    let (m2, m1) = (&closed.row(i)[k + 1..=n], &inside.m1.row(k + 1)[k + 1..=n]);
                    m2.iter().zip(m1).map(|(x, y)| x * y).sum()
                } else {
                    0.0
                };
                *r_bar = m_bar + factors[i - 1] * *r_bar;
            }
            if i + width <= n {
                let row = &r[(i + width) * stride..][..stride];
                let sum: f64 = (i + width..=n).map(|j| row[j] * r_bar[j]).sum();
                windows[i] += open(i) * sum;
            }
            // M1', and its recurrence along the row.
            m1_bar[i..].copy_from_slice(&r_bar[i..]);
            for above in 1..i.saturating_sub(1) {
                let m = inside.m.at(above, i - 1);
                if m > 0.0 {
                    for (out, &x) in m1_bar[i..].iter_mut().zip(&closed.row(above)[i..=n]) {
                        *out += m * x;
                    }
                }
            }
            for j in (i..n).rev() {
                m1_bar[j] += factors[j + 1] * m1_bar[j + 1];
            }
            for a in i + 1..=n + 1 - width.min(n) {
                let before = inside.m1.at(i, a - 1);
                if before > 0.0 {
                    windows[a] += open(a) * before * m1_bar[a + width - 1];
                }
            }
        }
    }
}
