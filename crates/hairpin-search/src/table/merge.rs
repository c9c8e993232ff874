//! Several tables as one.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;

use super::lines::{Lines, csv_line, header_line};
use super::{Locked, MOST_BYTES, expect_study};
use crate::{Place, SearchError, file};

/// Joins the tables of one study into one, sorted by the numbers of the trials, and says how many there are.
///
/// The tables come from array tasks that had a range of trials each, say. A trial that stands in several of them with the same
/// cells is kept once. The result appears under its name when everything is in it; it may be one of the inputs. No space is
/// needed: goal, seed and space stand in every row.
///
/// # Errors
///
/// [`Conflict`](SearchError::Conflict) if two tables say different things of one trial, [`OtherStudy`](SearchError::OtherStudy)
/// if they are of different studies, [`Columns`](SearchError::Columns) if their columns differ, [`InUse`](SearchError::InUse) if
/// a search writes the result at this moment, and whatever reading and writing refuse. The result is then as it was.
pub fn merge<P: AsRef<Path>>(inputs: &[P], out: &Path) -> Result<usize, SearchError> {
    if inputs.is_empty() {
        return Err(SearchError::NoTables);
    }
    let mut columns: Option<Vec<String>> = None;
    let mut study: Option<String> = None;
    let mut rows: BTreeMap<usize, (Vec<String>, Place)> = BTreeMap::new();
    for input in inputs {
        let bytes = file::read(input.as_ref(), MOST_BYTES)?;
        let lines = Lines::parse(&bytes, input.as_ref(), columns.as_deref())?;
        for row in &lines.rows {
            let at = lines.place(row);
            let study = study.get_or_insert_with(|| row.study.clone());
            expect_study(study, &row.study, at.clone())?;
            match rows.get(&row.trial) {
                Some((cells, other)) if *cells != row.cells => {
                    return Err(SearchError::Conflict {
                        at,
                        trial: row.trial,
                        other: other.clone(),
                    });
                }
                Some(_) => {}
                None => {
                    rows.insert(row.trial, (row.cells.clone(), at));
                }
            }
        }
        if columns.is_none() && !lines.columns.is_empty() {
            columns = Some(lines.columns);
        }
    }
    // A search that has the old file open would go on writing into what nobody sees any more.
    let old = OpenOptions::new().read(true).write(true).open(out);
    let _old = old.ok().map(|old| Locked::new(old, out)).transpose()?;
    let mut bytes = columns.as_deref().map_or_else(Vec::new, header_line);
    for (cells, _) in rows.values() {
        bytes.extend(csv_line(cells));
    }
    file::replace(out, &bytes)?;
    Ok(rows.len())
}
