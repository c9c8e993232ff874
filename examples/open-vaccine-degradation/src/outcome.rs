//! What a run found: the networks beside controls, as a table, as JSON and as the report.

use crate::settings::Settings;
use anyhow::{Context, Result};
use hairpin::fold::{Colours, Drawing, Structure as Folded};
use hairpin::targets::metrics::{
    Bootstrap, Comparison, Difference, Direction, Estimate, Metric, Over,
};
use hairpin::targets::{LeakageReport, TargetMatrix};
use hairpin::tasks::open_vaccine::{Molecule, SCORED, TARGETS};
use hairpin::train::history::History;
use hairpin::train::manifest::{Launch, Manifest};
use hairpin::train::report::{Figure, Leakage, Predictions, Report, Svg, Table, Verdict};
use hairpin::train::{PositionTargets, RunDir};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The model's name in tables.
pub(crate) const THE_MODEL: &str = "per_base (the model)";

/// Predictions of held-out molecules by the controls and, last, by the model.
pub(crate) struct Judgement<'a> {
    pub(crate) molecules: Vec<&'a Molecule>,
    /// Signal to noise of each molecule.
    pub(crate) quality: Vec<f32>,
    pub(crate) truth: &'a PositionTargets,
    /// The group of each base.
    pub(crate) groups: Vec<usize>,
    pub(crate) answers: Vec<(String, TargetMatrix)>,
}

struct Judged {
    name: String,
    scored: Estimate,
    all: Estimate,
    /// Root mean squared error of each column.
    rmse: Vec<f64>,
    /// Model minus this control.
    difference: Option<Difference>,
}

fn of_scored(matrix: &TargetMatrix) -> Result<TargetMatrix> {
    Ok(matrix.select_columns(&SCORED)?)
}

