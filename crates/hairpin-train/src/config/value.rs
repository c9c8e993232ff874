//! Values of a TOML file beside the defaults that they replace.

use serde_json::Value;
use toml::de::DeValue;

pub(super) fn same_type(value: &DeValue<'_>, default: &Value) -> bool {
    match (value, default) {
        // None by default: what it may be is for the deserialisation to say.
        (_, Value::Null) => true,
        (DeValue::String(_), Value::String(_))
        | (DeValue::Boolean(_), Value::Bool(_))
        | (DeValue::Integer(_), Value::Number(_))
        | (DeValue::Array(_), Value::Array(_))
        | (DeValue::Table(_), Value::Object(_)) => true,
        (DeValue::Float(_), Value::Number(number)) => number.is_f64(),
        _ => false,
    }
}

pub(super) fn type_of(value: &DeValue<'_>) -> &'static str {
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

pub(super) fn type_of_default(default: &Value) -> &'static str {
    match default {
        Value::Null => "a value",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

/// The value as JSON, or why it has no place in a configuration.
pub(super) fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            i64::from_str_radix(digits, radix)
                .map(Value::from)
                .or_else(|_| u64::from_str_radix(digits, radix).map(Value::from))
                .map_err(|_| format!("the integer {integer} is beyond 64 bits"))?
        }
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("{float} is not a finite number"))?,
        DeValue::Datetime(date) => {
            return Err(format!(
                "{date} is a date; put it in quotes if it is a name"
            ));
        }
        DeValue::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| json(value.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| {
                    Ok((key.get_ref().clone().into_owned(), json(value.get_ref())?))
                })
                .collect::<Result<_, String>>()?,
        ),
    })
}
