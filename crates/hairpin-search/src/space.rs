//! The space that a search goes through: parameters, their ranges, and which depends on which.

mod check;
mod read;

use std::ops::RangeInclusive;
use std::path::Path;

use crate::{Place, SearchError, Value};

/// What values a parameter can have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Domain {
    /// A float between two bounds, both included.
    Float {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
        /// Whether its logarithm is uniform, instead of itself.
        log: bool,
    },
    /// An integer between two bounds, both included.
    Int {
        /// The lower bound.
        low: i64,
        /// The upper bound.
        high: i64,
        /// Whether small integers are as likely as large ones by ratio, instead of by difference.
        log: bool,
    },
    /// One of several values without an order.
    Categorical {
        /// The values.
        choices: Vec<Value>,
    },
}

/// When a parameter is part of a trial: when another one is part of it and has one of these values.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The other parameter, an integer or a categorical one.
    pub param: String,
    /// The values.
    pub is: Vec<Value>,
}

/// One parameter of a [`Space`].
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name. Dots make groups: `fit.learning_rate`.
    pub name: String,
    /// What values it can have.
    pub domain: Domain,
    /// When it is part of a trial; `None` is always.
    pub when: Option<Condition>,
}

/// The parameters of a search, checked.
///
/// ```
/// use hairpin_search::Space;
///
/// let space = Space::builder()
///     .log_float("learning_rate", 1e-5..=1e-1)
///     .float("dropout", 0.0..=0.5)
///     .int("layers", 1..=3)
///     .log_int("units", 16..=256)
///     .categorical("cell", ["lstm", "gru"])
///     .float("reset_dropout", 0.0..=0.5)
///     .when("cell", ["gru"])
///     .build()?;
/// assert_eq!(space.params().len(), 6);
///
/// let refused = Space::builder().log_float("learning_rate", 0.0..=0.1).build().unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "parameter `learning_rate` is on a logarithmic scale from 0.0: expected a lower bound above 0, or a linear scale"
/// );
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
///
/// The same in TOML. The order of parameters is that of the file, and a table without `type` is a group.
///
/// ```
/// use hairpin_search::Space;
/// use std::path::Path;
///
/// let text = r#"
/// learning_rate = { type = "log-float", low = 1e-5, high = 1e-1 }
/// dropout = { type = "float", low = 0.0, high = 0.5 }
/// layers = { type = "int", low = 1, high = 3 }
/// units = { type = "log-int", low = 16, high = 256 }
/// cell = { type = "categorical", choices = ["lstm", "gru"] }
/// reset_dropout = { type = "float", low = 0.0, high = 0.5, when = { param = "cell", is = "gru" } }
/// "#;
/// let space = Space::from_toml(text, Path::new("space.toml"))?;
/// assert_eq!(space, Space::from_toml(&space.to_toml(), Path::new("again"))?);
///
/// let refused = Space::from_toml("[layers]\ntype = 'int'\nlow = 3\nhigh = 1", Path::new("space.toml")).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "space.toml, line 1, column 2: parameter `layers` has low 3 above high 1: exchange them"
/// );
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    params: Vec<Param>,
    /// Indices of the parameters, each after the one that it depends on.
    order: Vec<usize>,
}

impl Space {
    /// Begins a space.
    pub fn builder() -> SpaceBuilder {
        SpaceBuilder::default()
    }

