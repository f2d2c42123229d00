//! One pass over the sources of a text: chunks of whole characters, line ends, hash and notes.

use super::documents::Documents;
use super::recognise::recognise;
use super::{CHUNK, Chunk, Input, ReadOptions};
use crate::{Kind, TextError, TextStats};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The state of one pass over all sources.
pub(super) struct Pass {
    kind: Kind,
    lossy: bool,
    buffer: Vec<u8>,
    hash: blake3::Hasher,
    pub documents: Documents,
    bytes: u64,
    boms: Noted,
    crlf: Noted,
    cr: Noted,
    replaced: Noted,
}

/// How often something worth a note was met, and in which files.
#[derive(Default)]
struct Noted {
    times: u64,
    files: u64,
    first: String,
}

impl Noted {
    fn add(&mut self, times: u64, name: &str) {
        if times > 0 {
            if self.files == 0 {
                name.clone_into(&mut self.first);
            }
            self.times += times;
            self.files += 1;
        }
    }

    fn place(&self) -> String {
        match self.files {
            1 => self.first.clone(),
            n => format!("{} and {} more", self.first, n - 1),
        }
    }
}

impl Pass {
    pub fn new(kind: Kind, options: &ReadOptions) -> Pass {
        Pass {
            kind,
            lossy: options.lossy,
            buffer: vec![0; CHUNK],
            hash: blake3::Hasher::new(),
            documents: Documents::new(options.separator.as_deref()),
            bytes: 0,
            boms: Noted::default(),
            crlf: Noted::default(),
            cr: Noted::default(),
            replaced: Noted::default(),
        }
    }

