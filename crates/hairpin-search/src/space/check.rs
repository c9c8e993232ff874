//! What makes parameters a space.

use std::collections::HashMap;

use super::{Domain, Param, Space, SpaceBuilder};
use crate::{Place, SearchError, Value};

/// Beyond this a float does not hold every integer.
const MOST: i64 = 1 << 53;

pub(super) fn build(builder: SpaceBuilder) -> Result<Space, SearchError> {
    let SpaceBuilder {
        params,
        alone,
        file,
    } = builder;
    if let Some(parent) = alone {
        return Err(SearchError::WhenAlone { parent });
    }
    if params.is_empty() {
        return Err(SearchError::NoParams { at: file });
    }
    let mut index = HashMap::with_capacity(params.len());
    for (i, (param, at)) in params.iter().enumerate() {
        let (at, name) = (at.clone(), param.name.clone());
        if name.chars().any(char::is_control) || name.split('.').any(str::is_empty) {
            return Err(SearchError::Name { at, param: name });
        }
        if index.insert(param.name.as_str(), i).is_some() {
            return Err(SearchError::Duplicate { at, param: name });
        }
        check_domain(param, &at)?;
    }
    for (param, _) in &params {
        for (end, _) in param.name.match_indices('.') {
            if let Some(&group) = index.get(&param.name[..end]) {
                return Err(SearchError::Group {
                    at: params[group].1.clone(),
                    param: params[group].0.name.clone(),
                    inside: param.name.clone(),
                });
            }
        }
    }
    let mut depths = Vec::with_capacity(params.len());
    for (param, at) in &params {
        check_condition(param, at, &params, &index)?;
        depths.push(depth(param, at, &params, &index)?);
    }
    let mut order: Vec<usize> = (0..params.len()).collect();
    order.sort_by_key(|&i| depths[i]);
    let params = params.into_iter().map(|(param, _)| param).collect();
    Ok(Space { params, order })
}

fn check_domain(param: &Param, at: &Place) -> Result<(), SearchError> {
    let (at, name) = (at.clone(), param.name.clone());
    match &param.domain {
        Domain::Float { low, high, log } => {
            let values = (Value::Float(*low), Value::Float(*high));
            if !(low.is_finite() && high.is_finite() && (high - low).is_finite()) {
                let (low, high) = values;
                return Err(SearchError::NotFinite {
                    at,
                    param: name,
                    low,
                    high,
                });
            }
            check_bounds(low > high, *log && *low <= 0.0, values, at, name)
        }
        Domain::Int { low, high, log } => {
            let values = (Value::Int(*low), Value::Int(*high));
            if !(-MOST..=MOST).contains(low) || !(-MOST..=MOST).contains(high) {
                let (low, high) = values;
                return Err(SearchError::TooWide {
                    at,
                    param: name,
                    low,
                    high,
                });
            }
            check_bounds(low > high, *log && *low <= 0, values, at, name)
        }
        Domain::Categorical { choices } => check_choices(choices, at, name),
    }
}

fn check_bounds(
    above: bool,
    log_of_zero: bool,
    (low, high): (Value, Value),
    at: Place,
    param: String,
) -> Result<(), SearchError> {
    if above {
        return Err(SearchError::LowAboveHigh {
            at,
            param,
            low,
            high,
        });
    }
    if log_of_zero {
        return Err(SearchError::LogOfZero { at, param, low });
    }
    Ok(())
}

fn check_choices(choices: &[Value], at: Place, param: String) -> Result<(), SearchError> {
    if choices.is_empty() {
        return Err(SearchError::NoChoices { at, param });
    }
    let mut seen = std::collections::HashSet::with_capacity(choices.len());
    for choice in choices {
        let text = choice.to_string();
        let reason = if matches!(choice, Value::Float(value) if !value.is_finite()) {
            "expected a finite number"
        } else if text.is_empty() {
            "a table has no place for an empty choice; give it a name"
        } else if text.chars().any(char::is_control) {
            "expected text without control characters"
        } else if !seen.insert(text) {
            "another choice reads the same in a table; remove or rename one"
        } else {
            continue;
        };
        return Err(SearchError::Choice {
            at,
            param,
            choice: choice.clone(),
            reason,
        });
    }
    Ok(())
}

fn check_condition(
    param: &Param,
    at: &Place,
    params: &[(Param, Place)],
    index: &HashMap<&str, usize>,
) -> Result<(), SearchError> {
    let Some(condition) = &param.when else {
        return Ok(());
    };
    let parent = &condition.param;
    let Some(&found) = index.get(parent.as_str()) else {
        let near = |name: &str| strsim::damerau_levenshtein(parent, name);
        let suggestion = params
            .iter()
            .map(|(other, _)| other.name.as_str())
            .filter(|&name| name != param.name)
            .min_by_key(|name| near(name))
            .filter(|name| near(name) <= (parent.chars().count() / 3).clamp(1, 3));
        return Err(SearchError::UnknownParent {
            at: at.clone(),
            param: param.name.clone(),
            parent: parent.clone(),
            suggestion: suggestion.map(str::to_owned),
        });
    };
    let possible = |value: &Value| match (&params[found].0.domain, value) {
        (Domain::Categorical { choices }, value) => choices.contains(value),
        (Domain::Int { low, high, .. }, Value::Int(value)) => (low..=high).contains(&value),
        _ => false,
    };
    let reason = if matches!(params[found].0.domain, Domain::Float { .. }) {
        "it is a float; a condition may look at an integer or a categorical parameter".to_owned()
    } else if condition.is.is_empty() {
        "no value is given; name at least one that it can have".to_owned()
    } else if let Some(value) = condition.is.iter().find(|value| !possible(value)) {
        format!("it is never {value}; name a value that it can have")
    } else {
        return Ok(());
    };
    Err(SearchError::Condition {
        at: at.clone(),
        param: param.name.clone(),
        parent: parent.clone(),
        reason,
    })
}

/// On how many parameters this one hangs, one above the other.
fn depth(
    param: &Param,
    at: &Place,
    params: &[(Param, Place)],
    index: &HashMap<&str, usize>,
) -> Result<usize, SearchError> {
    let (mut above, mut through) = (param, Vec::new());
    while let Some(condition) = &above.when {
        through.push(condition.param.clone());
        if condition.param == param.name {
            return Err(SearchError::Cycle {
                at: at.clone(),
                param: param.name.clone(),
                through,
            });
        }
        match index.get(condition.param.as_str()) {
            // Longer than the space: a circle further up, which is refused at the parameters that are in it.
            Some(&parent) if through.len() <= params.len() => above = &params[parent].0,
            _ => break,
        }
    }
    Ok(through.len())
}
