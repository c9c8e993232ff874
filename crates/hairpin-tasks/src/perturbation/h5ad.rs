//! A table out of AnnData's HDF5: describing columns of `obs`, genes of `var`, and one matrix, dense or sparse by rows.
//!
//! Virshup et al. (2024), *anndata: Access and store annotated data matrices*; its on-disk format 0.1.0, written since anndata 0.8.

use std::fs::File;
use std::path::Path;

use hdf5_reader::error::Error as Hdf5Error;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions, StringSize, VarLenKind};
use ndarray::Array2;

use super::genes::{MOST_TEXT, MOST_TEXTS, MOST_VALUES, check_size, whole};
use crate::error::shorten;
use crate::{Place, TaskError};

/// The matrix, or the layer of the corrected benchmark's files, which have no X.
const MATRIX: &str = "X";
const LAYER: &str = "clipped_sign_log10_pval";

/// The most bytes of a chunk.
const MOST_CHUNK: usize = 1 << 28;

/// How to write what cannot be read.
const WRITE_AGAIN: &str = "write it again with anndata 0.8 or later, X dense or adata.X.tocsr(), compression=\"gzip\" or none";

/// An open file.
pub(super) struct H5ad {
    place: Place,
    file: Hdf5File,
    genes: Vec<String>,
}

impl H5ad {
    pub(super) fn open(path: &Path, file: File, length: u64) -> Result<Self, TaskError> {
        let content = whole(path, file, length)?;
        let place = Place::new(path);
        let options = OpenOptions::default()
            .with_max_read_bytes(MOST_VALUES * size_of::<f64>())
            .with_max_chunk_bytes(MOST_CHUNK);
        let file = Hdf5File::from_vec_with_options(content, options)
            .map_err(|source| refused(&place, source))?;
        let mut table = Self {
            place,
            file,
            genes: Vec::new(),
        };
        table.genes = table.index("var")?;
        Ok(table)
    }

    /// The names of the genes.
    pub(super) fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Rows of `obs`.
    pub(super) fn n_rows(&self) -> Result<usize, TaskError> {
        Ok(self.index("obs")?.len())
    }

    /// The file.
    pub(super) fn file(&self) -> &Place {
        &self.place
    }

    fn refused(&self, source: Hdf5Error) -> TaskError {
        refused(&self.place, source)
    }

    fn wrong(&self, at: &str, found: String, expected: &str) -> TaskError {
        TaskError::Field {
            place: self.place.clone().column(at),
            found,
            expected: expected.to_owned(),
            remedy: WRITE_AGAIN,
        }
    }

