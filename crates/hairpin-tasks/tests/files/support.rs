//! Makes files byte by byte, as NumPy would and as it would not.

use std::io::{Cursor, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A `.npy` file with any header text and any data.
pub(crate) fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16 + 1).to_le_bytes();
    [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        b"\n",
        data,
    ]
    .concat()
}

/// A `.npy` file of one dimension.
pub(crate) fn column(dtype: &str, rows: usize, data: &[u8]) -> Vec<u8> {
    npy(
        &format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({rows},), }}"),
        data,
    )
}

/// Labels as int64.
pub(crate) fn labels(values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    column("<i8", values.len(), &data)
}

/// Strings as `<Un`.
pub(crate) fn texts(values: &[&str]) -> Vec<u8> {
    let width = values
        .iter()
        .map(|text| text.chars().count())
        .max()
        .unwrap_or(1)
        .max(1);
    let code = |text: &&str| -> Vec<u8> {
        let characters = text.chars().map(u32::from).chain(std::iter::repeat(0));
        characters.take(width).flat_map(u32::to_le_bytes).collect()
    };
    let data: Vec<u8> = values.iter().flat_map(code).collect();
    column(&format!("<U{width}"), values.len(), &data)
}

/// A valid small data set of the challenge, array by array.
pub(crate) fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("data_x", texts(&["ACGT", "GGCA", "TTTT"])),
        ("data_y", labels(&[0, 4, 2])),
        ("val_x", texts(&["ACGTACGT", "CCCCCCC"])),
        ("val_y", labels(&[1, 3])),
        ("test_x", texts(&["ACGTACGTAC", "GATTACAGAT"])),
    ]
}

/// The bytes of an npz of these arrays, packed.
pub(crate) fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Writes the valid data set with one array exchanged (or taken out, if `content` is `None`).
pub(crate) fn write_with(path: &Path, name: &str, content: Option<Vec<u8>>) {
    let mut arrays = arrays();
    arrays.retain(|(array, _)| *array != name || content.is_some());
    for (array, old) in &mut arrays {
        if let Some(new) = content.as_ref().filter(|_| *array == name) {
            old.clone_from(new);
        }
    }
    std::fs::write(path, npz(&arrays)).unwrap();
}

/// An error's message and those of its sources, as a program would print them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
