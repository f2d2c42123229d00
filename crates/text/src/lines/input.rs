//! One source of bytes: a file or a stream, plain or compressed with gzip or zstd.

use super::zstd::{self, ZstdReader};
use super::{CHUNK, Source};
use crate::TextError;
use flate2::bufread::MultiGzDecoder;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Cursor, ErrorKind, IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;

/// gzip with the only compression method it knows.
const GZIP_MAGIC: [u8; 3] = [0x1F, 0x8B, 0x08];
/// First bytes of a stream, which say how it is compressed.
const LOOKED_AT: usize = 4;

/// Opened source, decompressed while it is read.
pub struct Input {
    /// Name of the source in messages.
    pub name: String,
    stream: Stream,
}

enum Stream {
    Plain(File),
    /// A stream that cannot seek, with the bytes that were examined in front.
    Once(Box<dyn Read + Send>),
    Gzip(Box<MultiGzDecoder<BufReader<Box<dyn Read + Send>>>>),
    Zstd(Box<ZstdReader<BufReader<Box<dyn Read + Send>>>>),
}

impl Input {
    /// Opens a source and recognises gzip and zstd by its first bytes.
    ///
    /// Errors: a source that cannot be opened or read.
    pub fn open(source: Source) -> Result<Input, TextError> {
        match source {
            Source::File(path) | Source::Stretch { path, .. } => open_file(&path),
            Source::Reader { name, mut reader } => {
                let first = first_bytes(&mut reader).map_err(|source| TextError::Read {
                    name: name.clone(),
                    source,
                })?;
                Ok(Input {
                    name,
                    stream: unseekable(first, reader),
                })
            }
        }
    }

    /// Number of bytes of the whole input, if it is known without reading.
    pub fn known_len(&self) -> Option<u64> {
        match &self.stream {
            Stream::Plain(file) => file.metadata().ok().map(|meta| meta.len()),
            _ => None,
        }
    }

    /// Skips up to `count` bytes and returns the number of bytes skipped, which is less at the end.
    pub fn skip(&mut self, count: u64) -> Result<u64, TextError> {
        if count == 0 {
            return Ok(0);
        }
        let known = self.known_len();
        let skipped = match (&mut self.stream, known) {
            (Stream::Plain(file), Some(len)) => {
                let to = count.min(len);
                file.seek(SeekFrom::Start(to)).map(|_| to)
            }
            (Stream::Plain(file), None) => io::copy(&mut file.take(count), &mut io::sink()),
            (Stream::Once(reader), _) => io::copy(&mut reader.take(count), &mut io::sink()),
            (Stream::Gzip(decoder), _) => io::copy(&mut decoder.take(count), &mut io::sink()),
            (Stream::Zstd(decoder), _) => io::copy(&mut decoder.take(count), &mut io::sink()),
        };
        skipped.map_err(|error| self.error(error))
    }

    /// Reads some bytes into `buffer` and returns their number; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TextError> {
        loop {
            let got = match &mut self.stream {
                Stream::Plain(file) => file.read(buffer),
                Stream::Once(reader) => reader.read(buffer),
                Stream::Gzip(decoder) => decoder.read(buffer),
                Stream::Zstd(decoder) => decoder.read(buffer),
            };
            match got {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other.map_err(|error| self.error(error)),
            }
        }
    }

    fn error(&self, source: io::Error) -> TextError {
        let name = self.name.clone();
        let broken = matches!(
            source.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData
        );
        match self.stream {
            Stream::Gzip(_) if broken => TextError::Gzip { name, source },
            Stream::Zstd(_) if broken => TextError::Zstd { name, source },
            _ => TextError::Read { name, source },
        }
    }
}

fn open_file(path: &Path) -> Result<Input, TextError> {
    let name = path.display().to_string();
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => TextError::Missing(path.to_owned()),
        ErrorKind::IsADirectory => TextError::Directory(path.to_owned()),
        _ => TextError::Read {
            name: name.clone(),
            source,
        },
    };
    let mut file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(TextError::Directory(path.to_owned()));
    }
    if is_endless(&file, &meta) {
        return Err(TextError::Device(path.to_owned()));
    }
    let first = first_bytes(&mut file).map_err(failed)?;
    let stream = if meta.is_file() && !is_compressed(&first) {
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Stream::Plain(file)
    } else {
        unseekable(first, Box::new(file))
    };
    Ok(Input { name, stream })
}

/// Whether a file may never end: a device that is neither a terminal nor a disk, such as `/dev/zero`.
#[cfg(unix)]
pub fn is_endless(file: &impl IsTerminal, meta: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_char_device() && !file.is_terminal()
}

#[cfg(not(unix))]
pub fn is_endless(_: &impl IsTerminal, _: &Metadata) -> bool {
    false
}

fn is_compressed(first: &[u8]) -> bool {
    first.starts_with(&GZIP_MAGIC) || zstd::begins(first)
}

/// The first bytes, fewer than [`LOOKED_AT`] only at the end.
fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(LOOKED_AT);
    reader.take(LOOKED_AT as u64).read_to_end(&mut first)?;
    Ok(first)
}

fn unseekable(first: Vec<u8>, rest: Box<dyn Read + Send>) -> Stream {
    let (gzip, zstd) = (first.starts_with(&GZIP_MAGIC), zstd::begins(&first));
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(first).chain(rest));
    let buffered = |whole| BufReader::with_capacity(CHUNK, whole);
    match (gzip, zstd) {
        (true, _) => Stream::Gzip(Box::new(MultiGzDecoder::new(buffered(whole)))),
        (_, true) => Stream::Zstd(Box::new(ZstdReader::new(buffered(whole)))),
        _ => Stream::Once(whole),
    }
}
