//! The functions of `fixtures/make/golden_search.py`, to minimise.

// Every test takes what it needs.
#![allow(dead_code)]

use std::f64::consts::PI;

use hairpin_search::{Params, SearchError, Space, SpaceBuilder};

pub(crate) type Objective = fn(&Params) -> Result<f64, SearchError>;

/// Name, space and objective of each function.
pub(crate) fn all() -> Vec<(&'static str, Space, Objective)> {
    let floats = |n: usize, low: f64, high: f64| {
        (0..n).fold(Space::builder(), |space: SpaceBuilder, i| {
            space.float(&format!("x{i}"), low..=high)
        })
    };
    vec![
        ("sphere", floats(5, -5.0, 5.0).build().unwrap(), sphere),
        (
            "branin",
            Space::builder()
                .float("x", -5.0..=10.0)
                .float("y", 0.0..=15.0)
                .build()
                .unwrap(),
            branin,
        ),
        ("hartmann", floats(6, 0.0, 1.0).build().unwrap(), hartmann),
        ("network", network_space(), network),
    ]
}

/// A space with every kind of parameter and a condition.
pub(crate) fn network_space() -> Space {
    Space::builder()
        .log_float("learning_rate", 1e-5..=1e-1)
        .int("layers", 1..=6)
        .log_int("units", 8..=512)
        .categorical("cell", ["lstm", "gru", "conv"])
        .float("reset_dropout", 0.0..=1.0)
        .when("cell", ["gru"])
        .build()
        .unwrap()
}

fn sphere(params: &Params) -> Result<f64, SearchError> {
    (0..5)
        .map(|i| Ok((params.float(&format!("x{i}"))? - 1.0).powi(2)))
        .sum()
}

fn branin(params: &Params) -> Result<f64, SearchError> {
    let (x, y) = (params.float("x")?, params.float("y")?);
    let (b, c, t) = (5.1 / (4.0 * PI * PI), 5.0 / PI, 1.0 / (8.0 * PI));
    Ok((y - b * x * x + c * x - 6.0).powi(2) + 10.0 * (1.0 - t) * x.cos() + 10.0)
}

const A: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const P: [[f64; 6]; 4] = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];
const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];

fn hartmann(params: &Params) -> Result<f64, SearchError> {
    let x: Vec<f64> = (0..6)
        .map(|i| params.float(&format!("x{i}")))
        .collect::<Result<_, _>>()?;
    let term = |row: &[f64; 6], centre: &[f64; 6]| -> f64 {
        (0..6).map(|j| row[j] * (x[j] - centre[j]).powi(2)).sum()
    };
    let terms = ALPHA.iter().zip(&A).zip(&P);
    Ok(-terms
        .map(|((alpha, row), centre)| alpha * (-term(row, centre)).exp())
        .sum::<f64>())
}

/// The shape of a loss: a learning rate, layers, units, a kind of cell and what belongs to one kind alone.
pub(crate) fn network(params: &Params) -> Result<f64, SearchError> {
    let rate = params.float("learning_rate")?.log10();
    let (layers, units) = (params.float("layers")?, params.float("units")?.log2());
    let loss = (rate + 2.5).powi(2) + 0.2 * (layers - 3.0).powi(2) + 0.1 * (units - 7.0).powi(2);
    Ok(loss
        + match params.text("cell")? {
            "gru" => 2.0 * (params.float("reset_dropout")? - 0.3).powi(2),
            "lstm" => 0.3,
            _ => 0.6,
        })
}
