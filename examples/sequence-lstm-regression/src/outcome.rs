//! What a run found: predictions beside controls, as a table, as JSON and as the report.

use crate::learn::{self, TRIALS};
use crate::settings::Settings;
use anyhow::{Context, Result};
use hairpin::search::{
    FinishedTrial, ImportanceConfig, Space, TrialState, importance, report, table,
};
use hairpin::targets::metrics::{Bootstrap, Comparison, Difference, Estimate, Metric, Over};
use hairpin::targets::{LeakageReport, TargetMatrix};
use hairpin::train::RunDir;
use hairpin::train::manifest::{Launch, Manifest};
use hairpin::train::report::{
    Figure, Leakage, Predictions, Report, SearchSummary, Table, Verdict, WorstCase,
};
use serde_json::{Value, json};

/// Confidence of every interval.
const LEVEL: f64 = 0.95;

/// The model's name in tables.
pub(crate) const THE_MODEL: &str = "sequence_lstm (the model)";

/// Predictions of rows whose truth is known, by the controls and, last, by the model.
pub(crate) struct Judgement<'a> {
    pub(crate) ids: &'a [String],
    pub(crate) texts: &'a [String],
    pub(crate) truth: &'a TargetMatrix,
    /// The group of each row: whole groups are drawn for the intervals.
    pub(crate) groups: Vec<usize>,
    pub(crate) answers: Vec<(String, TargetMatrix)>,
    pub(crate) metric: Metric,
}

struct Judged {
    name: String,
    spearman: Option<Estimate>,
    r2: Option<Estimate>,
    metric: Option<Estimate>,
    /// Model minus this control.
    difference: Option<Difference>,
}

impl Judgement<'_> {
    fn judged(&self) -> Result<Vec<Judged>> {
        let bootstrap = Bootstrap {
            level: LEVEL,
            ..Bootstrap::default()
        };
        let groups = Some(self.groups.as_slice());
        let (_, model) = self.answers.last().context("the model was judged")?;
        let model = Comparison::new(model, self.truth)?;
        let mut judged = Vec::with_capacity(self.answers.len());
        for (place, (name, answers)) in self.answers.iter().enumerate() {
            let own = Comparison::new(answers, self.truth)?;
            // A constant has no correlation, and that is no error here.
            let estimate = |metric| own.estimate(metric, Over::Pooled, bootstrap, groups).ok();
            judged.push(Judged {
                name: name.clone(),
                spearman: estimate(Metric::Spearman),
                r2: estimate(Metric::R2),
                metric: estimate(self.metric),
                difference: (place + 1 < self.answers.len())
                    .then(|| {
                        model
                            .compare(&own, self.metric, Over::Pooled, bootstrap, groups)
                            .ok()
                    })
                    .flatten(),
            });
        }
        Ok(judged)
    }

    /// Whether the model is better than what is simple.
    pub(crate) fn verdict(&self) -> Result<Option<Verdict>> {
        let differences: Vec<(String, Difference)> = self
            .judged()?
            .into_iter()
            .filter_map(|judged| Some((judged.name, judged.difference?)))
            .collect();
        Ok(Verdict::of(
            "sequence_lstm",
            self.metric.name(),
            self.metric.direction(),
            &differences,
        ))
    }

    pub(crate) fn table(&self, caption: String) -> Result<Table> {
        let shown = |estimate: &Option<Estimate>| match estimate {
            None => "undefined".to_owned(),
            Some(e) => format!("{:.3} ({:.3} to {:.3})", e.value, e.low, e.high),
        };
        let mut columns = vec!["predictor".to_owned(), "Spearman".into(), "R2".into()];
        let other = ![Metric::Spearman, Metric::R2].contains(&self.metric);
        if other {
            columns.push(self.metric.name().to_owned());
        }
        columns.push(format!("model minus this, {}", self.metric));
        let mut rows = Vec::new();
        for judged in self.judged()? {
            let mut row = vec![judged.name, shown(&judged.spearman), shown(&judged.r2)];
            if other {
                row.push(shown(&judged.metric));
            }
            let difference = judged.difference.map(|both| both.difference);
            row.push(match difference {
                None => String::new(),
                difference => shown(&difference),
            });
            rows.push(row);
        }
        Ok(Table {
            caption,
            columns,
            highlight: Some(rows.len() - 1),
            rows,
            note: Some(
                "In brackets 95 % intervals by bootstrap over whole groups; a constant has no correlation.".to_owned(),
            ),
        })
    }

    fn worst(&self) -> Vec<WorstCase> {
        let Some((_, model)) = self.answers.last() else {
            return Vec::new();
        };
        let mut cases: Vec<WorstCase> = (0..self.ids.len())
            .map(|row| {
                let (truth, predicted) = (self.truth.values()[[row, 0]], model.values()[[row, 0]]);
                WorstCase {
                    id: self.ids[row].clone(),
                    truth: format!("{truth:.4}"),
                    predicted: format!("{predicted:.4}"),
                    error: f64::from((predicted - truth).abs()),
                    sequence: self.texts[row].clone(),
                }
            })
            .collect();
        cases.sort_by(|a, b| b.error.total_cmp(&a.error));
        cases.truncate(20);
        cases
    }

    fn predictions(&self) -> Vec<Predictions> {
        let column = |matrix: &TargetMatrix| matrix.values().column(0).mapv(f64::from).to_vec();
        let model = self.answers.last().map(|(_, model)| Predictions {
            caption: "Held-out rows, in the target's own units".to_owned(),
            truth: column(self.truth),
            predicted: column(model),
            seed: 1,
        });
        model.into_iter().collect()
    }

    fn json(&self) -> Result<Value> {
        let rows: Vec<Value> = self
            .judged()?
            .iter()
            .map(|judged| {
                json!({
                    "name": judged.name,
                    "spearman": judged.spearman,
                    "r2": judged.r2,
                    "score": judged.metric,
                    "model_minus_this": judged.difference.map(|both| both.difference),
                })
            })
            .collect();
        Ok(Value::Array(rows))
    }
}

