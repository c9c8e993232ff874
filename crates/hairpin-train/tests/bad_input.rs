//! What goes wrong around a run, and that nothing is lost by it: a full disk, checkpoints of another version or model, a loss that is no
//! number, folders that cannot be written.

use burn::tensor::{Device, Tensor};
use hairpin_models::{ModelError, SequenceLstm, SequenceLstmConfig};
use hairpin_seq::{Dna, OneHot, Seq};
use hairpin_targets::{ClassLabels, TargetError};
use hairpin_train::{
    Bundle, Classification, Ensemble, Evaluation, Examples, FitConfig, Fitted, Member, Objective,
    RunDir, SequenceDataset, Session, Stop, TargetBatch, TrainError, fit, predict,
};
use ndarray::Array2;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Steps of the whole run: 4 batches in each of 5 epochs.
const STEPS: usize = 20;
/// The step after which the run of most tests is stopped, in the middle of an epoch.
const STOPPED: usize = 10;

/// Class 0 repeats AC, class 1 repeats GT.
fn strings() -> (Vec<Seq<Dna>>, ClassLabels) {
    let text = |row: usize| ["AC", "GT"][row % 2].repeat(3 + (row * 7) % 10);
    let sequences = (0..16).map(|row| text(row).parse().unwrap()).collect();
    let labels = ClassLabels::new((0..16).map(|row| row % 2).collect(), 2).unwrap();
    (sequences, labels)
}

fn settings(d_hidden: usize) -> SequenceLstmConfig {
    SequenceLstmConfig::new(4, 2)
        .with_d_hidden(d_hidden)
        .with_dropout(0.2)
}

/// Classification that does something at the `n`-th batch, counted from 1.
struct At<F> {
    seen: AtomicUsize,
    then: F,
}

impl<F: Fn(usize, Tensor<2>) -> Tensor<2> + Sync> Objective for At<F> {
    type Target = ClassLabels;
    fn rows(&self, target: &ClassLabels) -> usize {
        target.len()
    }
    fn n_outputs(&self, target: &ClassLabels) -> usize {
        target.n_classes()
    }
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, ClassLabels>) -> Tensor<1> {
        let seen = 1 + self.seen.fetch_add(1, Ordering::Relaxed);
        let outputs = (self.then)(seen, outputs);
        Classification::default().loss(outputs, batch)
    }
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        Classification::default().activate(outputs)
    }
    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &ClassLabels,
    ) -> Result<Evaluation, TargetError> {
        Classification::default().evaluate(predictions, target)
    }
    fn score_name(&self) -> &str {
        "accuracy"
    }
}

struct Training<'a, F> {
    run: &'a RunDir,
    d_hidden: usize,
    origin: Vec<(String, String)>,
    resume: bool,
    stop: Stop,
    then: F,
}

impl<F: Fn(usize, Tensor<2>) -> Tensor<2> + Sync> Training<'_, F> {
    fn start(self) -> Result<Fitted<SequenceLstm>, TrainError> {
        let (sequences, labels) = strings();
        let inputs = SequenceDataset::new(&sequences, OneHot::default());
        let examples = Examples::new(&inputs, &labels);
        let objective = At {
            seen: AtomicUsize::new(0),
            then: self.then,
        };
        let config = FitConfig {
            epochs: STEPS / 4,
            batch_size: 4,
            ..FitConfig::default()
        };
        let build =
            |device: &Device| -> Result<_, ModelError> { settings(self.d_hidden).init(device) };
        let device = Device::flex();
        let session = Session {
            origin: self.origin,
            resume: self.resume,
            stop: self.stop,
            checkpoint_every: Duration::ZERO,
            ..Session::new(self.run, &device)
        };
        fit(build, &objective, examples, examples, &config, session)
    }
}

fn training(run: &RunDir, resume: bool) -> Training<'_, fn(usize, Tensor<2>) -> Tensor<2>> {
    Training {
        run,
        d_hidden: 24,
        origin: Vec::new(),
        resume,
        stop: Stop::default(),
        then: |_, outputs| outputs,
    }
}

/// A run that was stopped after step [`STOPPED`].
fn stopped(run: &RunDir) {
    let stop = Stop::default();
    let asked = stop.clone();
    let stopped = Training {
        run,
        d_hidden: 24,
        origin: Vec::new(),
        resume: false,
        stop,
        then: move |batch, outputs| {
            if batch == STOPPED {
                asked.request();
            }
            outputs
        },
    };
    let error = stopped.start().unwrap_err();
    assert!(matches!(error, TrainError::Interrupted { .. }), "{error}");
}

