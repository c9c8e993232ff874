//! What a run was made with, so that it can be made again.
//!
//! Two things are kept apart. A [`Manifest`] holds what decides the result: versions, data by hash, seed, device, features. It is the
//! table `[manifest]` at the end of `run.toml`, a part of the bundle, and it is the same for two runs that should end with the same
//! bytes. A [`Launch`] holds what may differ between them and still leaves the result alone: when the program was started, with which
//! arguments, on how many threads, and where the data lay. It is kept beside the bundle, in `launches.json`, one entry for every time
//! that the run was started or resumed. A [`Replay`] is both, read back.
//!
//! ```
//! use std::path::Path;
//!
//! use hairpin_train::manifest::{Manifest, split};
//!
//! let manifest = Manifest {
//!     seed: 7,
//!     device: "flex".into(),
//!     features: vec!["flex".into()],
//!     ..Manifest::new("dna-rnn-classifier", "0.1.0")
//! };
//! let text = manifest.append_to("[fit]\nepochs = 60\n")?;
//! assert!(text.starts_with("[fit]\nepochs = 60\n\n[manifest]\n"));
//!
//! // The file of a run is a configuration again: `config::layered` is given the first part.
//! let (config, found) = split(&text, Path::new("run.toml"))?;
//! assert_eq!(config, "[fit]\nepochs = 60\n");
//! assert_eq!(found, Some(manifest));
//! # Ok::<(), hairpin_train::TrainError>(())
//! ```

mod data;
mod git;
mod launch;
mod replay;

use std::env::consts;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::de::DeTable;

pub use data::DataFile;
pub use git::git_commit;
pub use launch::{Launch, rfc3339};
pub use replay::Replay;

use crate::device::{DeviceKind, Devices};
use crate::error::TrainError;

/// The key of the table.
const KEY: &str = "manifest";
/// Directly below the table's header, so that it goes where the table goes.
const COMMENT: &str =
    "# Written by the run: what it was made with. As a configuration, this table is passed over.\n";

/// What decides the result of a run, beside its configuration.
///
/// Nothing in it depends on the time, the folder, the number of threads or how often the run was stopped; a run that is resumed keeps
/// the manifest it began with.
///
/// ```toml
/// [manifest]
/// hairpin = "0.1.0"
/// program = "dna-rnn-classifier"
/// program_version = "0.1.0"
/// git_commit = "097cc9a8f4e9e4b2f1f6f3f6d3a1c7b5d0e8a912"
/// seed = 7
/// device = "flex"
/// features = ["flex"]
/// os = "linux"
/// arch = "x86_64"
///
/// [[manifest.data]]
/// name = "rnn-challenge-data.npz"
/// bytes = 3276254
/// sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of hairpin.
    pub hairpin: String,
    /// Name of the program that trained.
    pub program: String,
    /// Version of that program.
    pub program_version: String,
    /// Commit of the repository that the program was run in, if it was run in one: [`git_commit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// Seed of every draw.
    pub seed: u64,
    /// The device as it was named, such as `flex` or `cuda:0`.
    pub device: String,
    /// Cargo features that the program was built with, as it gives them.
    pub features: Vec<String>,
    /// Operating system, as Rust names it.
    pub os: String,
    /// Processor, as Rust names it.
    pub arch: String,
    /// The data, in the order in which the program takes its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataFile>,
}

/// One line of [`Manifest::changes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What differs, such as `device`.
    pub what: &'static str,
    /// What the run was made with.
    pub recorded: String,
    /// What is at hand.
    pub found: String,
}

impl Manifest {
    /// A manifest of this version of hairpin on this platform; the rest is empty and for the program to fill in.
    pub fn new(program: &str, program_version: &str) -> Self {
        Self {
            hairpin: env!("CARGO_PKG_VERSION").into(),
            program: program.into(),
            program_version: program_version.into(),
            git_commit: None,
            seed: 0,
            device: String::new(),
            features: Vec::new(),
            os: consts::OS.into(),
            arch: consts::ARCH.into(),
            data: Vec::new(),
        }
    }

