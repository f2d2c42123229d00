//! Reading texts: files of any length, plain or compressed with gzip or zstd, in order, as chunks that end at character boundaries.
//!
//! - gzip is known by its first three bytes (`1f 8b 08`) and zstd by its first four (`28 b5 2f fd`), not by name; files of several members or frames are read through.
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
mod pass;
mod recognise;
mod zstd;

pub use input::Input;
pub(crate) use pass::ends_in_returns;
pub use recognise::{Recognised, recognise};

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use self::pass::Pass;
use super::stats::Tally;
use super::{Kind, TextError, TextStats};

/// Bytes read at once.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Text to read: a file, a part of one, or a stream. The end of each source is the end of a document.
pub enum Source {
    /// A file, plain or compressed with gzip or zstd.
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
    /// Number of threads that [`count`](super::count) may use, which does not affect the result; 0 is one.
    pub threads: usize,
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
