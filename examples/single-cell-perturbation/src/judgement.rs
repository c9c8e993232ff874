//! Predictions of held-out pairs beside the truth.

use crate::blend::stacked;
use crate::pairs::{Pairs, Rows};
use anyhow::{Context, Result};
use hairpin::targets::TargetMatrix;
use hairpin::targets::metrics::{Bootstrap, Comparison, Difference, Estimate, Metric, Over};
use hairpin::tasks::perturbation::METRICS;
use hairpin::train::report::{Predictions, Table, Verdict, WorstCase};
use serde_json::{Value, json};

/// Confidence of every interval.
const LEVEL: f64 = 0.95;

/// Held-out pairs, answered by the controls and, last, by the model.
pub(crate) struct Judgement {
    pub(crate) rows: Rows,
    pub(crate) answers: Vec<(String, TargetMatrix)>,
}

/// How one predictor did.
struct Judged {
    name: String,
    /// MRRMSE over that of zeros.
    ratio: Option<f64>,
    mrrmse: Option<Estimate>,
    /// As [`METRICS`] lists them.
    metrics: [Option<Estimate>; METRICS.len()],
    /// Model minus this control, in MRRMSE.
    difference: Option<Difference>,
}

impl Judgement {
    /// Those of several rounds as one, each row of which was held out once.
    pub(crate) fn together(rounds: Vec<Self>) -> Result<Self> {
        let all = |list: fn(&Pairs) -> &Vec<String>| {
            let lists = rounds.iter().map(|round| list(&round.rows.pairs).clone());
            lists.collect::<Vec<_>>().concat()
        };
        let pairs = Pairs {
            cell_types: all(|pairs| &pairs.cell_types),
            compounds: all(|pairs| &pairs.compounds),
        };
        let first = rounds.first().context("nothing was held out")?;
        let mut answers = Vec::with_capacity(first.answers.len());
        for (place, (name, _)) in first.answers.iter().enumerate() {
            let own = rounds.iter().map(|round| &round.answers[place].1);
            answers.push((name.clone(), stacked(own)?));
        }
        let truth = rounds.iter().map(|round| &round.rows.targets);
        Ok(Self {
            rows: Rows {
                pairs,
                targets: stacked(truth)?,
            },
            answers,
        })
    }

    fn judged(&self) -> Result<Vec<Judged>> {
        let bootstrap = Bootstrap {
            level: LEVEL,
            ..Bootstrap::default()
        };
        let groups = self.rows.pairs.by_compound();
        let groups = (groups.n_groups() > 1).then(|| groups.of_rows());
        let truth = &self.rows.targets;
        let (_, model) = self.answers.last().context("the model was judged")?;
        let model = Comparison::new(model, truth)?;
        let zeros = self.answers.iter().find(|own| own.0 == "zeros");
        let zeros = match zeros {
            Some((_, zeros)) => Comparison::new(zeros, truth)?.mrrmse(),
            None => None,
        };
        let mut judged = Vec::with_capacity(self.answers.len());
        for (place, (name, answer)) in self.answers.iter().enumerate() {
            let own = Comparison::new(answer, truth)?;
            // Zeros correlate with nothing, and that is no error here.
            let estimate = |metric| own.estimate(metric, Over::Rows, bootstrap, groups).ok();
            let mrrmse = estimate(Metric::Rmse);
            let compare = || {
                let found = model.compare(&own, Metric::Rmse, Over::Rows, bootstrap, groups);
                found.ok()
            };
            judged.push(Judged {
                name: name.clone(),
                ratio: mrrmse
                    .as_ref()
                    .zip(zeros)
                    .map(|(own, zeros)| own.value / zeros),
                metrics: METRICS.map(estimate),
                difference: (place + 1 < self.answers.len()).then(compare).flatten(),
                mrrmse,
            });
        }
        Ok(judged)
    }

    /// Whether the model is better than what is simple.
    pub(crate) fn verdict(&self, model: &str) -> Result<Option<Verdict>> {
        let differences: Vec<(String, Difference)> = self
            .judged()?
            .into_iter()
            .filter_map(|judged| Some((judged.name, judged.difference?)))
            .collect();
        let direction = Metric::Rmse.direction();
        Ok(Verdict::of(model, "MRRMSE", direction, &differences))
    }

    pub(crate) fn table(&self, caption: String) -> Result<Table> {
        let shown = |estimate: &Option<Estimate>| match estimate {
            None => "undefined".to_owned(),
            Some(e) => format!("{:.3} ({:.3} to {:.3})", e.value, e.low, e.high),
        };
        let mut columns = vec!["predictor".to_owned(), "of zeros'".into(), "MRRMSE".into()];
        columns.extend(METRICS.map(|metric| format!("{metric} of a row")));
        columns.push("model minus this, MRRMSE".to_owned());
        let rows: Vec<Vec<String>> = self
            .judged()?
            .iter()
            .map(|judged| {
                let ratio = judged
                    .ratio
                    .map_or("undefined".to_owned(), |own| format!("{own:.3}"));
                let mut row = vec![judged.name.clone(), ratio, shown(&judged.mrrmse)];
                row.extend(judged.metrics.iter().map(shown));
                let difference = judged.difference.map(|both| both.difference);
                row.push(match difference {
                    None => String::new(),
                    difference => shown(&difference),
                });
                row
            })
            .collect();
        Ok(Table {
            caption,
            columns,
            highlight: Some(rows.len() - 1),
            rows,
            note: Some(
                "In brackets 95 % intervals by bootstrap over whole compounds; a row of zeros has no correlation."
                    .to_owned(),
            ),
        })
    }

