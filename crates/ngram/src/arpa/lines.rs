//! Numbered lines of a file, in memory that does not depend on it.

use elman_text::TextError;
use elman_text::lines::Input;

/// No line with an n-gram is longer; lines before `\data\` may be.
pub const LONGEST_LINE: usize = 1 << 20;
/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// A line without its end, which is a newline or carriage return and newline.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    pub bytes: &'a [u8],
    /// From 1.
    pub number: u64,
    /// It is longer than [`LONGEST_LINE`], and this is its beginning.
    pub cut: bool,
}

/// The lines of a file, one after the other.
pub struct Lines {
    input: Input,
    buffer: Vec<u8>,
    /// What of the buffer has not been handed out, and how much of that is known to hold no newline.
    start: usize,
    end: usize,
    number: u64,
    cut: bool,
}

impl Lines {
    pub fn new(input: Input) -> Lines {
        Lines {
            input,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            number: 0,
            cut: false,
        }
    }

    pub fn name(&self) -> &str {
        &self.input.name
    }

    /// The most lines of at least this number of bytes that the whole file can have; 0 if its length is not known.
    pub fn most(&self, bytes: u64) -> u64 {
        self.input.known_len().unwrap_or(0) / bytes
    }

    /// The number of the line that was read last; 0 before the first one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, TextError> {
        if self.cut {
            self.skip_line()?;
        }
        let mut searched = 0;
        let length = loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = newline(&unread[searched..]) {
                break searched + at;
            }
            searched = unread.len();
            if searched > LONGEST_LINE {
                break searched;
            }
            if !self.fill()? {
                if searched == 0 {
                    return Ok(None);
                }
                break searched;
            }
        };
        self.number += 1;
        self.cut = length > LONGEST_LINE;
        let length = length.min(LONGEST_LINE);
        let bytes = &self.buffer[self.start..self.start + length];
        self.start = self.end.min(self.start + length + usize::from(!self.cut));
        Ok(Some(Line {
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
            number: self.number,
            cut: self.cut,
        }))
    }

    /// The next lines as they are in the file, newlines included, as many as are in memory: about a megabyte, if there is that much.
    /// They end before a line that begins with a backslash, and there may be none. [`Lines::take`] passes over them.
    pub fn block(&mut self) -> Result<&[u8], TextError> {
        if self.cut {
            self.skip_line()?;
        }
        while self.end - self.start < CHUNK / 2 && self.fill()? {}
        let unread = &self.buffer[self.start..self.end];
        if unread.starts_with(b"\\") {
            return Ok(&[]);
        }
        let end = match memchr::memmem::find(unread, b"\n\\") {
            Some(at) => Some(at),
            None => memchr::memrchr(b'\n', unread),
        };
        Ok(&unread[..end.map_or(0, |at| at + 1)])
    }

    /// Passes over `bytes` bytes of [`Lines::block`], which are `lines` lines.
    pub fn take(&mut self, bytes: usize, lines: u64) {
        assert!(self.start + bytes <= self.end, "these bytes are in memory");
        self.start += bytes;
        self.number += lines;
    }

    /// Leaves the rest of a line out.
    fn skip_line(&mut self) -> Result<(), TextError> {
        self.cut = false;
        loop {
            match newline(&self.buffer[self.start..self.end]) {
                Some(at) => {
                    self.start += at + 1;
                    return Ok(());
                }
                None => self.start = self.end,
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Reads more; false at the end of the file.
    fn fill(&mut self) -> Result<bool, TextError> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() - self.end < CHUNK / 2 {
            self.buffer.resize(self.buffer.len() + CHUNK, 0);
        }
        let got = self.input.read(&mut self.buffer[self.end..])?;
        self.end += got;
        Ok(got > 0)
    }
}

/// A line without the white space of ARPA files around it. Other white space, such as a form feed, can be that of a word.
pub fn trim(line: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let start = line.iter().position(|byte| !is_space(byte));
    let end = line.iter().rposition(|byte| !is_space(byte));
    match (start, end) {
        (Some(start), Some(end)) => &line[start..=end],
        _ => &[],
    }
}

fn newline(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_text::Source;
    use std::io::{Cursor, Read};

    fn lines(text: &[u8]) -> Lines {
        let reader = Box::new(Cursor::new(text.to_vec()));
        let name = "test".to_owned();
        Lines::new(Input::open(Source::Reader { name, reader }).unwrap())
    }

    fn all(text: &[u8]) -> Vec<(u64, Vec<u8>, bool)> {
        let mut lines = lines(text);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.bytes.to_vec(), line.cut));
        }
        all
    }

    #[test]
    fn ends_of_lines() {
        let texts = [
            (&b""[..], 0),
            (b"\n", 1),
            (b"a", 1),
            (b"a\r\nb\n\nc", 4),
            (b"a\n\r", 2),
        ];
        for (text, count) in texts {
            assert_eq!(all(text).len(), count, "{text:?}");
        }
        assert_eq!(all(b"a\r\n\nb\r")[2], (3, b"b".to_vec(), false));
    }

    #[test]
    fn blocks_and_lines_in_turn() {
        let mut lines = lines(b"a\nb\r\n\nc\n\\d\ne");
        assert_eq!(lines.block().unwrap(), b"a\nb\r\n\nc\n");
        lines.take(2, 1);
        let line = lines.next().unwrap().unwrap();
        assert_eq!((line.bytes, line.number), (&b"b"[..], 2));
        assert_eq!(lines.block().unwrap(), b"\nc\n");
        lines.take(3, 2);
        assert_eq!(lines.block().unwrap(), b"");
        assert_eq!(lines.next().unwrap().unwrap().number, 5);
        // A last line without a newline is read by itself.
        assert_eq!(lines.block().unwrap(), b"");
        assert_eq!(lines.next().unwrap().unwrap().bytes, b"e");
        assert_eq!(lines.block().unwrap(), b"");
    }

    #[test]
    fn a_block_is_no_longer_than_what_is_read_at_once() {
        let text = b"0123456\n".repeat(CHUNK);
        let mut lines = lines(&text);
        let (mut found, mut blocks) = (0, 0);
        loop {
            let length = lines.block().unwrap().len();
            if length == 0 {
                break;
            }
            assert!(length <= CHUNK && length.is_multiple_of(8));
            lines.take(length, length as u64 / 8);
            (found, blocks) = (found + length, blocks + 1);
        }
        assert_eq!((found, lines.number()), (text.len(), CHUNK as u64));
        assert!(blocks < 20 && lines.buffer.len() < 3 * CHUNK);
    }

    #[test]
    fn only_the_white_space_of_arpa_files_is_trimmed() {
        for (line, trimmed) in [
            (&b""[..], &b""[..]),
            (b" \t\r ", b""),
            (b" a b\t", b"a b"),
            (b"a\x0c", b"a\x0c"),
            (b"\x0b\t", b"\x0b"),
            ("\u{a0} ".as_bytes(), "\u{a0}".as_bytes()),
        ] {
            assert_eq!(trim(line), trimmed, "{line:?}");
        }
    }

    #[test]
    fn a_line_of_any_length_takes_bounded_memory() {
        let endless = std::io::repeat(b'x').take(50_000_000);
        let reader = Box::new(
            Cursor::new("a\n")
                .chain(endless)
                .chain(Cursor::new("\nb\n")),
        );
        let name = "test".to_owned();
        let mut lines = Lines::new(Input::open(Source::Reader { name, reader }).unwrap());
        lines.next().unwrap();
        let line = lines.next().unwrap().unwrap();
        assert_eq!((line.bytes.len(), line.cut), (LONGEST_LINE, true));
        let line = lines.next().unwrap().unwrap();
        assert_eq!((line.bytes, line.number, line.cut), (&b"b"[..], 3, false));
        assert!(lines.buffer.len() < 4 * LONGEST_LINE);
    }

    #[test]
    fn lines_around_the_limits() {
        for length in [
            LONGEST_LINE - 1,
            LONGEST_LINE,
            LONGEST_LINE + 1,
            LONGEST_LINE + 2,
        ] {
            for end in ["", "\n", "\nrest"] {
                let mut text = vec![b'x'; length];
                text.extend_from_slice(end.as_bytes());
                let all = all(&text);
                assert_eq!(all[0].1.len(), length.min(LONGEST_LINE), "{length} {end:?}");
                assert_eq!(all[0].2, length > LONGEST_LINE);
                assert_eq!(all.len(), 1 + usize::from(end == "\nrest"));
            }
        }
    }
}
