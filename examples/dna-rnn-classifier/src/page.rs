//! `report.html`.

use crate::outcome::Outcome;
use anyhow::Result;
use hairpin::seq::align::{Aligner, Ends, Per, Scoring};
use hairpin::seq::{Dna, Seq};
use hairpin::targets::LeakageReport;
use hairpin::targets::similarity::Similarity;
use hairpin::tasks::manifest::Identity;
use hairpin::tasks::rnn_dna::{Labelled, Train};
use hairpin::train::RunDir;
use hairpin::train::manifest::Launch;
use hairpin::train::report::{Calibration, ConfusionFigure, Leakage, Report, Table, WorstCase};

/// Which validation strings are, or hold, a training string.
///
/// Strings that share 100 words of 20 bases are aligned, the ends of the longer one free: those of 400 nt with up to one base in 20 changed do.
/// Shorter words say nothing here, since all strings of a class are made of the same few.
pub(crate) fn leakage(data: &Train) -> Result<LeakageReport> {
    let n_train = data.train.sequences.len();
    let strings: Vec<Seq<Dna>> = [&data.train, &data.valid]
        .into_iter()
        .flat_map(|part| part.sequences.iter().cloned())
        .collect();
    let aligner = Aligner::new(Scoring::uniform(1, -1, 2, 1)).with_ends(Ends::Free);
    let similarity = Similarity::aligned(aligner, Per::Shorter, 0.9).with_seeds(20, 100);
    let (train, valid): (Vec<usize>, Vec<usize>) =
        (0..strings.len()).partition(|&row| row < n_train);
    Ok(LeakageReport::between(&train, &valid).with_sequences(&strings, &similarity)?)
}

impl Outcome<'_> {
    pub(crate) fn report(&self, run: &RunDir, table: Table) -> Result<Report> {
        let model = self.model();
        let valid = &self.data.valid;
        let counts = model.confusion.counts();
        let best = self.history.best().map_or(0, |epoch| epoch.epoch);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        Ok(Report {
            title: "DNA class challenge: sequence_lstm".to_owned(),
            verdict: self.verdict.clone(),
            summary: vec![
                fact(
                    "validation accuracy",
                    format!("{:.3}", model.accuracy.value),
                ),
                fact(
                    "95 % interval",
                    format!("{:.3} to {:.3}", model.accuracy.low, model.accuracy.high),
                ),
                fact(
                    "best epoch",
                    format!("{best} of {}", self.history.epochs.len()),
                ),
                fact(
                    "time",
                    format!("{:.1} s", self.started.elapsed().as_secs_f64()),
                ),
            ],
            data: self.data_facts(),
            split: vec![
                fact("kind", SPLIT.to_owned()),
                fact("training", described(&self.data.train)),
                fact("validation", described(valid)),
                fact("test", format!("{} strings to label", model.on_test.len())),
            ],
            leakage: vec![Leakage {
                sides: "training and validation strings".to_owned(),
                report: self.leakage.clone(),
            }],
            tables: vec![table],
            history: Some(self.history.clone()),
            calibrations: vec![Calibration::of_classes(
                "Class named, validation strings",
                &model.on_valid,
                &valid.labels,
            )?],
            confusions: vec![ConfusionFigure {
                caption: "Validation strings, model".to_owned(),
                classes: (0..counts.ncols()).map(|class| class.to_string()).collect(),
                counts: counts
                    .outer_iter()
                    .map(|row| row.iter().map(|&count| count as u64).collect())
                    .collect(),
            }],
            worst: WorstCase::of_classes(&valid.sequences, &model.on_valid, &valid.labels)?,
            explanations: self.explanations.clone(),
            config_toml: self.settings.to_toml()?,
            manifest: Some(self.manifest.clone()),
            launches: Launch::all(run)?,
            ..Report::default()
        })
    }

    fn data_facts(&self) -> Vec<(String, String)> {
        let (file, origin) = match self.identity {
            Identity::Known(file) => (file.name.to_owned(), file.origin.to_owned()),
            Identity::Unknown { path, .. } => (
                path.display().to_string(),
                "not a known file: its score compares with no published one".to_owned(),
            ),
        };
        let parts = [&self.data.train, &self.data.valid];
        let strings = || parts.into_iter().flat_map(|part| &part.sequences);
        let unknown: usize = strings().map(Seq::count_unknown).sum();
        vec![
            ("file".to_owned(), file),
            ("origin".to_owned(), origin),
            ("SHA-256".to_owned(), self.identity.sha256().to_owned()),
            (
                "unknown bases".to_owned(),
                format!("{unknown} in {} labelled strings", strings().count()),
            ),
        ]
    }
}

/// What there is to say about the origin of the parts.
pub(crate) const SPLIT: &str = "the data file's own: data_x, val_x, test_x";

/// How many strings, how long, how many of each class.
fn described(part: &Labelled) -> String {
    let lengths = || part.sequences.iter().map(Seq::len);
    let (low, high) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
    let length = match low == high {
        true => format!("{low} nt"),
        false => format!("{low} to {high} nt"),
    };
    let counts: Vec<String> = part.labels.counts().iter().map(usize::to_string).collect();
    let n = part.labels.len();
    format!("{n} strings of {length}; by class {}", counts.join(", "))
}
