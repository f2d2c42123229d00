//! Reading snapshots: from a file in one pass, or from bytes that are already in memory.
//!
//! The head is checked first (`layout.rs`); each array is then read straight into its own memory and
//! hashed on the way. No array is returned before the checksum of the whole file has been verified.
//!
//! Safetensors files of other programs have no checksum; [`Integrity::Foreign`] accepts them. A damaged file of
//! elman is never taken for one: a single wrong byte leaves either `elman` or `blake3` in the metadata, or no valid
//! header.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use bytemuck::Pod;
use bytemuck::allocation::try_zeroed_slice_box;
use serde_json::{Map, Value};

use super::layout::{Dtype, FileLayout, Place};
use super::write::{CHECKSUM_AT, CHECKSUM_DIGITS, OPENING};
use super::{Array, Data, Flaw, Snapshot, StoreError, disk};

/// Bytes of an array read, hashed and converted at a time, where it is not kept as it is.
const CHUNK: usize = 1 << 18;
/// Bytes from which they are hashed on all CPUs.
const SHARED_FROM: usize = 1 << 17;

/// Whether files without elman's checksum are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Accept only files that carry elman's checksum.
    Required,
    /// Also accept safetensors files of other programs.
    ///
    /// They have an empty header, and damage within their arrays goes unnoticed.
    Foreign,
}

/// Contents of a snapshot's file before its arrays: the JSON header and the description of every array.
#[derive(Clone, Debug)]
pub struct Head {
    /// JSON header that elman wrote; empty for the file of another program.
    pub header: Map<String, Value>,
    /// Descriptions of the arrays, in the order of the file.
    pub arrays: Vec<Described>,
}

/// Name, element type and shape of an array in a file. The size has been checked against the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Name of the array.
    pub name: String,
    /// Element type in the file, such as `F16`; [`read_snapshot`] widens 16-bit floats to f32.
    pub dtype: &'static str,
    /// Size of every dimension; empty for a scalar.
    pub shape: Vec<usize>,
}

/// Reads the head of a snapshot or of another program's safetensors file.
///
/// No memory is allocated for the arrays, and no checksum is verified.
pub fn read_head(path: &Path) -> Result<Head, StoreError> {
    let (mut file, length) = disk::open_regular(path)?;
    let read = FileLayout::read(&mut file, length).and_then(|layout| {
        let describe = |place: &Place| Described {
            name: place.name.clone(),
            dtype: place.dtype.name(),
            shape: place.shape.clone(),
        };
        Ok(Head {
            header: elman_header(&layout)?,
            arrays: layout.places.iter().map(describe).collect(),
        })
    });
    read.map_err(|flaw| StoreError::in_file(path, flaw))
}

/// Reads and verifies the snapshot in `path`.
///
/// 16-bit floats are widened to f32. Memory: the arrays and the JSON header.
pub fn read_snapshot(path: &Path, integrity: Integrity) -> Result<Snapshot<'static>, StoreError> {
    let (mut file, length) = disk::open_regular(path)?;
    read_from(&mut file, length, integrity).map_err(|flaw| StoreError::in_file(path, flaw))
}

/// Verifies the snapshot in `bytes` and borrows its arrays from there where they are aligned.
pub(crate) fn borrow_snapshot(bytes: &[u8], integrity: Integrity) -> Result<Snapshot<'_>, Flaw> {
    let mut rest = bytes;
    let layout = FileLayout::read(&mut rest, bytes.len() as u64)?;
    if let Some(mut checksum) = Checksum::expected(&layout, integrity)? {
        checksum.update(rest);
        if !checksum.agrees() {
            return Err(Flaw::ChecksumMismatch);
        }
    }
    let mut arrays = Vec::with_capacity(layout.places.len());
    for place in &layout.places {
        // The layout has found that they fit.
        let (array, after) = rest.split_at(place.elements * place.dtype.bytes());
        arrays.push(borrow_array(place, array)?);
        rest = after;
    }
    Ok(Snapshot {
        header: elman_header(&layout)?,
        arrays,
    })
}

/// The array described by `place`, of these bytes.
fn borrow_array<'a>(place: &Place, mut bytes: &'a [u8]) -> Result<Array<'a>, Flaw> {
    let data = match place.dtype {
        Dtype::F32 => aligned(bytes).map(Data::F32),
        Dtype::F64 => aligned(bytes).map(Data::F64),
        Dtype::U32 => aligned(bytes).map(Data::U32),
        Dtype::U64 => aligned(bytes).map(Data::U64),
        Dtype::I64 => aligned(bytes).map(Data::I64),
        Dtype::F16 | Dtype::BF16 => None,
    };
    if let Some(data) = data {
        return Ok(Array::new(place.name.as_str(), &place.shape, data));
    }
    let mut copy = Source {
        reader: &mut bytes,
        checksum: None,
    };
    copy.array(place)
}

/// The numbers that these bytes are, if they stand where numbers may stand.
fn aligned<T: Pod>(bytes: &[u8]) -> Option<Cow<'_, [T]>> {
    bytemuck::try_cast_slice(bytes).ok().map(Cow::Borrowed)
}

/// Verifies in constant memory that `path` is an undamaged snapshot of elman.
pub fn verify_snapshot(path: &Path) -> Result<(), StoreError> {
    let (mut file, length) = disk::open_regular(path)?;
    verify_from(&mut file, length).map_err(|flaw| StoreError::in_file(path, flaw))
}

fn read_from(
    reader: &mut impl Read,
    length: u64,
    integrity: Integrity,
) -> Result<Snapshot<'static>, Flaw> {
    let layout = FileLayout::read(reader, length)?;
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
    let layout = FileLayout::read(reader, length)?;
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
fn elman_header(layout: &FileLayout) -> Result<Map<String, Value>, Flaw> {
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
    fn new(reader: &'a mut R, layout: &FileLayout, integrity: Integrity) -> Result<Self, Flaw> {
        let checksum = Checksum::expected(layout, integrity)?;
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
        // Zeros that the system makes when they are first touched, which is by the bytes of the file.
        let zeros = try_zeroed_slice_box(place.elements);
        let mut values: Box<[T]> = zeros.map_err(|()| out_of_memory::<T>(place))?;
        self.fill(bytemuck::cast_slice_mut(&mut values))?;
        Ok(values.into_vec())
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
        self.reader.read_exact(bytes)?;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
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
    /// The checksum that `layout` calls for, begun with its head; none for a foreign file.
    fn expected(layout: &FileLayout, integrity: Integrity) -> Result<Option<Self>, Flaw> {
        let ours = ["blake3", "elman"].map(|key| layout.metadata(key).is_some());
        match Self::start(&layout.head) {
            Some(checksum) if ours == [true, true] => Ok(Some(checksum)),
            _ if ours != [false, false] => Err(Flaw::ChecksumMisplaced),
            _ if integrity == Integrity::Foreign => Ok(None),
            _ => Err(Flaw::NoChecksum),
        }
    }

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

    fn update(&mut self, bytes: &[u8]) {
        match bytes.len() < SHARED_FROM {
            true => self.hash.update(bytes),
            false => self.hash.update_rayon(bytes),
        };
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
        Err(_) => Err(out_of_memory::<T>(place)),
    }
}

fn out_of_memory<T>(place: &Place) -> Flaw {
    Flaw::OutOfMemory {
        name: place.name.clone(),
        bytes: (place.elements as u64).saturating_mul(size_of::<T>() as u64),
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
mod tests;