/// A finished run.
pub(crate) struct Finished<'a> {
    pub(crate) title: String,
    pub(crate) settings: &'a Settings,
    pub(crate) space: &'a Space,
    pub(crate) judgement: Judgement<'a>,
    pub(crate) leakage: Vec<(String, LeakageReport)>,
    pub(crate) data: Vec<(String, String)>,
    pub(crate) split: Vec<(String, String)>,
    /// Of the model that predicts; none after cross-validation.
    pub(crate) learned: Option<&'a learn::Outcome>,
    pub(crate) explanations: Vec<Figure>,
    pub(crate) manifest: Manifest,
    pub(crate) seconds: f64,
}

impl Finished<'_> {
    /// Writes the report and prints the results; `files` are those to name.
    pub(crate) fn write(self, run: &RunDir, as_json: bool, files: &[(&str, String)]) -> Result<()> {
        let caption = format!("{} held-out rows", self.judgement.ids.len());
        let table = self.judgement.table(caption)?;
        let verdict = self.judgement.verdict()?;
        let search = match self.learned {
            Some(learned) if !learned.trials.is_empty() => Some(self.search(run, learned)?),
            _ => None,
        };
        let text = table.to_text();
        let mut json = json!({
            "run": run.path(),
            "verdict": verdict.as_ref().map(|verdict| verdict.text.as_str()),
            "score": self.judgement.metric.name(),
            "predictors": self.judgement.json()?,
            "seed": self.settings.fit.seed,
            "seconds": self.seconds,
        });
        for (name, file) in files {
            json[*name] = json!(file);
        }
        if let Some(learned) = self.learned {
            json["trials"] = json!(learned.trials.len());
            json["search_seconds"] = json!(learned.seconds);
        }
        let report = Report {
            title: self.title,
            summary: vec![("time".to_owned(), format!("{:.1} s", self.seconds))],
            worst: self.judgement.worst(),
            predictions: self.judgement.predictions(),
            data: self.data,
            split: self.split,
            leakage: self
                .leakage
                .into_iter()
                .map(|(sides, report)| Leakage { sides, report })
                .collect(),
            history: self.learned.map(|learned| learned.history.clone()),
            tables: vec![table],
            ensemble: self.learned.map(members),
            search,
            explanations: self.explanations,
            config_toml: self.settings.to_toml()?,
            launches: Launch::all(run)?,
            manifest: Some(self.manifest),
            verdict: verdict.clone(),
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
        for (name, file) in files {
            println!("{name:<12} {file}");
        }
        println!("{:<12} {}", "report", run.file(RunDir::REPORT).display());
        println!("{:<12} {:.1} s", "time", self.seconds);
        Ok(())
    }

    fn search(&self, run: &RunDir, learned: &learn::Outcome) -> Result<SearchSummary> {
        const PAGE: &str = "search.html";
        let trials = table::read(&run.file(TRIALS), self.space)?;
        let page = report::html("Search", self.space, &trials);
        run.write(PAGE, page.as_bytes())?;
        let count = |state| {
            let of_state = learned.trials.iter().filter(|trial| trial.state == state);
            of_state.count()
        };
        let study = self.settings.study();
        let weights = importance(self.space, &learned.trials, ImportanceConfig::default());
        let weights = match weights {
            Err(error) => error.to_string(),
            Ok(weights) => {
                let weights = weights.iter();
                let weights: Vec<String> = weights
                    .map(|own| format!("{} {:.2}", own.param, own.share))
                    .collect();
                weights.join(", ")
            }
        };
        Ok(SearchSummary {
            text: format!(
                "{} trials in {:.0} s: {} complete, {} pruned, {} failed. Importance: {}.",
                learned.trials.len(),
                learned.seconds,
                count(TrialState::Complete),
                count(TrialState::Pruned),
                count(TrialState::Failed),
                weights
            ),
            values: learned.trials.iter().map(|trial| trial.value).collect(),
            maximise: study.direction == hairpin::search::Direction::Maximise,
            best: best_trials(self.settings, &learned.trials),
            page: Some(PAGE.to_owned()),
        })
    }
}

