//! Training and comparing splits, from the files to the report.

use crate::cli::{CompareArgs, RunArgs, TrainArgs};
use crate::controls;
use crate::figures;
use crate::judgement::Judgement;
use crate::learned::{Learned, Lesson, Place};
use crate::outcome::Finished;
use crate::pairs::{self, Names, Pairs, Rows};
use crate::settings::Settings;
use crate::splits::{self, KINDS, Parts};
use crate::{data_file, train_file};
use anyhow::{Context, Result};
use hairpin::targets::LeakageReport;
use hairpin::tasks::perturbation::{self, SUBMISSION, TEST, Test};
use hairpin::train::manifest::{Launch, Manifest, git_commit};
use hairpin::train::report::Table;
use hairpin::train::{Device, RunDir, Stop};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// What training and comparing begin with.
pub(crate) struct Job<'a> {
    args: &'a RunArgs,
    started: Instant,
    settings: Settings,
    rows: Rows,
    test: Test,
    asked: Pairs,
    device: Device,
    replicas: Vec<Device>,
    run: RunDir,
    stop: Stop,
    manifest: Manifest,
    warnings: Vec<String>,
}

impl<'a> Job<'a> {
    pub(crate) fn start(args: &'a RunArgs) -> Result<Self> {
        let started = Instant::now();
        let settings = Settings::load(args.config.as_deref(), args.seed)?;
        let (device, replicas) = args.device.open()?;
        let data = args.data.as_ref();
        let paths = [train_file(data), data_file(data, TEST)];
        let train = perturbation::read_train(&paths[0])?;
        let test = perturbation::read_test(&paths[1])?;
        let rows = Rows::of_train(train);
        let asked = Pairs::of_test(&test);
        let warnings: Vec<String> = asked
            .unseen_in(&Names::of(&rows.pairs))
            .into_iter()
            .collect();
        for warning in &warnings {
            eprintln!("warning: {warning}");
        }
        let run = RunDir::create(&args.run)?;
        let manifest = Manifest {
            git_commit: git_commit(Path::new(".")),
            seed: settings.fit.seed,
            ..Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        }
        .on(&args.device)
        .with_data(&paths)?;
        Launch::now(std::env::args().collect(), &paths).record(&run)?;
        Ok(Self {
            args,
            started,
            settings,
            rows,
            test,
            asked,
            device,
            replicas,
            run,
            stop: Stop::on_ctrl_c(|| {
                eprintln!("stopping after this batch; Ctrl-C again to stop at once")
            })?,
            manifest,
            warnings,
        })
    }

