//! A space from TOML.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Condition, Domain, Param, Space, SpaceBuilder};
use crate::{Place, SearchError, Value, file};

/// A space is written by hand; what is larger is another file.
const MOST_BYTES: u64 = 1 << 20;

const KEYS: [&str; 5] = ["type", "low", "high", "choices", "when"];
const TYPES: &str = "`float`, `log-float`, `int`, `log-int` or `categorical`";

pub(super) fn from_file(path: &Path) -> Result<Space, SearchError> {
    let bytes = file::read(path, MOST_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..before]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        SearchError::Syntax {
            at: Place {
                path: path.to_owned(),
                line: line + 1,
                column: 0,
            },
            reason: "the text is not UTF-8".to_owned(),
        }
    })?;
    from_toml(&text, path)
}

pub(super) fn from_toml(text: &str, path: &Path) -> Result<Space, SearchError> {
    let source = Source { text, path };
    let table = DeTable::parse(text).map_err(|error| SearchError::Syntax {
        at: source.place(error.span().map_or(text.len(), |span| span.start)),
        reason: error.message().replace('\n', " "),
    })?;
    let mut found = Vec::new();
    source.params(table.get_ref(), "", &mut found)?;
    found.sort_by_key(|(offset, _)| *offset);
    let params = found.into_iter();
    SpaceBuilder {
        params: params
            .map(|(offset, param)| (param, source.place(offset)))
            .collect(),
        alone: None,
        file: Place {
            path: path.to_owned(),
            ..Place::default()
        },
    }
    .build()
}

