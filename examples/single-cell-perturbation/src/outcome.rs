//! What a run found, as a table, as JSON and as the report.

use crate::blend::Part;
use crate::judgement::Judgement;
use crate::settings::Settings;
use anyhow::Result;
use hairpin::targets::LeakageReport;
use hairpin::train::RunDir;
use hairpin::train::history::History;
use hairpin::train::manifest::{Launch, Manifest};
use hairpin::train::report::{Figure, Leakage, Report, Table};
use serde_json::json;

/// A finished training.
pub(crate) struct Finished<'a> {
    pub(crate) title: String,
    pub(crate) settings: &'a Settings,
    /// None if nothing was held out.
    pub(crate) judgement: Option<Judgement>,
    pub(crate) leakage: Vec<(String, LeakageReport)>,
    pub(crate) data: Vec<(String, String)>,
    pub(crate) split: Vec<(String, String)>,
    pub(crate) warnings: Vec<String>,
    /// Of the model that answers.
    pub(crate) history: Option<History>,
    /// Of a blend.
    pub(crate) members: Vec<Part>,
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
        let judged = self.judgement.as_ref();
        let table = judged
            .map(|own| own.table(format!("{} held-out pairs", own.rows.pairs.len())))
            .transpose()?;
        let verdict = match judged {
            Some(own) => own.verdict(model)?,
            None => None,
        };
        let by_gene = match judged {
            Some(own) => own.by_gene(GENES)?,
            None => None,
        };
        let text = table.as_ref().map(Table::to_text);
        let mut json = json!({
            "run": run.path(),
            "verdict": verdict.as_ref().map(|verdict| verdict.text.as_str()),
            "predictors": judged.map(Judgement::json).transpose()?,
            "warnings": self.warnings,
            "members": self.members,
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
            worst: judged.map_or(Ok(Vec::new()), Judgement::worst)?,
            predictions: judged.map_or(Vec::new(), Judgement::predictions),
            data: self.data.into_iter().chain(warnings).collect(),
            split: self.split,
            leakage: self
                .leakage
                .into_iter()
                .map(|(sides, report)| Leakage { sides, report })
                .collect(),
            history: self.history,
            tables: table.into_iter().chain(by_gene).collect(),
            ensemble: (!self.members.is_empty()).then(|| members(&self.members)),
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
        if let Some(text) = text {
            println!("{text}");
        }
        for (name, file) in files {
            println!("{name:<12} {file}");
        }
        println!("{:<12} {}", "report", run.file(RunDir::REPORT).display());
        println!("{:<12} {time}", "time");
        Ok(())
    }
}

fn members(parts: &[Part]) -> Table {
    let row = |(name, error, weight): &Part| {
        vec![name.clone(), format!("{error:.4}"), format!("{weight:.2}")]
    };
    Table {
        caption: "Parts of the blend".to_owned(),
        columns: ["part", "MRRMSE out of fold", "weight"]
            .map(str::to_owned)
            .to_vec(),
        rows: parts.iter().map(row).collect(),
        highlight: None,
        note: Some("By folds within the rows that were learned from.".to_owned()),
    }
}
