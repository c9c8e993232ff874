//! One regression tree, grown leaf by leaf on histograms of residuals.

use rayon::prelude::*;

use super::BoostedTrees;
use super::bins::Binned;

/// Features whose histograms are made together, by one thread.
const TOGETHER: usize = 64;

/// A gain below this is rounding.
const NO_GAIN: f64 = 1e-12;

/// A tree; node 0 is the root.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    /// What a row in it adds to the prediction, if it is a leaf.
    value: f64,
    split: Option<Split>,
}

#[derive(Clone, Debug, PartialEq)]
struct Split {
    /// Among the binned features, and among all.
    feature: usize,
    column: usize,
    /// Rows up to this bin, and with values up to this threshold, go to the node `left`, the others to the one behind it.
    bin: u8,
    threshold: f32,
    left: usize,
    gain: f64,
}

impl Tree {
    /// The value of a row, given its bins.
    pub(super) fn of_bins(&self, bin: impl Fn(usize) -> u8) -> f64 {
        self.leaf(|split| bin(split.feature) <= split.bin)
    }

    /// The value of a row, given its features.
    pub(super) fn of_values(&self, value: impl Fn(usize) -> f32) -> f64 {
        self.leaf(|split| value(split.column) <= split.threshold)
    }

    fn leaf(&self, goes_left: impl Fn(&Split) -> bool) -> f64 {
        let mut node = &self.nodes[0];
        while let Some(split) = &node.split {
            node = &self.nodes[split.left + usize::from(!goes_left(split))];
        }
        node.value
    }

    /// The columns it splits by, each with what the split gained.
    pub(super) fn gains(&self) -> impl Iterator<Item = (usize, f64)> {
        let splits = self.nodes.iter().filter_map(|node| node.split.as_ref());
        splits.map(|split| (split.column, split.gain))
    }
}

/// Sum of residuals and number of rows in each bin, for blocks of features one after the other.
type Histogram = Vec<Vec<[f64; 2]>>;

/// Grows one tree.
pub(super) struct Grower<'a> {
    settings: &'a BoostedTrees,
    binned: &'a Binned,
    residuals: &'a [f64],
    features: &'a [u32],
}

/// A leaf that may be split further.
struct Leaf {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    sum: f64,
    histogram: Histogram,
    best: Option<Best>,
}

/// The best split of a leaf.
#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    feature: usize,
    bin: u8,
    left_sum: f64,
}

impl<'a> Grower<'a> {
    pub(super) fn new(
        settings: &'a BoostedTrees,
        binned: &'a Binned,
        residuals: &'a [f64],
        features: &'a [u32],
    ) -> Self {
        Self {
            settings,
            binned,
            residuals,
            features,
        }
    }

    /// Grows the tree on these rows.
    pub(super) fn grow(&self, rows: Vec<u32>) -> Tree {
        let sum = rows.iter().map(|&row| self.residuals[row as usize]).sum();
        let histogram = self.histogram(&rows);
        let mut nodes = vec![self.node(sum, rows.len())];
        let mut leaves = vec![self.leaf(0, 0, rows, sum, histogram)];
        for _ in 1..self.settings.leaves {
            let gain = |leaf: &Leaf| leaf.best.map_or(f64::NEG_INFINITY, |best| best.gain);
            // Of equal gains the first.
            let next = (0..leaves.len()).reduce(|a, b| {
                if gain(&leaves[b]) > gain(&leaves[a]) {
                    b
                } else {
                    a
                }
            });
            let Some((leaf, best)) = next.and_then(|i| {
                let best = leaves[i].best?;
                Some((leaves.swap_remove(i), best))
            }) else {
                break;
            };
            let left = nodes.len();
            nodes[leaf.node].split = Some(Split {
                feature: best.feature,
                column: self.binned.column(best.feature),
                bin: best.bin,
                threshold: self.binned.threshold(best.feature, best.bin),
                left,
                gain: best.gain,
            });
            for child in self.divide(leaf, best, left) {
                nodes.push(self.node(child.sum, child.rows.len()));
                leaves.push(child);
            }
        }
        Tree { nodes }
    }

