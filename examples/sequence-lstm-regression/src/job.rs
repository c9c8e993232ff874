//! Training and cross-validation, from the table to the report.

use crate::FIXTURE;
use crate::cli::{CrossValidateArgs, RunArgs, TrainArgs};
use crate::controls::{self, Controlled};
use crate::encoding::Reading;
use crate::learn::{self, Place, Rows, learn};
use crate::outcome::{Finished, Judgement, THE_MODEL};
use crate::settings::{self, Settings};
use anyhow::{Context, Result, ensure};
use hairpin::seq::Alphabet;
use hairpin::seq::motif::Background;
use hairpin::targets::similarity::{Similarity, clusters};
use hairpin::targets::{Folds, Fractions, Groups, LeakageReport, TargetMatrix, split};
use hairpin::tasks::sequence_csv::{
    self, AlphabetName, SUBMISSION, check_lengths, read_test, read_train, write_submission,
};
use hairpin::tasks::{Column, write_columns};
use hairpin::train::explain::{
    Baseline, Explained, FilterSettings, IntegratedGradients, attribution_figures, filter_figures,
    filter_motifs, filters_to_meme,
};
use hairpin::train::manifest::{Launch, Manifest, git_commit};
use hairpin::train::report::Figure;
use hairpin::train::{RunDir, Stop, out_of_fold};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The filters of the best member's convolution.
const MOTIFS: &str = "filters.meme";

/// Positions of a logo: as many as a page is wide.
const POSITIONS: usize = 75;

/// Filters that are shown.
const FILTERS: usize = 6;

/// Of cross-validation, the prediction of each row by networks that have not seen it.
pub(crate) const OUT_OF_FOLD: &str = "out-of-fold.csv";

/// Predictions of the test file with how far the members disagree.
const SPREAD: &str = "predictions-spread.csv";

/// What training and cross-validation begin with.
pub(crate) struct Job<'a> {
    args: &'a RunArgs,
    started: Instant,
    settings: Settings,
    space: hairpin::search::Space,
    path: PathBuf,
    data: sequence_csv::Train,
    detected: String,
    pub(crate) alphabet: AlphabetName,
    device: hairpin::train::Device,
    replicas: Vec<hairpin::train::Device>,
    run: RunDir,
    stop: Stop,
    manifest: Manifest,
}

impl<'a> Job<'a> {
    /// `test` is the file to predict, if one is named.
    pub(crate) fn start(args: &'a RunArgs, test: Option<&PathBuf>, run: &Path) -> Result<Self> {
        let started = Instant::now();
        let settings = Settings::load(args.config.as_deref(), args.seed)?;
        let space = settings::space(args.space.as_deref(), &settings)?;
        let (device, replicas) = args.device.open()?;
        let path = match &args.data {
            Some(path) => path.clone(),
            None => Path::new(FIXTURE).join("train.csv"),
        };
        let data = read_train(&path, &args.columns.columns())?;
        let detected = sequence_csv::detect(&data.sequences)?;
        let alphabet = match settings.data.alphabet.as_str() {
            "auto" => detected.alphabet,
            name => name.parse().map_err(anyhow::Error::msg)?,
        };
        eprintln!("alphabet: {detected}; set data.alphabet to read them otherwise");
        let run = RunDir::create(run)?;
        // In the order in which a replay takes them out again.
        let files: Vec<PathBuf> = [Some(&path), args.space.as_ref(), test]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let mut manifest = Manifest {
            git_commit: git_commit(Path::new(".")),
            seed: settings.fit.seed,
            ..Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        }
        .on(&args.device)
        .with_data(&files)?;
        if let Some(replayed) = &args.replayed {
            for change in replayed.changes(&manifest) {
                eprintln!("note: {change}; the replay may end with other bytes");
            }
            // The same file under another name is the same.
            manifest.data.clone_from(&replayed.data);
        }
        Launch::now(std::env::args().collect(), &files).record(&run)?;
        Ok(Self {
            args,
            started,
            settings,
            space,
            path,
            data,
            detected: detected.to_string(),
            alphabet,
            device,
            replicas,
            run,
            stop: Stop::on_ctrl_c(|| {
                eprintln!("stopping after this batch; Ctrl-C again to stop at once")
            })?,
            manifest,
        })
    }

    fn rows<A: Alphabet>(&self) -> Result<Rows<A>> {
        Ok(Rows {
            sequences: self.data.sequences.parse(self.settings.data.policy())?,
            targets: self.data.targets.clone(),
        })
    }

