//! A configuration file is the user's TOML laid over the defaults: what is not written keeps its default, and what nothing
//! reads is refused.
//!
//! ```
//! use std::path::Path;
//!
//! use hairpin_train::config::{layered, to_toml};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Config {
//!     seed: u64,
//!     fit: Fit,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Fit {
//!     epochs: usize,
//!     learning_rate: f64,
//! }
//!
//! let defaults = Config { seed: 0, fit: Fit { epochs: 60, learning_rate: 0.001 } };
//! let path = Path::new("my.toml");
//!
//! let config = layered(&defaults, "fit.epochs = 5", path)?;
//! assert_eq!(to_toml(&config)?, "seed = 0\n\n[fit]\nepochs = 5\nlearning_rate = 0.001\n");
//!
//! let refused = layered(&defaults, "[fit]\nepoch = 5", path).err().map(|error| error.to_string());
//! assert_eq!(
//!     refused.as_deref(),
//!     Some(
//!         "my.toml, line 2, column 1: unknown key `fit.epoch`, did you mean `fit.epochs`?; \
//!          expected one of `epochs`, `learning_rate`"
//!     )
//! );
//! # Ok::<(), hairpin_train::TrainError>(())
//! ```

mod key;
#[cfg(test)]
mod tests;
mod value;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::error::TrainError;
use crate::manifest::split;
use key::{child, distance, dotted, nearest};
use value::{json, same_type, type_of, type_of_default};

/// Bytes that a configuration may have.
const CAP: u64 = 1 << 20;

/// The user's TOML laid over the defaults.
///
/// A table is laid key by key, at any depth; any other value, arrays too, replaces the default. An integer is taken where
/// the default is a float. An option that is `None` by default takes a value; one that is `Some` by default cannot be
/// unset, because TOML has no word for nothing.
///
/// `path` is the name of the file in messages: nothing is read from it.
///
/// # Errors
///
/// [`ConfigSyntax`](TrainError::ConfigSyntax) for text that is not TOML, [`ConfigKey`](TrainError::ConfigKey) for a key that
/// the configuration does not have, [`ConfigType`](TrainError::ConfigType) for a value of another type than the default's,
/// and [`ConfigValue`](TrainError::ConfigValue) for one that `T` refuses: an unknown name, a negative count, a number out of
/// range, NaN or infinity. Each gives the line and column of the key. [`ConfigShape`](TrainError::ConfigShape) when the
/// defaults themselves do not fit a file.
pub fn layered<T: Serialize + DeserializeOwned>(
    defaults: &T,
    text: &str,
    path: &Path,
) -> Result<T, TrainError> {
    // JSON, not TOML, for the defaults: it keeps the keys of options that are None.
    let base = serde_json::to_value(defaults).map_err(shape)?;
    if !base.is_object() {
        return Err(shape("it is not a struct"));
    }
    let file = Layer {
        path,
        text,
        base: &base,
    };
    let table = DeTable::parse(text).map_err(|error| file.syntax(&error))?;

    let mut settings = Vec::new();
    file.compare(table.get_ref(), &base, &[], &mut settings)?;
    settings.sort_by_key(|setting| setting.offset);
    let mut laid = base.clone();
    for setting in &settings {
        setting.put(&mut laid);
    }
    let config = T::deserialize(&laid).map_err(|error| file.refused::<T>(&settings, &error))?;

    let read = serde_json::to_value(&config).map_err(shape)?;
    file.all_read(table.get_ref(), &read, &[])?;
    Ok(config)
}

/// The TOML of a file laid over the defaults, as [`layered`] does; a run's `run.toml` is such a file, its
/// [manifest](crate::manifest) passed over.
///
/// # Errors
///
/// [`ConfigFile`](TrainError::ConfigFile) for what is no file, is above 1 MiB or cannot be read, and what [`split`] and [`layered`]
/// refuse.
pub fn load<T: Serialize + DeserializeOwned>(defaults: &T, path: &Path) -> Result<T, TrainError> {
    let refused = |source| TrainError::ConfigFile {
        path: path.to_owned(),
        source,
    };
    // Before opening, because opening a pipe waits for someone to write into it.
    let found = fs::metadata(path).map_err(refused)?;
    if !found.is_file() || found.len() > CAP {
        return Err(refused(io::Error::other("not a file of at most 1 MiB")));
    }
    let mut text = String::new();
    let mut file = File::open(path).map_err(refused)?.take(CAP);
    file.read_to_string(&mut text).map_err(refused)?;
    let (text, _) = split(&text, path)?;
    layered(defaults, &text, path)
}

/// The configuration as TOML: what a run keeps as its resolved configuration.
///
/// [`layered`] over the same defaults reads the same configuration back, unless an option is `None` here and `Some` there.
///
/// # Errors
///
/// [`ConfigShape`](TrainError::ConfigShape) for what [`layered`] could not read back: a value that is not a struct, a number
/// that is NaN, infinite or beyond 64 bits, a map whose keys are not strings.
pub fn to_toml<T: Serialize>(config: &T) -> Result<String, TrainError> {
    let text = toml::to_string(config).map_err(shape)?;
    let table = DeTable::parse(&text).map_err(|error| shape(error.message()))?;
    for (key, value) in table.get_ref() {
        json(value.get_ref())
            .map_err(|reason| shape(format!("`{}`: {reason}", dotted(&[], key.get_ref()))))?;
    }
    Ok(text)
}

fn shape(reason: impl ToString) -> TrainError {
    TrainError::ConfigShape {
        reason: reason.to_string(),
    }
}

