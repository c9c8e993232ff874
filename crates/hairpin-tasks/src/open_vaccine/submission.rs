//! The submission: a row for every base.

use std::collections::HashMap;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use ndarray::Array2;

use super::{Molecule, TARGETS};
use crate::error::shorten;
use crate::table::{Table, number};
use crate::{Place, TaskError, file};

const ID: &str = "id_seqpos";

const REMEDY: &str = "write it with open_vaccine::write_submission";

/// The predictions of one molecule.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The molecule's name.
    pub id: String,
    /// `[length, 5]`, columns as [`TARGETS`].
    pub values: TargetMatrix,
    /// The line of its first base, from 1.
    pub line: u64,
}

/// Writes predictions as Kaggle takes them: a row for every base of every molecule, `ID_POSITION` with positions from 0.
///
/// The file appears under its name when it is whole; until then, and after an error, an earlier one stays as it was.
///
/// # Errors
///
/// If there are no molecules, not one matrix of `[length, 5]` per molecule with the columns [`TARGETS`], an id occurs twice, a
/// prediction is missing, or the file cannot be written.
pub fn write_submission(
    path: &Path,
    molecules: &[Molecule],
    predicted: &[TargetMatrix],
) -> Result<(), TaskError> {
    let refused = |found: String, expected: String| TaskError::Field {
        place: Place::new(path),
        found,
        expected,
        remedy: "give five predictions for every base, scored or not, in the order of the test file",
    };
    if molecules.is_empty() {
        return Err(TaskError::NoRows {
            place: Place::new(path),
        });
    }
    if molecules.len() != predicted.len() {
        let expected = molecules.len().to_string();
        return Err(refused(
            format!("predictions of {} molecules", predicted.len()),
            expected,
        ));
    }
    let failed = |source: csv::Error| TaskError::Write {
        path: path.to_owned(),
        source: source.into(),
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_field(ID).map_err(failed)?;
    csv.write_record(TARGETS).map_err(failed)?;
    let mut lines = HashMap::new();
    let mut line = 2;
    for (molecule, predicted) in molecules.iter().zip(predicted) {
        let id = shorten(&molecule.id);
        if let Some(first) = lines.insert(&molecule.id, line) {
            let place = Place::new(path).line(line).column(ID);
            return Err(TaskError::DuplicateId { place, id, first });
        }
        let length = molecule.sequence.len();
        if predicted.values().dim() != (length, TARGETS.len()) {
            let (rows, columns) = predicted.values().dim();
            let found = format!("{rows} x {columns} predictions of `{id}`");
            return Err(refused(found, format!("{length} x {}", TARGETS.len())));
        }
        if predicted.names() != TARGETS {
            let found = format!("the columns {} of `{id}`", predicted.names().join(", "));
            return Err(refused(found, TARGETS.join(", ")));
        }
        if predicted.measured().iter().any(|&given| !given) {
            let found = format!("a gap in the predictions of `{id}`");
            return Err(refused(found, "a number for every base".to_owned()));
        }
        for (base, values) in predicted.values().rows().into_iter().enumerate() {
            csv.write_field(format!("{}_{base}", molecule.id))
                .map_err(failed)?;
            csv.write_record(values.iter().map(f32::to_string))
                .map_err(failed)?;
        }
        line += length as u64;
    }
    let content = csv.into_inner().map_err(|error| TaskError::Write {
        path: path.to_owned(),
        source: error.into_error(),
    })?;
    file::write(path, &content)
}

/// Reads a submission, or the sample of one: the bases of a molecule one below the other, from 0.
///
/// # Errors
///
/// If the file cannot be read, lacks a column, has a value that is no finite number, a molecule twice, or a base that does not follow the
/// one above it; with the line.
pub fn read_submission(path: &Path) -> Result<Vec<Predicted>, TaskError> {
    let mut table = Table::open(path, REMEDY)?;
    let id_at = table.column(ID)?;
    let columns = TARGETS.map(|name| table.column(name));
    let columns: Vec<usize> = columns.into_iter().collect::<Result<_, _>>()?;
    let mut molecules = Molecules {
        first: HashMap::new(),
        done: Vec::new(),
        values: Vec::new(),
        path,
    };
    while table.next()? {
        let id = table.field(id_at);
        let parts = id.rsplit_once('_').filter(|(name, _)| !name.is_empty());
        let parts = parts.and_then(|(name, base)| Some((name, base.parse::<usize>().ok()?)));
        let Some((name, base)) = parts else {
            return Err(TaskError::Field {
                place: table.place(id_at),
                found: format!("`{}`", shorten(id)),
                expected: "ID_POSITION, the position a number from 0".to_owned(),
                remedy: REMEDY,
            });
        };
        if base == 0 {
            molecules.finish()?;
            molecules.begin(name, table.line(), || table.place(id_at))?;
        }
        let follows = molecules
            .done
            .last()
            .map(|(id, _)| (id.as_str(), molecules.values.len() / 5));
        if follows != Some((name, base)) {
            let expected = match follows {
                Some((id, next)) => {
                    format!("`{}_{next}` or base 0 of another molecule", shorten(id))
                }
                None => "base 0 of a molecule".to_owned(),
            };
            return Err(TaskError::Field {
                place: table.place(id_at),
                found: format!("`{}`", shorten(id)),
                expected,
                remedy: "put the bases of a molecule one below the other",
            });
        }
        for &column in &columns {
            molecules.values.push(number(&table, column)?);
        }
    }
    molecules.finish()?;
    let predicted = molecules.done;
    if predicted.is_empty() {
        return Err(TaskError::NoRows {
            place: table.file().clone(),
        });
    }
    let whole = |(id, (line, values)): (String, (u64, Option<TargetMatrix>))| {
        values.map(|values| Predicted { id, values, line })
    };
    Ok(predicted.into_iter().filter_map(whole).collect())
}

/// The molecules of a submission while it is read.
struct Molecules<'a> {
    first: HashMap<String, u64>,
    /// The id, the first line and, of all but the last, the values.
    done: Vec<(String, (u64, Option<TargetMatrix>))>,
    /// Of the last one, base by base.
    values: Vec<f32>,
    path: &'a Path,
}