fn best_trials(settings: &Settings, trials: &[FinishedTrial]) -> Table {
    let mut sorted: Vec<&FinishedTrial> = trials
        .iter()
        .filter(|trial| trial.state == TrialState::Complete)
        .collect();
    let value = |trial: &FinishedTrial| trial.value.unwrap_or(f64::NAN);
    sorted.sort_by(|a, b| value(b).total_cmp(&value(a)));
    if settings.study().direction == hairpin::search::Direction::Minimise {
        sorted.reverse();
    }
    let row = |trial: &&FinishedTrial| {
        let params: Vec<String> = trial
            .params
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        vec![
            trial.number.to_string(),
            format!("{:.4}", value(trial)),
            params.join(", "),
        ]
    };
    Table {
        caption: "Best trials".to_owned(),
        columns: vec![
            "trial".to_owned(),
            format!("valid {}", settings.objective.score),
            "settings".to_owned(),
        ],
        rows: sorted.iter().take(10).map(row).collect(),
        highlight: None,
        note: None,
    }
}

fn members(learned: &learn::Outcome) -> Table {
    let rows = learned.answerer.members().map(|(name, score, settings)| {
        vec![
            name.to_owned(),
            format!("{score:.4}"),
            format!(
                "rate {:.1e}, batch {}, {} channels of {}, pool {}, {} units, {:?}, dropout {:.2}",
                settings.fit.learning_rate,
                settings.fit.batch_size,
                settings.model.conv_channels,
                settings.model.conv_kernel,
                settings.model.conv_pool,
                settings.model.d_hidden,
                settings.model.pooling,
                settings.model.dropout
            ),
        ]
    });
    Table {
        caption: "Members, whose mean answers".to_owned(),
        columns: vec![
            "member".to_owned(),
            "valid score".to_owned(),
            "settings".to_owned(),
        ],
        rows: rows.collect(),
        highlight: None,
        note: None,
    }
}