    /// Reads a file, or `limit` bytes of it at most, that begins at byte `start` of its file; returns the bytes read.
    pub fn document<E: From<TextError>>(
        &mut self,
        input: &mut Input,
        start: u64,
        limit: u64,
        visit: &mut impl FnMut(Chunk<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut read = 0; // bytes taken from the input
        let mut held = 0; // bytes at the front of the buffer that still wait for the rest of their character
        let mut dropped = 0;
        let mut replaced = 0;
        // Carriage returns read as newlines; `None`: they are characters like others.
        let mut returns = None;
        let mut first = true;
        loop {
            let room =
                (self.buffer.len() - held).min(usize::try_from(limit - read).unwrap_or(usize::MAX));
            let got = input.read(&mut self.buffer[held..held + room])?;
            self.hash.update(&self.buffer[held..held + got]);
            read += got as u64;
            let mut filled = held + got;
            let last = got == 0;
            // The beginning is looked at as a whole; a pipe gives it in pieces.
            if first && !last && read < limit && filled < self.buffer.len() {
                held = filled;
                continue;
            }
            let new = if first { 0 } else { held };
            if std::mem::take(&mut first) && self.kind.is_text() {
                let seen = &self.buffer[..filled];
                if start == 0
                    && let Some(what) = recognise(seen)
                {
                    return Err(TextError::recognised(&input.name, what).into());
                }
                returns = ends_in_returns(seen).then_some(0u64);
            }
            if let Some(returns) = &mut returns {
                for byte in &mut self.buffer[new..filled] {
                    if *byte == b'\r' {
                        *byte = b'\n';
                        *returns += 1;
                    }
                }
            }
            let position = start + read - filled as u64;
            if position == 0 && self.kind.is_text() && self.buffer[..filled].starts_with(BOM) {
                self.buffer.copy_within(BOM.len()..filled, 0);
                filled -= BOM.len();
                dropped = BOM.len() as u64;
            }
            held = if last {
                0
            } else {
                incomplete_tail(&self.buffer[..filled])
            };
            let whole = &self.buffer[..filled - held];
            if self.kind.is_text() {
                let position = start + read - filled as u64;
                replaced += visit_text(whole, position, self.lossy, &input.name, &mut |text| {
                    self.documents.push(Chunk::Text(text), visit)
                })?;
            } else {
                self.documents.push(Chunk::Bytes(whole), visit)?;
            }
            if last {
                break;
            }
            self.buffer.copy_within(filled - held..filled, 0);
        }
        if start > 0 && read == 0 {
            return Ok(0); // the range begins where this file ends
        }
        if start + read == dropped {
            return Err(TextError::Empty(input.name.clone()).into());
        }
        self.documents.push(Chunk::EndOfDocument, visit)?;
        self.bytes += read - dropped;
        self.boms.add(u64::from(dropped > 0), &input.name);
        let crlf = std::mem::take(&mut self.documents.tally.crlf);
        self.crlf.add(crlf, &input.name);
        self.cr.add(returns.unwrap_or(0), &input.name);
        self.replaced.add(replaced, &input.name);
        Ok(read)
    }

    /// Returns the statistics of what was read, with notes.
    pub fn finish(self) -> TextStats {
        let mut notes = Vec::new();
        match self.documents.separators() {
            Some(0) => notes.push("no line is the separator of documents".to_owned()),
            Some(_) => notes.push(format!("{} documents", self.documents.ended)),
            None => {}
        }
        if self.boms.times > 0 {
            notes.push(format!("byte order mark dropped: {}", self.boms.place()));
        }
        if self.crlf.times > 0 && self.kind.is_text() {
            let what = match self.kind {
                kind if kind.between_spaces() => "read as line ends",
                _ => "kept as they are (a carriage return and a newline)",
            };
            notes.push(format!(
                "{} CR LF line ends {what}: {}",
                self.crlf.times,
                self.crlf.place()
            ));
        }
        if self.cr.times > 0 {
            notes.push(format!(
                "{} CR line ends read as line ends: {}",
                self.cr.times,
                self.cr.place()
            ));
        }
        if self.replaced.times > 0 {
            notes.push(format!(
                "{} invalid UTF-8 sequences became U+FFFD: {}",
                self.replaced.times,
                self.replaced.place()
            ));
        }
        let tally = self.documents.tally;
        TextStats {
            tokens: 0,
            oov: 0,
            fields: tally.fields,
            line_ends: tally.line_ends,
            chars: tally.chars,
            bytes: self.bytes - self.documents.removed,
            hash: self.hash.finalize().to_hex().to_string(),
            notes,
        }
    }
}

/// Checks that `bytes`, which begin at `position` of their file, are UTF-8 and visits them; returns how many bad sequences were replaced.
fn visit_text<E: From<TextError>>(
    bytes: &[u8],
    position: u64,
    lossy: bool,
    name: &str,
    text: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<u64, E> {
    match std::str::from_utf8(bytes) {
        Ok(whole) => text(whole).map(|()| 0),
        Err(error) if !lossy => {
            let offset = position + error.valid_up_to() as u64;
            Err(TextError::InvalidUtf8 {
                name: name.to_owned(),
                offset,
            }
            .into())
        }
        Err(_) => {
            let mut replaced = 0;
            for part in bytes.utf8_chunks() {
                text(part.valid())?;
                if !part.invalid().is_empty() {
                    replaced += 1;
                    text("\u{FFFD}")?;
                }
            }
            Ok(replaced)
        }
    }
}

/// Whether the lines of a text that begins so end with carriage returns alone.
pub fn ends_in_returns(bytes: &[u8]) -> bool {
    !bytes.contains(&b'\n') && bytes.iter().filter(|byte| **byte == b'\r').count() > 1
}

/// How many bytes at the end of `bytes` are the beginning of a character whose rest has not been read yet (0 to 3).
fn incomplete_tail(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needs = match bytes[bytes.len() - back] {
            0x80..=0xBF => continue, // a continuation: look further back for its lead
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_tail_is_found() {
        for c in ['a', 'é', '€', '🦀'] {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            for cut in 0..=bytes.len() {
                let text = [b"xy", &bytes[..cut]].concat();
                assert_eq!(incomplete_tail(&text), cut % bytes.len());
            }
        }
        assert_eq!(incomplete_tail(&[0x80; 9]), 0);
        assert_eq!(incomplete_tail(&[0xFF]), 0);
    }
}
