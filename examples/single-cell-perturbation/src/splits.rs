//! Ways of holding out pairs.

use crate::pairs::Pairs;
use crate::settings::SplitConfig;
use anyhow::{Context, Result, ensure};
use hairpin::targets::{Folds, Fractions, Groups, split};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A way of holding out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Compounds of the cell types that are asked about, which have few rows.
    LikeTest,
    /// The pairs that are asked about, in a cell type where they were measured.
    OtherCellType,
    /// Pairs at random.
    Random,
    /// All rows of some compounds.
    Compound,
    /// Pairs of which neither the cell type nor the compound was seen.
    Joint,
}

pub(crate) const KINDS: [Kind; 5] = [
    Kind::LikeTest,
    Kind::OtherCellType,
    Kind::Random,
    Kind::Compound,
    Kind::Joint,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LikeTest => "like the test",
            Self::OtherCellType => "other cell type",
            Self::Random => "random",
            Self::Compound => "compound",
            Self::Joint => "joint",
        }
    }
}

/// One division of the rows.
pub(crate) struct Part {
    pub(crate) train: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

/// Divisions of one kind, no row held out twice, and what they are in words.
pub(crate) struct Parts {
    pub(crate) parts: Vec<Part>,
    pub(crate) how: String,
}

impl Parts {
    /// Nothing is held out.
    pub(crate) fn none() -> Self {
        Self {
            parts: Vec::new(),
            how: "nothing: the model is not judged".to_owned(),
        }
    }
}

/// Divides `rows`, knowing which pairs are `asked` about in the end.
pub(crate) fn parts(config: &SplitConfig, rows: &Pairs, asked: &Pairs, seed: u64) -> Result<Parts> {
    let all: Vec<usize> = (0..rows.len()).collect();
    let (parts, how) = match config.kind {
        Kind::LikeTest => {
            let scarce = scarce(config, rows, asked)?;
            let own: Vec<usize> = all
                .iter()
                .copied()
                .filter(|&row| scarce.contains(&rows.cell_types[row]))
                .collect();
            let names: Vec<&str> = scarce.iter().map(String::as_str).collect();
            let how = format!("compounds of {}, held out of both", names.join(" and "));
            (by_compound(config, rows, &all, &own, seed)?, how)
        }
        Kind::OtherCellType => {
            let scarce = scarce(config, rows, asked)?;
            let wanted: BTreeSet<&String> = asked.compounds.iter().collect();
            let mut of_type: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
            for row in 0..rows.len() {
                let known = &rows.cell_types[row];
                if !scarce.contains(known) && wanted.contains(&rows.compounds[row]) {
                    of_type.entry(known).or_default().push(row);
                }
            }
            let parts: Vec<Part> = of_type
                .into_values()
                .map(|test| without(&all, test))
                .collect();
            let how = "the compounds that are asked about, held out of a cell type that has them";
            (parts, how.to_owned())
        }
        Kind::Random => {
            let folds = Folds::random(rows.len(), config.folds, 1, seed)?;
            let how = "pairs at random";
            (of_folds(&folds, &all, &all), how.to_owned())
        }
        Kind::Compound => {
            let how = "all rows of a compound";
            (by_compound(config, rows, &all, &all, seed)?, how.to_owned())
        }
        Kind::Joint => {
            let share = 1.0 / config.folds as f64;
            let fractions = Fractions {
                train: 1.0 - share,
                valid: 0.0,
                test: share,
            };
            let (cell_types, compounds) = (Groups::by(&rows.cell_types), rows.by_compound());
            // The groups are numbered as they come: a row or column of the design for each.
            let each = |groups: &Groups| Groups::by(0..groups.n_groups());
            let found = split::joint(
                &each(&cell_types),
                &each(&compounds),
                fractions,
                fractions,
                seed,
            )
            .context("too few cell types or compounds to hold some of both out")?;
            let pairs: Vec<(usize, usize)> = cell_types
                .of_rows()
                .iter()
                .copied()
                .zip(compounds.of_rows().iter().copied())
                .collect();
            let found = found.pairs(&pairs)?;
            let part = Part {
                train: found.train,
                test: found.test,
            };
            let how = "cell types and compounds of which no row was seen";
            (vec![part], how.to_owned())
        }
    };
    let mut parts: Vec<Part> = parts
        .into_iter()
        .filter(|part| !part.test.is_empty() && !part.train.is_empty())
        .collect();
    ensure!(
        !parts.is_empty(),
        "nothing can be held out ({}): give more rows, or set split.kind to another",
        config.kind.name()
    );
    parts.truncate(config.rounds.max(1));
    let rows: usize = parts.iter().map(|part| part.test.len()).sum();
    let times = match parts.len() {
        1 => "once".to_owned(),
        n => format!("in {n} rounds"),
    };
    Ok(Parts {
        how: format!("{how}: {rows} rows, {times}"),
        parts,
    })
}

/// The cell types that are asked about, if not all are; else the two with the fewest rows.
fn scarce(config: &SplitConfig, rows: &Pairs, asked: &Pairs) -> Result<BTreeSet<String>> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in &rows.cell_types {
        *counts.entry(name).or_default() += 1;
    }
    if let Some(unknown) = config
        .cell_types
        .iter()
        .find(|name| !counts.contains_key(name))
    {
        let known: Vec<&str> = counts.keys().map(|name| name.as_str()).collect();
        anyhow::bail!(
            "split.cell_types has `{unknown}`, of which no row was measured; there are {}",
            known.join(", ")
        );
    }
    if !config.cell_types.is_empty() {
        return Ok(config.cell_types.iter().cloned().collect());
    }
    let of_test: BTreeSet<String> = asked
        .cell_types
        .iter()
        .filter(|name| counts.contains_key(name))
        .cloned()
        .collect();
    if !of_test.is_empty() && of_test.len() < counts.len() {
        return Ok(of_test);
    }
    let mut fewest: Vec<(usize, &String)> = counts.iter().map(|(name, &n)| (n, *name)).collect();
    fewest.sort();
    ensure!(
        fewest.len() > 2,
        "rows of {} cell types, expected at least 3 to hold compounds out of two: set split.kind to another",
        fewest.len()
    );
    Ok(fewest.iter().take(2).map(|own| own.1.clone()).collect())
}

fn by_compound(
    config: &SplitConfig,
    rows: &Pairs,
    all: &[usize],
    own: &[usize],
    seed: u64,
) -> Result<Vec<Part>> {
    let groups = Groups::by(own.iter().map(|&row| &rows.compounds[row]));
    let folds = Folds::grouped(&groups, config.folds, 1, seed).with_context(|| {
        format!(
            "{} compounds cannot be divided into {} folds: lower split.folds",
            groups.n_groups(),
            config.folds
        )
    })?;
    Ok(of_folds(&folds, all, own))
}

/// Folds of some rows; all that is not held out is learned from.
fn of_folds(folds: &Folds, all: &[usize], own: &[usize]) -> Vec<Part> {
    folds
        .iter()
        .map(|fold| without(all, fold.test.iter().map(|&at| own[at]).collect()))
        .collect()
}

fn without(all: &[usize], test: Vec<usize>) -> Part {
    let held_out: BTreeSet<usize> = test.iter().copied().collect();
    let train = all.iter().copied().filter(|row| !held_out.contains(row));
    Part {
        train: train.collect(),
        test,
    }
}
