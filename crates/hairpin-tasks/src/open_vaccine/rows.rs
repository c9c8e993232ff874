//! Molecules as lines of JSON.

use std::collections::HashMap;
use std::path::Path;

use hairpin_seq::structure::{Structure, parse_loop_types};
use hairpin_seq::{Policy, Seq, SeqError};
use hairpin_targets::TargetMatrix;
use ndarray::Array2;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{MOST_BASES, Molecule, TARGETS};
use crate::error::shorten;
use crate::lines::Lines;
use crate::{Place, TaskError};

const REMEDY: &str = "give the path of train.json or test.json, JSON lines, plain or gzip";

/// The fields of every line.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The fields of a molecule.
#[derive(Deserialize)]
struct Described {
    sequence: String,
    structure: String,
    predicted_loop_type: String,
    seq_length: usize,
    seq_scored: usize,
}

#[derive(Deserialize)]
struct Quality {
    signal_to_noise: f32,
    #[serde(rename = "SN_filter")]
    sn_filter: f32,
}

#[derive(Deserialize)]
struct Values {
    reactivity: Vec<f32>,
    #[serde(rename = "deg_Mg_pH10")]
    mg_ph10: Vec<f32>,
    #[serde(rename = "deg_pH10")]
    ph10: Vec<f32>,
    #[serde(rename = "deg_Mg_50C")]
    mg_50c: Vec<f32>,
    #[serde(rename = "deg_50C")]
    at_50c: Vec<f32>,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(rename = "reactivity_error")]
    reactivity: Vec<f32>,
    #[serde(rename = "deg_error_Mg_pH10")]
    mg_ph10: Vec<f32>,
    #[serde(rename = "deg_error_pH10")]
    ph10: Vec<f32>,
    #[serde(rename = "deg_error_Mg_50C")]
    mg_50c: Vec<f32>,
    #[serde(rename = "deg_error_50C")]
    at_50c: Vec<f32>,
}

/// The names of the error columns, in the order of [`TARGETS`].
const ERRORS: [&str; 5] = [
    "reactivity_error",
    "deg_error_Mg_pH10",
    "deg_error_pH10",
    "deg_error_Mg_50C",
    "deg_error_50C",
];

/// The lines of a file, none of an id that was there before.
pub(super) struct Rows {
    lines: Lines,
    ids: HashMap<String, u64>,
}

