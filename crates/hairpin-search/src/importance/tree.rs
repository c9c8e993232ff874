//! One regression tree, and what its leaves say of the variance.

use super::feature::Feature;

/// A tree as its leaves.
pub(super) struct Tree {
    leaves: Vec<Leaf>,
}

/// Where the tree is constant.
struct Leaf {
    value: f64,
    /// For every feature the values that belong to the leaf.
    region: Vec<Region>,
}

#[derive(Clone)]
enum Region {
    /// From the first number to the second.
    Interval(f64, f64),
    /// Which choices.
    Set(Vec<bool>),
}

/// A division of rows in two.
struct Split {
    feature: usize,
    below: Region,
    above: Region,
    gain: f64,
}

/// Deeper than this no tree grows, so that recursion is bounded.
const DEEPEST: usize = 64;
/// A gain that rounding alone could make is none.
const LEAST_GAIN: f64 = 1e-14;

impl Tree {
    /// Grows a tree on these rows, of which some may be there several times.
    pub(super) fn grow(features: &[Feature], y: &[f64], rows: Vec<usize>) -> Self {
        let whole = features.iter().map(|feature| match feature {
            Feature::Number { inactive, .. } => Region::Interval(-inactive, 1.0),
            Feature::Choice { weights, .. } => Region::Set(vec![true; weights.len()]),
        });
        let mut tree = Self { leaves: Vec::new() };
        tree.divide(features, y, rows, whole.collect(), 0);
        tree
    }

    fn divide(
        &mut self,
        features: &[Feature],
        y: &[f64],
        rows: Vec<usize>,
        region: Vec<Region>,
        depth: usize,
    ) {
        let mean = rows.iter().map(|&row| y[row]).sum::<f64>() / rows.len() as f64;
        let split = if depth < DEEPEST {
            best_split(features, y, &rows, &region, mean)
        } else {
            None
        };
        let Some(split) = split else {
            self.leaves.push(Leaf {
                value: mean,
                region,
            });
            return;
        };
        let feature = &features[split.feature];
        let (below, above): (Vec<usize>, Vec<usize>) = rows
            .iter()
            .partition(|&&row| split.below.holds(feature, row));
        let with = |part: Region| {
            let mut region = region.clone();
            region[split.feature] = part;
            region
        };
        let (left, right) = (with(split.below), with(split.above));
        self.divide(features, y, below, left, depth + 1);
        self.divide(features, y, above, right, depth + 1);
    }

    /// The share of the variance that each feature explains by itself, or `None` if the tree is constant.
    pub(super) fn shares(&self, features: &[Feature]) -> Option<Vec<f64>> {
        let weight = |leaf: &Leaf, without: Option<usize>| -> f64 {
            let regions = leaf.region.iter().zip(features).enumerate();
            regions
                .filter(|(i, _)| Some(*i) != without)
                .map(|(_, (region, feature))| region.measure(feature))
                .product()
        };
        let leaves = self.leaves.iter();
        let mean: f64 = leaves
            .clone()
            .map(|leaf| weight(leaf, None) * leaf.value)
            .sum();
        let variance: f64 = leaves
            .map(|leaf| weight(leaf, None) * (leaf.value - mean).powi(2))
            .sum();
        if variance <= 0.0 {
            return None;
        }
        let shares = features.iter().enumerate().map(|(i, feature)| {
            let parts = self.parts(i, feature);
            let mut marginals = vec![0.0; parts.len()];
            for leaf in &self.leaves {
                let value = weight(leaf, Some(i)) * leaf.value;
                for part in leaf.region[i].among(&parts) {
                    marginals[part] += value;
                }
            }
            let explained: f64 = marginals
                .iter()
                .zip(&parts)
                .map(|(marginal, part)| part.measure(feature) * (marginal - mean).powi(2))
                .sum();
            explained / variance
        });
        Some(shares.collect())
    }

    /// The parts of one feature on which no leaf begins or ends.
    fn parts(&self, i: usize, feature: &Feature) -> Vec<Region> {
        if let Feature::Choice { weights, .. } = feature {
            let one = |choice| (0..weights.len()).map(|other| other == choice).collect();
            return (0..weights.len())
                .map(|choice| Region::Set(one(choice)))
                .collect();
        }
        let mut ends: Vec<f64> = Vec::new();
        for leaf in &self.leaves {
            if let Region::Interval(start, end) = leaf.region[i] {
                ends.extend([start, end]);
            }
        }
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let pairs = ends.windows(2);
        pairs
            .map(|pair| Region::Interval(pair[0], pair[1]))
            .collect()
    }
}

impl Region {
    fn holds(&self, feature: &Feature, row: usize) -> bool {
        match (self, feature) {
            (Self::Interval(_, end), Feature::Number { values, .. }) => values[row] < *end,
            (Self::Set(set), Feature::Choice { values, .. }) => set[values[row]],
            _ => false,
        }
    }

