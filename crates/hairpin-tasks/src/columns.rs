//! Tables that are written column by column, as CSV or as Parquet.

use std::io;
use std::path::Path;

use crate::{TaskError, file};

/// A column of a table to write.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Column {
    /// Text.
    Text(Vec<String>),
    /// Whole numbers.
    Whole(Vec<i32>),
    /// Numbers; in CSV as short as they can be to be read again as the same.
    Float(Vec<f32>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Float(values) => values.len(),
        }
    }

    fn field(&self, row: usize) -> String {
        match self {
            Self::Text(values) => values[row].clone(),
            Self::Whole(values) => values[row].to_string(),
            Self::Float(values) => values[row].to_string(),
        }
    }
}

/// Writes columns of equal length under their names, as Parquet where the path ends in `.parquet` (which takes the feature `parquet`) and as
/// CSV otherwise. The file appears under its name when it is whole; until then, and after an error, an earlier one stays as it was.
///
/// ```
/// use hairpin_tasks::{Column, write_columns};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("rates.csv");
/// let columns = [
///     ("id", Column::Text(vec!["a".into(), "b".into()])),
///     ("rate", Column::Float(vec![0.5, 0.25])),
/// ];
/// write_columns(&path, &columns)?;
/// assert_eq!(std::fs::read_to_string(&path)?, "id,rate\na,0.5\nb,0.25\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`TaskError::Write`] when the file cannot be written, or asks for a feature that was not built in.
///
/// # Panics
///
/// When the columns differ in length.
pub fn write_columns<S: AsRef<str>>(path: &Path, columns: &[(S, Column)]) -> Result<(), TaskError> {
    let rows = columns.first().map_or(0, |(_, first)| first.len());
    for (name, column) in columns {
        let name = name.as_ref();
        assert_eq!(column.len(), rows, "write_columns: the length of `{name}`");
    }
    let content = match path.extension().is_some_and(|own| own == "parquet") {
        true => parquet(columns),
        false => csv(columns, rows),
    };
    let content = content.map_err(|source| TaskError::Write {
        path: path.to_owned(),
        source,
    })?;
    file::write(path, &content)
}

fn csv<S: AsRef<str>>(columns: &[(S, Column)], rows: usize) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(columns.iter().map(|(name, _)| name.as_ref()))?;
    for row in 0..rows {
        table.write_record(columns.iter().map(|(_, column)| column.field(row)))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

#[cfg(not(feature = "parquet"))]
fn parquet<S: AsRef<str>>(_: &[(S, Column)]) -> io::Result<Vec<u8>> {
    let what = "Parquet is not built in; build with the feature `parquet`, or end the path in .csv";
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}

/// One row group, packed with Snappy.
#[cfg(feature = "parquet")]
pub(crate) fn parquet<S: AsRef<str>>(columns: &[(S, Column)]) -> io::Result<Vec<u8>> {
    use parquet::basic::{Compression, LogicalType, Repetition, Type};
    use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type};
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::types;
    use std::sync::Arc;

    let mut fields = Vec::with_capacity(columns.len());
    for (name, column) in columns {
        let (kind, logical) = match column {
            Column::Text(_) => (Type::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Whole(_) => (Type::INT32, None),
            Column::Float(_) => (Type::FLOAT, None),
        };
        let field = types::Type::primitive_type_builder(name.as_ref(), kind)
            .with_logical_type(logical)
            .with_repetition(Repetition::REQUIRED);
        fields.push(Arc::new(field.build()?));
    }
    let schema = types::Type::group_type_builder("schema").with_fields(fields);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("hairpin-tasks ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut content = Vec::new();
    let mut writer = SerializedFileWriter::new(
        &mut content,
        Arc::new(schema.build()?),
        Arc::new(properties.build()),
    )?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let Some(mut place) = group.next_column()? else {
            break;
        };
        match column {
            Column::Text(values) => {
                let values: Vec<_> = values.iter().map(|t| ByteArray::from(t.as_str())).collect();
                place
                    .typed::<ByteArrayType>()
                    .write_batch(&values, None, None)?
            }
            Column::Whole(values) => place.typed::<Int32Type>().write_batch(values, None, None)?,
            Column::Float(values) => place.typed::<FloatType>().write_batch(values, None, None)?,
        };
        place.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> [(&'static str, Column); 3] {
        [
            ("id", Column::Text(vec!["a,b".into(), "\"é".into()])),
            ("position", Column::Whole(vec![-1, i32::MAX])),
            ("rate", Column::Float(vec![1e-7, 0.1])),
        ]
    }

    #[test]
    fn csv_quotes_what_it_must_and_keeps_every_digit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write_columns(&path, &table()).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "id,position,rate\n\"a,b\",-1,0.0000001\n\"\"\"é\",2147483647,0.1\n"
        );
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn parquet_holds_the_same_columns() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        use parquet::record::RowAccessor;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        write_columns(&path, &table()).unwrap();
        let file = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<(String, i32, f32)> = file
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                let id = row.get_string(0).unwrap().clone();
                (id, row.get_int(1).unwrap(), row.get_float(2).unwrap())
            })
            .collect();
        let expected = [("a,b", -1, 1e-7), ("\"é", i32::MAX, 0.1)];
        assert_eq!(
            rows,
            expected.map(|(id, at, rate)| (id.to_owned(), at, rate))
        );
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn parquet_that_is_not_built_in_is_refused() {
        let error = write_columns("table.parquet".as_ref(), &table()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("feature `parquet`"), "{source}");
        assert!(!Path::new("table.parquet").exists());
    }

    #[test]
    #[should_panic(expected = "the length of `rate`")]
    fn columns_of_different_length_are_refused() {
        let columns = [
            ("id", Column::Whole(vec![1])),
            ("rate", Column::Float(vec![])),
        ];
        let _ = write_columns("table.csv".as_ref(), &columns);
    }
}
