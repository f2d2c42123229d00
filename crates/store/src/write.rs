//! Writes a snapshot as a safetensors file, in one pass and without a copy of the arrays.
//!
//! The file is `n` (8 bytes, little-endian), a JSON header of `n` bytes, the arrays one after the other.
//! The header begins with its metadata, and these with the checksum, which therefore stands at a fixed
//! place: BLAKE3 of the whole file with the 64 digits themselves taken as zeros. They are written as zeros
//! first and put in at the end.

use std::collections::HashSet;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::snapshot::canonical;
use super::{Array, Snapshot, StoreError, write_atomic};

/// How the JSON header of every elman file begins; the checksum's digits and a quotation mark follow.
pub(super) const OPENING: &str = r#"{"__metadata__":{"blake3":""#;
/// Hexadecimal digits of the checksum.
pub(super) const CHECKSUM_DIGITS: usize = 64;
/// Where in the file the checksum's digits stand.
pub(super) const CHECKSUM_AT: usize = 8 + OPENING.len();
/// No JSON header is longer, so that a damaged length cannot ask for the machine's memory.
pub(super) const HEADER_MAX_BYTES: u64 = 16 << 20;

/// Bytes hashed and then written at a time, small enough to stay in the cache in between.
const CHUNK: usize = 1 << 18;

/// Writes `snapshot` to `path` as a safetensors file with a checksum, atomically and durably.
///
/// Panics if two arrays have one name or if an array's shape does not agree with its number of elements.
pub fn write_snapshot(path: &Path, snapshot: &Snapshot) -> Result<(), StoreError> {
    write_parts(path, &snapshot.header, &snapshot.arrays)
}

/// [`write_snapshot`] for a header that is not the snapshot's own.
pub(super) fn write_parts(
    path: &Path,
    header: &Map<String, Value>,
    arrays: &[Array],
) -> Result<(), StoreError> {
    write_atomic(path, |file| write_to(file, header, arrays))
}

/// Writes the whole file to `out`, which stands at its beginning.
pub(super) fn write_to(
    out: &mut (impl Write + Seek),
    header: &Map<String, Value>,
    arrays: &[Array],
) -> io::Result<()> {
    assert_sound(arrays);
    // safetensors asks that every array be aligned to its elements, so the wide ones come first.
    let mut arrays: Vec<&Array> = arrays.iter().collect();
    arrays.sort_by_key(|array| std::cmp::Reverse(element_bytes(array)));

    let mut hash = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        for chunk in bytes.chunks(CHUNK) {
            hash.update(chunk);
            out.write_all(chunk)?;
        }
        Ok::<(), io::Error>(())
    };
    put(&head(header, &arrays))?;
    for array in arrays {
        put(array.data.bytes())?;
    }
    out.seek(SeekFrom::Start(CHECKSUM_AT as u64))?;
    out.write_all(hash.finalize().to_hex().as_bytes())
}

/// The length field and the JSON header, with zeros for a checksum, padded with spaces to 8 bytes.
fn head(header: &Map<String, Value>, arrays: &[&Array]) -> Vec<u8> {
    let header = canonical(&Value::Object(header.clone()));
    let mut json = format!(
        r#"{OPENING}{:0<CHECKSUM_DIGITS$}","elman":{},"format":"pt"}}"#,
        "",
        Value::from(header)
    );
    let mut begin = 0;
    for array in arrays {
        let end = begin + array.data.bytes().len();
        json += &format!(
            r#",{}:{{"dtype":"{}","shape":{:?},"data_offsets":[{begin},{end}]}}"#,
            Value::from(array.name.as_str()),
            array.data.dtype(),
            array.shape
        );
        begin = end;
    }
    json.push('}');
    while json.len() % 8 != 0 {
        json.push(' ');
    }
    let length = json.len() as u64;
    assert!(length <= HEADER_MAX_BYTES, "a header is no place for data");
    [&length.to_le_bytes()[..], json.as_bytes()].concat()
}

fn element_bytes(array: &Array) -> usize {
    match array.data.dtype() {
        "F64" | "U64" | "I64" => 8,
        _ => 4,
    }
}

fn assert_sound(arrays: &[Array]) {
    let mut names = HashSet::from(["__metadata__"]);
    for Array { name, shape, data } in arrays {
        let elements = data.len();
        assert_eq!(
            shape.iter().product::<usize>(),
            elements,
            "array `{name}`: shape {shape:?} against {elements} elements"
        );
        assert!(names.insert(name), "array `{name}`: the name is taken");
    }
}

// What is written is tested where it is read, in `read.rs`.
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn write(arrays: &[Array]) {
        write_to(&mut Cursor::new(Vec::new()), &Map::new(), arrays).unwrap();
    }

    #[test]
    #[should_panic(expected = "array `w`: the name is taken")]
    fn two_arrays_of_one_name_are_our_mistake() {
        let w = Array::u32("w", &[0], vec![]);
        write(&[w.clone(), w]);
    }

    #[test]
    #[should_panic(expected = "array `w`: shape [3] against 2 elements")]
    fn a_shape_that_does_not_fit_is_our_mistake() {
        write(&[Array::u32("w", &[3], vec![1, 2])]);
    }
}
