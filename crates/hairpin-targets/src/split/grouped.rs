//! Whole groups on one side.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Fractions, Split};
use crate::{Groups, TargetError};

/// Splits rows so that no group has rows in two parts.
///
/// The largest groups are placed first, each into the part with most room left of its share; groups of one size are
/// shuffled by the seed. No part with a share above 0 stays empty. Groups cannot be cut, so the parts have their shares only as
/// well as the sizes allow: a group larger than a part's share makes that part, or `train`, too large.
///
/// # Errors
///
/// If a fraction is not between 0 and 1, they do not add up to 1, or there are fewer groups than parts with a share.
///
/// ```
/// use hairpin_targets::{Fractions, Groups, split};
///
/// let groups = Groups::by((0..100).map(|row| row / 5)); // 20 groups of 5
/// let split = split::grouped(&groups, Fractions { train: 0.7, valid: 0.2, test: 0.1 }, 7)?;
/// assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (70, 20, 10));
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn grouped(groups: &Groups, fractions: Fractions, seed: u64) -> Result<Split, TargetError> {
    let shares = fractions.normalised()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let part_of = place(groups, &shares, &mut rng)?;
    let mut parts = [const { Vec::new() }; 3];
    for (row, &group) in groups.of_rows().iter().enumerate() {
        parts[part_of[group]].push(row);
    }
    let [train, valid, test] = parts;
    Ok(Split { train, valid, test })
}

/// The part of each group, for parts that shall have the given shares of the rows.
pub(super) fn place(
    groups: &Groups,
    shares: &[f64],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<usize>, TargetError> {
    let wanted: Vec<usize> = (0..shares.len())
        .filter(|&part| shares[part] > 0.0)
        .collect();
    if !groups.is_empty() && groups.n_groups() < wanted.len() {
        return Err(TargetError::TooFewGroups {
            groups: groups.n_groups(),
            parts: wanted.len(),
        });
    }
    let sizes = groups.sizes();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|&group| std::cmp::Reverse(sizes[group]));

    let mut room: Vec<f64> = shares
        .iter()
        .map(|share| share * groups.len() as f64)
        .collect();
    let mut filled = vec![false; shares.len()];
    let mut part_of = vec![0; sizes.len()];
    for (placed, &group) in order.iter().enumerate() {
        let empty = wanted.iter().filter(|&&part| !filled[part]).count();
        // The last groups are the smallest: they go to the parts that have none yet.
        let must_fill = order.len() - placed <= empty;
        let part = wanted
            .iter()
            .copied()
            .filter(|&part| !must_fill || !filled[part])
            // Of equal room the first part.
            .reduce(|best, part| if room[part] > room[best] { part } else { best })
            .unwrap_or(0);
        part_of[group] = part;
        filled[part] = true;
        room[part] -= sizes[group] as f64;
    }
    Ok(part_of)
}