/// A line.
pub(super) struct Row {
    text: String,
    place: Place,
    id: String,
    number: usize,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, TaskError> {
        Ok(Self {
            lines: Lines::open(path, "JSON lines", REMEDY)?,
            ids: HashMap::new(),
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, TaskError> {
        let Some(text) = self.lines.next()?.map(str::to_owned) else {
            return Ok(None);
        };
        let place = self.lines.place();
        if text.trim_start().starts_with('[') {
            return Err(TaskError::Field {
                place,
                found: "a list".to_owned(),
                expected: "an object, one molecule a line".to_owned(),
                remedy: "write JSON lines, such as with pandas' to_json(orient='records', lines=True)",
            });
        }
        let Named { id } = parse(&text, &place)?;
        if id.trim().is_empty() || id.contains(['\n', '\r']) {
            return Err(TaskError::Field {
                place: place.column("id"),
                found: format!("`{}`", shorten(&id)),
                expected: "a name in one line".to_owned(),
                remedy: "give the molecule a name",
            });
        }
        let number = self.ids.len();
        match self.ids.insert(id.clone(), self.lines.number()) {
            None => Ok(Some(Row {
                text,
                place,
                id,
                number,
            })),
            Some(first) => Err(TaskError::DuplicateId {
                place: place.column("id"),
                id: shorten(&id),
                first,
            }),
        }
    }

    /// Refuses a file without molecules.
    pub(super) fn check_some(&self) -> Result<(), TaskError> {
        if self.ids.is_empty() {
            return Err(TaskError::NoRows {
                place: self.lines.file().clone(),
            });
        }
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(text: &str, place: &Place) -> Result<T, TaskError> {
    serde_json::from_str(text).map_err(|error| {
        // The line is that of the file, not of the text that was parsed.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        TaskError::Field {
            place: place.clone(),
            found: format!("{} at character {}", shorten(message), error.column()),
            expected: "an object with the fields of a molecule".to_owned(),
            remedy: "correct the line, or fetch the file again",
        }
    })
}

impl Row {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn field(&self, name: &str, found: String, expected: String) -> TaskError {
        TaskError::Field {
            place: self.place.clone().column(name),
            found,
            expected,
            remedy: "correct the molecule or leave it out",
        }
    }

    pub(super) fn molecule(&self, policy: Policy) -> Result<Molecule, TaskError> {
        let described: Described = parse(&self.text, &self.place)?;
        let length = described.sequence.chars().count();
        if length > MOST_BASES {
            return Err(TaskError::TooLarge {
                place: self.place.clone().column("sequence"),
                found: format!("{length} bases"),
                limit: format!("{MOST_BASES}"),
            });
        }
        let place = |name| self.place.clone().column(name);
        if length == 0 {
            return Err(TaskError::EmptySequence {
                place: place("sequence"),
                row: self.number,
            });
        }
        let lengths = [
            ("seq_length", described.seq_length),
            ("structure", described.structure.chars().count()),
            (
                "predicted_loop_type",
                described.predicted_loop_type.chars().count(),
            ),
        ];
        if let Some((name, found)) = lengths.into_iter().find(|&(_, found)| found != length) {
            let expected = format!("{length}, the length of the sequence");
            return Err(self.field(name, format!("length {found}"), expected));
        }
        if described.seq_scored > length {
            let found = format!("{} bases", described.seq_scored);
            let expected = format!("{length} at most, the length of the sequence");
            return Err(self.field("seq_scored", found, expected));
        }
        let sequence = Seq::parse(&described.sequence, policy);
        let sequence = sequence.map_err(|source| TaskError::Sequence {
            place: place("sequence"),
            row: self.number,
            source: Box::new(source),
        })?;
        if sequence.len() != length {
            let expected = "a base for each letter of the structure".to_owned();
            return Err(self.field(
                "sequence",
                "gaps that the policy drops".to_owned(),
                expected,
            ));
        }
        let refused = |name| {
            move |source: SeqError| TaskError::Structure {
                place: place(name),
                source: Box::new(source),
            }
        };
        let structure: Result<Structure, SeqError> = described.structure.parse();
        let loops = parse_loop_types(&described.predicted_loop_type);
        Ok(Molecule {
            id: self.id.clone(),
            sequence,
            structure: structure.map_err(refused("structure"))?,
            loops: loops.map_err(refused("predicted_loop_type"))?,
            seq_scored: described.seq_scored,
        })
    }

    /// The signal to noise, and whether it is good enough.
    pub(super) fn quality(&self) -> Result<(f32, bool), TaskError> {
        let quality: Quality = parse(&self.text, &self.place)?;
        match quality.sn_filter {
            0.0 => Ok((quality.signal_to_noise, false)),
            1.0 => Ok((quality.signal_to_noise, true)),
            other => Err(self.field("SN_filter", other.to_string(), "0 or 1".to_owned())),
        }
    }

    /// The values, of as many bases as the first list has.
    pub(super) fn targets(&self) -> Result<TargetMatrix, TaskError> {
        let values: Values = parse(&self.text, &self.place)?;
        let length = values.reactivity.len();
        self.matrix(values, length, "as many as of reactivity")
    }

    /// The values of the measured bases, with their errors.
    pub(super) fn targets_with_errors(&self, seq_scored: usize) -> Result<TargetMatrix, TaskError> {
        let values: Values = parse(&self.text, &self.place)?;
        let errors: Errors = parse(&self.text, &self.place)?;
        let targets = self.matrix(values, seq_scored, "as seq_scored says")?;
        let Errors {
            reactivity,
            mg_ph10,
            ph10,
            mg_50c,
            at_50c,
        } = errors;
        let lists = [reactivity, mg_ph10, ph10, mg_50c, at_50c];
        let errors = self.lists(&ERRORS, &lists, seq_scored, "as seq_scored says")?;
        targets
            .with_standard_errors(errors)
            .map_err(|source| self.refused(source))
    }

    fn matrix(&self, values: Values, length: usize, why: &str) -> Result<TargetMatrix, TaskError> {
        let Values {
            reactivity,
            mg_ph10,
            ph10,
            mg_50c,
            at_50c,
        } = values;
        let lists = [reactivity, mg_ph10, ph10, mg_50c, at_50c];
        let values = self.lists(&TARGETS, &lists, length, why)?;
        let names = TARGETS.map(str::to_owned).to_vec();
        TargetMatrix::new(values, names).map_err(|source| self.refused(source))
    }

    fn lists(
        &self,
        names: &[&str; 5],
        lists: &[Vec<f32>; 5],
        length: usize,
        why: &str,
    ) -> Result<Array2<f32>, TaskError> {
        for (name, list) in names.iter().zip(lists) {
            if list.len() != length || list.is_empty() {
                let found = format!("{} values", list.len());
                let expected = format!("{}, {why}", length.max(1));
                return Err(self.field(name, found, expected));
            }
        }
        Ok(Array2::from_shape_fn((length, 5), |(base, column)| {
            lists[column][base]
        }))
    }

    fn refused(&self, source: hairpin_targets::TargetError) -> TaskError {
        TaskError::Targets {
            place: self.place.clone(),
            source: Box::new(source),
        }
    }
}
