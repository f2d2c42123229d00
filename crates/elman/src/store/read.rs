//! Reads a snapshot, in one pass, into nothing but its arrays.
//!
//! The head is checked first (`layout.rs`); each array is then read straight into its own memory and
//! hashed on the way. Nothing is handed out before the checksum of the whole file has agreed.
//!
//! A safetensors file of another program has no checksum of ours; [`Integrity::Foreign`] lets it in. A
//! damaged file of ours is never taken for one: a single wrong byte leaves either `elman` or `blake3` in
//! the metadata, or no valid header.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use bytemuck::Pod;
use serde_json::{Map, Value};

use super::layout::{Dtype, Layout, Place};
use super::write::{CHECKSUM_AT, CHECKSUM_DIGITS, OPENING};
use super::{Array, Data, Flaw, Snapshot, StoreError, disk};

/// Bytes read, hashed and converted at a time.
const CHUNK: usize = 1 << 18;

/// Which files are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Only files that carry elman's checksum.
    Required,
    /// Also files of other programs, whose damage goes unnoticed where the format does not show it.
    /// Their header is empty.
    Foreign,
}

/// Reads and verifies the snapshot in `path`. Memory: its arrays (16-bit floats are widened to f32) and
/// its JSON header.
pub fn read_snapshot(path: &Path, integrity: Integrity) -> Result<Snapshot<'static>, StoreError> {
    let (mut file, length) = disk::open_regular(path)?;
    read_from(&mut file, length, integrity).map_err(|flaw| StoreError::in_file(path, flaw))
}

/// Verifies that `path` is an undamaged snapshot of ours, in constant memory.
pub fn verify_snapshot(path: &Path) -> Result<(), StoreError> {
    let (mut file, length) = disk::open_regular(path)?;
    verify_from(&mut file, length).map_err(|flaw| StoreError::in_file(path, flaw))
}

fn read_from(
    reader: &mut impl Read,
    length: u64,
    integrity: Integrity,
) -> Result<Snapshot<'static>, Flaw> {
    let layout = Layout::read(reader, length)?;
    let mut source = Source::new(reader, &layout, integrity)?;
    let mut arrays = Vec::with_capacity(layout.places.len());
    for place in &layout.places {
        arrays.push(source.array(place)?);
    }
    source.finish()?;
    Ok(Snapshot {
        header: elman_header(&layout)?,
        arrays,
    })
}

fn verify_from(reader: &mut impl Read, length: u64) -> Result<(), Flaw> {
    let layout = Layout::read(reader, length)?;
    let mut source = Source::new(reader, &layout, Integrity::Required)?;
    let mut buffer = vec![0; CHUNK];
    let mut left = length - layout.head.len() as u64;
    while left > 0 {
        let bytes = left.min(CHUNK as u64) as usize;
        source.fill(&mut buffer[..bytes])?;
        left -= bytes as u64;
    }
    source.finish()?;
    elman_header(&layout).map(|_| ())
}

/// What elman wrote beside the arrays; empty for foreign files.
fn elman_header(layout: &Layout) -> Result<Map<String, Value>, Flaw> {
    match layout.metadata("elman") {
        None => Ok(Map::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| Flaw::ElmanHeaderInvalid {
            reason: error.to_string(),
        }),
    }
}

/// A file being read behind its head, and its checksum so far.
struct Source<'a, R> {
    reader: &'a mut R,
    /// None for a foreign file.
    checksum: Option<Checksum>,
}

struct Checksum {
    hash: blake3::Hasher,
    /// The digits in the file.
    claimed: Vec<u8>,
}

impl<'a, R: Read> Source<'a, R> {
    fn new(reader: &'a mut R, layout: &Layout, integrity: Integrity) -> Result<Self, Flaw> {
        let ours = ["blake3", "elman"].map(|key| layout.metadata(key).is_some());
        let checksum = match Checksum::start(&layout.head) {
            Some(checksum) if ours == [true, true] => Some(checksum),
            _ if ours != [false, false] => return Err(Flaw::ChecksumMisplaced),
            _ if integrity == Integrity::Foreign => None,
            _ => return Err(Flaw::NoChecksum),
        };
        Ok(Self { reader, checksum })
    }

