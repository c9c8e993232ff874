//! The first line of the page: whether the model is better than what is simple.

use hairpin_targets::metrics::{Difference, Direction};

use super::html::{escape, short};

/// How a model stands beside its controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Better than every control, beyond the interval of the difference.
    Beats,
    /// Neither better than all nor worse than any beyond the interval.
    Ties,
    /// Worse than a control, beyond the interval.
    Loses,
}

/// The sentence at the head of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Sets the sentence apart, in words as well as in colour.
    pub level: Level,
    /// The sentence.
    pub text: String,
}

impl Verdict {
    /// The verdict on a model by one metric, from its paired difference (model minus control) with each control.
    ///
    /// `None` without controls: there is nothing to hold the model against.
    ///
    /// ```
    /// use hairpin_targets::metrics::{Difference, Direction, Estimate, Interval};
    /// use hairpin_train::report::{Level, Verdict};
    ///
    /// let estimate = Estimate { value: 0.10, low: 0.04, high: 0.15, level: 0.95, method: Interval::Wilson };
    /// let ridge = Difference { a: 0.60, b: 0.50, difference: estimate, share_a_better: 1.0 };
    /// let controls = [("ridge".to_string(), ridge)];
    /// let verdict = Verdict::of("LSTM", "Spearman", Direction::HigherIsBetter, &controls).unwrap();
    /// assert_eq!(verdict.level, Level::Beats);
    /// assert_eq!(
    ///     verdict.text,
    ///     "LSTM beats every control in Spearman: 0.6; the best of them, ridge, 0.5 (difference 0.1, 95 % interval 0.04 to 0.15)."
    /// );
    /// ```
    pub fn of(
        model: &str,
        metric: &str,
        direction: Direction,
        controls: &[(String, Difference)],
    ) -> Option<Self> {
        let sign = match direction {
            Direction::HigherIsBetter => 1.0,
            Direction::LowerIsBetter => -1.0,
        };
        // From how far the model surely is above to how far it surely is below.
        let margin = |difference: &Difference| {
            let (low, high) = (difference.difference.low, difference.difference.high);
            if sign > 0.0 {
                (low, high)
            } else {
                (-high, -low)
            }
        };
        let nearest = |named: &&(String, Difference)| sign * named.1.difference.value;
        let hardest = controls
            .iter()
            .min_by(|a, b| nearest(a).total_cmp(&nearest(b)))?;
        let worse: Vec<&(String, Difference)> = controls
            .iter()
            .filter(|(_, difference)| margin(difference).1 < 0.0)
            .collect();
        let interval = |difference: &Difference| {
            let e = &difference.difference;
            format!(
                "difference {}, {:.0} % interval {} to {}",
                short(e.value),
                100.0 * e.level,
                short(e.low),
                short(e.high)
            )
        };
        let (name, difference) = hardest;
        let worst = worse
            .iter()
            .min_by(|a, b| nearest(a).total_cmp(&nearest(b)));
        let (level, text) = if let Some(worst) = worst {
            let more = match worse.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            (
                Level::Loses,
                format!(
                    "{model} loses to {}{more} in {metric}: {} against {} ({}).",
                    worst.0,
                    short(worst.1.a),
                    short(worst.1.b),
                    interval(&worst.1)
                ),
            )
        } else if controls
            .iter()
            .all(|(_, difference)| margin(difference).0 > 0.0)
        {
            (
                Level::Beats,
                format!(
                    "{model} beats every control in {metric}: {}; the best of them, {name}, {} ({}).",
                    short(difference.a),
                    short(difference.b),
                    interval(difference)
                ),
            )
        } else {
            (
                Level::Ties,
                format!(
                    "{model} is not clearly better than {name} in {metric}: {} against {} ({}).",
                    short(difference.a),
                    short(difference.b),
                    interval(difference)
                ),
            )
        };
        Some(Self { level, text })
    }

    pub(super) fn to_html(&self) -> String {
        let (class, word) = match self.level {
            Level::Beats => ("beats", "Better than the controls"),
            Level::Ties => ("ties", "Undecided"),
            Level::Loses => ("loses", "Worse than a control"),
        };
        format!(
            "<p class=\"verdict {class}\"><strong>{word}:</strong> {}</p>\n",
            escape(&self.text)
        )
    }
}

#[cfg(test)]
mod tests {
    use hairpin_targets::metrics::{Estimate, Interval};

    use super::*;

    fn control(name: &str, value: f64, low: f64, high: f64) -> (String, Difference) {
        let difference = Estimate {
            value,
            low,
            high,
            level: 0.95,
            method: Interval::Wilson,
        };
        let share_a_better = 0.5;
        (
            name.into(),
            Difference {
                a: 1.0,
                b: 1.0 - value,
                difference,
                share_a_better,
            },
        )
    }

    fn verdict(direction: Direction, controls: &[(String, Difference)]) -> Verdict {
        Verdict::of("net", "score", direction, controls).unwrap()
    }

    #[test]
    fn the_level_follows_the_intervals_in_either_direction() {
        use Direction::{HigherIsBetter, LowerIsBetter};
        let (above, around, below) = (
            control("above", 0.3, 0.1, 0.5),
            control("around", 0.1, -0.2, 0.4),
            control("below", -0.3, -0.5, -0.1),
        );
        for (direction, controls, level, named) in [
            (HigherIsBetter, vec![above.clone()], Level::Beats, "above"),
            (
                HigherIsBetter,
                vec![above.clone(), around.clone()],
                Level::Ties,
                "around",
            ),
            (
                HigherIsBetter,
                vec![above.clone(), around.clone(), below.clone()],
                Level::Loses,
                "below",
            ),
            (LowerIsBetter, vec![below.clone()], Level::Beats, "below"),
            (
                LowerIsBetter,
                vec![below.clone(), around.clone()],
                Level::Ties,
                "around",
            ),
            (
                LowerIsBetter,
                vec![above.clone(), below.clone()],
                Level::Loses,
                "above",
            ),
        ] {
            let found = verdict(direction, &controls);
            assert_eq!(found.level, level, "{}", found.text);
            assert!(found.text.contains(named), "{}", found.text);
        }
        let two = [below.clone(), control("worst", -0.4, -0.5, -0.3)];
        let text = verdict(HigherIsBetter, &two).text;
        assert!(
            text.starts_with("net loses to worst and 1 more in score: 1 against 1.4"),
            "{text}"
        );
        assert_eq!(Verdict::of("net", "score", HigherIsBetter, &[]), None);
    }

    #[test]
    fn an_interval_that_is_no_number_decides_nothing() {
        let odd = [control("odd", f64::NAN, f64::NAN, f64::NAN)];
        assert_eq!(verdict(Direction::HigherIsBetter, &odd).level, Level::Ties);
    }
}
