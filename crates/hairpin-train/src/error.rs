//! What can go wrong before, in and after a training run, with the place and the remedy.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use hairpin_models::ModelError;
use hairpin_seq::SeqError;
use hairpin_targets::TargetError;

use crate::history::HistoryError;

/// Everything that `hairpin-train` refuses.
///
/// The message names the file or the row, what was expected there, what was found and what to do; a lower error that knows
/// more is the [`source`](std::error::Error::source). Rows are counted from 0, as they are indexed; epochs, batches, lines
/// and columns from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Ctrl-C cannot be listened for.
    #[error("cannot listen for Ctrl-C; ask for it once in a program")]
    Signal {
        /// What the operating system said.
        source: ctrlc::Error,
    },
    /// The configuration cannot be read at all.
    #[error("{}: cannot read the configuration; expected a file of TOML, at most 1 MiB, that you may read", path.display())]
    ConfigFile {
        /// The configuration file.
        path: PathBuf,
        /// What the operating system said, or that the file is none or too large.
        source: io::Error,
    },
    /// The configuration is not TOML.
    #[error("{}, line {line}, column {column}: {reason}; correct the TOML there", path.display())]
    ConfigSyntax {
        /// The configuration file.
        path: PathBuf,
        /// Line of the mistake.
        line: usize,
        /// Character of that line.
        column: usize,
        /// What the TOML parser said.
        reason: String,
    },
    /// The configuration has a key that nothing reads.
    #[error(
        "{}, line {line}, column {column}: unknown key `{key}`{}; expected {}",
        path.display(), did_you_mean(.suggestion.as_deref()), one_of(.allowed)
    )]
    ConfigKey {
        /// The configuration file.
        path: PathBuf,
        /// Line of the key.
        line: usize,
        /// Character of that line.
        column: usize,
        /// The whole dotted name of the key.
        key: String,
        /// The whole dotted name of the key that is most like it.
        suggestion: Option<String>,
        /// The keys of the same table.
        allowed: Vec<String>,
    },
    /// A value of the configuration is of another type.
    #[error(
        "{}, line {line}, column {column}: `{key}` is {found}, expected {expected}; write the value as {expected}",
        path.display()
    )]
    ConfigType {
        /// The configuration file.
        path: PathBuf,
        /// Line of the key.
        line: usize,
        /// Character of that line.
        column: usize,
        /// The whole dotted name of the key.
        key: String,
        /// The type it should have, with its article.
        expected: &'static str,
        /// The type it has, with its article.
        found: &'static str,
    },
    /// A value of the configuration is of the right type and yet refused.
    #[error("{}, line {line}, column {column}: `{key}` is refused: {reason}; correct the value", path.display())]
    ConfigValue {
        /// The configuration file.
        path: PathBuf,
        /// Line of the key.
        line: usize,
        /// Character of that line.
        column: usize,
        /// The whole dotted name of the key.
        key: String,
        /// Why the value is refused.
        reason: String,
    },
    /// The configuration that the program holds has no place in a file: a fault of the program, not of the user's file.
    #[error(
        "the configuration does not fit a TOML file: {reason}; make it a struct of finite values with plain keys"
    )]
    ConfigShape {
        /// What does not fit.
        reason: String,
    },

    /// A text is not a loss.
    #[error(
        "the loss, character {position}: expected {expected}, found {found}; write it as in `0.2 * huber(1.0) + 0.8 * pearson`"
    )]
    LossText {
        /// Character at which it stops being one, counted from 1.
        position: usize,
        /// What could stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A file is not an array that rows can be read from.
    #[error(
        "{}: {found}, expected {expected}; write it again with numpy.save(path, numpy.ascontiguousarray(x, dtype='float32'))",
        path.display()
    )]
    Npy {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What it should have.
        expected: String,
    },
    /// A setting of a loss is outside its range.
    #[error("the {setting} of the loss is {found}, expected {expected}; correct the loss")]
    LossSetting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The values it may take.
        expected: &'static str,
    },

    /// Shares of pools that blocks cannot be drawn by.
    #[error("the shares of the pools are {found}, expected {expected}; correct the shares")]
    Pools {
        /// The shares.
        found: String,
        /// What they may be.
        expected: &'static str,
    },

    /// The folder of a run does not exist.
    #[error("{}: no such folder; give the folder of a run, or train first to make it", path.display())]
    NoRun {
        /// The path asked for.
        path: PathBuf,
    },
    /// Something that is not a folder stands where the folder of a run should be.
    #[error("{}: is not a folder, expected the folder of a run; name another folder or move what is there", path.display())]
    NotAFolder {
        /// What is in the way.
        path: PathBuf,
    },
    /// The folder of a run cannot be made or written in.
    #[error(
        "{}: cannot {what}; choose a folder that you may write in, or change its permissions or free some space",
        path.display()
    )]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of a run does not exist.
    #[error("{}: no such file; train again into this folder, or restore the file", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
    },
    /// A file of a run is a folder, a pipe or a device.
    #[error("{}: is not a file, expected the run's own file; move what is there", path.display())]
    NotAFile {
        /// What is in the way.
        path: PathBuf,
    },
    /// The operating system refused to read a file of a run.
    #[error("{}: cannot {what}; check that you may read the file and every folder above it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of a run is larger than anything that was written there.
    #[error(
        "{}: has {found} bytes, expected at most {cap}; this is another file: restore the run's own, or train again",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes it may have.
        cap: u64,
        /// Bytes it has.
        found: u64,
    },

    /// The folder holds no finished bundle.
    #[error(
        "{}: no such file, so the run is not finished; its folder holds {}; train first",
        path.display(), listing(.holds)
    )]
    NoBundle {
        /// Where `bundle.json` should be.
        path: PathBuf,
        /// What the folder holds instead.
        holds: Vec<String>,
    },
    /// The bundle was written by a version with another format.
    #[error(
        "{}: format is {found}, expected {expected}; use the version of hairpin that trained it, or train again",
        path.display()
    )]
    BundleFormat {
        /// The bundle's `bundle.json`.
        path: PathBuf,
        /// The format this version reads.
        expected: u32,
        /// The format it has, as written.
        found: String,
    },
    /// The bundle holds another model.
    #[error(
        "{}: the model is `{}`, expected `{expected}`; give a run of `{expected}`, or train one",
        path.display(), .found.escape_debug()
    )]
    BundleModel {
        /// The bundle's `bundle.json`.
        path: PathBuf,
        /// Name of the model asked for.
        expected: String,
        /// Name of the model it holds.
        found: String,
    },
    /// A file of the bundle is not the one that was saved with the others.
    #[error(
        "{}: its {what} is {found}, expected {} as recorded in bundle.json; restore the file, or train again",
        path.display(), .expected.escape_debug()
    )]
    BundlePart {
        /// The file.
        path: PathBuf,
        /// `size in bytes` or `SHA-256`.
        what: &'static str,
        /// What `bundle.json` records.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file of the bundle does not hold what its name says.
    #[error("{}: {reason}; restore the file, or train again", path.display())]
    BundleContent {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The weights do not fit the model.
    #[error(
        "{}: the weights do not fit the model: {reason}; use the configuration they were trained with, or train again",
        path.display()
    )]
    Weights {
        /// The file of the weights.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The epochs of an earlier run cannot be read.
    #[error("{}: is not a history of epochs; restore the file, or train again without `--resume`", path.display())]
    History {
        /// The file of the history.
        path: PathBuf,
        /// Where it is broken.
        source: HistoryError,
    },

    /// The list of an ensemble's members is not one, or not that of the members beside it.
    #[error("{}: {reason}; restore the files, or train again", path.display())]
    EnsembleContent {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A data file cannot be read.
    #[error("{}: cannot read the data file; check its path, and that you may read it", path.display())]
    DataFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// More or fewer data files than the manifest records.
    #[error(
        "the run was made with {} data files ({}), found {found}; give one for each, in this order",
        expected.len(), listing(.expected)
    )]
    DataFiles {
        /// The recorded names.
        expected: Vec<String>,
        /// Files at hand.
        found: usize,
    },
    /// A run does not say how it was made.
    #[error(
        "{}: holds no record of how the run was made; a replay needs a run that was trained with `[manifest]` in `run.toml` and a \
         launch in `launches.json`",
        path.display()
    )]
    NoManifest {
        /// The file that lacks it.
        path: PathBuf,
    },
    /// A run of another program is to be replayed.
    #[error("{}: a run of {found}, expected one of {expected}", path.display())]
    OtherProgram {
        /// The file that says so.
        path: PathBuf,
        /// The program that made it.
        found: String,
        /// The one that is to make it again.
        expected: String,
    },
    /// A run is to be replayed into its own folder.
    #[error("{}: is the run to be replayed; name another folder with --run", path.display())]
    ReplayOntoItself {
        /// The folder.
        path: PathBuf,
    },
    /// A data file is not the one that the manifest records.
    #[error(
        "{}: its {what} is {found}, expected {} as recorded in the manifest; give the data the run was made with, or train a new run",
        path.display(), .expected.escape_debug()
    )]
    DataDiffers {
        /// The file.
        path: PathBuf,
        /// `size in bytes` or `SHA-256`.
        what: &'static str,
        /// What the manifest records.
        expected: String,
        /// What the file has.
        found: String,
    },

    /// A hyper-parameter of the training is outside its range.
    #[error("`fit.{name}` is {found}, expected {expected}; correct the configuration")]
    FitConfig {
        /// The hyper-parameter.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values it may take.
        expected: Cow<'static, str>,
    },
    /// An example has something that the others, or its own parts, do not fit with.
    #[error("example {row}: the {what} is {found}, expected {expected}")]
    Example {
        /// The example.
        row: usize,
        /// What does not fit.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A setting of what training sees is outside its range.
    #[error("the {name} is {found}, expected {expected}; correct the configuration")]
    Augmentation {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values it may take.
        expected: &'static str,
    },
    /// Weights or odds of rows that cannot be used.
    #[error(
        "the {part} rows have {found} {what} for {rows} rows, expected one for each: 0 or a positive number, not all of them 0"
    )]
    RowWeights {
        /// Training or validation.
        part: &'static str,
        /// `weights` or `odds`.
        what: &'static str,
        /// Number of rows.
        rows: usize,
        /// Number of weights.
        found: usize,
    },
    /// A run was to start where another was stopped.
    #[error(
        "{}: is the checkpoint of a run that was stopped; add `--resume` to go on, remove the folder to start over, or \
         choose another folder",
        path.display()
    )]
    CheckpointInTheWay {
        /// The newest checkpoint.
        path: PathBuf,
    },
    /// There is nothing to resume.
    #[error("{}: no checkpoint to resume from; train without `--resume`", path.display())]
    NoCheckpoint {
        /// Where checkpoints should be.
        path: PathBuf,
    },
    /// The run was started with other data or another configuration.
    #[error(
        "{}: the stopped run was started with another {what}; give what it was started with, or remove the folder to start over",
        path.display()
    )]
    CheckpointDiffers {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// A checkpoint of another version of this crate.
    #[error(
        "{}: a checkpoint of format {found}, written by hairpin {hairpin}, expected format {expected}; go on with that version, or \
         remove the folder to start over",
        path.display()
    )]
    CheckpointFormat {
        /// The checkpoint.
        path: PathBuf,
        /// The format that this version reads.
        expected: u32,
        /// The format it has.
        found: u32,
        /// The version that wrote it.
        hairpin: String,
    },
    /// A checkpoint is incomplete or was changed.
    #[error("{}: {reason}; remove the folder of checkpoints and train again", path.display())]
    CheckpointBroken {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// The loss, or the norm of its gradient, is no longer a number.
    #[error(
        "the loss or its gradient became {loss} at epoch {epoch}, batch {batch}: lower `fit.learning_rate` or set `fit.max_gradient_norm`; \
         a checkpoint of the run, if there is one, is from before it"
    )]
    Diverged {
        /// The epoch.
        epoch: usize,
        /// The batch of that epoch.
        batch: usize,
        /// What it became: NaN or infinite.
        loss: f32,
    },
    /// The run was asked to stop and did.
    #[error("stopped in epoch {epoch} of {epochs}; `--resume` goes on from {}", path.display())]
    Interrupted {
        /// The epoch that is not complete.
        epoch: usize,
        /// Epochs that were asked for.
        epochs: usize,
        /// The folder of the run.
        path: PathBuf,
    },
    /// A sequence is shorter than the model can read.
    #[error(
        "row {row}: the sequence has {length} positions, expected at least {minimum}; \
         leave the row out, or configure a model that reads shorter sequences"
    )]
    TooShort {
        /// The row.
        row: usize,
        /// Positions of its sequence.
        length: usize,
        /// Positions that the model needs.
        minimum: usize,
    },
    /// A part of the data is empty.
    #[error(
        "the {part} part has no rows, expected at least one; check the data file and the split"
    )]
    NoRows {
        /// Which part.
        part: &'static str,
    },
    /// There are more or fewer targets than inputs.
    #[error(
        "{inputs} rows of inputs and {targets} rows of targets, expected as many; give every sequence one target"
    )]
    RowsDiffer {
        /// Rows of inputs.
        inputs: usize,
        /// Rows of targets.
        targets: usize,
    },
    /// A model has another number of outputs than its targets ask for.
    #[error(
        "the model has {outputs} outputs, expected {expected} as the targets have; correct `model.n_outputs`"
    )]
    OutputsDiffer {
        /// Outputs of the model.
        outputs: usize,
        /// Outputs that the targets ask for.
        expected: usize,
    },
    /// A setting of an explanation, or the shape of what is to be explained or drawn, is outside its range.
    #[error("explanation: `{name}` is {found}, expected {expected}; correct it")]
    Explanation {
        /// The setting or dimension.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values it may take.
        expected: String,
    },
    /// The sequences or motifs are wrong.
    #[error(transparent)]
    Sequence(#[from] SeqError),
    /// The model cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device cannot be used.
    #[error("device `{name}` cannot be used: {reason}")]
    Device {
        /// The device, as it was named.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The targets, the split or the predictions are wrong.
    #[error(transparent)]
    Targets(#[from] TargetError),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |key| format!(", did you mean `{key}`?"))
}

fn one_of(allowed: &[String]) -> String {
    match allowed {
        [] => "no key here".into(),
        [only] => format!("`{only}`"),
        several => format!("one of `{}`", several.join("`, `")),
    }
}

/// The first few of them; someone may have named a folder with thousands.
fn listing(holds: &[String]) -> String {
    let (shown, more) = holds.split_at(holds.len().min(12));
    let shown: Vec<String> = shown
        .iter()
        .map(|name| name.escape_debug().to_string())
        .collect();
    match (shown.join(", "), more.len()) {
        (shown, 0) if shown.is_empty() => "nothing".into(),
        (shown, 0) => shown,
        (shown, more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_happened_and_what_to_do() {
        let path = PathBuf::from("runs/a");
        for (error, message) in [
            (
                TrainError::Diverged {
                    epoch: 3,
                    batch: 7,
                    loss: f32::NAN,
                },
                "the loss or its gradient became NaN at epoch 3, batch 7: lower `fit.learning_rate` or set `fit.max_gradient_norm`; \
                 a checkpoint of the run, if there is one, is from before it",
            ),
            (
                TrainError::Interrupted {
                    epoch: 8,
                    epochs: 20,
                    path: path.clone(),
                },
                "stopped in epoch 8 of 20; `--resume` goes on from runs/a",
            ),
            (
                TrainError::TooShort {
                    row: 3,
                    length: 4,
                    minimum: 8,
                },
                "row 3: the sequence has 4 positions, expected at least 8; \
                 leave the row out, or configure a model that reads shorter sequences",
            ),
            (
                TrainError::ConfigKey {
                    path: path.clone(),
                    line: 1,
                    column: 2,
                    key: "a.b".into(),
                    suggestion: None,
                    allowed: vec![],
                },
                "runs/a, line 1, column 2: unknown key `a.b`; expected no key here",
            ),
            (
                TrainError::ConfigKey {
                    path,
                    line: 1,
                    column: 2,
                    key: "a.b".into(),
                    suggestion: Some("a.c".into()),
                    allowed: vec!["c".into()],
                },
                "runs/a, line 1, column 2: unknown key `a.b`, did you mean `a.c`?; expected `c`",
            ),
        ] {
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_long_listing_is_cut() {
        let names = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(listing(&[]), "nothing");
        assert_eq!(listing(&names(3)), "0, 1, 2");
        assert!(listing(&names(12)).ends_with(", 11"));
        assert!(listing(&names(1000)).ends_with(", 11 and 988 more"));
        assert_eq!(listing(&["a\u{1b}\nb".into()]), "a\\u{1b}\\nb");
    }
}
