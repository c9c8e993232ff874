//! Dropout by a counter-based generator: whether value `i` stays is a function of the seed and `i`, so that nothing but the seed is
//! kept for the backward pass, and any thread may compute any part.

/// What is dropped from some values, and what the others are multiplied with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    seed: [u32; 2],
    /// Values whose hash is below it go.
    threshold: u32,
    /// `1 / (1 - p)`.
    scale: f32,
}

impl Dropout {
    /// Of each value with probability `p`, `0 <= p < 1`; nothing at all for 0.
    pub(crate) fn new(p: f64, seed: u64) -> Option<Self> {
        assert!(
            (0.0..1.0).contains(&p),
            "dropout is {p}, expected 0 up to, not including, 1"
        );
        (p > 0.0).then_some(Self {
            seed: [seed as u32, (seed >> 32) as u32],
            threshold: (p * f64::from(u32::MAX)).round() as u32,
            scale: (1.0 / (1.0 - p)) as f32,
        })
    }

    /// What stays of a drawn share of the values that begin at index `start`: the factor of each, 0 or `1 / (1 - p)`.
    #[inline(always)]
    pub(crate) fn row(&self, start: u64) -> Row {
        // The high half of the index changes once in 2^32 values: it is mixed into the seed.
        let high = (start >> 32) as u32;
        Row {
            seed: mix(self.seed[0] ^ mix(self.seed[1] ^ mix(high ^ 0x9e37_79b9))),
            start: start as u32,
            threshold: self.threshold,
            scale: self.scale,
        }
    }
}

/// Factors of values that follow one another.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    seed: u32,
    start: u32,
    threshold: u32,
    scale: f32,
}

impl Row {
    /// The factor of the value `index` behind the row's first.
    #[inline(always)]
    pub(crate) fn factor(&self, index: usize) -> f32 {
        let hash = mix(self.start.wrapping_add(index as u32) ^ self.seed);
        if hash < self.threshold {
            0.0
        } else {
            self.scale
        }
    }
}

/// Mixes 32 bits so that each bit of the result depends on all of them (lowbias32, Wellons 2018), with two rounds for a counter.
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    for [a, b] in [[0x7feb_352d, 0x846c_a68b], [0x2c1b_3c6d_u32, 0x297a_2d39]] {
        x ^= x >> 16;
        x = x.wrapping_mul(a);
        x ^= x >> 15;
        x = x.wrapping_mul(b);
        x ^= x >> 16;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(p: f64, seed: u64, start: u64, count: usize) -> Vec<f32> {
        let row = Dropout::new(p, seed).unwrap().row(start);
        (0..count).map(|index| row.factor(index)).collect()
    }

    #[test]
    fn mean_and_variance_are_those_of_a_coin() {
        for p in [0.1, 0.3, 0.5, 0.9] {
            let count = 1_000_000;
            let all = factors(p, 11, 0, count);
            let mean = all.iter().map(|&f| f64::from(f)).sum::<f64>() / count as f64;
            let square = all.iter().map(|&f| f64::from(f).powi(2)).sum::<f64>() / count as f64;
            // A factor is 1 / (1 - p) with probability 1 - p: mean 1, variance p / (1 - p).
            let variance = p / (1.0 - p);
            let error = 4.0 * (variance / count as f64).sqrt();
            assert!((mean - 1.0).abs() < error, "{p}: mean {mean}");
            assert!(
                (square - 1.0 - variance).abs() < 0.02 * variance.max(0.2),
                "{p}"
            );
        }
    }

    #[test]
    fn neighbours_and_seeds_are_not_correlated() {
        let count = 200_000;
        let dropped = |seed, start| {
            let all = factors(0.5, seed, start, count);
            all.into_iter().map(|f| f == 0.0).collect::<Vec<bool>>()
        };
        let first = dropped(1, 0);
        for other in [
            dropped(1, 1),
            dropped(1, 64),
            dropped(1, 1 << 32),
            dropped(2, 0),
            dropped(1 << 32, 0),
        ] {
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            let z = (same as f64 - count as f64 / 2.0) / (count as f64 / 4.0).sqrt();
            assert!(z.abs() < 4.5, "{same} of {count} agree");
        }
    }

    #[test]
    fn a_part_is_what_the_whole_has_there() {
        assert_eq!(factors(0.3, 5, 0, 100)[40..], factors(0.3, 5, 40, 60));
        assert!(Dropout::new(0.0, 5).is_none());
    }
}