impl Judgement<'_> {
    fn judged(&self) -> Result<Vec<Judged>> {
        let bootstrap = Bootstrap::default();
        let groups = Some(self.groups.as_slice());
        let truth = self.truth.matrix();
        let truth_scored = of_scored(truth)?;
        let (_, model) = self.answers.last().context("the model was judged")?;
        let model_scored = of_scored(model)?;
        let model = Comparison::new(&model_scored, &truth_scored)?;
        let mut judged = Vec::with_capacity(self.answers.len());
        for (place, (name, answer)) in self.answers.iter().enumerate() {
            let answer_scored = of_scored(answer)?;
            let own = Comparison::new(&answer_scored, &truth_scored)?;
            let all = Comparison::new(answer, truth)?;
            let (metric, over) = (Metric::Rmse, Over::Columns);
            let last = place + 1 == self.answers.len();
            let difference = match last {
                true => None,
                false => Some(model.compare(&own, metric, over, bootstrap, groups)?),
            };
            let columns = all.columns(metric);
            judged.push(Judged {
                name: name.clone(),
                scored: own.estimate(metric, over, bootstrap, groups)?,
                all: all.estimate(metric, over, bootstrap, groups)?,
                rmse: columns
                    .values()
                    .iter()
                    .map(|v| v.unwrap_or(f64::NAN))
                    .collect(),
                difference,
            });
        }
        Ok(judged)
    }

    /// The root mean squared errors, by what `key` says of each base.
    fn by(&self, caption: &str, key: impl Fn(usize, usize) -> String) -> Result<Table> {
        let (_, model) = self.answers.last().context("the model was judged")?;
        let (x, y) = (model.values(), self.truth.matrix().values());
        let mut sums: BTreeMap<String, (usize, [f64; 5])> = BTreeMap::new();
        let mut row = 0;
        for molecule in 0..self.truth.n_rows() {
            for base in 0..self.truth.scored(molecule) {
                let (count, errors) = sums.entry(key(molecule, base)).or_default();
                *count += 1;
                for (column, error) in errors.iter_mut().enumerate() {
                    *error += f64::from(x[[row, column]] - y[[row, column]]).powi(2);
                }
                row += 1;
            }
        }
        let rows = sums.into_iter().map(|(name, (count, errors))| {
            let rmse = errors.map(|error| (error / count as f64).sqrt());
            let scored = SCORED.iter().map(|&at| rmse[at]).sum::<f64>() / SCORED.len() as f64;
            let numbers = [scored].into_iter().chain(rmse);
            [name, count.to_string()]
                .into_iter()
                .chain(numbers.map(|number| format!("{number:.4}")))
                .collect()
        });
        let columns = ["", "bases", "MCRMSE"].into_iter().chain(TARGETS);
        Ok(Table {
            caption: caption.to_owned(),
            columns: columns.map(str::to_owned).collect(),
            rows: rows.collect(),
            highlight: None,
            note: Some("Root mean squared errors of the model, held out.".to_owned()),
        })
    }

    fn tables(&self) -> Result<Vec<Table>> {
        let base = |molecule: usize, base: usize| {
            let code = usize::from(self.molecules[molecule].sequence.codes()[base]);
            ["A", "C", "G", "U"].get(code).unwrap_or(&"N").to_string()
        };
        let quality = |molecule: usize, _| match self.quality[molecule] {
            q if q < 2.0 => "below 2".to_owned(),
            q if q < 4.0 => "2 to 4".to_owned(),
            q if q < 8.0 => "4 to 8".to_owned(),
            _ => "8 and above".to_owned(),
        };
        Ok(vec![
            self.by("Error by position", |_, base| {
                let first = base / 10 * 10;
                format!("{:3} to {}", first + 1, first + 10)
            })?,
            self.by("Error by base", base)?,
            self.by("Error by loop type", |molecule, base| {
                self.molecules[molecule].loops[base].letter().to_string()
            })?,
            self.by("Error by signal to noise", quality)?,
        ])
    }

    /// The molecules whose predictions are nearest to and farthest from the truth, in the colours of one column, true and predicted.
    fn pictures(&self) -> Result<Vec<Figure>> {
        const COLUMN: usize = 1;
        let (_, model) = self.answers.last().context("the model was judged")?;
        let (x, y) = (model.values(), self.truth.matrix().values());
        let mut starts = vec![0];
        for molecule in 0..self.truth.n_rows() {
            starts.push(starts[molecule] + self.truth.scored(molecule));
        }
        let error = |molecule: usize| -> f64 {
            let own = starts[molecule]..starts[molecule + 1];
            own.map(|row| f64::from(x[[row, COLUMN]] - y[[row, COLUMN]]).powi(2))
                .sum()
        };
        let mut order: Vec<usize> = (0..self.truth.n_rows()).collect();
        order.sort_by(|&a, &b| error(a).total_cmp(&error(b)));
        let chosen = [
            ("nearest to", order.first()),
            ("farthest from", order.last()),
        ];
        let mut figures = Vec::new();
        for (how, molecule) in chosen {
            let Some(&at) = molecule else { continue };
            let molecule = self.molecules[at];
            for (what, values) in [("measured", y), ("predicted", x)] {
                let mut colours = vec![f64::NAN; molecule.sequence.len()];
                for (base, row) in (starts[at]..starts[at + 1]).enumerate() {
                    colours[base] = f64::from(values[[row, COLUMN]]);
                }
                let title = format!("{} {what}", TARGETS[COLUMN]);
                figures.push(Figure {
                    caption: format!(
                        "{}, the molecule {how} the truth: {title}. Grey was not measured.",
                        molecule.id
                    ),
                    svg: Svg::parse(&drawing(molecule, &title, &colours)?)?,
                });
            }
        }
        Ok(figures)
    }

    fn predictions(&self) -> Vec<Predictions> {
        let Some((_, model)) = self.answers.last() else {
            return Vec::new();
        };
        let column =
            |matrix: &TargetMatrix, at| matrix.values().column(at).mapv(f64::from).to_vec();
        SCORED
            .iter()
            .map(|&at| Predictions {
                caption: format!("{}, held-out bases", TARGETS[at]),
                truth: column(self.truth.matrix(), at),
                predicted: column(model, at),
                seed: 1,
            })
            .collect()
    }
}

/// A molecule in its given structure, in these colours.
pub(crate) fn drawing(molecule: &Molecule, title: &str, values: &[f64]) -> Result<String> {
    let plain = molecule.structure.without_pseudoknots();
    // Folding, and with it its drawings, counts from 1.
    let pairs: Vec<_> = plain.pairs().map(|(i, j)| (i + 1, j + 1)).collect();
    let folded = Folded::from_pairs(plain.len(), &pairs)?;
    let text = molecule.sequence.to_string();
    let colours = Colours::new(title, values).with_range(0.0, 1.5)?;
    Ok(Drawing::new(&folded).svg(text.as_bytes(), Some(&colours))?)
}

fn shown(estimate: &Estimate) -> String {
    format!(
        "{:.4} ({:.4} to {:.4})",
        estimate.value, estimate.low, estimate.high
    )
}

/// A finished run.
pub(crate) struct Finished<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) judgement: Judgement<'a>,
    pub(crate) leakage: Vec<(String, LeakageReport)>,
    pub(crate) data: Vec<(String, String)>,
    /// Each kind of network, its held-out predictions, its share in the answer.
    pub(crate) kinds: Vec<(String, &'a TargetMatrix, f64)>,
    pub(crate) history: History,
    pub(crate) folds: usize,
    pub(crate) manifest: Manifest,
    pub(crate) seconds: f64,
}

