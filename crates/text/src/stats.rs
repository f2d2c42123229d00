//! Statistics of raw text: the denominators of every figure that is not per token.
//!
//! Fields and line ends belong to the raw text and not to a vocabulary, so that figures per word can be compared between kinds.

use super::ReadOptions;

/// Statistics of a text that one pass has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TextStats {
    /// Number of tokens under the vocabulary used, `<eos>` included.
    pub tokens: u64,
    /// Number of tokens that the vocabulary lacks.
    pub oov: u64,
    /// Number of fields of the raw text, separated by Unicode white space.
    pub fields: u64,
    /// Number of lines: newlines, and one for a last line of a document that has none.
    pub line_ends: u64,
    /// Number of characters (Unicode scalar values), without byte order marks.
    ///
    /// In binary data: bytes that do not continue a character.
    pub chars: u64,
    /// Number of bytes after decompression, without byte order marks.
    pub bytes: u64,
    /// Hash (BLAKE3, hexadecimal) of the decompressed bytes of all files in order, byte order marks included.
    pub hash: String,
    /// Remarks for the user about input that was dropped or changed.
    pub notes: Vec<String>,
}

impl TextStats {
    /// Says what became of the words `<s>` and `</s>`. If they were left out, they are no fields of the text either.
    pub fn note_markers(&mut self, markers: u64, options: &ReadOptions) {
        let what = match markers {
            0 => return,
            1 => "1 marker (<s> or </s>)".to_owned(),
            n => format!("{n} markers (<s> and </s>)"),
        };
        let became = match options.skip_markers {
            true => "left out",
            false => "read as words (skip-symbols leaves them out)",
        };
        self.notes.push(format!("{what} {became}"));
        if options.skip_markers {
            self.fields -= markers;
        }
    }
}

/// Number of fields of a text, separated by Unicode white space, as in [`TextStats::fields`].
pub fn count_fields(text: &[u8]) -> u64 {
    let mut tally = Tally::default();
    tally.add(text);
    tally.fields + u64::from(tally.in_field)
}

/// Running counts over chunks that begin and end at character boundaries.
#[derive(Default)]
pub(super) struct Tally {
    pub fields: u64,
    pub line_ends: u64,
    pub chars: u64,
    /// Newlines that follow a carriage return.
    pub crlf: u64,
    in_field: bool,
    previous: u8,
}

impl Tally {
    pub fn add(&mut self, chunk: &[u8]) {
        if chunk.is_ascii() {
            self.add_ascii(chunk)
        } else {
            self.add_any(chunk)
        }
    }

    /// The same as `add_any` as sums over pairs of neighbours, which the compiler turns into vector code.
    fn add_ascii(&mut self, chunk: &[u8]) {
        let (Some(&first), Some(&last)) = (chunk.first(), chunk.last()) else {
            return;
        };
        self.fields += u64::from(self.in_field && is_ascii_space(first));
        self.crlf += u64::from(self.previous == b'\r' && first == b'\n');
        let pairs = || chunk.iter().zip(&chunk[1..]);
        self.fields += pairs()
            .filter(|&(&a, &b)| !is_ascii_space(a) & is_ascii_space(b))
            .count() as u64;
        self.crlf += pairs()
            .filter(|&(&a, &b)| (a == b'\r') & (b == b'\n'))
            .count() as u64;
        self.line_ends += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.chars += chunk.len() as u64;
        self.in_field = !is_ascii_space(last);
        self.previous = last;
    }

    fn add_any(&mut self, chunk: &[u8]) {
        let mut i = 0;
        while i < chunk.len() {
            let byte = chunk[i];
            let (space, width) = if byte < 0x80 {
                (is_ascii_space(byte), 1)
            } else {
                wide_space(&chunk[i..])
            };
            self.fields += u64::from(self.in_field & space);
            self.in_field = !space;
            self.chars += u64::from(byte & 0xC0 != 0x80);
            if byte == b'\n' {
                self.line_ends += 1;
                self.crlf += u64::from(self.previous == b'\r');
            }
            self.previous = byte;
            i += width;
        }
    }

    /// Whether nothing has been added: a NUL would have been counted as a character.
    pub fn is_empty(&self) -> bool {
        self.previous == 0 && self.chars == 0
    }

    /// Ends a document: closes its last field and its last line.
    pub fn end_document(&mut self) {
        self.fields += u64::from(self.in_field);
        self.line_ends += u64::from(self.previous != b'\n');
        self.in_field = false;
        self.previous = b'\n';
    }
}

fn is_ascii_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether `bytes` (first byte ≥ 0x80) begins with an encoded white-space character, and how many bytes to advance.
///
/// Works on bytes, because binary input passes here too; a byte of no white-space character advances by one.
fn wide_space(bytes: &[u8]) -> (bool, usize) {
    match bytes {
        [0xC2, 0x85 | 0xA0, ..] => (true, 2), // U+0085, U+00A0
        [0xE1, 0x9A, 0x80, ..] => (true, 3),  // U+1680
        [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..] => (true, 3), // U+2000–200A, 2028, 2029, 202F
        [0xE2, 0x81, 0x9F, ..] => (true, 3),                             // U+205F
        [0xE3, 0x80, 0x80, ..] => (true, 3),                             // U+3000
        _ => (false, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_that_of_unicode() {
        for c in (0..=0x10FFFF).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let mut tally = Tally::default();
            tally.add(text.as_bytes());
            tally.end_document();
            assert_eq!(
                tally.fields,
                text.split_whitespace().count() as u64,
                "U+{:04X}",
                c as u32
            );
            assert_eq!(tally.chars, 3);
            assert_eq!(count_fields(text.as_bytes()), tally.fields);
        }
    }

    #[test]
    fn chunks_do_not_matter() {
        for text in [
            "one\r\ntwo  three\u{2003}four\r\n\r\nfive",
            "one\r\ntwo  three four\r\n\r\nfive",
        ] {
            every_cut(text);
        }
    }

    fn every_cut(text: &str) {
        for cut in (0..=text.len()).filter(|&i| text.is_char_boundary(i)) {
            let mut tally = Tally::default();
            tally.add(&text.as_bytes()[..cut]);
            tally.add(&text.as_bytes()[cut..]);
            assert_eq!(tally.crlf, 3);
            tally.end_document();
            assert_eq!(
                (tally.fields, tally.line_ends, tally.chars),
                (5, 4, text.chars().count() as u64)
            );
        }
    }
}
