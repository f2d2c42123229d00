//! Reading texts: files of any length, plain or gzip, in order, as chunks that end at character boundaries.
//!
//! - gzip is known by its first three bytes (`1f 8b 08`), not by name; files of several members are read through.
//! - A byte order mark at the start of a file is dropped (kinds of text only) and noted.
//! - UTF-16, UTF-32 and files compressed by other programs are recognised and refused (kinds of text only).
//! - Where the first 64 KiB of a file have no newline and at least two carriage returns, these are its line ends, and are read
//!   as newlines (kinds of text only) and noted.
//! - Invalid UTF-8 is an error with its offset; with [`ReadOptions::lossy`] it becomes U+FFFD. `bytes` takes anything.
//! - NUL is an ordinary character.
//! - With [`ReadOptions::separator`], lines that equal it end documents and are no part of them.
//!
//! Memory is two buffers, whatever the input. Lines have no meaning here; the scanners give them one.

mod documents;
mod input;
mod recognise;

pub use input::Input;
pub use recognise::{Recognised, recognise};

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use self::documents::Documents;
use super::stats::Tally;
use super::{Kind, TextError, TextStats};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Text to read: a file, a part of one, or a stream. The end of each source is the end of a document.
pub enum Source {
    /// A file, plain or compressed with gzip.
    File(PathBuf),
    /// A byte range of a decompressed file, which begins and ends at character boundaries.
    Stretch {
        /// Path of the file.
        path: PathBuf,
        /// Byte range after decompression.
        range: Range<u64>,
    },
    /// A stream that can be read only once.
    Reader {
        /// Name of the stream in messages.
        name: String,
        /// The stream.
        reader: Box<dyn Read + Send>,
    },
}

impl Source {
    /// Makes a source of standard input.
    ///
    /// Error: [`TextError::Device`] if it is a device, which may never end.
    pub fn stdin() -> Result<Source, TextError> {
        let path = Path::new("/dev/stdin");
        let stdin = std::io::stdin();
        if std::fs::metadata(path).is_ok_and(|meta| input::is_endless(&stdin, &meta)) {
            return Err(TextError::Device("standard input".into()));
        }
        Ok(Source::Reader {
            name: "standard input".into(),
            reader: Box::new(stdin),
        })
    }

    /// Opens a file that can be read only once, such as a pipe; `None` for any other file.
    ///
    /// Errors: a file that cannot be opened, and [`TextError::Device`] for a device, which may never end.
    pub fn once(path: &Path) -> Result<Option<Source>, TextError> {
        let is_once = |meta: &std::fs::Metadata| !meta.is_file() && !meta.is_dir();
        if !path.metadata().is_ok_and(|meta| is_once(&meta)) {
            return Ok(None);
        }
        let name = path.display().to_string();
        let failed = |source| TextError::Read {
            name: name.clone(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        if input::is_endless(&file, &file.metadata().map_err(failed)?) {
            return Err(TextError::Device(path.to_owned()));
        }
        Ok(Some(Source::Reader {
            name,
            reader: Box::new(file),
        }))
    }

    /// Makes sources of several files, in order.
    pub fn files<P: AsRef<Path>>(paths: &[P]) -> Vec<Source> {
        paths
            .iter()
            .map(|path| Source::File(path.as_ref().to_owned()))
            .collect()
    }
}

/// Options for reading a text.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Whether invalid UTF-8 becomes U+FFFD instead of an error.
    pub lossy: bool,
    /// Whether the words `<s>` and `</s>` are skipped, which other programs write around sentences.
    ///
    /// It concerns the kinds `whitespace` and `fields`, in which they would be ordinary words.
    pub skip_markers: bool,
    /// Byte range of the decompressed, concatenated files that is read (see [`super::Split`]); `None` for all.
    ///
    /// A part of a file counts as a document.
    pub range: Option<Range<u64>>,
    /// Line that separates the documents of a file; `None` if every file is one document.
    pub separator: Option<String>,
}

/// What a visitor of [`read`] is given.
#[derive(Clone, Copy)]
pub(super) enum Chunk<'a> {
    Text(&'a str),
    /// Of kind `bytes`; characters are not torn apart if the input is UTF-8.
    Bytes(&'a [u8]),
    EndOfDocument,
}

/// Reads `sources` in order and hands every chunk to `visit`. `tokens` and `oov` of the result are left to the caller.
pub(super) fn read<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    mut visit: impl FnMut(Chunk<'_>) -> Result<(), E>,
) -> Result<TextStats, E> {
    let range = options.range.clone().unwrap_or(0..u64::MAX);
    let mut pass = Pass::new(kind, options);
    let mut base = 0; // where this source begins in the concatenation
    let mut any = false;
    for source in sources {
        any = true;
        if base >= range.end {
            break;
        }
        if let Source::Stretch { path, range: own } = source {
            assert!(options.range.is_none(), "a stretch has a range of its own");
            let mut input = Input::open(Source::File(path))?;
            let skipped = input.skip(own.start)?;
            let length = own.end - own.start;
            let found = pass.document(&mut input, skipped, length, &mut visit)?;
            if skipped < own.start || found < length {
                return Err(TextError::Changed {
                    expected: own.end,
                    found: skipped + found,
                }
                .into());
            }
            continue;
        }
        let mut input = Input::open(source)?;
        let skip = range.start.saturating_sub(base);
        let skipped = input.skip(skip)?;
        base += skipped;
        if skipped < skip {
            continue; // all of it lies before the range
        }
        base += pass.document(&mut input, skipped, range.end - base, &mut visit)?;
    }
    if !any {
        return Err(TextError::NoSource.into());
    }
    if options.range.is_some() && base < range.end {
        return Err(TextError::Changed {
            expected: range.end,
            found: base,
        }
        .into());
    }
    if pass.documents.separators().is_some() && pass.documents.ended == 0 {
        return Err(TextError::NoDocument.into());
    }
    Ok(pass.finish())
}

/// The state of one pass over all sources.
struct Pass {
    kind: Kind,
    lossy: bool,
    buffer: Vec<u8>,
    hash: blake3::Hasher,
    documents: Documents,
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
    fn new(kind: Kind, options: &ReadOptions) -> Pass {
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
    fn document<E: From<TextError>>(
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

    fn finish(self) -> TextStats {
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
fn ends_in_returns(bytes: &[u8]) -> bool {
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