    /// The index of `obs` or `var`.
    fn index(&self, table: &str) -> Result<Vec<String>, TaskError> {
        let group = self
            .file
            .group(table)
            .map_err(|source| self.refused(source))?;
        let name = attribute(&group, "_index").unwrap_or_else(|| "_index".to_owned());
        let at = format!("{table}/{name}");
        let texts = self.texts(&group, &name, &at)?.ok_or_else(|| {
            self.wrong(
                &at,
                "no index".to_owned(),
                "a column with the names of the rows",
            )
        })?;
        Ok(texts.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// A describing column of the rows; none if there is none of the name.
    pub(super) fn column(&self, name: &str) -> Result<Option<Vec<Option<String>>>, TaskError> {
        let group = self
            .file
            .group("obs")
            .map_err(|source| self.refused(source))?;
        self.texts(&group, name, name)
    }

    /// Text, categories, whole numbers, or yes and no, as text; `at` is what a message calls the column.
    fn texts(
        &self,
        parent: &Group,
        name: &str,
        at: &str,
    ) -> Result<Option<Vec<Option<String>>>, TaskError> {
        let (groups, datasets) = parent
            .member_names()
            .map_err(|source| self.refused(source))?;
        if datasets.iter().any(|own| own == name) {
            let dataset = parent
                .dataset(name)
                .map_err(|source| self.refused(source))?;
            // Before 0.8, codes that point to their names from an attribute.
            if dataset
                .attributes()
                .iter()
                .any(|own| own.name == "categories")
            {
                return Err(self.wrong(at, "categories of anndata 0.7".to_owned(), "text"));
            }
            return Ok(Some(self.plain(&dataset, at)?));
        }
        if !groups.iter().any(|own| own == name) {
            return Ok(None);
        }
        let group = parent.group(name).map_err(|source| self.refused(source))?;
        let part = |part: &str| {
            let dataset = group.dataset(part).map_err(|source| self.refused(source))?;
            Ok::<_, TaskError>(dataset)
        };
        let kind = attribute(&group, "encoding-type").unwrap_or_default();
        if kind == "categorical" {
            let categories = self.plain(&part("categories")?, at)?;
            let (mut texts, codes) = (Vec::new(), part("codes")?);
            self.each(&codes, at, |row, code| {
                let named = categories.get(code as usize).filter(|_| code >= 0.0);
                if named.is_none() && code != -1.0 {
                    let found = format!("category {code} of {}", categories.len());
                    let place = self.place.clone().row(row as u64).column(at);
                    return Err(damaged(place, &found, None));
                }
                texts.push(named.cloned().flatten());
                Ok(())
            })?;
            return Ok(Some(texts));
        }
        if kind.starts_with("nullable-") {
            let (mut texts, mask) = (self.plain(&part("values")?, at)?, part("mask")?);
            let rows = texts.len();
            self.each(&mask, at, |row, missing| {
                match texts.get_mut(row) {
                    Some(text) if missing != 0.0 => *text = None,
                    _ => {}
                }
                Ok(())
            })?;
            return match count(&mask) == rows as u64 {
                true => Ok(Some(texts)),
                false => Err(damaged(
                    self.place.clone().column(at),
                    "its mask has another length",
                    None,
                )),
            };
        }
        Err(self.wrong(
            at,
            format!("an encoding `{}`", shorten(&kind)),
            "text or categories",
        ))
    }

    fn plain(&self, dataset: &Dataset, at: &str) -> Result<Vec<Option<String>>, TaskError> {
        self.check(dataset, 1, at)?;
        match dataset.dtype() {
            &Datatype::String {
                size: StringSize::Fixed(length),
                ..
            } => {
                let (length, rows) = (length as usize, count(dataset) as usize);
                self.check_texts(length, rows.saturating_mul(length), || {
                    self.place.clone().column(at)
                })?;
                let texts = dataset
                    .read_strings()
                    .map_err(|source| self.refused(source))?;
                Ok(texts.into_iter().map(Some).collect())
            }
            Datatype::String { .. }
            | Datatype::VarLen {
                kind: VarLenKind::String,
                ..
            } => self.pointed(dataset, at),
            Datatype::Enum { .. } => {
                let mut texts = Vec::new();
                self.each(dataset, at, |_, value| {
                    texts.push(Some((value != 0.0).to_string()));
                    Ok(())
                })?;
                Ok(texts)
            }
            Datatype::FixedPoint { .. } => {
                let mut texts = Vec::new();
                self.each(dataset, at, |_, value| {
                    texts.push(Some(value.to_string()));
                    Ok(())
                })?;
                Ok(texts)
            }
            other => Err(self.wrong(at, format!("a column of {}", kind_of(other)), "text")),
        }
    }

    fn check_texts(
        &self,
        length: usize,
        total: usize,
        place: impl Fn() -> Place,
    ) -> Result<(), TaskError> {
        match length > MOST_TEXT || total > MOST_TEXTS {
            true => Err(TaskError::TooLarge {
                place: place(),
                found: format!("a text of {length} bytes, {total} in all"),
                limit: format!("{MOST_TEXT}, {MOST_TEXTS} in all"),
            }),
            false => Ok(()),
        }
    }

    /// Texts that stand elsewhere in the file, of which a small one may point to a large one often.
    fn pointed(&self, dataset: &Dataset, at: &str) -> Result<Vec<Option<String>>, TaskError> {
        let pointers = dataset
            .read_raw_bytes()
            .map_err(|source| self.refused(source))?;
        let (mut texts, mut total) = (Vec::new(), 0);
        for (row, pointer) in pointers
            .chunks_exact(dataset.vlen_reference_size())
            .enumerate()
        {
            let place = || self.place.clone().row(row as u64).column(at);
            let length = pointer
                .first_chunk()
                .map_or(0, |own| u32::from_le_bytes(*own)) as usize;
            total += length;
            self.check_texts(length, total, place)?;
            let bytes = dataset
                .resolve_vlen_reference_bytes(pointer, 1)
                .map_err(|source| refused(&place(), source))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| damaged(place(), "bytes that are no UTF-8", None))?;
            texts.push(Some(text));
        }
        Ok(texts)
    }

    /// The matrix, NaN where nothing was measured.
    pub(super) fn numbers(&self) -> Result<Array2<f32>, TaskError> {
        let root = self
            .file
            .root_group()
            .map_err(|source| self.refused(source))?;
        let members = |group: &Group| group.member_names().map_err(|source| self.refused(source));
        let mut found = (root.clone(), members(&root)?, MATRIX);
        let has = |(groups, datasets): &(Vec<String>, Vec<String>), name: &str| {
            groups.iter().chain(datasets).any(|own| own == name)
        };
        if !has(&found.1, MATRIX) && has(&found.1, "layers") {
            let layers = root
                .group("layers")
                .map_err(|source| self.refused(source))?;
            let members = members(&layers)?;
            found = (layers, members, LAYER);
        }
        let (parent, members, name) = found;
        if members.1.iter().any(|own| own == name) {
            let dataset = parent
                .dataset(name)
                .map_err(|source| self.refused(source))?;
            return self.dense(&dataset, name);
        }
        if members.0.iter().any(|own| own == name) {
            let group = parent.group(name).map_err(|source| self.refused(source))?;
            return self.sparse(&group, name);
        }
        Err(TaskError::Field {
            place: self.place.clone(),
            found: "no matrix".to_owned(),
            expected: format!("`X`, or a layer `{LAYER}`"),
            remedy: "set adata.X before adata.write_h5ad",
        })
    }

    fn dense(&self, dataset: &Dataset, at: &str) -> Result<Array2<f32>, TaskError> {
        let (rows, columns) = self.check(dataset, 2, at)?;
        let mut values = Array2::zeros((rows, columns));
        let flat = values.as_slice_mut().unwrap_or_default();
        self.each(dataset, at, |place, value| {
            let (row, column) = (place / columns.max(1), place % columns.max(1));
            if let Some(own) = flat.get_mut(place) {
                *own = self.finite(value, row, column)?;
            }
            Ok(())
        })?;
        Ok(values)
    }

    fn sparse(&self, group: &Group, at: &str) -> Result<Array2<f32>, TaskError> {
        let kind = attribute(group, "encoding-type").unwrap_or_default();
        if kind != "csr_matrix" {
            let found = format!("an encoding `{}`", shorten(&kind));
            return Err(self.wrong(at, found, "a dense matrix or a csr_matrix"));
        }
        let shape = group
            .attribute("shape")
            .map_err(|source| self.refused(source))?;
        let shape = shape
            .read_1d::<i64>()
            .map_err(|source| self.refused(source))?;
        let [rows, columns] = shape[..] else {
            return Err(self.wrong(at, format!("{} dimensions", shape.len()), "2 dimensions"));
        };
        let (rows, columns) = self.sizes(rows as u64, columns as u64, at)?;
        let part = |name: &str| {
            let dataset = group.dataset(name).map_err(|source| self.refused(source))?;
            self.check(&dataset, 1, at)?;
            Ok::<_, TaskError>(dataset)
        };
        let broken = |reason: &str| damaged(self.place.clone().column(at), reason, None);
        let whole = |dataset: &Dataset| {
            let mut found = Vec::new();
            self.each(dataset, at, |_, value| {
                // What is below 0 or no number is no row and no column.
                found.push(if value >= 0.0 {
                    value as usize
                } else {
                    usize::MAX
                });
                Ok(())
            })?;
            Ok::<_, TaskError>(found)
        };
        let (starts, indices, data) = (
            whole(&part("indptr")?)?,
            whole(&part("indices")?)?,
            part("data")?,
        );
        let rising = starts.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = (starts.first(), starts.last());
        if starts.len() != rows + 1 || !rising || ends != (Some(&0), Some(&indices.len())) {
            return Err(broken("the starts of its rows do not fit"));
        }
        if count(&data) != indices.len() as u64 {
            return Err(broken("it has not one column for each value"));
        }
        let mut values = Array2::zeros((rows, columns));
        // The row that a column was last given a value in, from 1.
        let (mut given, mut row) = (vec![0; columns], 0);
        self.each(&data, at, |place, value| {
            while starts.get(row + 1).is_some_and(|end| *end <= place) {
                row += 1;
            }
            let column = indices[place];
            match given.get_mut(column) {
                Some(last) if *last <= row => *last = row + 1,
                Some(_) => {
                    return Err(broken(&format!(
                        "row {row} (from 0) has two values of gene {column}"
                    )));
                }
                None => {
                    return Err(broken(&format!(
                        "row {row} (from 0) has a value of gene {column} of {columns}"
                    )));
                }
            }
            values[[row, column]] = self.finite(value, row, column)?;
            Ok(())
        })?;
        Ok(values)
    }

    fn finite(&self, value: f64, row: usize, column: usize) -> Result<f32, TaskError> {
        let narrow = value as f32;
        if narrow.is_infinite() {
            let gene = self.genes.get(column).map_or("", String::as_str);
            return Err(TaskError::Field {
                place: self.place.clone().row(row as u64).column(gene),
                found: format!("{value:e}"),
                expected: format!(
                    "a finite number from {:e} to {:e}, or NaN",
                    f32::MIN,
                    f32::MAX
                ),
                remedy: "correct the value",
            });
        }
        Ok(narrow)
    }

    /// Refuses another number of dimensions, and more values than the file can be believed to hold.
    fn check(&self, dataset: &Dataset, rank: usize, at: &str) -> Result<(usize, usize), TaskError> {
        match (rank, dataset.shape()) {
            (1, &[rows]) => self.sizes(rows, 1, at),
            (2, &[rows, columns]) => self.sizes(rows, columns, at),
            (_, shape) => {
                let expected = format!("{rank}");
                Err(self.wrong(at, format!("{} dimensions", shape.len()), &expected))
            }
        }
    }

    fn sizes(&self, rows: u64, columns: u64, at: &str) -> Result<(usize, usize), TaskError> {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let (rows, columns) = (size(rows), size(columns));
        let length = size(self.file.storage().len());
        check_size(&self.place.clone().column(at), rows, columns, length)?;
        Ok((rows, columns))
    }

    /// Hands out every number of a dataset, in the order of the file.
    fn each(
        &self,
        dataset: &Dataset,
        at: &str,
        mut keep: impl FnMut(usize, f64) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let number = number(dataset.dtype()).ok_or_else(|| {
            self.wrong(
                at,
                format!("values of {}", kind_of(dataset.dtype())),
                "floats of 32 or 64 bits or integers",
            )
        })?;
        let size = dataset
            .raw_element_size()
            .map_err(|source| self.refused(source))?;
        let bytes = dataset
            .read_native_bytes()
            .map_err(|source| self.refused(source))?;
        for (place, value) in bytes.chunks_exact(size.max(1)).enumerate() {
            keep(place, number(value))?;
        }
        Ok(())
    }
}

/// How a number of this type is read from its bytes.
fn number(of: &Datatype) -> Option<fn(&[u8]) -> f64> {
    fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    Some(match of {
        Datatype::FloatingPoint { size: 4, .. } => |own| f32::from_ne_bytes(first(own)).into(),
        Datatype::FloatingPoint { size: 8, .. } => |own| f64::from_ne_bytes(first(own)),
        Datatype::FixedPoint {
            size: 1,
            signed: true,
            ..
        } => |own| i8::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint {
            size: 2,
            signed: true,
            ..
        } => |own| i16::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint {
            size: 4,
            signed: true,
            ..
        } => |own| i32::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint {
            size: 8,
            signed: true,
            ..
        } => |own| i64::from_ne_bytes(first(own)) as f64,
        Datatype::FixedPoint { size: 1, .. } => |own| u8::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint { size: 2, .. } => |own| u16::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint { size: 4, .. } => |own| u32::from_ne_bytes(first(own)).into(),
        Datatype::FixedPoint { size: 8, .. } => |own| u64::from_ne_bytes(first(own)) as f64,
        Datatype::Enum { base, .. } => return number(base),
        _ => return None,
    })
}

fn kind_of(of: &Datatype) -> &'static str {
    match of {
        Datatype::FixedPoint { .. } => "integers",
        Datatype::FloatingPoint { .. } => "floats",
        Datatype::String { .. }
        | Datatype::VarLen {
            kind: VarLenKind::String,
            ..
        } => "text",
        Datatype::Enum { .. } => "yes and no",
        _ => "structures",
    }
}