    fn node(&self, sum: f64, rows: usize) -> Node {
        Node {
            value: self.settings.learning_rate * sum / (rows as f64 + self.settings.l2),
            split: None,
        }
    }

    fn leaf(
        &self,
        node: usize,
        depth: usize,
        rows: Vec<u32>,
        sum: f64,
        histogram: Histogram,
    ) -> Leaf {
        let small = rows.len() < 2 * self.settings.leaf_rows;
        let best = if small || depth == self.settings.depth {
            None
        } else {
            self.best_split(&histogram, sum, rows.len() as f64)
        };
        Leaf {
            node,
            depth,
            rows,
            sum,
            histogram,
            best,
        }
    }

    /// The two leaves that a split makes of one; what the larger one holds is what the smaller one leaves.
    fn divide(&self, leaf: Leaf, best: Best, node: usize) -> [Leaf; 2] {
        let bins = self.binned.bins(best.feature);
        let (left, right): (Vec<u32>, Vec<u32>) = leaf
            .rows
            .iter()
            .partition(|&&row| bins[row as usize] <= best.bin);
        let left_is_small = left.len() <= right.len();
        let small = self.histogram(if left_is_small { &left } else { &right });
        let mut large = leaf.histogram;
        for (large, small) in large.iter_mut().zip(&small) {
            for (large, small) in large.iter_mut().zip(small) {
                large[0] -= small[0];
                large[1] -= small[1];
            }
        }
        let (of_left, of_right) = if left_is_small {
            (small, large)
        } else {
            (large, small)
        };
        let depth = leaf.depth + 1;
        [
            self.leaf(node, depth, left, best.left_sum, of_left),
            self.leaf(node + 1, depth, right, leaf.sum - best.left_sum, of_right),
        ]
    }

    fn histogram(&self, rows: &[u32]) -> Histogram {
        let block = |features: &[u32]| {
            let total = features
                .iter()
                .map(|&f| self.binned.n_bins(f as usize))
                .sum();
            let mut sums = vec![[0.0; 2]; total];
            let mut rest = sums.as_mut_slice();
            for &feature in features {
                let (own, behind) = rest.split_at_mut(self.binned.n_bins(feature as usize));
                let bins = self.binned.bins(feature as usize);
                for &row in rows {
                    let sum = &mut own[usize::from(bins[row as usize])];
                    sum[0] += self.residuals[row as usize];
                    sum[1] += 1.0;
                }
                rest = behind;
            }
            sums
        };
        self.features.par_chunks(TOGETHER).map(block).collect()
    }

    fn best_split(&self, histogram: &Histogram, sum: f64, n: f64) -> Option<Best> {
        let (least, l2) = (self.settings.leaf_rows as f64, self.settings.l2);
        let worth = |sum: f64, n: f64| sum * sum / (n + l2);
        let block = |(features, sums): (&[u32], &Vec<[f64; 2]>)| {
            let mut best: Option<Best> = None;
            let mut start = 0;
            for &feature in features {
                let feature = feature as usize;
                let bins = self.binned.n_bins(feature);
                let (mut left_sum, mut left_n) = (0.0, 0.0);
                for (bin, &[own, rows]) in sums[start..start + bins - 1].iter().enumerate() {
                    left_sum += own;
                    left_n += rows;
                    if rows == 0.0 || left_n < least || n - left_n < least {
                        continue;
                    }
                    let gain =
                        worth(left_sum, left_n) + worth(sum - left_sum, n - left_n) - worth(sum, n);
                    if gain > best.map_or(NO_GAIN, |best| best.gain) {
                        best = Some(Best {
                            gain,
                            feature,
                            bin: bin as u8,
                            left_sum,
                        });
                    }
                }
                start += bins;
            }
            best
        };
        let blocks = self.features.par_chunks(TOGETHER).zip(histogram);
        let best: Vec<Option<Best>> = blocks.map(block).collect();
        let best = best.into_iter().flatten();
        best.reduce(|a, b| if b.gain > a.gain { b } else { a })
    }
}