    /// What stays on one side of a split: the column of groups, else what is similar, else every row for itself.
    fn groups<A: Alphabet>(&self, rows: &Rows<A>) -> Result<(Groups, String)> {
        let similarity = self.settings.data.similarity;
        if let Some(groups) = &self.data.groups {
            let name = self.args.columns.group.as_deref().unwrap_or_default();
            return Ok((groups.clone(), format!("by `{name}`")));
        }
        if similarity == 0.0 {
            let each = Groups::by(0..rows.sequences.len());
            return Ok((
                each,
                "at random: near copies may be on both sides".to_owned(),
            ));
        }
        let groups = clusters(&rows.sequences, &Similarity::edit(similarity))?;
        Ok((
            groups,
            format!("by similarity: edit identity of {similarity} and more, in chains"),
        ))
    }

    fn place<'b>(&'b self, run: &'b RunDir, title: String) -> Result<Place<'b>> {
        Ok(Place {
            run,
            device: &self.device,
            replicas: &self.replicas,
            origin: vec![
                ("configuration".into(), self.settings.to_toml()?),
                ("search space".into(), self.space.to_toml()),
                (
                    "data file (by SHA-256)".into(),
                    self.manifest.data[0].sha256.clone(),
                ),
                ("device".into(), self.args.device.to_string()),
            ],
            resume: self.args.resume,
            tensorboard: self.args.tensorboard,
            stop: &self.stop,
            title,
        })
    }

    /// Rows of one part for the network, divided into those to learn from and those that choose.
    fn divided(&self, groups: &Groups, rows: &[usize]) -> Result<(Vec<usize>, Vec<usize>)> {
        let own = Groups::by(rows.iter().map(|&row| groups.of_rows()[row]));
        let valid = self.settings.data.valid_share;
        let fractions = Fractions {
            train: 1.0 - valid,
            valid,
            test: 0.0,
        };
        let parts = split::grouped(&own, fractions, self.settings.fit.seed)
            .with_context(|| too_few(&own))?;
        let of = |part: &[usize]| part.iter().map(|&at| rows[at]).collect::<Vec<_>>();
        Ok((of(&parts.train), of(&parts.valid)))
    }

    fn leakage<A: Alphabet>(
        &self,
        rows: &Rows<A>,
        groups: &Groups,
        train: &[usize],
        held_out: &[usize],
    ) -> Result<LeakageReport> {
        let similarity = match self.settings.data.similarity {
            0.0 => 0.8,
            own => own,
        };
        Ok(LeakageReport::between(train, held_out)
            .with_groups(groups)?
            .with_sequences(&rows.sequences, &Similarity::edit(similarity))?)
    }