    /// The next array, which is the one described by `place`.
    fn array(&mut self, place: &Place) -> Result<Array<'static>, Flaw> {
        let data = match place.dtype {
            Dtype::F32 => Data::F32(Cow::Owned(self.values(place)?)),
            Dtype::F64 => Data::F64(Cow::Owned(self.values(place)?)),
            Dtype::U32 => Data::U32(Cow::Owned(self.values(place)?)),
            Dtype::U64 => Data::U64(Cow::Owned(self.values(place)?)),
            Dtype::I64 => Data::I64(Cow::Owned(self.values(place)?)),
            Dtype::F16 => Data::F32(Cow::Owned(self.widened(place, f16_to_f32)?)),
            Dtype::BF16 => Data::F32(Cow::Owned(self.widened(place, bf16_to_f32)?)),
        };
        Ok(Array::new(place.name.as_str(), &place.shape, data))
    }

    /// Elements that stand in memory as they do in the file.
    fn values<T: Pod>(&mut self, place: &Place) -> Result<Vec<T>, Flaw> {
        let mut values = reserve(place)?;
        values.resize(place.elements, T::zeroed());
        self.fill(bytemuck::cast_slice_mut(&mut values))?;
        Ok(values)
    }

    /// Elements of 16 bits, as f32.
    fn widened(&mut self, place: &Place, widen: fn(u16) -> f32) -> Result<Vec<f32>, Flaw> {
        let mut values = reserve(place)?;
        let mut buffer = vec![0_u16; CHUNK / 2];
        while values.len() < place.elements {
            let elements = buffer.len().min(place.elements - values.len());
            let chunk = &mut buffer[..elements];
            self.fill(bytemuck::cast_slice_mut(chunk))?;
            values.extend(chunk.iter().map(|&bits| widen(bits)));
        }
        Ok(values)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Flaw> {
        for chunk in bytes.chunks_mut(CHUNK) {
            self.reader.read_exact(chunk)?;
            if let Some(checksum) = &mut self.checksum {
                checksum.hash.update(chunk);
            }
        }
        Ok(())
    }

    /// The file must end here, and be what was written.
    fn finish(self) -> Result<(), Flaw> {
        let extra = io::copy(&mut self.reader.take(1), &mut io::sink())?;
        if extra > 0 {
            return Err(Flaw::TrailingBytes { extra });
        }
        match self.checksum {
            Some(checksum) if !checksum.agrees() => Err(Flaw::ChecksumMismatch),
            _ => Ok(()),
        }
    }
}

impl Checksum {
    /// Takes the head in, if it begins as every file of ours does.
    fn start(head: &[u8]) -> Option<Self> {
        let after = CHECKSUM_AT + CHECKSUM_DIGITS;
        if !head[8..].starts_with(OPENING.as_bytes()) || head.get(after) != Some(&b'"') {
            return None;
        }
        let mut hash = blake3::Hasher::new();
        hash.update(&head[..CHECKSUM_AT]);
        hash.update(&[b'0'; CHECKSUM_DIGITS]);
        hash.update(&head[after..]);
        Some(Self {
            hash,
            claimed: head[CHECKSUM_AT..after].to_vec(),
        })
    }

    fn agrees(&self) -> bool {
        self.hash.finalize().to_hex().as_bytes() == self.claimed
    }
}

/// Memory for an array's elements, whose bytes in the file have been counted.
fn reserve<T>(place: &Place) -> Result<Vec<T>, Flaw> {
    let mut values = Vec::new();
    match values.try_reserve_exact(place.elements) {
        Ok(()) => Ok(values),
        Err(_) => Err(Flaw::OutOfMemory {
            name: place.name.clone(),
            bytes: (place.elements as u64).saturating_mul(size_of::<T>() as u64),
        }),
    }
}

