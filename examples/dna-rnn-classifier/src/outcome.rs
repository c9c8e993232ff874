//! What a run ends with: the table on stdout, `split.json` and `report.html`.

use crate::page::SPLIT;
use crate::settings::Settings;
use anyhow::Result;
use hairpin::targets::metrics::{
    Bootstrap, ClassMetric, Confusion, Difference, Estimate, accuracy, cross_entropy,
};
use hairpin::targets::{ClassLabels, LeakageReport, most_likely};
use hairpin::tasks::manifest::Identity;
use hairpin::tasks::rnn_dna::{SUBMISSION, Score, Train};
use hairpin::train::RunDir;
use hairpin::train::history::History;
use hairpin::train::manifest::Manifest;
use hairpin::train::report::{Figure, Table, Verdict};
use ndarray::Array2;
use serde_json::{Value, json};
use std::time::Instant;

/// Confidence of every interval.
const LEVEL: f64 = 0.95;

/// What the reader of the table must know.
const NOTE: &str = "In brackets: 95 % intervals, Wilson's for accuracy, percentile bootstrap for cross-entropy (nats) and for \"model minus \
    this\", the paired difference in accuracy on the same validation strings. \"Agrees on test\": test strings labelled as the model labels them. The model's best epoch and the Markov chain's order were \
    chosen on the validation strings.";

/// One classifier's answers and how good they are.
pub(crate) struct Judged {
    name: String,
    pub(crate) accuracy: Estimate,
    cross_entropy: Estimate,
    pub(crate) confusion: Confusion,
    /// Probabilities of the validation strings.
    pub(crate) on_valid: Array2<f32>,
    pub(crate) on_test: Vec<usize>,
}

impl Judged {
    /// Judges probabilities `[n, classes]` of the validation strings; the test strings' labels are kept to be compared.
    pub(crate) fn new(
        name: String,
        on_valid: Array2<f32>,
        on_test: Vec<usize>,
        truth: &ClassLabels,
    ) -> Result<Self> {
        let predicted = most_likely(&on_valid)?;
        Ok(Self {
            name,
            accuracy: accuracy(&predicted, truth, LEVEL)?,
            cross_entropy: cross_entropy(&on_valid, truth, bootstrap())?,
            confusion: Confusion::new(&predicted, truth)?,
            on_valid,
            on_test,
        })
    }
}

fn bootstrap() -> Bootstrap {
    Bootstrap {
        level: LEVEL,
        ..Bootstrap::default()
    }
}

/// How the last of these stands beside the others, by the task's official score; its paired difference with each.
pub(crate) fn against_controls(
    judged: &[Judged],
    truth: &ClassLabels,
) -> Result<(Option<Verdict>, Vec<Difference>)> {
    let Some((model, controls)) = judged.split_last() else {
        return Ok((None, Vec::new()));
    };
    fn named(judged: &Judged) -> (&str, &Array2<f32>) {
        (&judged.name, &judged.on_valid)
    }
    let controls: Vec<_> = controls.iter().map(named).collect();
    let metric = ClassMetric::Accuracy;
    Ok(Verdict::of_classes(
        named(model),
        &controls,
        truth,
        metric,
        bootstrap(),
    )?)
}

/// A finished run.
pub(crate) struct Outcome<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) manifest: Manifest,
    pub(crate) identity: &'a Identity,
    pub(crate) history: History,
    /// The controls, then the model.
    pub(crate) judged: Vec<Judged>,
    pub(crate) verdict: Option<Verdict>,
    /// Accuracy of the model minus that of each control.
    pub(crate) differences: Vec<Difference>,
    /// Between the training and the validation strings.
    pub(crate) leakage: LeakageReport,
    pub(crate) explanations: Vec<Figure>,
    pub(crate) data: &'a Train,
    /// True labels of the test strings, where they are known.
    pub(crate) truth: Option<ClassLabels>,
    /// When the program started.
    pub(crate) started: Instant,
}