    /// Which of the parts of its feature it is made of.
    fn among(&self, parts: &[Self]) -> Vec<usize> {
        match self {
            Self::Interval(start, end) => {
                // The parts are in order, and the region begins and ends with some of them.
                let before = |place: f64| {
                    parts.partition_point(
                        |part| matches!(part, Self::Interval(from, _) if *from < place),
                    )
                };
                (before(*start)..before(*end)).collect()
            }
            Self::Set(set) => (0..set.len()).filter(|&choice| set[choice]).collect(),
        }
    }

    /// How likely a random value is inside.
    fn measure(&self, feature: &Feature) -> f64 {
        match (self, feature) {
            (Self::Interval(start, end), Feature::Number { inactive, .. }) => {
                (end - start) / (1.0 + inactive)
            }
            (Self::Set(set), Feature::Choice { weights, .. }) => {
                let inside = weights.iter().zip(set).filter(|(_, inside)| **inside);
                inside.map(|(weight, _)| weight).sum()
            }
            _ => 0.0,
        }
    }
}

/// The division that takes most from the sum of squares; of equal ones the first.
fn best_split(
    features: &[Feature],
    y: &[f64],
    rows: &[usize],
    region: &[Region],
    mean: f64,
) -> Option<Split> {
    let mut best: Option<Split> = None;
    let squares: f64 = rows.iter().map(|&row| (y[row] - mean).powi(2)).sum();
    if squares <= LEAST_GAIN {
        return None;
    }
    for (i, feature) in features.iter().enumerate() {
        let found = match (feature, &region[i]) {
            (
                Feature::Number {
                    values,
                    inactive,
                    steps,
                },
                &Region::Interval(start, end),
            ) => {
                let mut sorted: Vec<(f64, f64)> = rows
                    .iter()
                    .map(|&row| (values[row], y[row] - mean))
                    .collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                cut(&sorted).map(|(gain, below, above)| {
                    let at = match steps {
                        _ if below < 0.0 && *inactive > 0.0 => 0.0,
                        Some(steps) => steps.cut(below, above),
                        None => below + (above - below) / 2.0,
                    };
                    // Rounding must not put both values on one side.
                    let at = if at > below && at <= above { at } else { above };
                    (gain, Region::Interval(start, at), Region::Interval(at, end))
                })
            }
            (Feature::Choice { values, weights }, Region::Set(set)) => {
                divide_choices(values, weights.len(), set, rows, |row| y[row] - mean)
            }
            _ => None,
        };
        if let Some((gain, below, above)) = found
            && gain > LEAST_GAIN
            && best.as_ref().is_none_or(|best| gain > best.gain)
        {
            best = Some(Split {
                feature: i,
                below,
                above,
                gain,
            });
        }
    }
    best
}

/// Where sorted values are best cut: the gain, the last value below and the first above. The targets have mean 0.
fn cut(sorted: &[(f64, f64)]) -> Option<(f64, f64, f64)> {
    let all = sorted.len() as f64;
    let (mut sum, mut best) = (0.0, None::<(f64, f64, f64)>);
    for (i, pair) in sorted.windows(2).enumerate() {
        sum += pair[0].1;
        if pair[0].0 < pair[1].0 {
            let below = (i + 1) as f64;
            let gain = sum * sum / below + sum * sum / (all - below);
            if best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, pair[0].0, pair[1].0));
            }
        }
    }
    best
}

/// The best division of choices into two sets: for squares it is one of those that sorting by mean gives (Breiman et al. 1984,
/// section 9.4). Choices without rows go with the larger set.
fn divide_choices(
    values: &[usize],
    n: usize,
    set: &[bool],
    rows: &[usize],
    y: impl Fn(usize) -> f64,
) -> Option<(f64, Region, Region)> {
    let (mut sums, mut counts) = (vec![0.0; n], vec![0_usize; n]);
    for &row in rows {
        sums[values[row]] += y(row);
        counts[values[row]] += 1;
    }
    let mut present: Vec<usize> = (0..n).filter(|&choice| counts[choice] > 0).collect();
    let mean = |choice: usize| sums[choice] / counts[choice] as f64;
    present.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
    let (mut sum, mut below, mut best) = (0.0, 0, None::<(f64, usize, usize)>);
    for (i, &choice) in present
        .iter()
        .enumerate()
        .take(present.len().saturating_sub(1))
    {
        sum += sums[choice];
        below += counts[choice];
        let gain = sum * sum / below as f64 + sum * sum / (rows.len() - below) as f64;
        if best.is_none_or(|(most, ..)| gain > most) {
            best = Some((gain, i + 1, below));
        }
    }
    let (gain, first, below) = best?;
    let mut low = vec![false; n];
    for &choice in &present[..first] {
        low[choice] = true;
    }
    if 2 * below > rows.len() {
        for choice in (0..n).filter(|&choice| counts[choice] == 0) {
            low[choice] = true;
        }
    }
    let part = |side: bool| {
        let inside = set.iter().zip(&low);
        Region::Set(
            inside
                .map(|(&inside, &low)| inside && low == side)
                .collect(),
        )
    };
    Some((gain, part(true), part(false)))
}
