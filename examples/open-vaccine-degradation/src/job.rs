//! Training, from the official files to the submission and the report.

use crate::FIXTURE;
use crate::answer::weighted_sum;
use crate::cli::TrainArgs;
use crate::controls::{self, Positions};
use crate::features::{Encoder, Shown};
use crate::learn::{Learned, Lesson, Place, Rows, names, scored};
use crate::outcome::{Finished, Judgement, THE_MODEL};
use crate::settings::{DataConfig, Settings};
use anyhow::{Context, Result, ensure};
use hairpin::targets::similarity::{Similarity, clusters};
use hairpin::targets::{Folds, Groups, LeakageReport, TargetMatrix};
use hairpin::tasks::open_vaccine::{
    self, Molecule, SUBMISSION, Train, check_sample, read_test, read_train, write_submission,
};
use hairpin::tasks::plain_or_gzip;
use hairpin::train::manifest::{Launch, Manifest, git_commit};
use hairpin::train::{Ensemble, Member, PerBaseDataset, PositionTargets, RunDir, Stop};
use ndarray::Array2;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The official files.
struct Data {
    train: Train,
    test: Vec<Molecule>,
    files: Vec<PathBuf>,
}

impl Data {
    fn read(folder: &Path, settings: &Settings) -> Result<Self> {
        let files = ["train.json", "test.json", "sample_submission.csv"]
            .map(|name| plain_or_gzip(folder, name))
            .to_vec();
        let policy = settings.data.policy();
        let mut train = read_train(&files[0], policy)?;
        let test = read_test(&files[1], policy)?;
        check_sample(&files[2], &test)?;
        if !settings.data.poor_rows {
            train = train.select(&good(&train));
        }
        ensure!(
            !good(&train).is_empty(),
            "{}: no molecule has SN_filter 1, and the others are not judged by",
            files[0].display()
        );
        Ok(Self { train, test, files })
    }
}

/// Molecules that passed the organisers' filter.
fn good(train: &Train) -> Vec<usize> {
    (0..train.molecules.len())
        .filter(|&row| train.sn_filter[row])
        .collect()
}

pub(crate) fn train(args: &TrainArgs) -> Result<()> {
    let started = Instant::now();
    let settings = Settings::load(args.config.as_deref(), args.seed)?;
    let (device, replicas) = args.device.open()?;
    let folder = args.data.clone().unwrap_or_else(|| FIXTURE.into());
    let data = Data::read(&folder, &settings)?;
    let run = RunDir::create(&args.run)?;
    ensure!(
        args.resume || !run.file("trainings").exists(),
        "{}: there are networks of an earlier run; add `--resume` to go on with them, or choose another folder",
        run.file("trainings").display()
    );
    let commit = git_commit(Path::new("."));
    let manifest = Manifest {
        git_commit: commit.clone(),
        seed: settings.fit.seed,
        ..Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    }
    .on(&args.device)
    .with_data(&data.files)?;
    Launch::now(std::env::args().collect(), &data.files).record(&run)?;

    let molecules = &data.train.molecules;
    let sequences: Vec<_> = molecules.iter().map(|one| one.sequence.clone()).collect();
    let similarity = Similarity::edit(settings.data.similarity);
    let groups = clusters(&sequences, &similarity)?;
    let folds = Folds::grouped(&groups, settings.ensemble.folds, 1, settings.fit.seed)
        .context("the molecules are in too few groups: set data.similarity higher")?;
    let folds: Vec<(Vec<usize>, Vec<usize>)> = folds
        .iter()
        .take(settings.ensemble.train_folds)
        .map(|fold| (fold.train.clone(), fold.test.clone()))
        .collect();

    eprintln!("folding {} molecules", molecules.len() + data.test.len());
    let rows = Rows::of(&data.train, &settings)?;
    let encoder = Encoder::new(settings.features.clone())?;
    let shown: Vec<Shown<'_>> = data.test.iter().map(Shown::from).collect();
    let test = PerBaseDataset::new(encoder.encode(&shown, 0, settings.fit.seed)?.molecules)?;
    let kinds = Lesson {
        settings: &settings,
        rows: &rows,
        test: &test,
        folds: &folds,
        learned: Learned {
            columns: names(),
            architecture: String::new(),
            seed: settings.fit.seed,
            held_out_fold: 0,
            division_seed: Some(settings.fit.seed),
            data_sha256: manifest.data[0].sha256.clone(),
            test_sha256: Some(manifest.data[1].sha256.clone()),
            taught_by: Vec::new(),
            git_commit: commit,
        },
        place: Place {
            run: &run,
            device: &device,
            replicas: &replicas,
            device_name: args.device.to_string(),
            resume: args.resume,
            stop: &Stop::on_ctrl_c(|| {
                eprintln!("stopping after this batch; Ctrl-C again to stop at once")
            })?,
        },
    }
    .learn()?;

    // Judged by molecules that were held out and well measured.
    let judged: Vec<usize> = folds
        .iter()
        .flat_map(|(_, held_out)| held_out.iter().copied())
        .filter(|&row| data.train.sn_filter[row])
        .collect();
    let truth = rows.targets.select(&judged)?;
    let of_kind = |answers: &[Array2<f32>]| {
        let own: Vec<_> = judged.iter().map(|&row| answers[row].clone()).collect();
        scored(&truth, &own)
    };
    let own: Vec<TargetMatrix> = kinds
        .iter()
        .map(|kind| of_kind(&kind.out_of_fold))
        .collect::<Result<_>>()?;
    let blend = settings.blend().fit(&own, truth.matrix())?;
    let shares = blend
        .weights()
        .map_or(vec![1.0 / own.len() as f64; own.len()], <[f64]>::to_vec);

    let mut answers = control_answers(&data.train, &rows, &folds, &settings.data)?;
    for (name, answer) in kinds.iter().map(|kind| &kind.name).zip(&own) {
        if kinds.len() > 1 {
            answers.push((name.clone(), answer.clone()));
        }
    }
    answers.push((THE_MODEL.to_owned(), blend.apply(&own)?));

    let of_kinds = kinds.iter().map(|kind| &kind.predicted);
    let predicted = weighted_sum(shares.iter().copied(), of_kinds)
        .into_iter()
        .map(|own| Ok(TargetMatrix::new(own, names())?))
        .collect::<Result<Vec<_>>>()?;
    let submission = run.file(SUBMISSION);
    write_submission(&submission, &data.test, &predicted)?;
    let members = kinds.iter().zip(&shares).flat_map(|(kind, &share)| {
        let weight = share / kind.bundles.len() as f64;
        kind.bundles.iter().map(move |(name, bundle)| Member {
            name: name.clone(),
            weight,
            bundle: bundle.clone(),
        })
    });
    let ensemble = Ensemble {
        members: members.filter(|member| member.weight > 0.0).collect(),
    };
    ensemble.save(&run)?;
    let config = manifest.append_to(&settings.to_toml()?)?;
    run.write(RunDir::RUN, config.as_bytes())?;
    let ids_of = |rows: &[usize]| -> Vec<&str> {
        rows.iter().map(|&row| molecules[row].id.as_str()).collect()
    };
    let split: Vec<_> = folds
        .iter()
        .map(|(train, held_out)| serde_json::json!({ "train": ids_of(train), "held_out": ids_of(held_out) }))
        .collect();
    run.write(RunDir::SPLIT, &serde_json::to_vec_pretty(&split)?)?;

    let mut leakage = Vec::new();
    for (fold, (train, held_out)) in folds.iter().enumerate() {
        let report = LeakageReport::between(train, held_out)
            .with_groups(&groups)?
            .with_sequences(&sequences, &similarity)?;
        leakage.push((format!("fold {}", fold + 1), report));
    }
    Finished {
        settings: &settings,
        judgement: Judgement {
            molecules: judged.iter().map(|&row| &molecules[row]).collect(),
            quality: judged
                .iter()
                .map(|&row| data.train.signal_to_noise[row])
                .collect(),
            truth: &truth,
            groups: positions_of(&groups, &judged, &truth),
            answers,
        },
        leakage,
        data: vec![
            ("folder".to_owned(), folder.display().to_string()),
            (
                "molecules to learn from".to_owned(),
                molecules.len().to_string(),
            ),
            (
                "well measured".to_owned(),
                good(&data.train).len().to_string(),
            ),
            (
                "molecules to predict".to_owned(),
                data.test.len().to_string(),
            ),
            (
                "groups of similar molecules".to_owned(),
                groups.n_groups().to_string(),
            ),
        ],
        kinds: kinds
            .iter()
            .zip(&own)
            .zip(&shares)
            .map(|((kind, own), &share)| (kind.name.clone(), own, share))
            .collect(),
        history: kinds[0].history.clone(),
        folds: folds.len(),
        manifest,
        seconds: started.elapsed().as_secs_f64(),
    }
    .write(&run, args.json, &submission)
}

