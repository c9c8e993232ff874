//! The drawings of a search.

use super::axis::{Axis, shortened};
use super::canvas::{Frame, Role, Side, figure};
use super::html::number;
use crate::space::Param;
use crate::{Direction, FinishedTrial, Importance, Space, TrialState};

/// Lines beyond this cover each other; the best trials are drawn.
const MOST_LINES: usize = 500;
const WIDE: (u32, u32) = (2000, 700);
const SMALL: (u32, u32) = (980, 560);

/// What every plot of values shows: of a complete trial its value, of a pruned one the value at which it was stopped.
fn values(trials: &[&FinishedTrial]) -> Vec<f64> {
    trials.iter().filter_map(|trial| trial.value).collect()
}

fn role(trial: &FinishedTrial) -> Role {
    match trial.state {
        TrialState::Complete => Role::Trial,
        TrialState::Pruned => Role::Pruned,
        TrialState::Failed => Role::Failed,
    }
}

fn with_scale(title: &str, axis: &Axis) -> String {
    if axis.log {
        format!("{title} (log scale)")
    } else {
        title.to_owned()
    }
}

/// The value of every trial, and the best complete one up to it.
pub(super) fn best_so_far(direction: Direction, trials: &[FinishedTrial]) -> String {
    let mut sorted: Vec<&FinishedTrial> = trials.iter().collect();
    sorted.sort_by_key(|trial| trial.number);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return String::new();
    };
    let y = Axis::of_values(&values(&sorted));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let mut best: Option<f64> = None;
    for trial in &sorted {
        let Some(value) = trial.value.filter(|_| trial.state == TrialState::Complete) else {
            continue;
        };
        if best.is_none_or(|best| direction.cost(value) < direction.cost(best)) {
            steps.extend(best.map(|best| (trial.number as f64, best)));
            steps.push((trial.number as f64, value));
            best = Some(value);
        }
    }
    steps.extend(best.map(|best| (last.number as f64, best)));
    let title = with_scale("Value by trial", &y);
    let description = format!(
        "Values of the trials {} to {}; the best complete one is {}.",
        first.number,
        last.number,
        best.map_or_else(|| "none".to_owned(), number)
    );
    let legend = [
        (Role::Best, "best so far"),
        (Role::Trial, "complete"),
        (Role::Pruned, "pruned"),
        (Role::Failed, "failed"),
    ];
    figure(&title, &description, &legend, WIDE, |canvas| {
        let frame = Frame {
            left: 150,
            top: 20,
            right: 1970,
            bottom: 640,
            x: Axis::counts(last.number),
            y: y.clone(),
        };
        frame.draw(canvas)?;
        for trial in &sorted {
            let x = trial.number as f64;
            match trial.value {
                Some(value) => {
                    if let Some(place) = y.place(value) {
                        canvas.dot(frame.at(x, place), role(trial), 7)?;
                    }
                }
                // A trial without a value stands on the axis.
                None => canvas.dot(frame.at(x, y.start), Role::Failed, 7)?,
            }
        }
        let line: Vec<(i32, i32)> = steps
            .iter()
            .filter_map(|&(x, value)| Some(frame.at(x, y.place(value)?)))
            .collect();
        if line.len() > 1 {
            canvas.line(line, Role::Best, 5)?;
        }
        Ok(())
    })
}

/// One bar for every parameter, in the order given.
pub(super) fn importances(shares: &[&Importance]) -> String {
    let height = 40 + 56 * shares.len() as u32;
    let description: Vec<String> = shares
        .iter()
        .map(|share| format!("{} {:.3}", share.param, share.share))
        .collect();
    figure(
        "Share of variance",
        &description.join(", "),
        &[],
        (2000, height),
        |canvas| {
            for (row, share) in shares.iter().enumerate() {
                let y = 40 + 56 * row as i32;
                let end = 420 + (1300.0 * share.share.clamp(0.0, 1.0)).round() as i32;
                canvas.text(&shortened(&share.param), (420, y), Side::Left)?;
                canvas.bar((420, y - 16), (end.max(422), y + 16), Role::Trial)?;
                let label = format!("{:.3} \u{b1} {:.3}", share.share, share.spread);
                canvas.text(&label, (end, y), Side::Right)?;
            }
            Ok(())
        },
    )
}

