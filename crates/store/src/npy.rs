//! Single arrays for NumPy: the format `.npy`, version 1.0 (NEP 1), which `numpy.load` reads.
//!
//! ```text
//! \x93NUMPY  1  0   length of the header (u16, little-endian)   header   the elements, row-major, little-endian
//! ```
//! The header is a Python dictionary, padded with spaces to a newline so that elements begin at a multiple of 64 bytes.

use super::{Array, Data, StoreError, write_atomic};
use std::io::{self, Write};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
const ALIGNMENT: usize = 64;

/// Writes `array` to `path` as a NumPy file (`.npy`, version 1.0), atomically and durably.
pub fn write_npy(path: &Path, array: &Array) -> Result<(), StoreError> {
    write_atomic(path, |file| write_to(file, array))
}

fn write_to(out: &mut impl Write, array: &Array) -> io::Result<()> {
    let kind = match &array.data {
        Data::F32(_) => "<f4",
        Data::F64(_) => "<f8",
        Data::U32(_) => "<u4",
        Data::U64(_) => "<u8",
        Data::I64(_) => "<i8",
    };
    let sizes: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    // A tuple of one is written with a comma.
    let comma = if sizes.len() == 1 { "," } else { "" };
    let sizes = sizes.join(", ") + comma;
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let bare = MAGIC.len() + 2 + header.len() + 1;
    header.push_str(&" ".repeat(bare.next_multiple_of(ALIGNMENT) - bare));
    header.push('\n');
    let length = u16::try_from(header.len()).expect("arrays have few dimensions");
    out.write_all(MAGIC)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    out.write_all(array.data.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.save` of `numpy.array([[1, -2, 0.5]], dtype="<f4")`, and the header of `numpy.array([7], dtype="<u4")`.
    #[test]
    fn the_bytes_are_those_of_numpy() {
        let mut bytes = Vec::new();
        let array = Array::f32("x", &[1, 3], &[1.0_f32, -2.0, 0.5][..]);
        write_to(&mut bytes, &array).unwrap();
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(format!("{text:<117}\n").as_bytes());
        expected.extend([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f]);
        assert_eq!(bytes, expected);
        assert_eq!((bytes.len() - 12) % ALIGNMENT, 0);
        bytes.clear();
        write_to(&mut bytes, &Array::u32("x", &[1], &[7_u32][..])).unwrap();
        let text = b"{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }";
        assert!(bytes[10..].starts_with(text) && bytes.len() == 128 + 4);
    }
}