impl Finished<'_> {
    /// Writes the report and prints the results.
    pub(crate) fn write(self, run: &RunDir, as_json: bool, submission: &Path) -> Result<()> {
        let judged = self.judgement.judged()?;
        // What the model is made of is no control.
        let is_part = |name: &String| self.kinds.iter().any(|(kind, ..)| kind == name);
        let differences: Vec<(String, Difference)> = judged
            .iter()
            .filter(|own| !is_part(&own.name))
            .filter_map(|own| Some((own.name.clone(), own.difference?)))
            .collect();
        let verdict = Verdict::of("per_base", "MCRMSE", Direction::LowerIsBetter, &differences);
        let table = self.table(&judged);
        let text = table.to_text();
        let json = self.json(&judged, verdict.as_ref(), run, submission);
        let mut tables = vec![table];
        tables.extend(self.judgement.tables()?);
        let report = Report {
            title: "OpenVaccine: degradation of each base".to_owned(),
            verdict: verdict.clone(),
            summary: vec![("time".to_owned(), format!("{:.0} s", self.seconds))],
            predictions: self.judgement.predictions(),
            explanations: self.judgement.pictures()?,
            ensemble: Some(self.members()?),
            data: self.data,
            split: vec![
                (
                    "divided".to_owned(),
                    format!(
                        "by similarity: edit identity of {} and more, in chains",
                        self.settings.data.similarity
                    ),
                ),
                ("folds".to_owned(), self.settings.ensemble.folds.to_string()),
                (
                    "of which held out in turn".to_owned(),
                    self.folds.to_string(),
                ),
                (
                    "judged by".to_owned(),
                    format!(
                        "{} molecules with SN_filter 1",
                        self.judgement.molecules.len()
                    ),
                ),
            ],
            leakage: self
                .leakage
                .into_iter()
                .map(|(sides, report)| Leakage { sides, report })
                .collect(),
            history: Some(self.history),
            tables,
            config_toml: self.settings.to_toml()?,
            launches: Launch::all(run)?,
            manifest: Some(self.manifest),
            ..Report::default()
        };
        run.write(RunDir::REPORT, report.to_html().as_bytes())?;
        if as_json {
            println!("{json}");
            return Ok(());
        }
        if let Some(verdict) = verdict {
            println!("{}\n", verdict.text);
        }
        println!("{text}");
        println!("{:<12} {}", "submission", submission.display());
        println!("{:<12} {}", "report", run.file(RunDir::REPORT).display());
        println!("{:<12} {:.0} s", "time", self.seconds);
        Ok(())
    }

    fn table(&self, judged: &[Judged]) -> Table {
        let columns = ["predictor", "MCRMSE", "of all five", "model minus this"];
        let rows = judged.iter().map(|own| {
            let difference = own.difference.map(|both| shown(&both.difference));
            let mut row = vec![
                own.name.clone(),
                shown(&own.scored),
                format!("{:.4}", own.all.value),
            ];
            row.push(difference.unwrap_or_default());
            row.extend(own.rmse.iter().map(|rmse| format!("{rmse:.3}")));
            row
        });
        let columns = columns.into_iter().chain(TARGETS);
        Table {
            caption: format!("{} held-out molecules", self.judgement.molecules.len()),
            columns: columns.map(str::to_owned).collect(),
            highlight: Some(judged.len() - 1),
            rows: rows.collect(),
            note: Some(
                "MCRMSE is over reactivity, deg_Mg_pH10 and deg_Mg_50C; in brackets 95 % intervals by bootstrap over groups of similar molecules."
                    .to_owned(),
            ),
        }
    }

    fn members(&self) -> Result<Table> {
        let truth = of_scored(self.judgement.truth.matrix())?;
        let mut rows = Vec::new();
        for (name, own, share) in &self.kinds {
            let own = of_scored(own)?;
            let score = Comparison::new(&own, &truth)?.mcrmse();
            rows.push(vec![
                name.clone(),
                score.map_or(String::new(), |score| format!("{score:.4}")),
                format!("{share:.2}"),
            ]);
        }
        Ok(Table {
            caption: "Kinds of networks, one for each fold, whose weighted mean answers".to_owned(),
            columns: ["kind", "MCRMSE", "share"].map(str::to_owned).to_vec(),
            rows,
            highlight: None,
            note: None,
        })
    }

    fn json(
        &self,
        judged: &[Judged],
        verdict: Option<&Verdict>,
        run: &RunDir,
        submission: &Path,
    ) -> Value {
        let predictors: Vec<Value> = judged
            .iter()
            .map(|own| {
                json!({
                    "name": own.name,
                    "mcrmse": own.scored,
                    "mcrmse_of_all_five": own.all,
                    "rmse": own.rmse,
                    "model_minus_this": own.difference.map(|both| both.difference),
                })
            })
            .collect();
        json!({
            "run": run.path(),
            "submission": submission,
            "verdict": verdict.map(|verdict| verdict.text.as_str()),
            "predictors": predictors,
            "seed": self.settings.fit.seed,
            "seconds": self.seconds,
        })
    }
}