/// One line for every complete trial, through an axis for every parameter and one for the value. `ranked` is best first.
pub(super) fn parallel(space: &Space, direction: Direction, ranked: &[&FinishedTrial]) -> String {
    let complete: Vec<&&FinishedTrial> = ranked
        .iter()
        .filter(|trial| trial.state == TrialState::Complete)
        .collect();
    if complete.is_empty() {
        return String::new();
    }
    let shown: Vec<&FinishedTrial> = complete
        .iter()
        .take(MOST_LINES)
        .map(|trial| **trial)
        .collect();
    let value_axis = Axis::of_values(&values(&shown));
    let params = space.params();
    let width = 2000.max(240 * (params.len() as u32 + 1));
    let column = |i: usize| {
        let gap = f64::from(width - 340) / params.len().max(1) as f64;
        (160.0 + gap * i as f64).round() as i32
    };
    // Below its axis a parameter has a place for the trials that do not have it.
    let (top, bottom, off) = (90, 620, 670);
    let along = |share: f64| (f64::from(bottom) + share * f64::from(top - bottom)).round() as i32;
    let axes: Vec<Axis> = params
        .iter()
        .map(|param| Axis::of_domain(&param.domain))
        .collect();
    let title = with_scale(
        "Complete trials through all parameters to the value",
        &value_axis,
    );
    let description = format!(
        "{} complete trials; goal: {direction}. The darker a line, the better.",
        shown.len()
    );
    let legend = [
        (Role::Fifth(4), "best fifth"),
        (Role::Fifth(2), "middle"),
        (Role::Fifth(0), "worst fifth"),
    ];
    let mut html = figure(&title, &description, &legend, (width, 720), |canvas| {
        let names = params
            .iter()
            .map(|param| param.name.as_str())
            .chain(["value"]);
        for (i, param) in params.iter().enumerate() {
            if param.when.is_some() {
                canvas.text("not in use", (column(i), off), Side::Below)?;
            }
        }
        for (i, (name, axis)) in names.zip(axes.iter().chain([&value_axis])).enumerate() {
            let x = column(i);
            canvas.line(vec![(x, top), (x, bottom)], Role::Grid, 3)?;
            canvas.text(&shortened(name), (x, top), Side::Above)?;
            for (place, label) in &axis.ticks {
                let y = along(axis.share(*place));
                canvas.line(vec![(x - 6, y), (x + 6, y)], Role::Grid, 2)?;
                let side = if i == params.len() {
                    Side::Right
                } else {
                    Side::Left
                };
                canvas.text(label, (x, y), side)?;
            }
        }
        // The worst first, so that the best lie on top.
        for (rank, trial) in shown.iter().enumerate().rev() {
            let fifth = 4 - 5 * rank / shown.len();
            let mut line: Vec<(i32, i32)> = Vec::with_capacity(params.len() + 1);
            for (i, (param, axis)) in params.iter().zip(&axes).enumerate() {
                let value = trial.params.get(&param.name);
                let place = value.and_then(|value| axis.place_param(&param.domain, value));
                let y = place.map_or(off, |place| along(axis.share(place)));
                line.push((column(i), y));
            }
            if let Some(place) = trial.value.and_then(|value| value_axis.place(value)) {
                line.push((column(params.len()), along(value_axis.share(place))));
                canvas.line(line, Role::Fifth(fifth), 3)?;
            }
        }
        Ok(())
    });
    if complete.len() > shown.len() {
        html += &format!(
            "<p class=\"note\">The best {MOST_LINES} of {} complete trials.</p>\n",
            complete.len()
        );
    }
    html
}

/// The values over one parameter. `ranked` is best first.
pub(super) fn slice(param: &Param, direction: Direction, ranked: &[&FinishedTrial]) -> String {
    let with_param: Vec<&FinishedTrial> = ranked
        .iter()
        .copied()
        .filter(|trial| trial.value.is_some() && trial.params.get(&param.name).is_some())
        .collect();
    if with_param.is_empty() {
        return String::new();
    }
    let (x, y) = (
        Axis::of_domain(&param.domain),
        Axis::of_values(&values(&with_param)),
    );
    let title = with_scale(&param.name, &x);
    let description = format!(
        "Values of {} trials over {}; goal: {direction}.",
        with_param.len(),
        param.name
    );
    figure(&title, &description, &[], SMALL, |canvas| {
        let frame = Frame {
            left: 150,
            top: 20,
            right: 950,
            bottom: 500,
            x: x.clone(),
            y: y.clone(),
        };
        frame.draw(canvas)?;
        for (rank, trial) in with_param.iter().enumerate().rev() {
            let place = trial
                .params
                .get(&param.name)
                .and_then(|value| x.place_param(&param.domain, value));
            let value = trial.value.and_then(|value| y.place(value));
            if let (Some(place), Some(value)) = (place, value) {
                let best = rank == 0 && trial.state == TrialState::Complete;
                let (role, radius) = if best {
                    (Role::Best, 12)
                } else {
                    (role(trial), 7)
                };
                canvas.dot(frame.at(place, value), role, radius)?;
            }
        }
        Ok(())
    })
}
