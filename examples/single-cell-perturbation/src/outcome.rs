//! What a run found, as a table, as JSON and as the report.

use crate::judgement::Judgement;
use crate::settings::Settings;
use anyhow::Result;
use hairpin::targets::LeakageReport;
use hairpin::train::RunDir;
use hairpin::train::history::History;
use hairpin::train::manifest::{Launch, Manifest};
use hairpin::train::report::{Figure, Leakage, Report};
use serde_json::json;

/// A finished training.
pub(crate) struct Finished<'a> {
    pub(crate) title: String,
    pub(crate) settings: &'a Settings,
    pub(crate) judgement: Judgement,
    pub(crate) leakage: Vec<(String, LeakageReport)>,
    pub(crate) data: Vec<(String, String)>,
    pub(crate) split: Vec<(String, String)>,
    pub(crate) warnings: Vec<String>,
    /// Of the model that answers.
    pub(crate) history: Option<History>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) manifest: Manifest,
    /// Of the rounds and of learning from all rows.
    pub(crate) seconds: (f64, f64),
}

/// Genes at each end of the table of errors.
const GENES: usize = 15;

impl Finished<'_> {
    /// Writes the report and prints the results; `files` are those to name.
    pub(crate) fn write(self, run: &RunDir, as_json: bool, files: &[(&str, String)]) -> Result<()> {
        let model = self.settings.model.kind.name();
        let rows = self.judgement.rows.pairs.len();
        let table = self.judgement.table(format!("{rows} held-out pairs"))?;
        let verdict = self.judgement.verdict(model)?;
        let text = table.to_text();
        let mut json = json!({
            "run": run.path(),
            "verdict": verdict.as_ref().map(|verdict| verdict.text.as_str()),
            "predictors": self.judgement.json()?,
            "warnings": self.warnings,
            "seed": self.settings.fit.seed,
            "seconds": { "judging": self.seconds.0, "learning": self.seconds.1 },
        });
        for (name, file) in files {
            json[*name] = json!(file);
        }
        let time = format!(
            "{:.1} s of judging, {:.1} s of learning",
            self.seconds.0, self.seconds.1
        );
        let warnings = self
            .warnings
            .into_iter()
            .map(|own| ("warning".to_owned(), own));
        let report = Report {
            title: self.title,
            summary: vec![("time".to_owned(), time.clone())],
            worst: self.judgement.worst()?,
            predictions: self.judgement.predictions(),
            data: self.data.into_iter().chain(warnings).collect(),
            split: self.split,
            leakage: self
                .leakage
                .into_iter()
                .map(|(sides, report)| Leakage { sides, report })
                .collect(),
            history: self.history,
            tables: [Some(table), self.judgement.by_gene(GENES)?]
                .into_iter()
                .flatten()
                .collect(),
            explanations: self.figures,
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
        println!("{:<12} {time}", "time");
        Ok(())
    }
}
