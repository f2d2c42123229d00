//! ARPA text becomes a binary file without being in memory as a whole.

use super::super::build::file::Unbuilt;
use super::super::count::Memory;
use super::super::{CountOptions, NgramError};
use super::lines::Lines;
use super::log10::Log10s;
use super::read::{ArpaOptions, OnDisk, of_stop, read_into};
use super::{head, is_arpa};
use elman_text::Source;
use elman_text::lines::Input;
use std::path::Path;

/// What a conversion gave.
pub struct Converted {
    /// n-grams of each order.
    pub counts: Vec<u64>,
    /// Remarks for the user, as [`Model::notes`](crate::Model::notes) are.
    pub notes: Vec<String>,
}

/// Memory in bytes for each n-gram that is read into memory, and for each word of one: what the builder takes at most.
const NGRAM_BYTES: u64 = 56;
const WORD_BYTES: u64 = 4;

/// Makes a binary file of a large ARPA file, atomically, within the memory of `options`, whose order and pruning mean nothing here: the
/// bytes that [`Model::load_as`](crate::Model::load_as) and [`Model::save`](crate::Model::save) give.
///
/// `None`, and nothing is written, if the file is to be read into memory instead: it fits; it can be read only once; it is irregular in a
/// way that the builder in memory mends or explains (an n-gram whose first words are not listed, one that is listed twice); or an n-gram does
/// not fit 128 bits.
///
/// Errors: those of reading ARPA text, and files that cannot be written.
pub fn to_binary(
    from: &Path,
    how: ArpaOptions,
    to: &Path,
    options: &CountOptions,
) -> Result<Option<Converted>, NgramError> {
    if !is_arpa(from) {
        return Ok(None);
    }
    let mut lines = Lines::new(Input::open(Source::File(from.to_owned()))?);
    let counts = match head::find(&mut lines) {
        Ok(head) => head.counts,
        Err(_) => return Ok(None), // for the other reader to explain
    };
    let bytes = |(n, count): (u64, &u64)| count.saturating_mul(NGRAM_BYTES + WORD_BYTES * n);
    let needed = (1..).zip(&counts).map(bytes).fold(0, u64::saturating_add);
    if needed <= options.memory_bytes {
        return Ok(None);
    }
    let words = counts.first().map_or(0, |&count| count as usize);
    let memory = Memory::new(options, words);
    let mut lines = Lines::new(Input::open(Source::File(from.to_owned()))?);
    let mut log10s = Log10s::new(how.clip_positive);
    let read = read_into(&mut lines, &mut log10s, |words, order| {
        OnDisk::new(words, order, &memory)
    });
    let target = match read {
        Ok(Some((target, _))) => target,
        Ok(None) => return Ok(None),
        Err(stop) => return Err(of_stop(&lines, stop)),
    };
    match target.write(to) {
        Ok((counts, notes)) => Ok(Some(Converted { counts, notes })),
        Err(Unbuilt::Irregular) => Ok(None),
        Err(Unbuilt::TooMany) => Err(super::super::BuildError::TooMany.into()),
        Err(Unbuilt::Store(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
