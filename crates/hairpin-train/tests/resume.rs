//! A training that is killed again and again ends with the same bytes as one that is not, at any number of threads.
//!
//! Without a harness: the program starts itself as the training that it kills.

#![allow(clippy::print_stdout)] // It has no harness to speak for it.

use hairpin_models::SequenceLstmConfig;
use hairpin_seq::{Dna, OneHot, Seq};
use hairpin_targets::ClassLabels;
use hairpin_train::{
    AverageConfig, AverageKind, Bundle, Classification, DeviceKind, Examples, FitConfig, Monitor,
    OptimizerConfig, OptimizerKind, ParameterGroup, RunDir, ScheduleConfig, ScheduleKind,
    SequenceDataset, Session, fit,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const CHILD: &str = "--train-into";
/// Everything that a bundle is made of.
const FILES: [&str; 4] = [RunDir::RUN, RunDir::TARGETS, RunDir::MODEL, RunDir::BUNDLE];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, folder] = args.as_slice()
        && mode == CHILD
    {
        train(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    let wanted = |name: &str| {
        let mut filters = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
        filters.peek().is_none() || filters.any(|filter| name.contains(filter.as_str()))
    };
    if !args.iter().any(|arg| arg == "--list") && wanted("resume") {
        every_way_ends_alike();
    }
    ExitCode::SUCCESS
}

/// A training with whatever has a state: dropout, windows, momentum, averages, plateaus, accumulated gradients, weights, odds.
fn train(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let text = |row: usize, rng: &mut ChaCha8Rng| -> Seq<Dna> {
        let letter = |_| ["ACGT", "AACG"][row % 2].as_bytes()[rng.random_range(0..4)] as char;
        let length = 20 + row % 13;
        (0..length).map(letter).collect::<String>().parse().unwrap()
    };
    let sequences: Vec<Seq<Dna>> = (0..90).map(|row| text(row, &mut rng)).collect();
    let labels = ClassLabels::new((0..90).map(|row| row % 2).collect(), 2).unwrap();
    let weights: Vec<f32> = (0..90).map(|row| 1.0 + (row % 3) as f32).collect();
    let odds: Vec<f64> = (0..90).map(|row| 1.0 + f64::from(row % 2)).collect();
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let cropped = inputs.clone().with_min_crop(12);

    let model = SequenceLstmConfig::new(4, 2)
        .with_conv_channels(8)
        .with_d_hidden(16)
        .with_d_dense(8)
        .with_norm(hairpin_models::Norm::Batch)
        .with_dropout(0.3);
    let config = FitConfig {
        epochs: 12,
        batch_size: 4,
        accumulate: 2,
        learning_rate: 0.02,
        monitor: Monitor::Loss,
        keep_best: 3,
        patience: 9,
        optimizer: OptimizerConfig {
            kind: OptimizerKind::Adamw,
            weight_decay: 0.01,
            ..OptimizerConfig::default()
        },
        schedule: ScheduleConfig {
            kind: ScheduleKind::Plateau,
            patience: 1,
            ..ScheduleConfig::default()
        },
        average: AverageConfig {
            kind: AverageKind::Ema,
            decay: 0.9,
            start_epoch: 2,
        },
        groups: vec![ParameterGroup {
            l2: 1e-3,
            ..ParameterGroup::new("lstm")
        }],
        ..FitConfig::default()
    };
    let run = RunDir::create(folder).unwrap();
    let device = DeviceKind::Flex.device().unwrap();
    let checkpoints = std::fs::read_dir(run.file(RunDir::CHECKPOINT));
    let resume = checkpoints.is_ok_and(|mut entries| {
        entries.any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with("step-") && !name.ends_with(".partial")
        })
    });
    let fitted = fit(
        |device| model.init(device),
        &Classification::default(),
        Examples::new(&cropped, &labels)
            .with_weights(&weights)
            .with_odds(&odds),
        Examples::new(&inputs, &labels),
        &config,
        Session {
            resume,
            checkpoint_every: Duration::from_millis(40),
            ..Session::new(&run, &device)
        },
    )
    .unwrap();
    assert_eq!(fitted.best.len(), 3);
    let targets = serde_json::json!({
        "best": fitted.best.iter().map(|kept| kept.epoch).collect::<Vec<_>>(),
        "losses": fitted.history.epochs.iter().map(|epoch| epoch.train_loss).collect::<Vec<_>>(),
    });
    // The others of the best are compared too.
    for kept in &fitted.best[1..] {
        let weights = Bundle::of("sequence_lstm", String::new(), targets.clone(), &kept.model);
        let name = format!("epoch-{}.bpk", kept.epoch);
        run.write(&name, &weights.unwrap().weights).unwrap();
    }
    let bundle = Bundle::of("sequence_lstm", "a = 1\n".into(), targets, &fitted.model);
    bundle.unwrap().save(&run).unwrap();
    run.clear_checkpoint().unwrap();
}

fn start(folder: &Path, threads: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .arg(CHILD)
        .arg(folder)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| FILES.contains(&name.as_str()) || name.ends_with(".bpk"))
        .collect();
    names.sort();
    assert_eq!(names.len(), FILES.len() + 2);
    names
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).unwrap()))
        .collect()
}

fn every_way_ends_alike() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let began = Instant::now();
    assert!(start(&whole, 2).wait().unwrap().success());
    let mut length = began.elapsed();
    let expected = files(&whole);

    for threads in [1, 3] {
        let path = folder.path().join(format!("threads-{threads}"));
        assert!(start(&path, threads).wait().unwrap().success());
        assert!(files(&path) == expected, "{threads} threads end otherwise");
        println!("resume: {threads} threads end with the bytes of 2");
    }

    for round in 0..3u64 {
        let path = folder.path().join(format!("killed-{round}"));
        let mut rng = ChaCha8Rng::seed_from_u64(round);
        let mut kills = 0;
        let ended = loop {
            let mut child = start(&path, 2);
            // At first soon, in the middle of writing too; from the tenth kill on the run is let through.
            let until = length.mul_f64(rng.random_range(0.02..0.5));
            std::thread::sleep(until);
            if kills == 10 {
                break child.wait().unwrap();
            }
            match child.try_wait().unwrap() {
                // The machine was busier when the time was taken: once more from the start, and sooner.
                Some(status) if kills == 0 => {
                    assert!(status.success());
                    std::fs::remove_dir_all(&path).unwrap();
                    length /= 2;
                    continue;
                }
                Some(status) => break status,
                None => child.kill().unwrap(),
            }
            child.wait().unwrap();
            kills += 1;
        };
        assert!(ended.success());
        assert!(
            files(&path) == expected,
            "killed {kills} times, the run ends otherwise"
        );
        println!("resume: killed {kills} times, ends with the same bytes");
    }
}