impl Outcome<'_> {
    /// Writes what is left to write and prints the results.
    pub(crate) fn finish(self, run: &RunDir, as_json: bool) -> Result<()> {
        let split = json!({
            "origin": SPLIT,
            "sha256": self.identity.sha256(),
            "train": self.data.train.labels.len(),
            "valid": self.data.valid.labels.len(),
            "test": self.model().on_test.len(),
            "leakage": self.leakage,
        });
        run.write(RunDir::SPLIT, &serde_json::to_vec_pretty(&split)?)?;
        let table = self.table()?;
        let text = table.to_text();
        let html = self.report(run, table)?.to_html();
        run.write(RunDir::REPORT, html.as_bytes())?;
        let seconds = self.started.elapsed().as_secs_f64();
        let results = self.json(run, seconds)?;
        if as_json {
            println!("{results}");
        } else {
            if let Some(verdict) = &self.verdict {
                println!("{}\n", verdict.text);
            }
            println!("{text}");
            println!("labels   {}", run.file(SUBMISSION).display());
            println!("report   {}", run.file(RunDir::REPORT).display());
            println!("time     {seconds:.1} s from start to the last file");
        }
        Ok(())
    }

    pub(crate) fn model(&self) -> &Judged {
        self.judged.last().expect("the model was judged")
    }

    fn same_as_model(&self, judged: &Judged) -> usize {
        let pairs = judged.on_test.iter().zip(&self.model().on_test);
        pairs.filter(|(a, b)| a == b).count()
    }

    fn table(&self) -> Result<Table> {
        let n_test = self.model().on_test.len();
        let mut columns = vec![
            "classifier".to_owned(),
            "valid accuracy".to_owned(),
            "model minus this".to_owned(),
            "valid cross-entropy".to_owned(),
            "agrees on test".to_owned(),
        ];
        if self.truth.is_some() {
            columns.push("test accuracy".to_owned());
        }
        let share = |e: &Estimate| format!("{:.3} ({:.3} to {:.3})", e.value, e.low, e.high);
        let nats = |e: &Estimate| format!("{:.4} ({:.4} to {:.4})", e.value, e.low, e.high);
        let mut rows = Vec::new();
        for (index, judged) in self.judged.iter().enumerate() {
            let less = self.differences.get(index);
            let mut row = vec![
                judged.name.clone(),
                share(&judged.accuracy),
                less.map_or_else(String::new, |less| share(&less.difference)),
                nats(&judged.cross_entropy),
                format!("{} of {n_test}", self.same_as_model(judged)),
            ];
            if let Some(truth) = &self.truth {
                row.push(share(&accuracy(&judged.on_test, truth, LEVEL)?));
            }
            rows.push(row);
        }
        Ok(Table {
            caption: "Validation strings, and agreement on the test strings".to_owned(),
            columns,
            highlight: Some(rows.len() - 1),
            rows,
            note: Some(NOTE.to_owned()),
        })
    }

    fn json(&self, run: &RunDir, seconds: f64) -> Result<Value> {
        let best = self.history.best();
        let mut rows = Vec::new();
        for (index, judged) in self.judged.iter().enumerate() {
            let mut row = json!({
                "name": judged.name,
                "valid_accuracy": judged.accuracy,
                "valid_cross_entropy": judged.cross_entropy,
                "same_test_labels_as_model": self.same_as_model(judged),
                "model_minus_this": self.differences.get(index),
            });
            if let Some(truth) = &self.truth {
                row["test_accuracy"] = json!(accuracy(&judged.on_test, truth, LEVEL)?);
            }
            rows.push(row);
        }
        Ok(json!({
            "run": run.path(),
            "labels": run.file(SUBMISSION),
            "report": run.file(RunDir::REPORT),
            "seed": self.settings.fit.seed,
            "device": self.manifest.device,
            "data_sha256": self.identity.sha256(),
            "epochs": self.history.epochs.len(),
            "best_epoch": best.map(|epoch| epoch.epoch),
            "seconds": seconds,
            "verdict": self.verdict.as_ref().map(|verdict| &verdict.text),
            "leaks": self.leakage.leaks(),
            "classifiers": rows,
        }))
    }
}

/// Prints what `evaluate` found.
pub(crate) fn print_score(score: &Score, as_json: bool) -> Result<()> {
    if as_json {
        println!("{}", json!({ "accuracy": score.accuracy }));
        return Ok(());
    }
    println!("accuracy {:.3}", score.accuracy);
    let classes = score.confusion.counts().ncols();
    let rows = score.confusion.counts().outer_iter().enumerate();
    let table = Table {
        caption: "Strings of each true class (rows) by label (columns)".to_owned(),
        columns: std::iter::once("true class".to_owned())
            .chain((0..classes).map(|class| class.to_string()))
            .collect(),
        rows: rows
            .map(|(class, row)| {
                std::iter::once(class.to_string())
                    .chain(row.iter().map(usize::to_string))
                    .collect()
            })
            .collect(),
        highlight: None,
        note: None,
    };
    println!("{}", table.to_text());
    Ok(())
}
