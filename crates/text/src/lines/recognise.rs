//! Recognition of files that are not UTF-8 text: compressed by a program other than gzip, UTF-16 or UTF-32.
//!
//! Marks are unmistakable. Without one, what gives UTF-16 away is that every second byte of ASCII letters is zero: the zeros
//! of a file all lie at even places or all at odd ones. Ordinary text has no zero bytes, so these are seldom wrong; a few zeros,
//! or a file of zeros alone, give nothing away.

/// Bytes that are examined.
const LOOKED_AT: usize = 4096;

/// Kind of a file that is not UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// Compressed by a program other than gzip.
    Compressed {
        /// Name of the program.
        by: &'static str,
        /// Command that decompresses to standard output.
        unpack: &'static str,
    },
    /// Text in another encoding than UTF-8.
    Encoded {
        /// Name of the encoding, for messages.
        encoding: &'static str,
        /// Name of the encoding for `iconv`.
        iconv: &'static str,
    },
}

/// Recognises a file by its first bytes; `None` if it may be UTF-8 text.
pub fn recognise(bytes: &[u8]) -> Option<Recognised> {
    compressed(bytes).or_else(|| encoded(&bytes[..bytes.len().min(LOOKED_AT)]))
}

fn compressed(bytes: &[u8]) -> Option<Recognised> {
    let (by, unpack) = match bytes {
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => ("bzip2", "bzip2 -dc"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => ("xz", "xz -dc"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => ("zstd", "zstd -dc"),
        [0x04, 0x22, 0x4D, 0x18, ..] => ("lz4", "lz4 -dc"),
        [b'P', b'K', 3, 4, ..] => ("zip", "unzip -p"),
        _ => return None,
    };
    Some(Recognised::Compressed { by, unpack })
}

fn encoded(bytes: &[u8]) -> Option<Recognised> {
    let found = |encoding, iconv| Some(Recognised::Encoded { encoding, iconv });
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return found("UTF-32", "UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return found("UTF-16", "UTF-16"),
        _ => {}
    }
    // Zeros at each place of four.
    let mut zeros = [0usize; 4];
    for (i, byte) in bytes.iter().enumerate() {
        zeros[i % 4] += usize::from(*byte == 0);
    }
    let quads = bytes.len() / 4;
    let all = |place: usize| zeros[place] >= quads && quads >= 4;
    let some_letters = zeros.iter().any(|zeros| zeros * 2 < quads);
    if some_letters && all(2) && all(3) {
        return found("UTF-32 (little-endian, without a mark)", "UTF-32LE");
    }
    if some_letters && all(0) && all(1) {
        return found("UTF-32 (big-endian, without a mark)", "UTF-32BE");
    }
    let (even, odd, pairs) = (zeros[0] + zeros[2], zeros[1] + zeros[3], bytes.len() / 2);
    // Two of five letters, or, of other scripts, the spaces between words: too many to lie on one side by chance.
    let many =
        |zeros: usize| zeros >= 8 && 5 * zeros >= 2 * pairs || zeros >= 16 && 20 * zeros >= pairs;
    match (even, odd) {
        (0, odd) if many(odd) => found("UTF-16 (little-endian, without a mark)", "UTF-16LE"),
        (even, 0) if many(even) => found("UTF-16 (big-endian, without a mark)", "UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iconv(bytes: &[u8]) -> Option<&'static str> {
        match recognise(bytes)? {
            Recognised::Encoded { iconv, .. } => Some(iconv),
            Recognised::Compressed { by, .. } => Some(by),
        }
    }

    #[test]
    fn encodings_with_and_without_a_mark() {
        let cyrillic = "Мы не знаем, что это такое. ".repeat(9);
        for text in [
            "a cat sat.\r\n",
            "nat\u{fc}rlich ist es sch\u{f6}n",
            &cyrillic,
        ] {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let wide = |bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
                text.chars().flat_map(|c| bytes(u32::from(c))).collect()
            };
            let (little4, big4) = (wide(u32::to_le_bytes), wide(u32::to_be_bytes));
            assert_eq!(iconv(&little), Some("UTF-16LE"), "{text}");
            assert_eq!(iconv(&big), Some("UTF-16BE"));
            assert_eq!(iconv(&little4), Some("UTF-32LE"));
            assert_eq!(iconv(&big4), Some("UTF-32BE"));
            assert_eq!(iconv(&[b"\xFF\xFE", &little[..]].concat()), Some("UTF-16"));
            assert_eq!(iconv(&[b"\xFE\xFF", &big[..]].concat()), Some("UTF-16"));
            assert_eq!(
                iconv(&[b"\xFF\xFE\0\0", &little4[..]].concat()),
                Some("UTF-32")
            );
            assert_eq!(
                iconv(&[b"\0\0\xFE\xFF", &big4[..]].concat()),
                Some("UTF-32")
            );
            assert_eq!(iconv(text.as_bytes()), None);
        }
    }

    #[test]
    fn compressed_files_and_ordinary_ones() {
        for (bytes, by) in [
            (&b"BZh91AY&SY\x01"[..], Some("bzip2")),
            (b"\xFD7zXZ\0\0\x04", Some("xz")),
            (b"\x28\xB5\x2F\xFD\x24", Some("zstd")),
            (b"PK\x03\x04\x14", Some("zip")),
            (b"BZh9 is a word", None),
            (b"", None),
            (b"\0", None),
            (b"a\0", None),
            (b"\0 \0", None),
            (&[0; 4096], None),
            (b"a line\0another line\0and a third", None),
        ] {
            assert_eq!(iconv(bytes), by, "{bytes:?}");
        }
    }
}