    fn facts(&self, groups: &Groups) -> Vec<(String, String)> {
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("file", self.path.display().to_string()),
            fact("rows", self.data.ids.len().to_string()),
            fact("alphabet", self.detected.clone()),
            fact("groups", groups.n_groups().to_string()),
            fact("target", self.args.columns.target.clone()),
        ]
    }

    pub(crate) fn train<A: Controlled>(&self, args: &TrainArgs) -> Result<()> {
        let rows = self.rows::<A>()?;
        let columns = self.args.columns.columns();
        let test_path = match (&args.test, &self.args.data) {
            (Some(path), _) => Some(path.clone()),
            (None, None) => Some(Path::new(FIXTURE).join("test.csv")),
            (None, Some(_)) => None,
        };
        // What is wrong with the test file is to be known before the training, not after it.
        let test = match test_path {
            None => None,
            Some(path) => {
                let test = read_test(&path, &columns)?;
                let sequences = test.sequences.parse::<A>(self.settings.data.policy())?;
                if let Err(error) = check_lengths(&self.data.sequences, &test.sequences) {
                    ensure!(args.allow_longer, "{error}; or add --allow-longer");
                    eprintln!("note: {error}");
                }
                Some((test.ids, sequences))
            }
        };
        let (groups, how) = self.groups(&rows)?;
        let share = self.settings.data.test_share;
        let fractions = Fractions {
            train: 1.0 - share,
            valid: 0.0,
            test: share,
        };
        let outer = split::grouped(&groups, fractions, self.settings.fit.seed)
            .with_context(|| too_few(&groups))?;
        let (train, valid) = self.divided(&groups, &outer.train)?;
        let place = self.place(&self.run, String::new())?;
        let learned = learn(
            &self.settings,
            &self.space,
            &rows.select(&train)?,
            &rows.select(&valid)?,
            &place,
        )?;
        let held_out = rows.select(&outer.test)?;
        let of_train = Groups::by(outer.train.iter().map(|&row| groups.of_rows()[row]));
        let mut answers =
            controls::answers(&rows.select(&outer.train)?, &of_train, &held_out.sequences)?;
        let (answer, _) = learned.answerer.answer(&held_out.sequences, &self.device)?;
        answers.push((THE_MODEL.to_owned(), answer));

        let mut files = Vec::new();
        if let Some((ids, sequences)) = test {
            let (answer, apart) = learned.answerer.answer(&sequences, &self.device)?;
            let path = self.run.file(SUBMISSION);
            write_submission(&path, &ids, &answer)?;
            files.push(("predictions", path.display().to_string()));
            let predicted = answer.values().iter().copied().collect();
            let columns = [
                ("id", Column::Text(ids)),
                ("prediction", Column::Float(predicted)),
                ("spread", Column::Float(apart)),
            ];
            write_columns(&self.run.file(SPREAD), &columns)?;
            files.push(("spread", self.run.file(SPREAD).display().to_string()));
        }
        let pick = |list: &[String]| outer.test.iter().map(|&row| list[row].clone()).collect();
        let (ids, texts): (Vec<_>, Vec<_>) =
            (pick(&self.data.ids), pick(self.data.sequences.texts()));
        let config = self.manifest.append_to(&self.settings.to_toml()?)?;
        self.run.write(RunDir::RUN, config.as_bytes())?;
        let split = serde_json::json!({
            "divided": how,
            "train": ids_of(&self.data.ids, &train),
            "valid": ids_of(&self.data.ids, &valid),
            "test": &ids,
        });
        self.run
            .write(RunDir::SPLIT, &serde_json::to_vec_pretty(&split)?)?;
        let count = |name: &str, rows: &[usize]| (name.to_owned(), rows.len().to_string());
        let (explanations, motifs) = self.explanations(&rows.select(&valid)?, &learned)?;
        if let Some(path) = motifs {
            files.push(("motifs", path));
        }
        Finished {
            title: format!("{}: sequence_lstm", self.args.columns.target),
            settings: &self.settings,
            space: &self.space,
            judgement: Judgement {
                ids: &ids,
                texts: &texts,
                truth: &held_out.targets,
                groups: outer
                    .test
                    .iter()
                    .map(|&row| groups.of_rows()[row])
                    .collect(),
                answers,
                metric: self.settings.objective.score,
            },
            leakage: vec![
                (
                    "learned from and held out".to_owned(),
                    self.leakage(&rows, &groups, &outer.train, &outer.test)?,
                ),
                (
                    "learned from and choosing".to_owned(),
                    self.leakage(&rows, &groups, &train, &valid)?,
                ),
            ],
            data: self.facts(&groups),
            split: vec![
                ("divided".to_owned(), how),
                count("to learn from", &train),
                count("to choose by", &valid),
                count("held out", &outer.test),
            ],
            learned: Some(&learned),
            explanations,
            manifest: self.manifest.clone(),
            seconds: self.started.elapsed().as_secs_f64(),
        }
        .write(&self.run, self.args.json, &files)
    }

    /// Logos of what moved the best member's answer for the highest and the lowest of these rows, and what its filters find in all of them;
    /// the filters are written as motifs, too.
    fn explanations<A: Alphabet>(
        &self,
        rows: &Rows<A>,
        learned: &learn::Outcome,
    ) -> Result<(Vec<Figure>, Option<String>)> {
        let model = learned.answerer.best_model();
        let reading = Reading::new(&self.settings.data, &rows.sequences)?;
        let values = rows.targets.values();
        let by_value = |a: &usize, b: &usize| values[[*a, 0]].total_cmp(&values[[*b, 0]]);
        let ends = [
            ("highest", (0..rows.sequences.len()).max_by(by_value)),
            ("lowest", (0..rows.sequences.len()).min_by(by_value)),
        ];
        let rows_shown: Vec<Explained<'_, A>> = ends
            .into_iter()
            .filter_map(|(name, row)| {
                Some(Explained {
                    name: format!("row with the {name} {}", self.args.columns.target),
                    sequence: &rows.sequences[row?],
                    output: 0,
                })
            })
            .collect();
        let mut figures = attribution_figures(
            model,
            &rows_shown,
            &reading,
            Baseline::MeanComposition,
            &IntegratedGradients::default(),
            POSITIONS,
            &self.device,
        )?;
        let Some(front) = &model.front else {
            return Ok((figures, None));
        };
        let settings = FilterSettings::default();
        let motifs = filter_motifs(
            &front.conv,
            &rows.sequences,
            &reading,
            settings,
            &self.device,
        )?;
        figures.extend(filter_figures(&motifs, FILTERS)?);
        let background = Background::from_seqs(&rows.sequences, 1.0)?;
        let text = filters_to_meme(&motifs, 1.0, &background)?;
        self.run.write(MOTIFS, text.as_bytes())?;
        Ok((figures, Some(self.run.file(MOTIFS).display().to_string())))
    }

    pub(crate) fn cross_validate<A: Controlled>(&self, args: &CrossValidateArgs) -> Result<()> {
        let rows = self.rows::<A>()?;
        let (groups, how) = self.groups(&rows)?;
        let seed = self.settings.fit.seed;
        let folds = Folds::grouped(&groups, args.folds, 1, seed)?;
        let mut controls: Vec<(String, TargetMatrix)> = Vec::new();
        let mut leakage = Vec::new();
        let mut fold_number = 0;
        let found = out_of_fold(&folds, &[seed], |fold, _| {
            fold_number += 1;
            let title = format!("fold {fold_number}/{}  ", args.folds);
            let held_out = rows.select(&fold.test)?;
            let of_train = Groups::by(fold.train.iter().map(|&row| groups.of_rows()[row]));
            let own =
                controls::answers(&rows.select(&fold.train)?, &of_train, &held_out.sequences)?;
            for (place, (name, answer)) in own.into_iter().enumerate() {
                if place == controls.len() {
                    // What is learned on each fold differs; the first fold's names stand for all.
                    controls.push((name, rows.targets.clone()));
                }
                let mut values = controls[place].1.values().clone();
                for (&row, value) in fold.test.iter().zip(answer.values()) {
                    values[[row, 0]] = *value;
                }
                controls[place].1 = TargetMatrix::new(values, rows.targets.names().to_vec())?;
            }
            leakage.push((
                format!("fold {fold_number}"),
                self.leakage(&rows, &groups, &fold.train, &fold.test)?,
            ));
            let (train, valid) = self.divided(&groups, &fold.train)?;
            let run = RunDir::create(self.run.file(&format!("fold-{fold_number}")))?;
            let learned = learn(
                &self.settings,
                &self.space,
                &rows.select(&train)?,
                &rows.select(&valid)?,
                &self.place(&run, title)?,
            )?;
            let (answer, _) = learned.answerer.answer(&held_out.sequences, &self.device)?;
            Ok::<_, anyhow::Error>(answer.values().clone())
        })?;
        let answer = TargetMatrix::new(found.mean(), rows.targets.names().to_vec())?;
        let path = self.run.file(OUT_OF_FOLD);
        write_submission(&path, &self.data.ids, &answer)?;
        controls.push((THE_MODEL.to_owned(), answer));
        let config = self.manifest.append_to(&self.settings.to_toml()?)?;
        self.run.write(RunDir::RUN, config.as_bytes())?;
        Finished {
            title: format!(
                "{}: sequence_lstm, {} folds",
                self.args.columns.target, args.folds
            ),
            settings: &self.settings,
            space: &self.space,
            judgement: Judgement {
                ids: &self.data.ids,
                texts: self.data.sequences.texts(),
                truth: &rows.targets,
                groups: groups.of_rows().to_vec(),
                answers: controls,
                metric: self.settings.objective.score,
            },
            leakage,
            data: self.facts(&groups),
            split: vec![
                ("divided".to_owned(), how),
                ("folds".to_owned(), args.folds.to_string()),
            ],
            learned: None,
            explanations: Vec::new(),
            manifest: self.manifest.clone(),
            seconds: self.started.elapsed().as_secs_f64(),
        }
        .write(
            &self.run,
            self.args.json,
            &[("predictions", path.display().to_string())],
        )
    }
}

fn too_few(groups: &Groups) -> String {
    format!(
        "{} rows in {} groups cannot be divided: give more data, or set data.similarity to 0 to divide them at random",
        groups.len(),
        groups.n_groups()
    )
}

fn ids_of(ids: &[String], rows: &[usize]) -> Vec<String> {
    rows.iter().map(|&row| ids[row].clone()).collect()
}