/// One value that the user wrote: where it goes and where its key stands in the text.
struct Setting {
    keys: Vec<String>,
    offset: usize,
    value: Value,
}

impl Setting {
    fn put(&self, laid: &mut Value) {
        let mut place = laid;
        for key in &self.keys {
            // Never inserts and never panics: `compare` saw every key in the defaults.
            place = &mut place[key.as_str()];
        }
        *place = self.value.clone();
    }
}

/// The user's file beside the defaults.
struct Layer<'a> {
    path: &'a Path,
    text: &'a str,
    base: &'a Value,
}

impl Layer<'_> {
    /// Checks keys and types against the defaults and collects the values.
    fn compare(
        &self,
        table: &DeTable<'_>,
        defaults: &Value,
        parents: &[String],
        settings: &mut Vec<Setting>,
    ) -> Result<(), TrainError> {
        for (key, value) in table {
            let offset = key.span().start;
            let default = defaults
                .get(key.get_ref().as_ref())
                .ok_or_else(|| self.unknown(self.base, defaults, parents, key.get_ref(), offset))?;
            let keys = child(parents, key.get_ref());
            if let (DeValue::Table(inner), Value::Object(_)) = (value.get_ref(), default) {
                self.compare(inner, default, &keys, settings)?;
                continue;
            }
            if !same_type(value.get_ref(), default) {
                let (line, column) = self.place(offset);
                return Err(TrainError::ConfigType {
                    path: self.path.into(),
                    line,
                    column,
                    key: dotted(parents, key.get_ref()),
                    expected: type_of_default(default),
                    found: type_of(value.get_ref()),
                });
            }
            let value = json(value.get_ref())
                .map_err(|reason| self.value(dotted(parents, key.get_ref()), offset, reason))?;
            settings.push(Setting {
                keys,
                offset,
                value,
            });
        }
        Ok(())
    }

    /// Checks that nothing the user wrote was passed over: inside arrays and under options there was no default to compare
    /// with, and a float too large for its type became infinite, which JSON writes as null.
    fn all_read(
        &self,
        table: &DeTable<'_>,
        read: &Value,
        parents: &[String],
    ) -> Result<(), TrainError> {
        let Value::Object(known) = read else {
            return Ok(());
        };
        for (key, value) in table {
            let (key, offset) = (key.get_ref(), key.span().start);
            let found = known
                .get(key.as_ref())
                .ok_or_else(|| self.unknown(&Value::Null, read, parents, key, offset))?;
            let mut pairs = vec![(value.get_ref(), found)];
            while let Some((value, found)) = pairs.pop() {
                match (value, found) {
                    (DeValue::Table(inner), _) => {
                        self.all_read(inner, found, &child(parents, key))?;
                    }
                    (DeValue::Array(values), Value::Array(found)) => {
                        pairs.extend(values.iter().map(|value| value.get_ref()).zip(found));
                    }
                    (DeValue::Integer(_) | DeValue::Float(_), Value::Null) => {
                        let reason = "the number is too large for its type".into();
                        return Err(self.value(dotted(parents, key), offset, reason));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Blames the first value, in the order of the file, with which the configuration is refused.
    fn refused<T: DeserializeOwned>(
        &self,
        settings: &[Setting],
        error: &serde_json::Error,
    ) -> TrainError {
        let mut laid = self.base.clone();
        if let Err(error) = T::deserialize(&laid) {
            return shape(format!("its own defaults are refused: {error}"));
        }
        for setting in settings {
            setting.put(&mut laid);
            if let Err(error) = T::deserialize(&laid)
                && let Some((last, parents)) = setting.keys.split_last()
            {
                return self.value(dotted(parents, last), setting.offset, error.to_string());
            }
        }
        shape(error)
    }

    fn value(&self, key: String, offset: usize, reason: String) -> TrainError {
        let (line, column) = self.place(offset);
        TrainError::ConfigValue {
            path: self.path.into(),
            line,
            column,
            key,
            reason,
        }
    }

    fn unknown(
        &self,
        everywhere: &Value,
        here: &Value,
        parents: &[String],
        key: &str,
        offset: usize,
    ) -> TrainError {
        let mut candidates = Vec::new();
        nearest(everywhere, &[], key, &mut candidates);
        // Outranks the same key found from the top: of two keys as near, the one in the same table is meant.
        for (name, _) in here.as_object().into_iter().flatten() {
            candidates.push((distance(key, name), 0, dotted(parents, name)));
        }
        // Longer names may be misspelt further; `lr` is not near `k`.
        let tolerance = (key.chars().count() / 3).clamp(1, 3);
        let suggestion = candidates
            .into_iter()
            .filter(|(distance, ..)| *distance <= tolerance)
            .min()
            .map(|(.., name)| name);
        let (line, column) = self.place(offset);
        TrainError::ConfigKey {
            path: self.path.into(),
            line,
            column,
            key: dotted(parents, key),
            suggestion,
            allowed: here
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| dotted(&[], name))
                .collect(),
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> TrainError {
        let offset = error.span().map_or(self.text.len(), |span| span.start);
        let (line, column) = self.place(offset);
        TrainError::ConfigSyntax {
            path: self.path.into(),
            line,
            column,
            reason: error.message().replace('\n', " "),
        }
    }

    /// Line and column of a byte, both from 1; columns count characters, as editors do.
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (
            before.matches('\n').count() + 1,
            before[start..].chars().count() + 1,
        )
    }
}