fn count(dataset: &Dataset) -> u64 {
    dataset.num_elements().unwrap_or(u64::MAX)
}

fn attribute(group: &Group, name: &str) -> Option<String> {
    group.attribute(name).ok()?.read_string().ok()
}

fn damaged(place: Place, reason: &str, source: Option<Hdf5Error>) -> TaskError {
    TaskError::Damaged {
        place,
        reason: reason.to_owned(),
        source: source.map(|source| Box::new(source) as _),
    }
}

fn refused(place: &Place, source: Hdf5Error) -> TaskError {
    let mut deepest = &source;
    while let Hdf5Error::Context { source, .. } = deepest {
        deepest = source;
    }
    let place = place.clone();
    match deepest {
        Hdf5Error::ResourceLimit(found) => TaskError::TooLarge {
            place,
            found: found.clone(),
            limit: format!("{MOST_VALUES} values, {MOST_CHUNK} bytes a chunk"),
        },
        Hdf5Error::UnsupportedFilter(found) | Hdf5Error::UnsupportedEncoding(found) => {
            TaskError::Field {
                place,
                found: found.clone(),
                expected: "gzip or nothing".to_owned(),
                remedy: WRITE_AGAIN,
            }
        }
        Hdf5Error::GroupNotFound(name)
        | Hdf5Error::DatasetNotFound(name)
        | Hdf5Error::AttributeNotFound(name) => TaskError::Field {
            found: format!("no `{}`", shorten(name)),
            place,
            expected: "obs, var and X as anndata writes them".to_owned(),
            remedy: WRITE_AGAIN,
        },
        _ => damaged(place, "it cannot be read", Some(source)),
    }
}
