//! Setting the last part of a text aside for validation, so that the vocabulary is counted on the training part only.
//!
//! The cut lies at the next line end (or end of a file) after the first `1 − fraction` of the decompressed bytes; where no line
//! ends within 64 KiB, at the next character boundary. The vocabulary and both token files then come from passes over
//! [`Split::train`] and [`Split::valid`] as [`super::ReadOptions::range`].

use std::ops::Range;
use std::path::Path;

use super::TextError;
use super::lines::{Input, Source};

/// How far to look for a line end.
const REACH: u64 = 64 * 1024;

/// Division of the decompressed, concatenated files into a training part and a validation part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Offset of the first byte of the validation part.
    pub at: u64,
    /// Total number of bytes.
    pub total: u64,
}

impl Split {
    /// Plans a split that leaves about `fraction` (0 < fraction < 1) of the text for validation.
    ///
    /// Plain files are read only around the cut; compressed files are decompressed once or twice. Errors: unreadable, empty
    /// or non-regular files, and [`TextError::TooShort`].
    pub fn plan<P: AsRef<Path>>(paths: &[P], fraction: f64) -> Result<Split, TextError> {
        assert!(
            fraction > 0.0 && fraction < 1.0,
            "a fraction lies between 0 and 1"
        );
        let lengths = paths
            .iter()
            .map(|path| length(path.as_ref()))
            .collect::<Result<Vec<u64>, _>>()?;
        let total: u64 = lengths.iter().sum();
        if paths.is_empty() {
            return Err(TextError::NoSource);
        }
        let target = total - (total as f64 * fraction).ceil() as u64;
        let target = target.clamp(1, total);
        let mut base = 0;
        for (path, length) in paths.iter().zip(&lengths) {
            if base + length >= target {
                let more = base + length < total;
                let at = base + cut(path.as_ref(), target - base, *length, more)?;
                return if at < total {
                    Ok(Split { at, total })
                } else {
                    Err(TextError::TooShort { bytes: total })
                };
            }
            base += length;
        }
        Err(TextError::TooShort { bytes: total })
    }

    /// Byte range of the training part.
    pub fn train(&self) -> Range<u64> {
        0..self.at
    }

    /// Byte range of the validation part.
    pub fn valid(&self) -> Range<u64> {
        self.at..self.total
    }
}

/// Decompressed bytes of a file.
pub(super) fn length(path: &Path) -> Result<u64, TextError> {
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return Err(TextError::NotRereadable(path.to_owned()));
    }
    let mut input = Input::open(Source::File(path.to_owned()))?;
    let length = match input.known_len() {
        Some(length) => length,
        None => input.skip(u64::MAX)?,
    };
    if length == 0 {
        Err(TextError::Empty(input.name))
    } else {
        Ok(length)
    }
}

/// The place in a file of `length` bytes to cut at, not before `from`; the end itself only counts if `more` files follow.
pub(super) fn cut(path: &Path, from: u64, length: u64, more: bool) -> Result<u64, TextError> {
    let end = if more { length } else { length - 1 };
    let mut input = Input::open(Source::File(path.to_owned()))?;
    // The byte before `from` tells whether `from` begins a line already.
    let before = input.skip(from - 1)?;
    let mut window = vec![0; (REACH + 1).min(length - before) as usize];
    let mut filled = 0;
    while filled < window.len() {
        match input.read(&mut window[filled..])? {
            0 => {
                return Err(TextError::Changed {
                    expected: length,
                    found: before + filled as u64,
                });
            }
            got => filled += got,
        }
    }
    let line_end = window
        .iter()
        .position(|&byte| byte == b'\n')
        .map(|i| before + i as u64 + 1);
    let file_end = (more && length - from <= REACH).then_some(length);
    let boundary = || {
        window
            .iter()
            .skip(1)
            .position(|byte| byte & 0xC0 != 0x80)
            .map(|i| from + i as u64)
    };
    // One past the last character is no cut: a text of a single character cannot be divided.
    Ok(line_end
        .filter(|&at| at <= end)
        .or(file_end)
        .or_else(boundary)
        .unwrap_or(length))
}
