//! A metric's value with its interval.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TargetError;

/// A metric's value with the interval it would be expected in on another sample of the same size.
///
/// Printed with a precision, `{:.3}`, it reads `0.860 (95 % interval 0.779 to 0.915)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The metric on the rows given.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Confidence level of the interval, such as 0.95.
    pub level: f64,
    /// How the interval was computed.
    pub method: Interval,
}

/// A way to compute an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Interval {
    /// Wilson's score interval of a proportion.
    Wilson,
    /// Percentiles of the metric over resampled rows.
    PercentileBootstrap {
        /// Number of resamples.
        resamples: usize,
        /// Seed they were drawn with.
        seed: u64,
        /// Resamples without a value, left out of the percentiles.
        #[serde(default)]
        undefined: usize,
    },
    /// Percentiles corrected for bias and skewness (BCa).
    BcaBootstrap {
        /// Number of resamples.
        resamples: usize,
        /// Seed they were drawn with.
        seed: u64,
        /// Resamples without a value, left out of the percentiles.
        #[serde(default)]
        undefined: usize,
    },
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        // 0.999 * 100 is 99.9 only after rounding away the last bits.
        let percent = (self.level * 1e8).round() / 1e6;
        write!(f, " ({percent} % interval ")?;
        self.low.fmt(f)?;
        f.write_str(" to ")?;
        self.high.fmt(f)?;
        f.write_str(")")
    }
}

/// Refuses a confidence level that leaves no interval or all of it.
pub(crate) fn check_level(level: f64) -> Result<(), TargetError> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(TargetError::Level { level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_aloud() {
        let estimate = Estimate {
            value: 0.86,
            low: 0.7786,
            high: 0.9147,
            level: 0.95,
            method: Interval::Wilson,
        };
        assert_eq!(
            format!("{estimate:.3}"),
            "0.860 (95 % interval 0.779 to 0.915)"
        );
        let estimate = Estimate {
            level: 0.999,
            ..estimate
        };
        assert_eq!(format!("{estimate:.1}"), "0.9 (99.9 % interval 0.8 to 0.9)");
    }

    #[test]
    fn a_level_is_between_zero_and_one() {
        assert!(check_level(0.95).is_ok());
        for level in [0.0, 1.0, 95.0, -0.5, f64::NAN] {
            assert!(matches!(check_level(level), Err(TargetError::Level { .. })));
        }
    }
}
