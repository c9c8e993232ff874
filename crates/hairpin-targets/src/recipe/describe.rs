//! What a recipe learned, in words.

use std::fmt::Write;

use super::step::{FittedStep, Scaling};
use super::{FittedRecipe, SvdMissing, UnseenGroup};

/// Columns up to which each is described by itself.
const FEW: usize = 12;

impl FittedRecipe {
    /// What was learned, in words: a line per step, and one per column where there are twelve or fewer.
    ///
    /// ```
    /// use hairpin_targets::{Recipe, Step, TargetMatrix};
    /// use ndarray::array;
    ///
    /// let names = vec!["CD4".to_string(), "spike-in".to_string()];
    /// let train = TargetMatrix::new(array![[1.0, 5.0], [3.0, 5.0]], names)?;
    /// let fitted = Recipe(vec![Step::Clip { low: 0.0, high: 10.0 }, Step::ZScore]).fit(&train)?;
    /// assert_eq!(
    ///     fitted.describe(),
    ///     "\
    /// 2 columns, learned from 2 rows
    /// 1. clip from 0 to 10
    /// 2. z-score
    ///    \"CD4\": mean 2, standard deviation 1
    ///    \"spike-in\": mean 5, standard deviation 1; constant, so only shifted
    /// "
    /// );
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    pub fn describe(&self) -> String {
        let mut text = format!(
            "{}, learned from {}\n",
            count(self.columns().len(), "column"),
            count(self.n_rows(), "row")
        );
        let mut names = self.columns().to_vec();
        for (at, step) in self.steps().iter().enumerate() {
            // A String takes everything that is written to it.
            let _ = write!(text, "{}. ", at + 1);
            self.describe_step(&mut text, step, &names);
            if let FittedStep::TruncatedSvd { components, .. } = step {
                names = (1..=components.len())
                    .map(|vector| format!("svd {vector}"))
                    .collect();
            }
        }
        text
    }

    fn columns(&self) -> &[String] {
        self.names()
    }

