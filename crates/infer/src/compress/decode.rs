//! Decompression: a code becomes the pieces of a text again.

use super::adaptive::{Bit, Bytes, END};
use super::container::Reader;
use super::frequencies::Frequencies;
use super::range_coder::{Decoder, Ended};
use super::{CompressError, Rules, Side, header};
use crate::Model;
use crate::error::{Error, ModelError, Result};
use elman_text::{Joiner, Layout};
use std::io::{BufReader, Read, Write};

/// Bytes of the text that are written at once.
const CHUNK: usize = 1 << 16;

/// Figures of a decompressed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decompressed {
    /// Number of bytes of the text so far.
    pub bytes: u64,
    /// Number of tokens so far.
    pub tokens: u64,
}

/// Decompresses all of `source` into `out` under the model that compressed it; `name` is the data in messages, and `progress` is called now and then.
///
/// What was written to `out` is the text only if there is no error: checksums of the whole are compared at its end.
///
/// # Errors
/// [`CompressError`] if the data is no compressed text, was compressed with another model, is damaged or cut short, or if reading or writing fails;
/// [`ModelError::Overflow`] if hidden states overflow.
pub fn decompress(
    model: &Model,
    name: &str,
    source: &mut dyn Read,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(&Decompressed),
) -> Result<Decompressed> {
    let mut source = BufReader::new(source);
    let (reader, wanted) = Reader::new(name, &mut source)?;
    let layout = match wanted.sentences {
        true => Layout::Sentences,
        false => Layout::Stream,
    };
    let model = model.clone().with_layout(layout);
    let found = header(&model)?;
    if (found.model, found.vocab) != (wanted.model, wanted.vocab) {
        return Err(CompressError::OtherModel {
            name: name.to_owned(),
            wanted: wanted.describe(),
            found: found.describe(),
        }
        .into());
    }
    let mut text = TextDecoder::new(&model, reader, out)?;
    while text.step()? {
        progress(&text.figures);
    }
    text.finish()
}

/// Decoder of the pieces of a text.
struct TextDecoder<'m, 'r> {
    model: &'m Model,
    rules: Rules,
    streams: crate::Streams<'static>,
    joiner: Joiner<'m>,
    side: Side,
    frequencies: Frequencies,
    code: Code<'r>,
    text: Text<'r>,
    figures: Decompressed,
}

/// The code that is being decoded.
struct Code<'r> {
    reader: Reader<'r>,
    decoder: Decoder,
}

/// The text that is being written.
struct Text<'r> {
    out: &'r mut dyn Write,
    bytes: Vec<u8>,
    written: u64,
    sum: crc32fast::Hasher,
}

impl<'m, 'r> TextDecoder<'m, 'r> {
    fn new(
        model: &'m Model,
        mut reader: Reader<'r>,
        out: &'r mut dyn Write,
    ) -> Result<TextDecoder<'m, 'r>> {
        let decoder = Decoder::new(&mut || reader.next().map_err(Broken::Other));
        Ok(TextDecoder {
            model,
            rules: Rules::of(model),
            streams: model.streams(1),
            joiner: Joiner::new(model.vocab()),
            side: Side::new(),
            frequencies: Frequencies::default(),
            code: Code {
                decoder: decoder.map_err(|broken| broken.of(&reader))?,
                reader,
            },
            text: Text {
                out,
                bytes: Vec::new(),
                written: 0,
                sum: crc32fast::Hasher::new(),
            },
            figures: Decompressed::default(),
        })
    }