    fn place(&self, run: RunDir) -> Result<Place<'_>> {
        Ok(Place {
            run,
            device: &self.device,
            replicas: &self.replicas,
            config_toml: self.manifest.append_to(&self.settings.to_toml()?)?,
            data: &self.manifest.data[0].sha256,
            resume: self.args.resume,
            stop: &self.stop,
        })
    }

    /// Holds each part out in turn: what the controls and the model say about it.
    fn judge(&self, settings: &Settings, parts: &Parts, folder: &str) -> Result<Judgement> {
        let mut rounds = Vec::with_capacity(parts.parts.len());
        for (round, part) in parts.parts.iter().enumerate() {
            eprintln!(
                "{folder}: round {} of {}, {} rows to learn from, {} held out",
                round + 1,
                parts.parts.len(),
                part.train.len(),
                part.test.len()
            );
            let (train, held_out) = (
                self.rows.select(&part.train)?,
                self.rows.select(&part.test)?,
            );
            let mut answers = controls::answers(&train, &held_out.pairs)?;
            let name = format!("{folder}/round-{}", round + 1);
            let place = self.place(RunDir::create(self.run.file(&name))?)?;
            let learned = Learned::learn(settings, &train, &held_out.pairs, &place)?.learned;
            let answer = learned.answer(settings, &held_out.pairs, &self.device)?;
            answers.push((
                format!("{} (the model)", settings.model.kind.name()),
                answer,
            ));
            rounds.push(Judgement {
                rows: held_out,
                answers,
            });
        }
        Judgement::together(rounds)
    }

    fn leakage(&self, parts: &Parts) -> Result<Vec<(String, LeakageReport)>> {
        let pairs = &self.rows.pairs;
        let keys: Vec<(&String, &String)> = pairs.cell_types.iter().zip(&pairs.compounds).collect();
        let reports = parts.parts.iter().enumerate().map(|(round, part)| {
            let report = LeakageReport::between(&part.train, &part.test).with_keys(&keys)?;
            Ok((format!("round {}: pairs", round + 1), report))
        });
        reports.collect()
    }

    pub(crate) fn train(&self, args: &TrainArgs) -> Result<()> {
        let settings = &self.settings;
        let parts = match settings.split.rounds {
            0 => Parts::none(),
            _ => splits::parts(
                &settings.split,
                &self.rows.pairs,
                &self.asked,
                settings.fit.seed,
            )?,
        };
        let judgement = match settings.split.rounds {
            0 => None,
            _ => Some(self.judge(settings, &parts, "held-out")?),
        };
        let judged = self.started.elapsed().as_secs_f64();
        eprintln!("all rows: {} to learn from", self.rows.pairs.len());
        let place = self.place(self.run.clone())?;
        let Lesson {
            learned,
            history,
            parts: members,
        } = Learned::learn(settings, &self.rows, &self.asked, &place)?;
        let answer = learned.answer(settings, &self.asked, &self.device)?;
        let path = self.run.file(SUBMISSION);
        pairs::write(&path, &self.test.ids, &answer)?;
        let mut files = vec![("submission", path.display().to_string())];
        if args.parquet {
            let path = path.with_extension("parquet");
            pairs::write(&path, &self.test.ids, &answer)?;
            files.push(("as Parquet", path.display().to_string()));
        }
        let ids = |rows: &[usize]| {
            rows.iter()
                .map(|&row| self.rows.pairs.id(row))
                .collect::<Vec<_>>()
        };
        let rounds: Vec<_> = parts.parts.iter().map(|part| ids(&part.test)).collect();
        let split = json!({ "held_out": parts.how, "rounds": rounds });
        self.run
            .write(RunDir::SPLIT, &serde_json::to_vec_pretty(&split)?)?;
        Finished {
            title: format!("Single-cell perturbation: {}", settings.model.kind.name()),
            settings,
            judgement,
            leakage: self.leakage(&parts)?,
            data: self.facts(),
            split: vec![("held out".to_owned(), parts.how)],
            warnings: self.warnings.clone(),
            history,
            members,
            figures: vec![
                figures::heat_map(&self.asked, &answer)?,
                figures::latent_map(&self.rows, &self.asked, &answer)?,
            ],
            manifest: self.manifest.clone(),
            seconds: (judged, self.started.elapsed().as_secs_f64() - judged),
        }
        .write(&self.run, self.args.json, &files)
    }

    fn facts(&self) -> Vec<(String, String)> {
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let names = Names::of(&self.rows.pairs);
        let targets = &self.rows.targets;
        let missing = targets.measured().iter().filter(|own| !**own).count();
        let share = 100.0 * missing as f64 / targets.measured().len() as f64;
        vec![
            fact("measured pairs", self.rows.pairs.len().to_string()),
            fact("cell types", names.cell_types.len().to_string()),
            fact("compounds", names.compounds.len().to_string()),
            fact("genes", targets.n_columns().to_string()),
            fact("not measured", format!("{share:.1} % of the values")),
            fact("pairs to answer", self.asked.len().to_string()),
        ]
    }

    pub(crate) fn compare(&self, _: &CompareArgs) -> Result<()> {
        let mut columns = vec!["predictor".to_owned()];
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut found = serde_json::Map::new();
        let mut notes = Vec::new();
        for kind in KINDS {
            let mut settings = self.settings.clone();
            settings.split.kind = kind;
            let parts = splits::parts(
                &settings.split,
                &self.rows.pairs,
                &self.asked,
                settings.fit.seed,
            );
            let parts = match parts {
                Ok(parts) => parts,
                Err(error) => {
                    eprintln!("note: {}: {error:#}", kind.name());
                    continue;
                }
            };
            let folder = kind.name().replace(' ', "-");
            let judgement = self.judge(&settings, &parts, &folder)?;
            columns.push(kind.name().to_owned());
            for (place, (name, value)) in judgement.short()?.into_iter().enumerate() {
                match rows.get_mut(place) {
                    Some(row) => row.push(value),
                    None => rows.push(vec![name, value]),
                }
            }
            notes.push(format!("{}: {}", kind.name(), parts.how));
            found.insert(kind.name().to_owned(), judgement.json()?);
        }
        let last = rows
            .len()
            .checked_sub(1)
            .context("no split can be made of these rows")?;
        let table = Table {
            caption: "MRRMSE over that of zeros, mean Pearson of a row".to_owned(),
            columns,
            highlight: Some(last),
            rows,
            note: Some(notes.join("; ")),
        };
        let json = serde_json::Value::Object(found);
        self.run
            .write("splits.json", &serde_json::to_vec_pretty(&json)?)?;
        if self.args.json {
            println!("{json}");
        } else {
            println!("{}", table.to_text());
        }
        Ok(())
    }
}