fn bytes(fitted: &Fitted<SequenceLstm>) -> Vec<u8> {
    let bundle = Bundle::of("m", String::new(), serde_json::Value::Null, &fitted.model);
    bundle.unwrap().weights
}

/// The weights that the run ends with when nothing goes wrong.
fn undisturbed() -> Vec<u8> {
    let (_folder, run) = folder();
    bytes(&training(&run, false).start().unwrap())
}

fn folder() -> (tempfile::TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path().join("run")).unwrap();
    (folder, run)
}

/// Every file below a folder with its bytes, but for the log.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with(RunDir::LOG) {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// Burn's generator, which dropout draws from, belongs to the process: one run at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// This program again, as the training or prediction below; `before` is shell that is done first.
fn child(before: &str, threads: usize, run: &Path) -> Output {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
        .arg(program)
        .args([
            "--exact",
            "what_other_tests_start",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, run)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .unwrap()
}

const FOLDER: &str = "HAIRPIN_TEST_RUN";

#[test]
#[ignore = "the child of other tests"]
fn what_other_tests_start() {
    #[allow(clippy::disallowed_methods)] // How the test that starts this program tells it where.
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let run = RunDir::open(PathBuf::from(folder)).unwrap();
    if run.file(RunDir::CHECKPOINT).exists() {
        match training(&run, true).start() {
            Ok(_) => println!("trained"),
            Err(error) => println!("refused: {error}: {:?}", std::error::Error::source(&error)),
        }
        return;
    }
    let bundle = Bundle::load(&run, "m").unwrap();
    let device = Device::flex();
    let model = bundle
        .into_model(settings(24).init(&device).unwrap())
        .unwrap();
    let (sequences, _) = strings();
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let found = predict(&model, &Classification::default(), &inputs, 5, &device).unwrap();
    let found: Vec<u8> = found.iter().flat_map(|p| p.to_le_bytes()).collect();
    run.write("predicted", &found).unwrap();
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_in_the_middle_of_a_checkpoint_loses_nothing() {
    let _alone = alone();
    let (_folder, run) = folder();
    stopped(&run);
    let before = files(&run.file(RunDir::CHECKPOINT));
    let size = |name: &str| {
        let path = run.file(&format!("checkpoint/step-{STOPPED:06}/{name}"));
        std::fs::metadata(path).unwrap().len()
    };
    // The weights fit on the disk, the optimiser's state after them does not.
    let room = (size("model.bpk") + size("optimizer.bpk")) / 2;
    assert!(size("model.bpk") < room && room < size("optimizer.bpk"));
    // A file that would be larger is refused, as on a full disk, instead of the program being killed.
    let full = format!("trap '' XFSZ; ulimit -f {} || exit 3;", room / 512);
    let output = child(&full, 2, run.path());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("refused: "), "{told}");
    assert!(told.contains("cannot write the checkpoint"), "{told}");
    assert!(told.contains("free some space"), "{told}");
    assert!(files(&run.file(RunDir::CHECKPOINT)) == before, "{told}");
    // With room again, the run goes on as if nothing had been.
    let ended = training(&run, true).start().unwrap();
    assert!(bytes(&ended) == undisturbed());
}

#[test]
fn a_checkpoint_of_another_version_is_refused_by_both_versions() {
    let _alone = alone();
    let (_folder, run) = folder();
    stopped(&run);
    let state = run.file(&format!("checkpoint/step-{STOPPED:06}/state.json"));
    let own = std::fs::read_to_string(&state).unwrap();
    let (version, format) = (env!("CARGO_PKG_VERSION"), "\"format\": 3,");
    assert!(own.contains(format), "{own}");
    for other in [2, 4] {
        // A later format has keys that this one does not know.
        let text = own.replace(format, &format!("\"format\": {other}, \"new\": [1],"));
        std::fs::write(&state, text).unwrap();
        let before = files(run.path());
        let error = training(&run, true).start().unwrap_err();
        let told = error.to_string();
        assert!(
            matches!(&error, TrainError::CheckpointFormat { expected: 3, found, hairpin, .. }
                if *found == other && hairpin == version),
            "{told}"
        );
        assert!(
            told.contains("step-000010") && told.contains("go on with that version"),
            "{told}"
        );
        assert!(files(run.path()) == before);
    }
    std::fs::write(&state, own).unwrap();
    let ended = training(&run, true).start().unwrap();
    assert!(bytes(&ended) == undisturbed());
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let _alone = alone();
    let (_folder, run) = folder();
    stopped(&run);
    let before = files(run.path());
    // Whoever does not say what the model is is told by the weights.
    let other = Training {
        d_hidden: 16,
        ..training(&run, true)
    };
    let error = other.start().unwrap_err();
    assert!(matches!(error, TrainError::Weights { .. }), "{error}");
    assert!(error.to_string().contains("step-000010"), "{error}");
    // Whoever does is told which fact differs, whether it is another or a new one.
    let named = Training {
        origin: vec![("configuration".into(), "d_hidden = 24".into())],
        ..training(&run, true)
    };
    let error = named.start().unwrap_err();
    assert!(
        matches!(&error, TrainError::CheckpointDiffers { what, .. } if what == "configuration"),
        "{error}"
    );
    assert!(files(run.path()) == before);
    let ended = training(&run, true).start().unwrap();
    assert!(bytes(&ended) == undisturbed());
}

#[test]
fn a_run_that_diverged_diverges_again_and_goes_on_when_it_is_mended() {
    let _alone = alone();
    let (_folder, run) = folder();
    let broken = |resume, after: usize| {
        let training = Training {
            run: &run,
            d_hidden: 24,
            origin: Vec::new(),
            resume,
            stop: Stop::default(),
            then: move |batch, outputs: Tensor<2>| match batch > after {
                true => outputs * f32::NAN,
                false => outputs,
            },
        };
        training.start().unwrap_err()
    };
    let newest = || run.file("checkpoint/step-000006").is_dir();
    let error = broken(false, 6);
    assert!(
        matches!(error, TrainError::Diverged { epoch: 2, batch: 3, loss } if loss.is_nan()),
        "{error}"
    );
    assert!(newest());
    let before = files(run.path());
    // The first batch after the checkpoint is the one that it diverged at.
    let again = broken(true, 0);
    assert_eq!(again.to_string(), error.to_string());
    assert!(files(run.path()) == before);
    let ended = training(&run, true).start().unwrap();
    assert!(bytes(&ended) == undisturbed());
}

fn bundle() -> Bundle {
    Bundle {
        model: "m".into(),
        config_toml: "a = 1\n".into(),
        targets: serde_json::json!({}),
        weights: vec![1, 2, 3],
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_refuses_what_is_saved() {
    let ensemble = Ensemble {
        members: vec![Member {
            name: "seed-1".into(),
            weight: 1.0,
            bundle: bundle(),
        }],
    };
    let refuses = |run: &RunDir| {
        let (written, saved) = (run.write("a/b", b""), bundle().save(run));
        let manifest = hairpin_train::manifest::Manifest::new("p", "1").begin(run, false);
        for result in [
            ensemble.save(run),
            written,
            saved,
            run.append_log("line"),
            manifest.map(|_| ()),
            hairpin_train::manifest::Launch::default().record(run),
        ] {
            let error = result.unwrap_err();
            let told = error.to_string();
            assert!(matches!(error, TrainError::Unwritable { .. }), "{told}");
            assert!(
                told.contains("choose a folder that you may write in"),
                "{told}"
            );
        }
    };
    // Nobody may write here, whoever runs the test.
    refuses(&RunDir::open("/proc/self/task").unwrap());

    use std::os::unix::fs::PermissionsExt;
    let (_folder, run) = folder();
    bundle().save(&run).unwrap();
    ensemble.save(&run).unwrap();
    let before = files(run.path());
    let permit = |mode| {
        let members = run.file("members");
        for path in [run.path(), &members, &members.join("seed-1")] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).unwrap();
        }
    };
    permit(0o555);
    // Root may write anywhere; there the permission proves nothing.
    if std::fs::write(run.file("probe"), b"").is_err() {
        refuses(&run);
        assert_eq!(Bundle::load(&run, "m").unwrap(), bundle());
        assert_eq!(Ensemble::load(&run, "m").unwrap(), ensemble);
        assert!(files(run.path()) == before);
    }
    permit(0o755);
}

#[cfg(unix)]
#[test]
fn predictions_are_the_same_bytes_at_any_number_of_threads() {
    let _alone = alone();
    let (_folder, run) = folder();
    let fitted = training(&run, false).start().unwrap();
    run.clear_checkpoint().unwrap();
    let bundle = Bundle::of("m", String::new(), serde_json::Value::Null, &fitted.model);
    bundle.unwrap().save(&run).unwrap();
    let predicted = |threads| {
        let output = child("", threads, run.path());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = run.read("predicted", 1 << 20).unwrap();
        std::fs::remove_file(run.file("predicted")).unwrap();
        found
    };
    let one = predicted(1);
    assert_eq!(one.len(), 16 * 2 * 4);
    assert!(one == predicted(2) && one == predicted(3));
}
