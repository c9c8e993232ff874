//! A trial as a row of a table, and back.

use super::lines::csv_line;
use crate::sampler::is_active;
use crate::space::{Domain, Param};
use crate::{FinishedTrial, Params, Report, Space, TrialState, Value};

/// The columns before those of the parameters.
const FIRST: [&str; 4] = ["study", "trial", "state", "value"];
/// The columns after them.
const LAST: [&str; 2] = ["reports", "message"];

/// The columns of a table of this space.
pub(super) fn columns(space: &Space) -> Vec<String> {
    let params = space
        .params()
        .iter()
        .map(|param| format!("param.{}", param.name));
    let first = FIRST.iter().map(|&name| name.to_owned());
    first
        .chain(params)
        .chain(LAST.iter().map(|&name| name.to_owned()))
        .collect()
}

/// Whether these are the columns of a table of any space.
pub(super) fn is_table(columns: &[String]) -> bool {
    let middle = FIRST.len()..columns.len().saturating_sub(LAST.len());
    columns.starts_with(&FIRST.map(str::to_owned))
        && columns.ends_with(&LAST.map(str::to_owned))
        && columns
            .get(middle)
            .is_some_and(|params| params.iter().all(|name| name.starts_with("param.")))
}

/// The columns of a table of any space, as a message shows them.
pub(super) fn any_columns() -> String {
    format!("{},param.NAME,..,{}", FIRST.join(","), LAST.join(","))
}

/// The line of a trial, with its line break, the only one in it.
pub(super) fn line(space: &Space, study: &str, trial: &FinishedTrial) -> Vec<u8> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:?}"));
    let mut cells = vec![
        study.to_owned(),
        trial.number.to_string(),
        trial.state.to_string(),
        number(trial.value),
    ];
    cells.extend(space.params().iter().map(|param| {
        let value = trial.params.get(&param.name);
        value.map_or_else(String::new, Value::to_string)
    }));
    let reports = trial.reports.iter();
    let reports = reports.map(|report| format!("{}={:?}", report.step, report.value));
    cells.push(reports.collect::<Vec<_>>().join(" "));
    cells.push(trial.message.clone());
    csv_line(&cells)
}

/// The trial of a row that has a cell for every column, or what is wrong with it.
pub(super) fn trial(
    space: &Space,
    number: usize,
    cells: &[String],
) -> Result<FinishedTrial, String> {
    let state = match cells[2].as_str() {
        "complete" => TrialState::Complete,
        "pruned" => TrialState::Pruned,
        "failed" => TrialState::Failed,
        other => {
            return Err(format!(
                "`state` is `{}`: expected `complete`, `pruned` or `failed`",
                other.escape_debug()
            ));
        }
    };
    let value = match (state, cells[3].as_str()) {
        (TrialState::Failed, "") => None,
        (TrialState::Failed, other) => {
            return Err(format!(
                "`value` of a failed trial is `{}`: expected none",
                other.escape_debug()
            ));
        }
        (_, text) => Some(finite("`value`", text)?),
    };
    let params = params(space, &cells[FIRST.len()..])?;
    let after = FIRST.len() + space.params().len();
    Ok(FinishedTrial {
        number,
        params,
        state,
        value,
        reports: reports(&cells[after])?,
        message: cells[after + 1].clone(),
    })
}

fn finite(what: &str, text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| {
            format!(
                "{what} is `{}`: expected a finite number",
                text.escape_debug()
            )
        })
}

fn params(space: &Space, cells: &[String]) -> Result<Params, String> {
    let mut values = vec![None; space.params().len()];
    for (i, param) in space.params().iter().enumerate() {
        if !cells[i].is_empty() {
            values[i] = Some(value(param, &cells[i])?);
        }
    }
    for (param, value) in space.params().iter().zip(&values) {
        let active = is_active(space, param, |parent| values[parent].as_ref());
        if active != value.is_some() {
            let (found, holds) = if active {
                ("has no value", "holds")
            } else {
                ("has a value", "does not hold")
            };
            return Err(format!(
                "parameter `{}` {found}, although its condition {holds}",
                param.name
            ));
        }
    }
    let named = space.params().iter().zip(values);
    Ok(Params(
        named
            .filter_map(|(param, value)| Some((param.name.clone(), value?)))
            .collect(),
    ))
}

fn value(param: &Param, text: &str) -> Result<Value, String> {
    let value = match &param.domain {
        Domain::Float { low, high, .. } => text
            .parse()
            .ok()
            .filter(|value| (low..=high).contains(&value))
            .map(Value::Float),
        Domain::Int { low, high, .. } => text
            .parse()
            .ok()
            .filter(|value| (low..=high).contains(&value))
            .map(Value::Int),
        Domain::Categorical { choices } => choices
            .iter()
            .find(|choice| choice.to_string() == text)
            .cloned(),
    };
    value.ok_or_else(|| {
        format!(
            "parameter `{}` is `{}`: expected {}",
            param.name,
            text.escape_debug(),
            match &param.domain {
                Domain::Float { low, high, .. } => format!("a number from {low:?} to {high:?}"),
                Domain::Int { low, high, .. } => format!("an integer from {low} to {high}"),
                Domain::Categorical { choices } => {
                    let names: Vec<String> =
                        choices.iter().map(|choice| format!("`{choice}`")).collect();
                    format!("one of {}", names.join(", "))
                }
            }
        )
    })
}

fn reports(text: &str) -> Result<Vec<Report>, String> {
    let mut reports: Vec<Report> = Vec::new();
    for part in text.split_whitespace() {
        let (step, value) = part.split_once('=').ok_or_else(|| {
            format!(
                "`reports` has `{}`: expected `step=value`",
                part.escape_debug()
            )
        })?;
        let step = step
            .parse()
            .ok()
            .filter(|&step| reports.last().is_none_or(|last| last.step < step))
            .ok_or_else(|| {
                format!(
                    "`reports` has the step `{}`: expected integers in ascending order",
                    step.escape_debug()
                )
            })?;
        let value = finite("a value of `reports`", value)?;
        reports.push(Report { step, value });
    }
    Ok(reports)
}
