//! Predictions beside controls, protein by protein.

use anyhow::{Context, Result};
use hairpin::targets::metrics::{
    Bin, Bootstrap, Comparison, Difference, Direction, Estimate, Metric, binned,
};
use hairpin::targets::{TargetError, TargetMatrix};
use hairpin::train::report::{Predictions, Table, Verdict};
use serde_json::{Value, json};

/// Confidence of every interval.
const LEVEL: f64 = 0.95;

/// The network's name in tables.
pub(crate) const THE_MODEL: &str = "two_tower (the model)";

/// Edges of the bins of the identity to the nearest protein that was learned from.
const EDGES: [f64; 5] = [0.0, 0.3, 0.5, 0.7, 1.0];

/// The identities between a copy and a stranger: where a model has most to gain.
const MIDDLE: (f64, f64) = (0.3, 0.7);

/// Predictions of pairs that were measured, by the controls and, last, by the network.
pub(crate) struct Judgement {
    /// `[probes, proteins]`.
    pub(crate) truth: TargetMatrix,
    pub(crate) answers: Vec<(String, TargetMatrix)>,
    /// Of each protein to the nearest that was learned from.
    pub(crate) identity: Option<Vec<f64>>,
    /// The highest correlation that noise allows, of each protein that has repeated probes.
    pub(crate) ceilings: Option<Vec<Option<f64>>>,
}

/// One predictor's correlations.
struct Judged<'a> {
    name: &'a str,
    /// Of each protein; 0 of a constant.
    scores: Vec<f64>,
    median: Estimate,
    mean: Estimate,
    /// The network's median minus this one's.
    difference: Option<Difference>,
}

fn median(values: &[f64], rows: &[usize]) -> Option<f64> {
    let mut drawn: Vec<f64> = rows.iter().map(|&row| values[row]).collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let upper = *drawn.get(drawn.len() / 2)?;
    Some(match drawn.len() % 2 {
        0 => f64::midpoint(drawn[drawn.len() / 2 - 1], upper),
        _ => upper,
    })
}

fn mean(values: &[f64], rows: &[usize]) -> Option<f64> {
    let sum: f64 = rows.iter().map(|&row| values[row]).sum();
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}

fn bootstrap() -> Bootstrap {
    Bootstrap {
        level: LEVEL,
        ..Bootstrap::default()
    }
}

/// The median of the network's scores minus that of another predictor's of the same proteins.
fn difference(model: &[f64], other: &[f64]) -> Result<Difference, TargetError> {
    bootstrap().compare(
        model.len(),
        None,
        Direction::HigherIsBetter,
        |rows| median(model, rows),
        |rows| median(other, rows),
    )
}

fn shown(e: &Estimate) -> String {
    format!("{:.3} ({:.3} to {:.3})", e.value, e.low, e.high)
}