/// The group of each judged base, so that intervals draw whole groups of molecules.
fn positions_of(groups: &Groups, judged: &[usize], truth: &PositionTargets) -> Vec<usize> {
    let of = |(place, &row): (usize, &usize)| {
        std::iter::repeat_n(groups.of_rows()[row], truth.scored(place))
    };
    judged.iter().enumerate().flat_map(of).collect()
}

/// What the controls, fitted to each fold's other molecules, say of the well-measured ones that were held out.
fn control_answers(
    train: &Train,
    rows: &Rows,
    folds: &[(Vec<usize>, Vec<usize>)],
    config: &DataConfig,
) -> Result<Vec<(String, TargetMatrix)>> {
    let positions = |rows_of: &[usize], targets: &PositionTargets| {
        let of = |(place, &row): (usize, &usize)| (&train.molecules[row], targets.scored(place));
        Positions::of(rows_of.iter().enumerate().map(of))
    };
    let is_good = |row: &usize| train.sn_filter[*row];
    let mut joined: Vec<(String, Vec<Array2<f32>>)> = Vec::new();
    for (learned, held_out) in folds {
        let learned: Vec<usize> = learned.iter().copied().filter(is_good).collect();
        let asked: Vec<usize> = held_out.iter().copied().filter(is_good).collect();
        let shown = config.shown(rows.targets.select(&learned)?);
        let own = controls::answers(
            &positions(&learned, &shown),
            shown.matrix(),
            &positions(&asked, &rows.targets.select(&asked)?),
        )?;
        for (place, (name, answer)) in own.into_iter().enumerate() {
            if place == joined.len() {
                joined.push((name, Vec::new()));
            }
            joined[place].1.push(answer.values().clone());
        }
    }
    let stack = |(name, parts): (String, Vec<Array2<f32>>)| {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let all = ndarray::concatenate(ndarray::Axis(0), &views)?;
        Ok((name, TargetMatrix::new(all, names())?))
    };
    joined.into_iter().map(stack).collect()
}

/// The trained networks that come with the program, or a run's.
pub(crate) fn run_of(path: Option<&Path>) -> Result<RunDir> {
    const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bundle");
    Ok(RunDir::open(path.unwrap_or(Path::new(BUNDLE)))?)
}

/// The molecules of a test file.
pub(crate) fn test_file(path: Option<&Path>, settings: &Settings) -> Result<Vec<Molecule>> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => plain_or_gzip(Path::new(FIXTURE), "test.json"),
    };
    Ok(open_vaccine::read_test(&path, settings.data.policy())?)
}