    /// A space from TOML.
    ///
    /// | key | of | meaning |
    /// |---|---|---|
    /// | `type` | all | `float`, `log-float`, `int`, `log-int` or `categorical` |
    /// | `low`, `high` | numbers | the bounds, both included |
    /// | `choices` | `categorical` | an array of strings, numbers or booleans |
    /// | `when` | any | `{ param = "cell", is = "gru" }`, or an array of values for `is` |
    ///
    /// `path` is the name of the file in messages: nothing is read from it.
    ///
    /// # Errors
    ///
    /// [`Syntax`](SearchError::Syntax) for what is not TOML (two parameters of one name too), [`Key`](SearchError::Key) for
    /// keys that are unknown, missing or of another type, and whatever [`build`](SpaceBuilder::build) refuses; each with the
    /// line and column of the parameter.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, SearchError> {
        read::from_toml(text, path)
    }

    /// A space from a TOML file of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`Read`](SearchError::Read), [`TooLarge`](SearchError::TooLarge), and those of [`from_toml`](Self::from_toml).
    pub fn read(path: &Path) -> Result<Self, SearchError> {
        read::from_file(path)
    }

    /// The parameters, in the order in which they were given.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The parameter of this name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Indices of the parameters, each after the one that it depends on.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// The space as TOML that [`from_toml`](Self::from_toml) reads back to the same space, one parameter a line.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for param in &self.params {
            let mut table = toml::Table::new();
            let kind = match &param.domain {
                Domain::Float { low, high, log } => {
                    table.insert("low".into(), (*low).into());
                    table.insert("high".into(), (*high).into());
                    if *log { "log-float" } else { "float" }
                }
                Domain::Int { low, high, log } => {
                    table.insert("low".into(), (*low).into());
                    table.insert("high".into(), (*high).into());
                    if *log { "log-int" } else { "int" }
                }
                Domain::Categorical { choices } => {
                    table.insert("choices".into(), array(choices));
                    "categorical"
                }
            };
            table.insert("type".into(), kind.into());
            if let Some(Condition { param, is }) = &param.when {
                let mut when = toml::Table::new();
                when.insert("param".into(), param.as_str().into());
                when.insert("is".into(), array(is));
                table.insert("when".into(), toml::Value::Table(when));
            }
            // A value is written inline, `{ low = 1, .. }`; its name is quoted part by part.
            let name: Vec<String> = param.name.split('.').map(quoted).collect();
            text += &format!("{} = {}\n", name.join("."), toml::Value::Table(table));
        }
        text
    }
}

fn array(values: &[Value]) -> toml::Value {
    toml::Value::Array(values.iter().map(toml::Value::from).collect())
}

/// One part of a key as TOML writes it. A name has no control characters.
fn quoted(part: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if part.chars().all(bare) {
        return part.to_owned();
    }
    format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A [`Space`] in the making: each call adds a parameter, [`build`](Self::build) checks them together.
#[derive(Clone, Debug, Default)]
pub struct SpaceBuilder {
    params: Vec<(Param, Place)>,
    /// A condition before the first parameter.
    alone: Option<String>,
    /// The file that the space came from.
    file: Place,
}

impl SpaceBuilder {
    /// Adds a float that is uniform between two bounds.
    pub fn float(self, name: &str, range: RangeInclusive<f64>) -> Self {
        let (low, high) = range.into_inner();
        let log = false;
        self.param(name, Domain::Float { low, high, log })
    }

    /// Adds a float whose logarithm is uniform.
    pub fn log_float(self, name: &str, range: RangeInclusive<f64>) -> Self {
        let (low, high) = range.into_inner();
        let log = true;
        self.param(name, Domain::Float { low, high, log })
    }

    /// Adds an integer that is uniform between two bounds.
    pub fn int(self, name: &str, range: RangeInclusive<i64>) -> Self {
        let (low, high) = range.into_inner();
        let log = false;
        self.param(name, Domain::Int { low, high, log })
    }

    /// Adds an integer on a logarithmic scale: `k` is as likely as the logarithms between `k - 1/2` and `k + 1/2`.
    pub fn log_int(self, name: &str, range: RangeInclusive<i64>) -> Self {
        let (low, high) = range.into_inner();
        let log = true;
        self.param(name, Domain::Int { low, high, log })
    }

    /// Adds a parameter that is one of these values, each as likely.
    pub fn categorical<V: Into<Value>>(
        self,
        name: &str,
        choices: impl IntoIterator<Item = V>,
    ) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        self.param(name, Domain::Categorical { choices })
    }

    /// Makes the last parameter part of a trial only when `parent` is part of it and has one of these values.
    pub fn when<V: Into<Value>>(mut self, parent: &str, is: impl IntoIterator<Item = V>) -> Self {
        match self.params.last_mut() {
            Some((param, _)) => {
                param.when = Some(Condition {
                    param: parent.to_owned(),
                    is: is.into_iter().map(Into::into).collect(),
                });
            }
            None => self.alone = Some(parent.to_owned()),
        }
        self
    }

    fn param(mut self, name: &str, domain: Domain) -> Self {
        let (name, when) = (name.to_owned(), None);
        self.params
            .push((Param { name, domain, when }, Place::default()));
        self
    }

    /// The space.
    ///
    /// # Errors
    ///
    /// For a bound that is not finite or out of order, a logarithm of zero or less, a name or a choice that is empty, repeated
    /// or holds control characters, a condition on a parameter that is not there, on a float, on itself or on a value that
    /// cannot be; each names the parameter.
    pub fn build(self) -> Result<Space, SearchError> {
        check::build(self)
    }
}