/// bfloat16 is the upper half of an f32.
fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 31);
    let fraction = u32::from(bits & 1023);
    let magnitude = match exponent {
        // Subnormal: multiples of 2⁻²⁴, exact in f32.
        0 => (fraction as f32 / (1 << 24) as f32).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::write::write_to;
    use crate::store::{write_atomic, write_snapshot};
    use serde_json::json;
    use std::io::{Cursor, Write};

    fn snapshot() -> Snapshot<'static> {
        let header = json!({"step": 7, "best": 0.1 + 0.2, "nested": {"text": "\"é\n"}});
        Snapshot {
            header: serde_json::from_value(header).unwrap(),
            arrays: vec![
                Array::f32("w", &[3], vec![1.5, f32::NAN, -0.0]),
                Array::u32("ids", &[1, 2], vec![9, u32::MAX]),
                Array::f64("sum", &[], vec![0.1]),
                Array::u64("n", &[1], vec![u64::MAX]),
                Array::i64("i", &[1], vec![-1]),
                Array::f32("none", &[0, 4], vec![]),
            ],
        }
    }

    fn headless(arrays: Vec<Array>) -> Snapshot {
        let header = Map::new();
        Snapshot { header, arrays }
    }

    fn bytes(snapshot: &Snapshot) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        write_to(&mut out, &snapshot.header, &snapshot.arrays).unwrap();
        out.into_inner()
    }

    fn read(bytes: &[u8], integrity: Integrity) -> Result<Snapshot<'static>, Flaw> {
        let read = read_from(&mut &bytes[..], bytes.len() as u64, integrity);
        if integrity == Integrity::Required {
            let verified = verify_from(&mut &bytes[..], bytes.len() as u64);
            assert_eq!(read.is_ok(), verified.is_ok());
        }
        read
    }

    #[test]
    fn what_was_written_is_read() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.safetensors");
        write_snapshot(&path, &snapshot()).unwrap();
        verify_snapshot(&path).unwrap();
        for integrity in [Integrity::Required, Integrity::Foreign] {
            let back = read_snapshot(&path, integrity).unwrap();
            assert_eq!(back.header, snapshot().header);
            assert_eq!(back.digest(&[]), snapshot().digest(&[]));
            let names: Vec<&str> = back.arrays.iter().map(|a| a.name.as_str()).collect();
            assert_eq!(names, ["sum", "n", "i", "w", "ids", "none"]);
        }
        let mut empty = Cursor::new(Vec::new());
        write_to(&mut empty, &Map::new(), &[]).unwrap();
        let empty = read(&empty.into_inner(), Integrity::Required).unwrap();
        assert!(empty.header.is_empty() && empty.arrays.is_empty());
    }

    /// Arrays of more than one chunk, borrowed.
    #[test]
    fn large_arrays_pass_in_chunks() {
        let weights: Vec<f32> = (0..200_001).map(|i| i as f32).collect();
        let bytes = bytes(&headless(vec![Array::f32("w", &[200_001], &weights[..])]));
        let back = read(&bytes, Integrity::Required).unwrap();
        assert_eq!(back.f32("w", &[200_001]).unwrap(), weights);
    }

    /// serde_json reads most floats one unit off unless its feature `float_roundtrip` is on.
    #[test]
    fn floats_in_the_header_come_back_bit_by_bit() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        let mut header = Map::new();
        for index in 0..5000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                header.insert(index.to_string(), json!(value));
            }
        }
        let wanted = Snapshot {
            header,
            arrays: vec![],
        };
        let back = read(&bytes(&wanted), Integrity::Required).unwrap();
        assert_eq!(back.header, wanted.header);
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = bytes(&snapshot());
        for length in 0..bytes.len() {
            for integrity in [Integrity::Required, Integrity::Foreign] {
                assert!(read(&bytes[..length], integrity).is_err(), "{length} bytes");
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        let flaw = read(&longer, Integrity::Foreign).unwrap_err();
        assert!(matches!(flaw, Flaw::TrailingBytes { extra: 1 }));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let mut bytes = bytes(&snapshot());
        for place in 0..bytes.len() {
            for bit in 0..8 {
                bytes[place] ^= 1 << bit;
                for integrity in [Integrity::Required, Integrity::Foreign] {
                    assert!(read(&bytes, integrity).is_err(), "byte {place}, bit {bit}");
                }
                bytes[place] ^= 1 << bit;
            }
        }
        read(&bytes, Integrity::Required).unwrap();
    }

    #[test]
    fn every_byte_replaced_by_any_other_is_refused() {
        let bytes = bytes(&headless(vec![Array::u32("w", &[1], vec![1])]));
        for place in 0..bytes.len() {
            for other in 0..=255 {
                let mut damaged = bytes.clone();
                damaged[place] = other;
                let refused = read(&damaged, Integrity::Foreign).is_err();
                assert_eq!(refused, other != bytes[place], "byte {place} as {other}");
            }
        }
    }

    /// The recipe of docs/FORMAT.md, with its literal places.
    #[test]
    fn the_checksum_is_the_one_in_the_specification() {
        let mut bytes = bytes(&snapshot());
        let digits = bytes[35..99].to_vec();
        bytes[35..99].fill(b'0');
        assert_eq!(blake3::hash(&bytes).to_hex().as_bytes(), digits);
    }

    /// What `safetensors.torch.save_file` of Python writes, with and without metadata.
    #[test]
    fn foreign_files_are_read_when_allowed() {
        let foreign = |metadata: &str| {
            let header = format!(
                r#"{{{metadata}"h":{{"dtype":"F16","shape":[2],"data_offsets":[4,8]}},"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#
            );
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(&2.5_f32.to_le_bytes());
            bytes.extend_from_slice(&[0x00, 0x3c, 0x01, 0x80]);
            bytes
        };
        for metadata in ["", r#""__metadata__":{"format":"pt"},"#] {
            let bytes = foreign(metadata);
            let flaw = read(&bytes, Integrity::Required).unwrap_err();
            assert!(matches!(flaw, Flaw::NoChecksum), "{flaw}");
            let back = read(&bytes, Integrity::Foreign).unwrap();
            assert!(back.header.is_empty());
            assert_eq!(back.f32("w", &[1]).unwrap(), [2.5]);
            let tiny = -(0.5_f32.powi(24));
            assert_eq!(back.f32("h", &[2]).unwrap(), [1.0, tiny]);
        }
        // Ours, rewritten by another program: the checksum has moved or is gone.
        for metadata in [
            r#""__metadata__":{"format":"pt","elman":"{}"},"#,
            r#""__metadata__":{"elman":"{}","blake3":"00"},"#,
            r#""__metadata__":{"blake3":"00"},"#,
        ] {
            let flaw = read(&foreign(metadata), Integrity::Foreign).unwrap_err();
            assert!(matches!(flaw, Flaw::ChecksumMisplaced), "{flaw}");
        }
    }

    #[test]
    fn the_checksum_and_the_header_have_their_own_messages() {
        let mut damaged = bytes(&snapshot());
        *damaged.last_mut().unwrap() ^= 1;
        let flaw = read(&damaged, Integrity::Required).unwrap_err();
        assert!(matches!(flaw, Flaw::ChecksumMismatch), "{flaw}");

        // A right checksum over a header that is no object.
        let mut odd = bytes(&headless(vec![]));
        let object = odd.windows(4).position(|four| four == br#""{}""#).unwrap();
        odd[object..object + 4].copy_from_slice(br#""[]""#);
        odd[CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_DIGITS].fill(b'0');
        let digits = blake3::hash(&odd).to_hex();
        odd[CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_DIGITS].copy_from_slice(digits.as_bytes());
        let flaw = read(&odd, Integrity::Required).unwrap_err();
        assert!(matches!(flaw, Flaw::ElmanHeaderInvalid { .. }), "{flaw}");
    }

    #[test]
    fn a_file_that_shrinks_or_grows_under_the_reader_is_refused() {
        let bytes = bytes(&snapshot());
        let claimed = bytes.len() as u64;
        let flaw = read_from(&mut &bytes[..bytes.len() - 1], claimed, Integrity::Required);
        assert!(matches!(flaw, Err(Flaw::Unreadable(_))));
        let longer = [&bytes[..], b"more"].concat();
        let flaw = read_from(&mut &longer[..], claimed, Integrity::Required);
        assert!(matches!(flaw, Err(Flaw::TrailingBytes { .. })));
    }

    #[test]
    fn a_sparse_giant_is_refused_without_memory_for_it() {
        let header = r#"{"w":{"dtype":"F32","shape":[1,4611686018427387],"data_offsets":[0,18446744073709548]}}"#;
        let head = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        let length = head.len() as u64 + 18_446_744_073_709_548;
        let flaw = read_from(&mut &head[..], length, Integrity::Foreign).unwrap_err();
        assert!(matches!(flaw, Flaw::OutOfMemory { .. }), "{flaw}");
    }

    #[test]
    fn messages_name_the_file() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("weights");
        write_atomic(&path, |w| w.write_all(b"In the beginning God")).unwrap();
        let message = read_snapshot(&path, Integrity::Foreign)
            .unwrap_err()
            .to_string();
        assert!(message.contains("weights: its header claims"), "{message}");
        let message = verify_snapshot(room.path()).unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
    }

    /// The library that Python's `safetensors` is made of opens the file and finds the same arrays.
    #[test]
    fn the_reference_implementation_agrees() {
        let (ours, bytes) = (snapshot(), bytes(&snapshot()));
        let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(theirs.len(), ours.arrays.len());
        for array in &ours.arrays {
            let tensor = theirs.tensor(&array.name).unwrap();
            assert_eq!(tensor.shape(), array.shape);
            assert_eq!(tensor.data(), array.data.bytes());
            assert_eq!(tensor.dtype().to_string(), array.data.dtype());
            let wide = array.data.bytes().len() / array.data.len().max(1);
            let offset = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
            assert!(
                wide == 0 || offset.is_multiple_of(wide),
                "{} is aligned",
                array.name
            );
        }
    }

    #[test]
    fn sixteen_bit_floats_widen_exactly() {
        let pairs = [
            (0x0000, 0.0_f32),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0400, 0.5_f32.powi(14)),
            (0x03ff, 1023.0 * 0.5_f32.powi(24)),
            (0xfc00, f32::NEG_INFINITY),
            (0x8000, -0.0),
        ];
        for (bits, value) in pairs {
            assert_eq!(f16_to_f32(bits).to_bits(), value.to_bits(), "{bits:#06x}");
        }
        assert!(f16_to_f32(0x7e00).is_nan());
        assert_eq!(bf16_to_f32(0x3f80), 1.0);
        assert_eq!(bf16_to_f32(0xc000), -2.0);
        assert!(bf16_to_f32(0x7fc0).is_nan());
    }
}