    /// On these devices, by a program with these [features](DeviceKind::features).
    pub fn on(self, device: &Devices) -> Self {
        Self {
            device: device.to_string(),
            features: DeviceKind::features().into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// With these files, which are read for their hashes.
    ///
    /// # Errors
    ///
    /// As [`DataFile::read`].
    pub fn with_data(self, paths: &[PathBuf]) -> Result<Self, TrainError> {
        let data = paths.iter().map(|path| DataFile::read(path));
        Ok(Self {
            data: data.collect::<Result<_, _>>()?,
            ..self
        })
    }

    /// The configuration with this manifest as its last table: the text of `run.toml`, which [`split`] takes apart again.
    ///
    /// A last line that has no line break is given one; nothing else of the configuration changes.
    ///
    /// # Errors
    ///
    /// [`ConfigShape`](TrainError::ConfigShape) for a configuration that is not TOML or has a key `manifest` already.
    pub fn append_to(&self, config_toml: &str) -> Result<String, TrainError> {
        #[derive(Serialize)]
        struct Table<'a> {
            manifest: &'a Manifest,
        }

        let shape = |reason: String| TrainError::ConfigShape { reason };
        let config = DeTable::parse(config_toml).map_err(|error| shape(error.to_string()))?;
        if config.get_ref().contains_key(KEY) {
            return Err(shape(format!("it has a key `{KEY}` of its own")));
        }
        let table = toml::to_string(&Table { manifest: self })
            .map_err(|error| shape(format!("`{KEY}`: {error}")))?;
        let (header, fields) = table.split_once('\n').unwrap_or((&table, ""));
        let line_break = match config_toml {
            "" => "",
            whole if whole.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        Ok(format!(
            "{config_toml}{line_break}{header}\n{COMMENT}{fields}"
        ))
    }

    /// Whether these files, in the manifest's order, are the ones it records; they are read whole.
    ///
    /// A replay may find them under other names and in other places.
    ///
    /// # Errors
    ///
    /// [`DataFiles`](TrainError::DataFiles) for more or fewer files than recorded, [`DataDiffers`](TrainError::DataDiffers) for one
    /// of another size or content, and what [`DataFile::read`] refuses.
    pub fn verify_data<P: AsRef<Path>>(&self, paths: &[P]) -> Result<(), TrainError> {
        if paths.len() != self.data.len() {
            return Err(TrainError::DataFiles {
                expected: self.data.iter().map(|file| file.name.clone()).collect(),
                found: paths.len(),
            });
        }
        for (recorded, path) in self.data.iter().zip(paths) {
            recorded.verify(path.as_ref())?;
        }
        Ok(())
    }

    /// In what this run and another are unlike, apart from their data: a replay with such a change may end with other bytes.
    ///
    /// ```
    /// use hairpin_train::manifest::Manifest;
    ///
    /// let recorded = Manifest { device: "cuda:0".into(), ..Manifest::new("tune", "0.1.0") };
    /// let here = Manifest { device: "flex".into(), ..recorded.clone() };
    /// let changes = recorded.changes(&here);
    /// assert_eq!(changes.len(), 1);
    /// assert_eq!(changes[0].to_string(), "device was cuda:0, is flex");
    /// ```
    pub fn changes(&self, here: &Self) -> Vec<Change> {
        let commit = |of: &Self| of.git_commit.clone().unwrap_or_else(|| "unknown".into());
        let features = |of: &Self| {
            let mut sorted = of.features.clone();
            sorted.sort();
            sorted.join(", ")
        };
        [
            ("hairpin", self.hairpin.clone(), here.hairpin.clone()),
            ("program", self.program.clone(), here.program.clone()),
            (
                "program version",
                self.program_version.clone(),
                here.program_version.clone(),
            ),
            ("git commit", commit(self), commit(here)),
            ("seed", self.seed.to_string(), here.seed.to_string()),
            ("device", self.device.clone(), here.device.clone()),
            ("features", features(self), features(here)),
            ("operating system", self.os.clone(), here.os.clone()),
            ("processor", self.arch.clone(), here.arch.clone()),
        ]
        .into_iter()
        .filter(|(_, recorded, found)| recorded != found)
        .map(|(what, recorded, found)| Change {
            what,
            recorded,
            found,
        })
        .collect()
    }

    /// The manifest as names and values, for a page or a terminal.
    pub fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![
            ("hairpin".to_owned(), self.hairpin.clone()),
            (
                "program".to_owned(),
                format!("{} {}", self.program, self.program_version),
            ),
            (
                "git commit".to_owned(),
                self.git_commit.clone().unwrap_or_else(|| "unknown".into()),
            ),
            ("seed".to_owned(), self.seed.to_string()),
            ("device".to_owned(), self.device.clone()),
            ("features".to_owned(), self.features.join(", ")),
            ("platform".to_owned(), format!("{} {}", self.os, self.arch)),
        ];
        facts.extend(self.data.iter().map(|file| {
            let value = format!("{} bytes, SHA-256 {}", file.bytes, file.sha256);
            (format!("data: {}", file.name), value)
        }));
        facts
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was {}, is {}", self.what, self.recorded, self.found)
    }
}

/// Takes a `run.toml` apart: the configuration, as it was before [`Manifest::append_to`], and the manifest if there is one.
///
/// A configuration without the table comes back as it is. `path` is the name of the file in messages: nothing is read from it.
///
/// # Errors
///
/// [`ConfigSyntax`](TrainError::ConfigSyntax) for text that is not TOML, for a `[manifest]` that is not the last table, and for one
/// whose fields are not those of a [`Manifest`].
pub fn split(text: &str, path: &Path) -> Result<(String, Option<Manifest>), TrainError> {
    let refused = |offset: usize, reason: &str| {
        let (line, column) = place(text, offset);
        TrainError::ConfigSyntax {
            path: path.into(),
            line,
            column,
            reason: reason.replace('\n', " "),
        }
    };
    let syntax = |error: &toml::de::Error, start: usize| {
        let offset = error.span().map_or(text.len(), |span| start + span.start);
        refused(offset, error.message())
    };
    let whole = DeTable::parse(text).map_err(|error| syntax(&error, 0))?;
    let Some((key, _)) = whole
        .get_ref()
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == KEY)
    else {
        return Ok((text.to_owned(), None));
    };
    let offset = key.span().start;
    // The line of the table's first mention: what stands there and below must be the manifest and nothing else.
    let start = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let (config, table) = text.split_at(start);
    let last = "the manifest has to be the last table of the file, and written as a table";
    let below = DeTable::parse(table).map_err(|_| refused(offset, last))?;
    let config_table = DeTable::parse(config).map_err(|_| refused(offset, last))?;
    let stray = below
        .get_ref()
        .keys()
        .find(|key| key.get_ref().as_ref() != KEY);
    if let Some(stray) = stray {
        return Err(refused(start + stray.span().start, last));
    }
    if config_table.get_ref().contains_key(KEY) {
        return Err(refused(offset, last));
    }

    #[derive(Deserialize)]
    struct Table {
        manifest: Manifest,
    }
    let Table { manifest } = toml::from_str(table).map_err(|error| syntax(&error, start))?;
    for file in &manifest.data {
        if !data::is_sha256(&file.sha256) {
            let reason = "the SHA-256 of a data file has to be 64 lower-case hexadecimal digits";
            return Err(refused(offset, reason));
        }
    }
    // The empty line that `append_to` put before the table.
    let blank = config == "\n" || config.ends_with("\n\n");
    let config = &config[..config.len() - usize::from(blank)];
    Ok((config.to_owned(), Some(manifest)))
}

/// Line and column of a byte, both from 1; columns count characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (
        before.matches('\n').count() + 1,
        before[start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests;