impl Judgement {
    fn judged(&self) -> Result<Vec<Judged<'_>>> {
        let bootstrap = bootstrap();
        let scores = |(_, answer): &(String, TargetMatrix)| self.scores(answer);
        let all = self.answers.iter().map(scores);
        let all = all.collect::<Result<Vec<Vec<f64>>>>()?;
        let model = all.last().context("the network was judged")?.clone();
        let n = model.len();
        let place_of_model = all.len() - 1;
        let mut judged = Vec::with_capacity(all.len());
        for (place, scores) in all.into_iter().enumerate() {
            let difference = (place < place_of_model).then(|| difference(&model, &scores));
            judged.push(Judged {
                name: &self.answers[place].0,
                median: bootstrap.estimate(n, None, |rows| median(&scores, rows))?,
                mean: bootstrap.estimate(n, None, |rows| mean(&scores, rows))?,
                difference: difference.transpose()?,
                scores,
            });
        }
        Ok(judged)
    }

    /// The correlation of each protein.
    fn scores(&self, answer: &TargetMatrix) -> Result<Vec<f64>> {
        let scores = Comparison::new(answer, &self.truth)?.columns(Metric::Pearson);
        // A constant correlates with nothing, and that is no error here.
        let scores = scores.values().iter().map(|score| score.unwrap_or(0.0));
        Ok(scores.collect())
    }

    /// Median, mean and share of the ceiling.
    fn summary(&self, scores: &[f64]) -> [Option<f64>; 3] {
        let every: Vec<usize> = (0..scores.len()).collect();
        let share = self.share_of_ceiling(scores);
        [median(scores, &every), mean(scores, &every), share]
    }

    /// Whether the network is better than what is simple.
    pub(crate) fn verdict(&self) -> Result<Option<Verdict>> {
        let differences: Vec<(String, Difference)> = self
            .judged()?
            .into_iter()
            .filter_map(|judged| Some((judged.name.to_owned(), judged.difference?)))
            .collect();
        Ok(Verdict::of(
            "two_tower",
            "median Pearson",
            Direction::HigherIsBetter,
            &differences,
        ))
    }

    /// All predictors; by bins of identity, where it is known; protein by protein.
    pub(crate) fn tables(&self, what: &str) -> Result<Vec<Table>> {
        let judged = self.judged()?;
        let n = self.truth.n_columns();
        let caption = format!("{n} {what}, {} probes", self.truth.n_rows());
        let mut tables = vec![self.all(&judged, caption)];
        if let Some(identity) = &self.identity {
            tables.push(bins(&judged, identity)?);
            tables.push(differences(&judged, identity)?);
        }
        tables.push(self.each(&judged));
        Ok(tables)
    }

    /// What the answer is made of, each part alone.
    pub(crate) fn parts(&self, answers: &[(String, TargetMatrix)]) -> Result<Table> {
        let mut rows = Vec::with_capacity(answers.len());
        for (name, answer) in answers {
            let scores = self.scores(answer)?;
            let mut row = vec![name.clone()];
            for value in self.summary(&scores) {
                row.extend(value.map(|value| format!("{value:.3}")));
            }
            rows.push(row);
        }
        let mut columns = vec!["", "median Pearson", "mean Pearson"];
        columns.extend(self.ceilings.as_ref().map(|_| "mean share of the ceiling"));
        Ok(Table {
            caption: "What the answer is made of".to_owned(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            rows,
            highlight: None,
            note: None,
        })
    }

    fn all(&self, judged: &[Judged<'_>], caption: String) -> Table {
        let mut columns = vec![
            "predictor".to_owned(),
            "median Pearson".into(),
            "mean Pearson".into(),
            "model minus this, median".into(),
        ];
        if self.ceilings.is_some() {
            columns.push("mean share of the ceiling".to_owned());
        }
        let rows = judged.iter().map(|own| {
            let difference = own.difference.map(|both| both.difference);
            let mut row = vec![
                own.name.to_owned(),
                shown(&own.median),
                shown(&own.mean),
                difference.as_ref().map_or(String::new(), shown),
            ];
            if let Some(share) = self.share_of_ceiling(&own.scores) {
                row.push(format!("{share:.3}"));
            }
            row
        });
        let rows: Vec<Vec<String>> = rows.collect();
        Table {
            caption,
            columns,
            highlight: Some(rows.len() - 1),
            rows,
            note: Some(
                "In brackets 95 % intervals by bootstrap over proteins; a constant counts as 0."
                    .to_owned(),
            ),
        }
    }

    /// Mean over the proteins that have a ceiling of correlation over ceiling.
    fn share_of_ceiling(&self, scores: &[f64]) -> Option<f64> {
        let ceilings = self.ceilings.as_ref()?;
        let shares: Vec<f64> = scores
            .iter()
            .zip(ceilings)
            .filter_map(|(score, ceiling)| Some(score / (*ceiling)?))
            .collect();
        (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
    }

    fn each(&self, judged: &[Judged<'_>]) -> Table {
        let mut columns = vec!["protein".to_owned()];
        if self.identity.is_some() {
            columns.push("identity to the nearest".to_owned());
        }
        if self.ceilings.is_some() {
            columns.push("ceiling".to_owned());
        }
        columns.extend(judged.iter().map(|own| own.name.to_owned()));
        let rows = (0..self.truth.n_columns()).map(|column| {
            let mut row = vec![self.truth.names()[column].clone()];
            if let Some(identity) = &self.identity {
                row.push(format!("{:.2}", identity[column]));
            }
            if let Some(ceilings) = &self.ceilings {
                row.push(ceilings[column].map_or("none".to_owned(), |own| format!("{own:.3}")));
            }
            row.extend(
                judged
                    .iter()
                    .map(|own| format!("{:.3}", own.scores[column])),
            );
            row
        });
        Table {
            caption: "Pearson's correlation of each protein".to_owned(),
            columns,
            rows: rows.collect(),
            highlight: None,
            note: self.ceilings.is_some().then(|| {
                "The ceiling is the square root of the correlation of repeated probes: what a model that knows all but the noise would reach.".to_owned()
            }),
        }
    }

    /// The proteins that pictures are of: the one that is predicted best and the one in the middle.
    pub(crate) fn shown(&self) -> Result<Vec<(&'static str, usize)>> {
        let judged = self.judged()?;
        let Some(model) = judged.last() else {
            return Ok(Vec::new());
        };
        let mut order: Vec<usize> = (0..model.scores.len()).collect();
        order.sort_by(|&a, &b| model.scores[b].total_cmp(&model.scores[a]));
        let picked = [
            ("predicted best", order.first()),
            ("in the middle", order.get(order.len() / 2)),
        ];
        let picked = picked.into_iter();
        Ok(picked
            .filter_map(|(which, protein)| Some((which, *protein?)))
            .collect())
    }

    /// The predictions of those beside what was measured.
    pub(crate) fn drawings(&self) -> Result<Vec<Predictions>> {
        let judged = self.judged()?;
        let (Some(model), Some((_, answer))) = (judged.last(), self.answers.last()) else {
            return Ok(Vec::new());
        };
        let column = |matrix: &TargetMatrix, column: usize| {
            matrix.values().column(column).mapv(f64::from).to_vec()
        };
        let picked = self.shown()?;
        Ok(picked
            .into_iter()
            .map(|(which, protein)| Predictions {
                caption: format!(
                    "{}, {which} (Pearson {:.3}), in standard deviations",
                    self.truth.names()[protein],
                    model.scores[protein]
                ),
                truth: column(&self.truth, protein),
                predicted: column(answer, protein),
                seed: 1,
            })
            .collect())
    }

    /// Every number of the tables, those of [`parts`](Self::parts) too.
    pub(crate) fn json(&self, parts: &[(String, TargetMatrix)]) -> Result<Value> {
        let judged = self.judged()?;
        let mut predictors = Vec::with_capacity(judged.len());
        for own in &judged {
            let bins = match &self.identity {
                None => None,
                Some(identity) => Some(bins_of(&own.scores, identity)?),
            };
            let within = match (&self.identity, own.difference, judged.last()) {
                (Some(identity), Some(_), Some(model)) => {
                    difference_within(&model.scores, &own.scores, identity, MIDDLE)?
                }
                _ => None,
            };
            predictors.push(json!({
                "model_minus_this_within": { "from": MIDDLE.0, "to": MIDDLE.1, "median_pearson": within.map(|both| both.difference) },
                "name": own.name,
                "median_pearson": own.median,
                "mean_pearson": own.mean,
                "model_minus_this": own.difference.map(|both| both.difference),
                "share_of_ceiling": self.share_of_ceiling(&own.scores),
                "by_identity": bins,
                "pearson": own.scores,
            }));
        }
        let part = |(name, answer): &(String, TargetMatrix)| {
            let scores = self.scores(answer)?;
            let [median, mean, share] = self.summary(&scores);
            anyhow::Ok(json!({
                "name": name,
                "median_pearson": median,
                "mean_pearson": mean,
                "share_of_ceiling": share,
                "pearson": scores,
            }))
        };
        Ok(json!({
            "parts": parts.iter().map(part).collect::<Result<Vec<_>>>()?,
            "predictors": predictors,
            "proteins": self.truth.names(),
            "identity": self.identity,
            "ceilings": self.ceilings,
        }))
    }
}

/// The median of each bin of identity.
fn bins_of(scores: &[f64], identity: &[f64]) -> Result<Vec<Bin>> {
    let scores: Vec<Option<f64>> = scores.iter().map(|&score| Some(score)).collect();
    Ok(binned(&scores, identity, &EDGES, Bootstrap::default())?)
}

/// The network's median minus another predictor's, over the proteins of one range of identity.
fn difference_within(
    model: &[f64],
    other: &[f64],
    identity: &[f64],
    (from, to): (f64, f64),
) -> Result<Option<Difference>> {
    let inside = |own: f64| from <= own && (own < to || own == 1.0 && to == 1.0);
    let rows: Vec<usize> = (0..identity.len())
        .filter(|&row| inside(identity[row]))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let pick = |scores: &[f64]| rows.iter().map(|&row| scores[row]).collect::<Vec<_>>();
    let (model, other) = (pick(model), pick(other));
    Ok(Some(difference(&model, &other)?))
}

fn differences(judged: &[Judged<'_>], identity: &[f64]) -> Result<Table> {
    let mut ranges: Vec<(f64, f64)> = EDGES.windows(2).map(|edge| (edge[0], edge[1])).collect();
    ranges.push(MIDDLE);
    let mut columns = vec!["model minus".to_owned()];
    columns.extend(ranges.iter().map(|(from, to)| format!("{from} to {to}")));
    let mut rows = Vec::new();
    if let Some((model, controls)) = judged.split_last() {
        for control in controls {
            let mut row = vec![control.name.to_owned()];
            for &range in &ranges {
                let found = difference_within(&model.scores, &control.scores, identity, range)?;
                row.push(found.map_or("none".to_owned(), |both| shown(&both.difference)));
            }
            rows.push(row);
        }
    }
    Ok(Table {
        caption: "Median Pearson of the model minus each control's, by identity".to_owned(),
        columns,
        rows,
        highlight: None,
        note: None,
    })
}

fn bins(judged: &[Judged<'_>], identity: &[f64]) -> Result<Table> {
    let mut columns = vec!["predictor".to_owned()];
    let mut rows = Vec::new();
    for own in judged {
        let bins = bins_of(&own.scores, identity)?;
        if columns.len() == 1 {
            let name = |bin: &Bin| format!("{} to {} ({})", bin.from, bin.to, bin.rows);
            columns.extend(bins.iter().map(name));
        }
        let mut row = vec![own.name.to_owned()];
        row.extend(bins.iter().map(|bin| match &bin.median {
            None => "none".to_owned(),
            Some(estimate) => shown(estimate),
        }));
        rows.push(row);
    }
    Ok(Table {
        caption: "Median Pearson by identity to the nearest protein that was learned from"
            .to_owned(),
        columns,
        highlight: Some(rows.len() - 1),
        rows,
        note: Some(
            "Identity as a share of the shorter protein; behind the bins the number of proteins."
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_tables_hold_what_is_calculated_on_paper() {
        let names = || vec!["A".to_owned(), "B".to_owned(), "C".to_owned()];
        let matrix = |values| TargetMatrix::new(values, names()).unwrap();
        let truth = array![[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]];
        let control = array![[1.0, 2.0, 0.0], [1.0, 1.0, 2.0], [1.0, 0.0, 1.0]];
        let model = array![[0.0, 0.0, 2.0], [1.0, 3.0, 1.0], [2.0, 6.0, 0.0]];
        let judgement = Judgement {
            truth: matrix(truth),
            answers: vec![
                ("control".to_owned(), matrix(control)),
                (THE_MODEL.to_owned(), matrix(model)),
            ],
            identity: Some(vec![0.2, 0.9, 0.31]),
            ceilings: Some(vec![Some(0.5), None, Some(1.0)]),
        };
        let tables = judgement.tables("proteins").unwrap();
        // A constant, a reversal, a half: 0, -1, 0.5; the model 1, 1, -1.
        assert_eq!(tables[0].rows[0][1].split(' ').next(), Some("0.000"));
        assert_eq!(tables[0].rows[1][1].split(' ').next(), Some("1.000"));
        assert_eq!(tables[0].rows[0][4], format!("{:.3}", 0.25));
        let medians: Vec<_> = tables[1].rows[1][1..]
            .iter()
            .map(|cell| &cell[..4])
            .collect();
        assert_eq!(medians, ["1.00", "-1.0", "none", "1.00"]);
        // The model minus the control where identity is in the middle: -1 - 0.5.
        let of_middle = tables[2].rows[0]
            .last()
            .and_then(|cell| cell.split(' ').next());
        assert_eq!(of_middle, Some("-1.500"));
        assert_eq!(tables[3].rows[2], ["C", "0.31", "1.000", "0.500", "-1.000"]);
        let json = judgement.json(&[]).unwrap();
        assert_eq!(json["predictors"][1]["median_pearson"]["value"], 1.0);
        assert!(judgement.verdict().unwrap().is_some());
        assert_eq!(judgement.drawings().unwrap().len(), 2);
    }
}