    /// Decodes a piece; returns false at the end of the text.
    fn step(&mut self) -> Result<bool> {
        if self.rules.escapes {
            let in_line = usize::from(self.joiner.in_line());
            if self.code.flag(&mut self.side.escape[in_line])? {
                if self.rules.escaped_end && self.code.flag(&mut self.side.end)? {
                    return Ok(false);
                }
                self.joiner.raw();
                self.spelt(false)?;
                return self.counted();
            }
        }
        let id = self.token()?;
        let vocab = self.model.vocab();
        if vocab.is_end(id) {
            return Ok(false);
        }
        if Some(id) != vocab.unk() {
            self.text.push(self.joiner.token(id))?;
        } else {
            self.text.push(self.joiner.unknown())?;
            match self.code.flag(&mut self.side.literal)? {
                true => self.text.push(vocab.token_bytes(id))?,
                false => self.spelt(true)?,
            }
        }
        self.counted()
    }

    /// Counts the bytes of the text after a piece; returns true.
    ///
    /// Behind the last frame the length of the text is known. A made-up code may give piece after piece there, since one that is nearly certain takes next to nothing of it.
    fn counted(&mut self) -> Result<bool> {
        self.figures.bytes = self.text.written + self.text.bytes.len() as u64;
        let reader = &self.code.reader;
        match reader.text_bytes() {
            Some(bytes) if self.figures.bytes > bytes => Err(reader
                .damaged("its text is longer than its trailer says")
                .into()),
            _ => Ok(true),
        }
    }

    fn token(&mut self) -> Result<u32> {
        let scores = self.streams.scores().swap_remove(0);
        self.figures.tokens += 1;
        if scores.overflow() {
            let tokens = self.figures.tokens;
            return Err(ModelError::Overflow { tokens }.into());
        }
        self.frequencies.fill(&scores, self.model.vocab().len());
        let target = self.code.decoder.target(self.frequencies.total());
        let (id, interval) = self.frequencies.find(target);
        self.code.take(interval)?;
        self.streams.feed(&[&[id]]);
        Ok(id)
    }

    /// Decodes the bytes of an unknown token or of a raw piece.
    fn spelt(&mut self, unknown: bool) -> Result<()> {
        let model = match unknown {
            true => &mut self.side.unknown,
            false => &mut self.side.raw,
        };
        while let Some(byte) = self.code.byte(model)? {
            self.text.push(&[byte])?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Decompressed> {
        self.text.flush()?;
        let written = self.text.written;
        self.code.reader.finish(written, self.text.sum.finalize())?;
        Ok(Decompressed {
            bytes: written,
            ..self.figures
        })
    }
}

impl Code<'_> {
    fn take(&mut self, interval: super::range_coder::Interval) -> Result<()> {
        let reader = &mut self.reader;
        let taken = self
            .decoder
            .take(interval, &mut || reader.next().map_err(Broken::Other));
        Ok(taken.map_err(|broken| broken.of(reader))?)
    }

    fn flag(&mut self, bit: &mut Bit) -> Result<bool> {
        let flag = bit.find(self.decoder.target(bit.total()));
        self.take(bit.next(flag))?;
        Ok(flag)
    }

    /// The next byte; `None` for the end behind the last one.
    fn byte(&mut self, bytes: &mut Bytes) -> Result<Option<u8>> {
        let symbol = bytes.find(self.decoder.target(bytes.total()));
        self.take(bytes.next(symbol))?;
        Ok((symbol != END).then_some(symbol as u8))
    }
}

impl Text<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        match self.bytes.len() >= CHUNK {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.sum.update(&self.bytes);
        self.written += self.bytes.len() as u64;
        self.out.write_all(&self.bytes).map_err(|source| {
            Error::from(CompressError::Io {
                name: "the decompressed text".to_owned(),
                source,
            })
        })?;
        self.bytes.clear();
        Ok(())
    }
}

/// Why decoding stopped.
enum Broken {
    Ended,
    Other(CompressError),
}

impl From<Ended> for Broken {
    fn from(_: Ended) -> Broken {
        Broken::Ended
    }
}

impl Broken {
    fn of(self, reader: &Reader<'_>) -> CompressError {
        match self {
            Broken::Ended => reader.damaged("its code has no end"),
            Broken::Other(error) => error,
        }
    }
}