    pub(crate) fn json(&self) -> Result<Value> {
        let rows: Vec<Value> = self
            .judged()?
            .iter()
            .map(|judged| {
                let mut row = json!({
                    "name": judged.name,
                    "ratio": judged.ratio,
                    "mrrmse": judged.mrrmse,
                    "model_minus_this": judged.difference.map(|both| both.difference),
                });
                for (metric, estimate) in METRICS.iter().zip(&judged.metrics) {
                    row[metric.name()] = json!(estimate);
                }
                row
            })
            .collect();
        Ok(Value::Array(rows))
    }

    /// One line for each predictor: ratio to zeros and mean row Pearson.
    pub(crate) fn short(&self) -> Result<Vec<(String, String)>> {
        let number = |own: Option<f64>| own.map_or("-".to_owned(), |own| format!("{own:.3}"));
        let judged = self.judged()?.into_iter().map(|own| {
            let pearson = own.metrics[0].map(|pearson| pearson.value);
            (
                own.name,
                format!("{}, {}", number(own.ratio), number(pearson)),
            )
        });
        Ok(judged.collect())
    }

    fn model(&self) -> Option<&TargetMatrix> {
        self.answers.last().map(|own| &own.1)
    }

    /// The pairs with the largest errors.
    pub(crate) fn worst(&self) -> Result<Vec<WorstCase>> {
        let Some(model) = self.model() else {
            return Ok(Vec::new());
        };
        let rows = Comparison::new(model, &self.rows.targets)?;
        let (error, pearson) = (rows.rows(Metric::Rmse), rows.rows(Metric::Pearson));
        let size = |values: &TargetMatrix, row: usize| {
            let row = values.values().row(row);
            let squares: f64 = row.iter().map(|own| f64::from(*own).powi(2)).sum();
            format!(
                "root mean square {:.3}",
                (squares / row.len() as f64).sqrt()
            )
        };
        let mut cases: Vec<WorstCase> = (0..self.rows.pairs.len())
            .filter_map(|row| {
                let pearson = pearson.values()[row];
                Some(WorstCase {
                    id: self.rows.pairs.id(row),
                    truth: size(&self.rows.targets, row),
                    predicted: size(model, row),
                    error: error.values()[row]?,
                    sequence: pearson.map_or(String::new(), |own| format!("Pearson {own:.3}")),
                })
            })
            .collect();
        cases.sort_by(|a, b| b.error.total_cmp(&a.error));
        cases.truncate(20);
        Ok(cases)
    }

    /// Entries that were measured, as a scatter.
    pub(crate) fn predictions(&self) -> Vec<Predictions> {
        let truth = &self.rows.targets;
        let of = |matrix: &TargetMatrix| {
            let entries = matrix.values().iter().zip(truth.measured());
            let entries = entries.filter(|own| *own.1);
            entries.map(|own| f64::from(*own.0)).collect()
        };
        let model = self.model().map(|model| Predictions {
            caption: "Held-out pairs, every gene".to_owned(),
            truth: of(truth),
            predicted: of(model),
            seed: 1,
        });
        model.into_iter().collect()
    }

    /// The genes with the largest and the smallest errors, beside what answering 0 would cost.
    pub(crate) fn by_gene(&self, shown: usize) -> Result<Option<Table>> {
        let Some(model) = self.model() else {
            return Ok(None);
        };
        let truth = &self.rows.targets;
        let errors = Comparison::new(model, truth)?.columns(Metric::Rmse);
        let pearson = Comparison::new(model, truth)?.columns(Metric::Pearson);
        let zeros = self.answers.iter().find(|own| own.0 == "zeros");
        let (_, zeros) = zeros.context("zeros are among the controls")?;
        let zeros = Comparison::new(zeros, truth)?.columns(Metric::Rmse);
        let mut genes: Vec<(f64, usize)> = errors
            .values()
            .iter()
            .enumerate()
            .filter_map(|(gene, error)| Some(((*error)?, gene)))
            .collect();
        genes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ends: Vec<(f64, usize)> = match genes.len() > 2 * shown {
            true => [&genes[..shown], &genes[genes.len() - shown..]].concat(),
            false => genes,
        };
        let number =
            |own: Option<f64>| own.map_or("undefined".to_owned(), |own| format!("{own:.3}"));
        let row = |&(error, gene): &(f64, usize)| {
            vec![
                truth.names()[gene].clone(),
                format!("{error:.3}"),
                number(zeros.values()[gene]),
                number(pearson.values()[gene]),
            ]
        };
        Ok(Some(Table {
            caption: format!("Error by gene: the {shown} largest, then the {shown} smallest"),
            columns: ["gene", "RMSE", "RMSE of zeros", "Pearson over pairs"]
                .map(str::to_owned)
                .to_vec(),
            rows: ends.iter().map(row).collect(),
            highlight: None,
            note: Some("Over the held-out pairs.".to_owned()),
        }))
    }
}
