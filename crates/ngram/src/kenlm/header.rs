//! The header of KenLM's binary files, format version 5.
//!
//! ```text
//!   0  "mmap lm http://kheafield.com/code format version 5\n", zeros up to 56
//!  56  0.0, 1.0, −0.5 (f32 each), 1, 2³² − 1, 0 (u32 each), 1 (u64): whether machines write numbers alike
//!  88  order (u8, 4 bytes)    92  multiplier of hash tables (f32)    96  structure (u32)    100  words at the end (u8, 4 bytes)
//! 104  version of the structure (u32)
//! 108  n-grams of each order (u64 each), then zeros up to a multiple of 8
//! ```
//! After it come the vocabulary's hashes, the n-grams, and, if the file has them, the words.

use super::KenlmFlaw;
use super::bits::{f32_at, u32_at, u64_at};
use crate::MAX_ORDER;

/// Beginning of the files of all versions.
const ORIGIN: &[u8] = b"mmap lm http://kheafield.com/code ";
const INCOMPLETE: &[u8] = b"mmap lm http://kheafield.com/code incomplete";
const BEFORE_VERSION: &[u8] = b"mmap lm http://kheafield.com/code format version ";
const VERSION: u64 = 5;
const TESTS_AT: usize = 56;
const TESTS: [u8; 32] = tests();
const PARAMETERS_AT: usize = TESTS_AT + TESTS.len();
const COUNTS_AT: usize = PARAMETERS_AT + 20;

/// How the n-grams are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Hash tables of n-grams.
    Probing,
    /// A trie in arrays of bits.
    Trie {
        /// Whether probabilities and weights are codes of a table.
        quantized: bool,
        /// Whether pointers are cut, their upper bits in an array.
        array: bool,
    },
}

/// Header of a file.
#[derive(Clone, Debug)]
pub struct Header {
    pub structure: Structure,
    /// Places in a hash table for each n-gram.
    pub multiplier: f32,
    /// Whether the words are at the end of the file.
    pub has_words: bool,
    /// n-grams of each order, at least two orders.
    pub counts: Vec<u64>,
    /// The byte after the header.
    pub end: usize,
}

/// Whether a file that begins with `first` is a binary file of KenLM, of any version.
pub fn is_kenlm(first: &[u8]) -> bool {
    first.starts_with(ORIGIN)
}

impl Structure {
    /// KenLM's name of the structure.
    pub fn name(self) -> &'static str {
        match self {
            Structure::Probing => "probing hash tables",
            Structure::Trie { quantized, array } => match (quantized, array) {
                (false, false) => "trie",
                (true, false) => "trie with quantization",
                (false, true) => "trie with array-compressed pointers",
                (true, true) => "trie with quantization and array-compressed pointers",
            },
        }
    }

    /// The version of the structure that is read, and that KenLM writes.
    fn version(self) -> u32 {
        match self {
            Structure::Probing => 0,
            Structure::Trie { .. } => 1,
        }
    }
}

impl Header {
    /// Checks all that can be checked without the rest of the file; every n-gram has at least a bit of it.
    pub fn parse(bytes: &[u8]) -> Result<Header, KenlmFlaw> {
        check_version(bytes)?;
        let size = |expected| KenlmFlaw::Size {
            expected,
            found: bytes.len() as u64,
        };
        if bytes.len() < COUNTS_AT {
            return Err(size(COUNTS_AT as u64));
        }
        check_tests(&bytes[TESTS_AT..PARAMETERS_AT])?;
        let multiplier = f32_at(bytes, PARAMETERS_AT + 4);
        if !(multiplier >= 1.0 && multiplier.is_finite()) {
            return Err(KenlmFlaw::Header("the multiplier is below 1"));
        }
        let trie = |quantized, array| Structure::Trie { quantized, array };
        let structure = match u32_at(bytes, PARAMETERS_AT + 8) {
            0 => Structure::Probing,
            1 => {
                let name = "probing hash tables with rest costs".to_owned();
                return Err(KenlmFlaw::Structure(name));
            }
            2 => trie(false, false),
            3 => trie(true, false),
            4 => trie(false, true),
            5 => trie(true, true),
            other => return Err(KenlmFlaw::Structure(format!("structure {other}"))),
        };
        let has_words = match bytes[PARAMETERS_AT + 12] {
            0 => false,
            1 => true,
            _ => return Err(KenlmFlaw::Header("a truth value is neither 0 nor 1")),
        };
        let version = u32_at(bytes, PARAMETERS_AT + 16);
        if version != structure.version() {
            return Err(KenlmFlaw::Part {
                part: structure.name(),
                found: version,
                expected: structure.version(),
            });
        }
        let order = usize::from(bytes[PARAMETERS_AT]);
        if order < 2 {
            return Err(KenlmFlaw::Header("the order is below 2"));
        }
        if order > MAX_ORDER {
            return Err(KenlmFlaw::Header("the order is above 32"));
        }
        let end = (COUNTS_AT + 8 * order).next_multiple_of(8);
        if bytes.len() < end {
            return Err(size(end as u64));
        }
        let counts: Vec<u64> = (0..order)
            .map(|n| u64_at(bytes, COUNTS_AT + 8 * n))
            .collect();
        let bits = 8 * bytes.len() as u64;
        if let Some(&count) = counts.iter().find(|&&count| count > bits) {
            return Err(size(count.div_ceil(8)));
        }
        if counts[0] == 0 || counts[0] >= u64::from(u32::MAX) {
            return Err(KenlmFlaw::Header("there are no words, or too many"));
        }
        Ok(Header {
            structure,
            multiplier,
            has_words,
            counts,
            end,
        })
    }
}

fn check_version(bytes: &[u8]) -> Result<(), KenlmFlaw> {
    if bytes.starts_with(INCOMPLETE) {
        return Err(KenlmFlaw::Incomplete);
    }
    let not_kenlm = KenlmFlaw::Header("it does not begin as such a file does");
    let Some(rest) = bytes.strip_prefix(BEFORE_VERSION) else {
        return Err(not_kenlm);
    };
    let digits: Vec<u8> = rest
        .iter()
        .copied()
        .take(9)
        .take_while(u8::is_ascii_digit)
        .collect();
    let version = digits
        .iter()
        .fold(0, |n, digit| 10 * n + u64::from(digit - b'0'));
    match version {
        _ if digits.is_empty() => Err(not_kenlm),
        VERSION => Ok(()),
        other => Err(KenlmFlaw::Version(other)),
    }
}

fn check_tests(found: &[u8]) -> Result<(), KenlmFlaw> {
    let swapped = found[4..8] == 1f32.to_be_bytes();
    match found {
        found if found == TESTS => Ok(()),
        _ if swapped => Err(KenlmFlaw::Machine(
            "that a machine with big-endian numbers has written",
        )),
        _ => Err(KenlmFlaw::Machine(
            "that a machine with numbers of other widths, or an old KenLM, has written",
        )),
    }
}

const fn tests() -> [u8; 32] {
    let numbers = [
        0f32.to_bits(),
        1f32.to_bits(),
        (-0.5f32).to_bits(),
        1,
        u32::MAX,
        0,
        1,
        0,
    ];
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = numbers[i / 4].to_le_bytes()[i % 4];
        i += 1;
    }
    bytes
}
