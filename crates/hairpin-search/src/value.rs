//! The value of a parameter, and all values of one trial.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SearchError;

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A choice that is true or false.
    Bool(bool),
    /// An integer, or a choice that is one.
    Int(i64),
    /// A float, or a choice that is one.
    Float(f64),
    /// A choice that is text.
    Text(String),
}

impl fmt::Display for Value {
    /// As a table holds it: a float so that it reads back to the same bits and never looks like an integer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl From<&Value> for toml::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Boolean(*value),
            Value::Int(value) => Self::Integer(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(value) => Self::String(value.clone()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// The values of one trial, in the order of the space; a parameter whose condition does not hold has none.
///
/// ```
/// use hairpin_search::{Direction, Sampler, Space};
///
/// let space = Space::builder()
///     .log_float("fit.learning_rate", 1e-5..=1e-1)
///     .categorical("cell", ["gru"])
///     .build()?;
/// let params = Sampler::Random.draw(&space, 7, 0, Direction::Minimise, &[]);
/// assert!((1e-5..=1e-1).contains(&params.float("fit.learning_rate")?));
/// assert_eq!(params.text("cell")?, "gru");
/// assert_eq!(params.float("momentum").unwrap_err().to_string(),
///     "the trial has no parameter `momentum`: the space does not have it, or its condition does not hold");
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(pub(crate) Vec<(String, Value)>);

impl Params {
    /// The value of a parameter, or `None` if the trial does not have it.
    pub fn get(&self, param: &str) -> Option<&Value> {
        self.0
            .iter()
            .find_map(|(name, value)| (name == param).then_some(value))
    }

    /// The value of a float or an integer, as a float.
    ///
    /// # Errors
    ///
    /// [`NotActive`](SearchError::NotActive) if the trial does not have it, [`Type`](SearchError::Type) for text and booleans.
    pub fn float(&self, param: &str) -> Result<f64, SearchError> {
        self.typed(param, "a number", |value| match value {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        })
    }

    /// The value of an integer.
    ///
    /// # Errors
    ///
    /// As [`float`](Self::float).
    pub fn int(&self, param: &str) -> Result<i64, SearchError> {
        self.typed(param, "an integer", |value| match value {
            Value::Int(value) => Some(*value),
            _ => None,
        })
    }

    /// The value of a choice that is text.
    ///
    /// # Errors
    ///
    /// As [`float`](Self::float).
    pub fn text(&self, param: &str) -> Result<&str, SearchError> {
        self.typed(param, "text", |value| match value {
            Value::Text(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// The value of a choice that is true or false.
    ///
    /// # Errors
    ///
    /// As [`float`](Self::float).
    pub fn bool(&self, param: &str) -> Result<bool, SearchError> {
        self.typed(param, "true or false", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    fn typed<'a, T>(
        &'a self,
        param: &str,
        expected: &'static str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, SearchError> {
        let value = self.get(param).ok_or_else(|| SearchError::NotActive {
            param: param.to_owned(),
        })?;
        of(value).ok_or_else(|| SearchError::Type {
            param: param.to_owned(),
            value: value.clone(),
            expected,
        })
    }

    /// Names and values, in the order of the space.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The values as TOML, to be laid over a configuration: `fit.learning_rate` is the key `learning_rate` of the table `fit`.
    ///
    /// ```
    /// use hairpin_search::{Direction, Sampler, Space};
    ///
    /// let space = Space::builder().int("layers", 2..=2).categorical("fit.clip", [true]).build()?;
    /// let params = Sampler::Random.draw(&space, 0, 0, Direction::Minimise, &[]);
    /// assert_eq!(params.to_toml(), "layers = 2\n\n[fit]\nclip = true\n");
    /// # Ok::<(), hairpin_search::SearchError>(())
    /// ```
    pub fn to_toml(&self) -> String {
        let mut root = toml::Table::new();
        for (name, value) in &self.0 {
            insert(&mut root, name, value.into());
        }
        root.to_string()
    }
}

/// Puts a value under its dotted name. The space sees to it that no name is a group of others.
fn insert(mut table: &mut toml::Table, name: &str, value: toml::Value) {
    let mut parts: Vec<&str> = name.split('.').collect();
    let last = parts.pop().unwrap_or(name);
    for part in parts {
        let inner = table
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(inner) = inner else {
            return;
        };
        table = inner;
    }
    table.insert(last.to_owned(), value);
}
