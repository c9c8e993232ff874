//! The header of NumPy's array files; the numbers follow it, row after row.

/// Of a float32 array in C order, little-endian: format version 1.0, padded so that the numbers start at a multiple of 64 bytes
/// (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).
pub(crate) fn header(shape: &[usize]) -> Vec<u8> {
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut text = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}",
        shape.trim_end()
    );
    let fixed = 10; // magic, version, length
    let padded = (fixed + text.len() + 1).next_multiple_of(64) - fixed;
    text.push_str(&" ".repeat(padded - 1 - text.len()));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // A handful of sizes: far below the 65,535 bytes that version 1.0 allows.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use ndarray_npy::ReadNpyExt;

    #[test]
    fn is_read_back() {
        for n in [1_usize, 7, 100_000] {
            let mut file = header(&[n, 1, 3]);
            assert_eq!(file.len() % 64, 0);
            file.extend((0..3 * n).flat_map(|k| (k as f32).to_le_bytes()));
            let array = Array3::<f32>::read_npy(&file[..]).unwrap();
            assert_eq!(array.dim(), (n, 1, 3));
            assert_eq!(array[[n - 1, 0, 2]], (3 * n - 1) as f32);
        }
    }
}
