//! The head of a safetensors file, checked in full before anything is read or allocated for its arrays:
//! the header's length against the file's, strict JSON, every array's size by its shape and type against
//! its place, the places against each other (no hole, no overlap) and against the file's end.
//!
//! Not checked here: the checksum, which covers the arrays too (`read.rs`).

use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Flaw;
use super::write::HEADER_MAX_BYTES;

/// What a file holds, and where.
#[derive(Debug)]
pub(super) struct FileLayout {
    /// The file's first bytes up to the arrays: length field and JSON.
    pub head: Vec<u8>,
    pub metadata: Vec<(String, String)>,
    /// In the order of the file, without gaps.
    pub places: Vec<Place>,
}

/// One array's description.
#[derive(Debug)]
pub(super) struct Place {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub elements: usize,
}

/// The element types that are read. The two 16-bit ones become f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dtype {
    F32,
    F64,
    U32,
    U64,
    I64,
    F16,
    BF16,
}

impl FileLayout {
    /// Reads the head of a file of `length` bytes and leaves `reader` at the first array.
    pub fn read(reader: &mut impl Read, length: u64) -> Result<Self, Flaw> {
        if length < 8 {
            return Err(Flaw::TooShort { length });
        }
        let mut field = [0; 8];
        reader.read_exact(&mut field)?;
        let header = u64::from_le_bytes(field);
        if header > HEADER_MAX_BYTES {
            return Err(Flaw::HeaderTooLong {
                header,
                limit: HEADER_MAX_BYTES,
            });
        }
        if header > length - 8 {
            return Err(Flaw::HeaderPastEnd {
                header,
                file: length,
            });
        }
        let mut head = vec![0; 8 + header as usize];
        head[..8].copy_from_slice(&field);
        reader.read_exact(&mut head[8..])?;

        let text = parse(&head[8..])?;
        let places = place(text.arrays, length - 8 - header)?;
        Ok(Self {
            head,
            metadata: text.metadata,
            places,
        })
    }

    /// The metadata's value under `key`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }
}

impl Dtype {
    /// Bytes of one element in the file.
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 | Self::U32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
        }
    }

    /// As safetensors spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::U32 => "U32",
            Self::U64 => "U64",
            Self::I64 => "I64",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "F32" => Self::F32,
            "F64" => Self::F64,
            "U32" => Self::U32,
            "U64" => Self::U64,
            "I64" => Self::I64,
            "F16" => Self::F16,
            "BF16" => Self::BF16,
            _ => return None,
        })
    }
}

/// The JSON header as it stands, names in any order.
#[derive(Default)]
struct Text {
    metadata: Vec<(String, String)>,
    arrays: Vec<(String, Description)>,
    metadata_objects: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

fn parse(json: &[u8]) -> Result<Text, Flaw> {
    if json.first() != Some(&b'{') {
        return Err(Flaw::HeaderStart);
    }
    let text: Text = serde_json::from_slice(json).map_err(|error| Flaw::HeaderInvalid {
        reason: error.to_string(),
    })?;
    if text.metadata_objects > 1 {
        return Err(Flaw::DuplicateName {
            name: "__metadata__".into(),
        });
    }
    refuse_duplicates(text.metadata.iter().map(|(name, _)| name))?;
    refuse_duplicates(text.arrays.iter().map(|(name, _)| name))?;
    Ok(text)
}

fn refuse_duplicates<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), Flaw> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Flaw::DuplicateName { name: name.clone() });
        }
    }
    Ok(())
}

/// Checks every array by itself, then that together they fill exactly `available` bytes.
fn place(arrays: Vec<(String, Description)>, available: u64) -> Result<Vec<Place>, Flaw> {
    let mut places = Vec::with_capacity(arrays.len());
    for (name, description) in arrays {
        let [begin, end] = description.data_offsets;
        places.push((begin, end, checked(name, description)?));
    }
    places.sort_by_key(|&(begin, end, _)| (begin, end));

    let mut filled = 0;
    for (begin, end, place) in &places {
        let name = || place.name.clone();
        if *begin > filled {
            return Err(Flaw::Hole {
                name: name(),
                bytes: begin - filled,
            });
        }
        if *begin < filled {
            return Err(Flaw::Overlap { name: name() });
        }
        filled = *end;
    }
    if filled > available {
        return Err(Flaw::CutShort {
            missing: filled - available,
        });
    }
    if filled < available {
        return Err(Flaw::TrailingBytes {
            extra: available - filled,
        });
    }
    Ok(places.into_iter().map(|(_, _, place)| place).collect())
}

/// One array's type, shape and size, each against the others.
fn checked(name: String, description: Description) -> Result<Place, Flaw> {
    let [begin, end] = description.data_offsets;
    let Some(dtype) = Dtype::parse(&description.dtype) else {
        return Err(Flaw::UnknownDtype {
            name,
            dtype: description.dtype,
        });
    };
    let sizes = || -> Option<(Vec<usize>, usize, usize)> {
        let mut shape = Vec::with_capacity(description.shape.len());
        let mut elements = 1_usize;
        for &size in &description.shape {
            let size = usize::try_from(size).ok()?;
            elements = elements.checked_mul(size)?;
            shape.push(size);
        }
        Some((shape, elements, elements.checked_mul(dtype.bytes())?))
    };
    let Some((shape, elements, needed)) = sizes() else {
        return Err(Flaw::SizeOverflow { name });
    };
    let Some(given) = end.checked_sub(begin) else {
        return Err(Flaw::OffsetsReversed { name, begin, end });
    };
    if given != needed as u64 {
        return Err(Flaw::SizeMismatch {
            name,
            needed: needed as u64,
            given,
        });
    }
    Ok(Place {
        name,
        dtype,
        shape,
        elements,
    })
}

// By hand, because serde's maps silently keep the last of two equal keys.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of array descriptions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                let mut text = Text::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        text.metadata_objects += 1;
                        if let Some(Pairs(pairs)) = map.next_value()? {
                            text.metadata.extend(pairs);
                        }
                    } else {
                        text.arrays.push((name, map.next_value()?));
                    }
                }
                Ok(text)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// An object of strings, equal keys included.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests;