/// The file that a space comes from.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    /// Collects the parameters of a table and of the groups in it, each with the byte where its key stands.
    fn params(
        &self,
        table: &DeTable<'_>,
        group: &str,
        found: &mut Vec<(usize, Param)>,
    ) -> Result<(), SearchError> {
        for (key, value) in table {
            // A dot inside a quoted key is one that makes a group too.
            let name = format!("{group}{}", key.get_ref());
            let DeValue::Table(inner) = value.get_ref() else {
                let reason = format!(
                    "expected a table, such as `{{ type = \"float\", low = 0.0, high = 1.0 }}`, found {}",
                    type_of(value.get_ref())
                );
                return Err(self.key(key.span().start, &name, reason));
            };
            let is_group = match inner.get("type").map(Spanned::get_ref) {
                // Without parameters in it, it is a parameter that lacks its type.
                None => {
                    !inner.is_empty()
                        && inner
                            .values()
                            .all(|value| matches!(value.get_ref(), DeValue::Table(_)))
                        && !inner.contains_key("when")
                }
                Some(of_type) => matches!(of_type, DeValue::Table(_)),
            };
            if is_group {
                self.params(inner, &format!("{name}."), found)?;
            } else {
                let param = self.param(&name, key.span().start, inner)?;
                found.push((key.span().start, param));
            }
        }
        Ok(())
    }

    fn param(&self, name: &str, offset: usize, table: &DeTable<'_>) -> Result<Param, SearchError> {
        let Some(kind) = table.get("type") else {
            return Err(self.key(offset, name, format!("`type` is missing: expected {TYPES}")));
        };
        let DeValue::String(text) = kind.get_ref() else {
            let reason = format!("`type` is {}: expected {TYPES}", type_of(kind.get_ref()));
            return Err(self.key(kind.span().start, name, reason));
        };
        let numeric: &[&str] = &["type", "low", "high", "when"];
        let (keys, log) = match text.as_ref() {
            "float" | "int" => (numeric, false),
            "log-float" | "log-int" => (numeric, true),
            "categorical" => (&["type", "choices", "when"][..], false),
            other => {
                let reason = format!("`type` is `{}`: expected {TYPES}", other.escape_debug());
                return Err(self.key(kind.span().start, name, reason));
            }
        };
        if let Some((key, _)) = table
            .iter()
            .find(|(key, _)| !keys.contains(&key.get_ref().as_ref()))
        {
            let found = key.get_ref().escape_debug();
            let reason = if KEYS.contains(&key.get_ref().as_ref()) {
                format!("`{text}` has no `{found}`: remove it, or change the type")
            } else {
                format!(
                    "unknown key `{found}`: expected one of `{}`",
                    keys.join("`, `")
                )
            };
            return Err(self.key(key.span().start, name, reason));
        }
        let get = |key: &str| {
            table
                .get(key)
                .ok_or_else(|| self.key(offset, name, format!("`{key}` is missing")))
        };
        let domain = match text.as_ref() {
            "float" | "log-float" => Domain::Float {
                low: self.float(name, "low", get("low")?)?,
                high: self.float(name, "high", get("high")?)?,
                log,
            },
            "int" | "log-int" => Domain::Int {
                low: self.int(name, "low", get("low")?)?,
                high: self.int(name, "high", get("high")?)?,
                log,
            },
            _ => {
                let choices = get("choices")?;
                let DeValue::Array(values) = choices.get_ref() else {
                    let reason = format!(
                        "`choices` is {}: expected an array",
                        type_of(choices.get_ref())
                    );
                    return Err(self.key(choices.span().start, name, reason));
                };
                let choices = values
                    .iter()
                    .map(|value| self.value(name, value))
                    .collect::<Result<_, _>>()?;
                Domain::Categorical { choices }
            }
        };
        let when = table
            .get("when")
            .map(|when| self.condition(name, when))
            .transpose()?;
        Ok(Param {
            name: name.to_owned(),
            domain,
            when,
        })
    }

    fn condition(&self, name: &str, when: &Spanned<DeValue<'_>>) -> Result<Condition, SearchError> {
        let expected = "expected `when = { param = \"cell\", is = \"gru\" }`";
        let DeValue::Table(table) = when.get_ref() else {
            let reason = format!("`when` is {}: {expected}", type_of(when.get_ref()));
            return Err(self.key(when.span().start, name, reason));
        };
        if let Some((key, _)) = table
            .iter()
            .find(|(key, _)| !matches!(key.get_ref().as_ref(), "param" | "is"))
        {
            let reason = format!(
                "unknown key `{}` in `when`: {expected}",
                key.get_ref().escape_debug()
            );
            return Err(self.key(key.span().start, name, reason));
        }
        let (Some(param), Some(is)) = (table.get("param"), table.get("is")) else {
            let reason = format!("`when` needs both `param` and `is`: {expected}");
            return Err(self.key(when.span().start, name, reason));
        };
        let DeValue::String(text) = param.get_ref() else {
            let reason = format!(
                "`param` of `when` is {}: {expected}",
                type_of(param.get_ref())
            );
            return Err(self.key(param.span().start, name, reason));
        };
        let is = match is.get_ref() {
            DeValue::Array(values) => values
                .iter()
                .map(|value| self.value(name, value))
                .collect::<Result<_, _>>()?,
            _ => vec![self.value(name, is)?],
        };
        Ok(Condition {
            param: text.clone().into_owned(),
            is,
        })
    }

    fn float(
        &self,
        name: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<f64, SearchError> {
        match self.value(name, value)? {
            Value::Float(number) => Ok(number),
            Value::Int(number) => Ok(number as f64),
            _ => {
                let found = type_of(value.get_ref());
                let reason = format!("`{key}` is {found}: expected a number");
                Err(self.key(value.span().start, name, reason))
            }
        }
    }

    fn int(&self, name: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<i64, SearchError> {
        match self.value(name, value)? {
            Value::Int(number) => Ok(number),
            _ => {
                let found = type_of(value.get_ref());
                let reason = format!("`{key}` is {found}: expected an integer");
                Err(self.key(value.span().start, name, reason))
            }
        }
    }

    fn value(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Value, SearchError> {
        let refused = |reason| self.key(value.span().start, name, reason);
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(integer) => {
                let number = i64::from_str_radix(integer.as_str(), integer.radix());
                Value::Int(
                    number
                        .map_err(|_| refused(format!("the integer {integer} is beyond 64 bits")))?,
                )
            }
            DeValue::Float(float) => {
                let number = float.as_str().parse();
                Value::Float(number.map_err(|_| refused(format!("{float} is not a number")))?)
            }
            other => {
                let found = type_of(other);
                let reason = format!("found {found}: expected a string, a number or a boolean");
                return Err(refused(reason));
            }
        })
    }

    fn key(&self, offset: usize, param: &str, reason: String) -> SearchError {
        SearchError::Key {
            at: self.place(offset),
            param: param.to_owned(),
            reason,
        }
    }

    /// Line and column of a byte, both from 1; columns count characters, as editors do.
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        Place {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
