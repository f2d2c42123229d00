//! zstd, decompressed while it is read: frame after frame, as `zstd -d` reads them.
//!
//! Frames that hold no data (skippable ones) are passed over. The checksum of a frame is compared if it has one. A window of more than
//! [`MOST_WINDOW`], which takes as much memory, is refused, as `zstd -d` does. What it does not do: dictionaries.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Error, ErrorKind, Read};

/// First bytes of a frame.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Largest window in bytes: that of `zstd --long`.
const MOST_WINDOW: u64 = 128 << 20;

/// Whether a file that begins with these bytes begins with a frame, or with a skippable one (magic numbers 0x184D2A50 to 0x184D2A5F).
pub fn begins(first: &[u8]) -> bool {
    first.starts_with(&MAGIC) || matches!(first, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

/// Reader of the data in zstd frames.
pub struct ZstdReader<R> {
    source: R,
    decoder: FrameDecoder,
    /// Whether a frame has been begun.
    open: bool,
}

impl<R: BufRead> ZstdReader<R> {
    /// Reads the frames of `source`, which begins with one.
    pub fn new(source: R) -> ZstdReader<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_WINDOW);
        ZstdReader {
            source,
            decoder,
            open: false,
        }
    }

    /// Begins the next frame that holds data; returns `false` at the end of the source.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(invalid(error)),
            }
        }
        Ok(false)
    }

    /// Checks a frame that has been read.
    fn end(&self) -> io::Result<()> {
        let (stored, found) = (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        );
        match stored.is_none() || stored == found {
            true => Ok(()),
            false => Err(invalid("the checksum does not match")),
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open && !self.begin()? {
                return Ok(0);
            }
            self.open = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, one);
                decoded.map_err(invalid)?;
            }
            let got = self.decoder.read(buffer)?;
            if got > 0 || buffer.is_empty() {
                return Ok(got);
            }
            self.end()?;
            self.open = false;
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::{Input, Source};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        ZstdReader::new(bytes).read_to_end(&mut data).map(|_| data)
    }

    #[test]
    fn frames_follow_each_other_and_some_hold_nothing() {
        let text = b"the cat sat on the mat\n".repeat(9000);
        let frame = |bytes: &[u8]| compress_to_vec(bytes, CompressionLevel::Fastest);
        let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let whole = [frame(&text), skippable, frame(b"end"), frame(b"")].concat();
        assert!(whole.len() < text.len() && whole.starts_with(&MAGIC));
        assert_eq!(read(&whole).unwrap(), [&text[..], b"end"].concat());
    }

    /// What `printf 'a line\nanother line\n' | zstd` writes.
    const FRAME: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\xa1\0\0a line\nanother line\n\x22\x8f\x1e\x01";

    #[test]
    fn a_file_may_begin_with_a_skippable_frame() {
        let skippable = [&[0x5F, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let whole = [&skippable, FRAME].concat();
        let mut input = Input::open(Source::Reader {
            name: "text".into(),
            reader: Box::new(io::Cursor::new(whole)),
        })
        .unwrap();
        let mut buffer = [0; 64];
        let got = input.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..got], b"a line\nanother line\n");
    }

    #[test]
    fn a_frame_of_zstd_has_a_checksum() {
        assert_eq!(read(FRAME).unwrap(), b"a line\nanother line\n");
        let mut damaged = FRAME.to_vec();
        damaged[10] ^= 1;
        assert_eq!(read(&damaged).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let frame = FRAME;
        for end in 1..frame.len() {
            assert!(read(&frame[..end]).is_err(), "{end}");
        }
        assert!(read(&[frame, b"more"].concat()).is_err());
    }
}
