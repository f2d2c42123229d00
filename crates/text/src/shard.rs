//! Parts of a text of about equal size, which begin and end at lines: shards of a corpus for several processes.
//!
//! Shard i of n has the lines that begin in the bytes from (i − 1)/n to i/n of the decompressed, concatenated files. So every line is in exactly one shard, whatever the
//! files and their compression, and the shards in order are the text.

use super::lines::{self, Input, Source};
use super::split::length;
use super::{Kind, TextError};
use std::ops::Range;
use std::path::Path;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Lines of a text that one of several processes reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Byte range of the decompressed, concatenated files, for [`super::ReadOptions::range`]; it may be empty.
    pub bytes: Range<u64>,
    /// Number of lines before the first one of the shard.
    pub lines_before: u64,
    /// Number of bytes of the whole text.
    pub total_bytes: u64,
}

impl Shard {
    /// Finds shard `index`, from 1, of `count`. The text before the end of the shard is read once to count lines; compressed files are
    /// decompressed once more to measure them.
    ///
    /// # Errors
    /// Unreadable, empty or non-regular files; [`TextError::Returns`] in kinds of text, where lone carriage returns may be line ends.
    ///
    /// # Panics
    /// If `index` is not in `1..=count`.
    pub fn find<P: AsRef<Path>>(
        paths: &[P],
        kind: Kind,
        index: u64,
        count: u64,
    ) -> Result<Shard, TextError> {
        assert!((1..=count).contains(&index), "shards are counted from 1");
        let lengths = paths.iter().map(|path| length(path.as_ref()));
        let total_bytes: u64 = lengths.sum::<Result<u64, TextError>>()?;
        if kind.is_text() {
            paths
                .iter()
                .try_for_each(|path| refuse_returns(path.as_ref()))?;
        }
        let at =
            |part: u64| (u128::from(total_bytes) * u128::from(part) / u128::from(count)) as u64;
        let (from, to) = (at(index - 1), at(index));
        let mut shard = Shard {
            bytes: total_bytes..total_bytes,
            lines_before: 0,
            total_bytes,
        };
        let mut starts = Starts {
            position: 0,
            from,
            to,
            shard: &mut shard,
            begun: false,
        };
        let mut buffer = vec![0; CHUNK];
        for path in paths {
            let mut input = Input::open(Source::File(path.as_ref().to_owned()))?;
            let mut after_line = true;
            loop {
                let got = input.read(&mut buffer)?;
                if got == 0 {
                    break;
                }
                if starts.ended(&buffer[..got], &mut after_line) {
                    return Ok(shard);
                }
            }
        }
        Ok(shard)
    }
}

/// Refuses a file whose lines end with carriage returns alone, which are read as newlines only where the file begins.
fn refuse_returns(path: &Path) -> Result<(), TextError> {
    let mut input = Input::open(Source::File(path.to_owned()))?;
    let mut first = vec![0; lines::CHUNK];
    let mut filled = 0;
    while filled < first.len() {
        match input.read(&mut first[filled..])? {
            0 => break,
            got => filled += got,
        }
    }
    match lines::ends_in_returns(&first[..filled]) {
        true => Err(TextError::Returns(path.to_owned())),
        false => Ok(()),
    }
}

/// Looks for the first line that begins at or after each of two places.
struct Starts<'s> {
    position: u64,
    from: u64,
    to: u64,
    shard: &'s mut Shard,
    /// Whether the first line of the shard has been found.
    begun: bool,
}

impl Starts<'_> {
    /// Takes the next bytes of a file; returns whether the shard has ended.
    fn ended(&mut self, bytes: &[u8], after_line: &mut bool) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            if *after_line {
                if !self.begun && self.position >= self.from {
                    self.begun = true;
                    self.shard.bytes.start = self.position;
                }
                if self.position >= self.to {
                    self.shard.bytes.end = self.position;
                    return true;
                }
                self.shard.lines_before += u64::from(!self.begun);
            }
            let newline = rest.iter().position(|&byte| byte == b'\n');
            let line = newline.map_or(rest.len(), |at| at + 1);
            *after_line = newline.is_some();
            self.position += line as u64;
            rest = &rest[line..];
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, ReadOptions, read_lines};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use std::path::PathBuf;
    use tempfile::NamedTempFile;

    fn file(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn shards_in_order_are_the_text() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"three\n\nfour and more").unwrap();
        let long = "a line that is longer than several shards ".repeat(9);
        let files = [
            file(format!("one\ntwo\n{long}\n").as_bytes()),
            file(&gzip.finish().unwrap()),
            file(b"last\n"),
        ];
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
        let lines = |read: &ReadOptions| {
            let mut lines = Vec::new();
            read_lines(Source::files(&paths), Kind::Words, read, &mut |line| {
                lines.push(line.bytes.to_vec());
                Ok::<(), TextError>(())
            })
            .unwrap();
            lines
        };
        let whole = lines(&ReadOptions::default());
        assert_eq!(whole.len(), 7);
        for count in [1, 2, 3, 7, 40] {
            let mut all: Vec<Vec<u8>> = Vec::new();
            for index in 1..=count {
                let shard = Shard::find(&paths, Kind::Words, index, count).unwrap();
                assert_eq!(shard.lines_before, all.len() as u64, "{index} of {count}");
                if shard.bytes.is_empty() {
                    continue;
                }
                all.extend(lines(&ReadOptions {
                    range: Some(shard.bytes),
                    ..ReadOptions::default()
                }));
            }
            assert_eq!(all, whole, "{count}");
        }
    }

    #[test]
    fn lone_carriage_returns_are_refused() {
        let old = file(b"one\rtwo\rthree\r");
        let found = |kind| Shard::find(&[old.path()], kind, 1, 2);
        let error = found(Kind::Words).unwrap_err();
        assert!(error.to_string().contains("carriage returns"), "{error}");
        assert!(found(Kind::Bytes).is_ok());
    }
}