impl Molecules<'_> {
    fn begin(
        &mut self,
        id: &str,
        line: u64,
        place: impl FnOnce() -> Place,
    ) -> Result<(), TaskError> {
        if let Some(first) = self.first.insert(id.to_owned(), line) {
            return Err(TaskError::DuplicateId {
                place: place(),
                id: shorten(id),
                first,
            });
        }
        self.done.push((id.to_owned(), (line, None)));
        Ok(())
    }

    /// Joins the values of the last molecule.
    fn finish(&mut self) -> Result<(), TaskError> {
        let Some((_, (_, matrix))) = self.done.last_mut() else {
            return Ok(());
        };
        let values = std::mem::take(&mut self.values);
        let shape = (values.len() / TARGETS.len(), TARGETS.len());
        let values = Array2::from_shape_fn(shape, |(base, column)| values[base * 5 + column]);
        let names = TARGETS.map(str::to_owned).to_vec();
        let joined = TargetMatrix::new(values, names).map_err(|source| TaskError::Targets {
            place: Place::new(self.path),
            source: Box::new(source),
        })?;
        *matrix = Some(joined);
        Ok(())
    }
}

/// Whether the molecules are those of the sample submission, each with as many bases, so that an answer for them is complete.
///
/// # Errors
///
/// If the sample cannot be read, one of the two lacks a molecule of the other, or a molecule has another length there.
pub fn check_sample(sample: &Path, molecules: &[Molecule]) -> Result<(), TaskError> {
    let expected = read_submission(sample)?;
    let lengths = molecules.iter().map(|m| (m.id.as_str(), m.sequence.len()));
    let lengths: HashMap<&str, usize> = lengths.collect();
    for base in &expected {
        let place = Place::new(sample).line(base.line).column(ID);
        match lengths.get(base.id.as_str()) {
            Some(&length) if length == base.values.n_rows() => {}
            Some(&length) => {
                return Err(TaskError::Field {
                    place,
                    found: format!("{} bases of `{}`", base.values.n_rows(), shorten(&base.id)),
                    expected: format!("{length}, the length of its sequence in the test file"),
                    remedy: "take the two files from one source",
                });
            }
            None => {
                return Err(TaskError::UnmatchedId {
                    place,
                    id: shorten(&base.id),
                    other: Box::new("the test file".into()),
                });
            }
        }
    }
    let known: std::collections::HashSet<&str> = expected.iter().map(|p| p.id.as_str()).collect();
    match molecules.iter().find(|m| !known.contains(m.id.as_str())) {
        None => Ok(()),
        Some(molecule) => Err(TaskError::UnmatchedId {
            place: Place::new("the test file"),
            id: shorten(&molecule.id),
            other: Box::new(sample.to_owned()),
        }),
    }
}