    fn describe_step(&self, text: &mut String, step: &FittedStep, names: &[String]) {
        let mut line = |words: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{words}");
        };
        match step {
            FittedStep::Log1p => line(format_args!("log1p: ln(1 + x)")),
            FittedStep::SignedLog => line(format_args!("signed log: sign(x) ln(1 + |x|)")),
            FittedStep::Clip {
                quantiles: None,
                low,
                high,
            } if is_one(low) && is_one(high) => {
                line(format_args!(
                    "clip from {} to {}",
                    digits(low[0]),
                    digits(high[0])
                ));
            }
            FittedStep::Clip {
                quantiles,
                low,
                high,
            } => {
                match quantiles {
                    Some([low, high]) => line(format_args!(
                        "clip at the quantiles {low} and {high} of each column"
                    )),
                    None => line(format_args!("clip at bounds of each column")),
                }
                lists(text, names, &[("from", low), ("to", high)], |_| {
                    String::new()
                });
            }
            FittedStep::Scale {
                by,
                centre,
                scale,
                constant,
            } => {
                let (name, of) = match by {
                    Scaling::ZScore => ("z-score", ["mean", "standard deviation"]),
                    Scaling::MinMax => ("min-max", ["what becomes 0", "what becomes 1 above it"]),
                    Scaling::Robust => ("robust scaling", ["median", "interquartile range"]),
                };
                match constant.len() {
                    n if n > 0 && names.len() > FEW => {
                        line(format_args!(
                            "{name}; constant, so only shifted: {}",
                            first_of(constant, names)
                        ));
                    }
                    _ => line(format_args!("{name}")),
                }
                lists(
                    text,
                    names,
                    &[(of[0], centre), (of[1], scale)],
                    |column| match constant.contains(&column) {
                        true => "; constant, so only shifted".to_string(),
                        false => String::new(),
                    },
                );
            }
            FittedStep::ScaleByGroup {
                unseen,
                centre,
                scale,
                constant,
                pooled,
            } => {
                let unseen = match unseen {
                    UnseenGroup::Refuse => "is refused",
                    UnseenGroup::Pooled => "takes the numbers of all rows",
                };
                line(format_args!(
                    "z-score by group of {}; a group not seen {unseen}; constant, so only shifted: {} of group and \
                     column; without a value, so as all rows: {}",
                    count(centre.len() - 1, "group"),
                    constant.len(),
                    pooled.len()
                ));
                let groups = self.groups().map_or(&[][..], |groups| groups.names());
                let all = "all rows".to_string();
                for ((group, centre), scale) in groups.iter().chain([&all]).zip(centre).zip(scale) {
                    let _ = writeln!(
                        text,
                        "   {group}: mean {}, standard deviation {}",
                        spread(centre),
                        spread(scale)
                    );
                }
            }
            FittedStep::QuantileToNormal { quantiles } => {
                let n = quantiles.first().map_or(0, Vec::len);
                line(format_args!(
                    "quantile to normal, by {}",
                    count(n, "quantile")
                ));
                let at = |share: f64| -> Vec<f64> {
                    quantiles
                        .iter()
                        .map(|quantiles| quantiles[((quantiles.len() - 1) as f64 * share) as usize])
                        .collect()
                };
                let (low, middle, high) = (at(0.0), at(0.5), at(1.0));
                lists(
                    text,
                    names,
                    &[("from", &low), ("middle", &middle), ("to", &high)],
                    |_| String::new(),
                );
            }
            FittedStep::TruncatedSvd {
                missing,
                components,
                singular_values,
                explained_variance_ratio,
                ..
            } => {
                let missing = match missing {
                    SvdMissing::Refuse => "is refused",
                    SvdMissing::ColumnMean => "becomes the mean of its column",
                };
                let explained = 100.0 * explained_variance_ratio.iter().sum::<f64>();
                line(format_args!(
                    "truncated SVD from {} to {}, which explain {explained:.1} % of the variance; what was not measured {missing}",
                    count(names.len(), "column"),
                    components.len()
                ));
                for (at, (value, ratio)) in singular_values
                    .iter()
                    .zip(explained_variance_ratio)
                    .enumerate()
                    .take(FEW)
                {
                    let _ = writeln!(
                        text,
                        "   svd {}: singular value {}, {:.1} %",
                        at + 1,
                        digits(*value),
                        100.0 * ratio
                    );
                }
            }
        }
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Whether a list is one number throughout.
fn is_one(list: &[f64]) -> bool {
    !list.is_empty() && list.iter().all(|number| *number == list[0])
}

/// Four significant digits, without trailing zeros.
fn digits(number: f64) -> String {
    let rounded: f64 = format!("{number:.3e}").parse().unwrap_or(number);
    if rounded != 0.0 && !(1e-3..1e6).contains(&rounded.abs()) {
        return format!("{rounded:e}");
    }
    format!("{rounded}")
}

/// Smallest, middle and largest of a list.
fn spread(list: &[f64]) -> String {
    let mut sorted = list.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.as_slice() {
        [] => "of no column".to_string(),
        [only] => digits(*only),
        [first, .., last] => format!(
            "{} to {} (middle {})",
            digits(*first),
            digits(*last),
            digits(sorted[sorted.len() / 2])
        ),
    }
}

fn first_of(columns: &[usize], names: &[String]) -> String {
    let mut text: Vec<String> = columns
        .iter()
        .take(FEW)
        .map(|&column| format!("{:?}", names[column]))
        .collect();
    if columns.len() > FEW {
        text.push(format!("and {} more", columns.len() - FEW));
    }
    text.join(", ")
}

/// A line per column where there are few, otherwise one line of what the columns span.
fn lists(
    text: &mut String,
    names: &[String],
    lists: &[(&str, &Vec<f64>)],
    remark: impl Fn(usize) -> String,
) {
    if names.len() > FEW {
        let spans: Vec<String> = lists
            .iter()
            .map(|(of, list)| format!("{of} {}", spread(list)))
            .collect();
        let _ = writeln!(text, "   over the columns: {}", spans.join(", "));
        return;
    }
    for (column, name) in names.iter().enumerate() {
        let numbers: Vec<String> = lists
            .iter()
            .map(|(of, list)| format!("{of} {}", digits(list[column])))
            .collect();
        let _ = writeln!(
            text,
            "   {name:?}: {}{}",
            numbers.join(", "),
            remark(column)
        );
    }
}
