//! Compression: pieces of a text become a code.

use super::adaptive::{Bytes, END};
use super::container::Writer;
use super::frequencies::Frequencies;
use super::range_coder::Encoder;
use super::{CompressError, Failed, Rules, Side, header};
use crate::Model;
use crate::error::{ModelError, Result};
use crate::streams::Streams;
use elman_text::{Cutter, Joiner, Piece, TokenId, Vocab};
use std::f64::consts::LN_2;
use std::io::{Read, Write};

/// Bytes of the text that are read at once.
const CHUNK: usize = 1 << 16;

/// Figures of a compressed text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compressed {
    /// Number of bytes of the text.
    pub bytes: u64,
    /// Number of characters of the text: bytes that do not continue a character of UTF-8.
    pub chars: u64,
    /// Number of tokens that were coded, an `<eos>` at the end included.
    pub tokens: u64,
    /// −log2 p of these tokens under the model: the bits that an evaluation reports.
    pub model_bits: f64,
    /// Number of unknown tokens that were spelt.
    pub unknown: u64,
    /// Number of pieces that no token stands for.
    pub raw: u64,
    /// Number of bytes of unknown tokens and raw pieces.
    pub spelt_bytes: u64,
    /// Number of bytes of the code alone.
    pub code_bytes: u64,
    /// Number of bytes of the compressed file: header, code, checksums.
    pub file_bytes: u64,
}

/// Compresses all of `source` into `out` under `model`; `name` is the text in messages, and `progress` is called now and then.
///
/// # Errors
/// [`CompressError`] if the model cannot be used or reading or writing fails; [`ModelError::Overflow`] if hidden states overflow.
pub fn compress(
    model: &Model,
    name: &str,
    source: &mut dyn Read,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(&Compressed),
) -> Result<Compressed> {
    let header = header(model)?;
    let failed = |source| CompressError::Io {
        name: name.to_owned(),
        source,
    };
    let writing = |source| CompressError::Io {
        name: "the compressed text".to_owned(),
        source,
    };
    let mut writer = Writer::new(&header, out).map_err(writing)?;
    let mut text = TextEncoder::new(model);
    let mut cutter = Cutter::new(model.vocab());
    let mut sum = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match source.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error).into()),
        };
        let bytes = &chunk[..length];
        let mut add = |piece: Piece<'_>| -> std::result::Result<(), Failed> {
            text.piece(piece)?;
            progress(&text.figures);
            Ok(())
        };
        if length == 0 {
            cutter.finish(&mut add)?;
            break;
        }
        cutter.push(bytes, &mut add)?;
        sum.update(bytes);
        text.figures.bytes += length as u64;
        text.figures.chars += bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u64;
        text.figures.code_bytes +=
            drained(&mut writer, &mut text.coder.out, false).map_err(writing)?;
    }
    text.end()?;
    text.coder.finish();
    text.figures.code_bytes += drained(&mut writer, &mut text.coder.out, true).map_err(writing)?;
    let bytes = text.figures.bytes;
    writer.trailer(bytes, sum.finalize()).map_err(writing)?;
    Ok(Compressed {
        file_bytes: writer.written,
        ..text.figures
    })
}

/// Writes frames of `code`; returns the number of bytes of the code in them.
fn drained(writer: &mut Writer<'_>, code: &mut Vec<u8>, end: bool) -> std::io::Result<u64> {
    let before = code.len();
    writer.frames(code, end)?;
    Ok((before - code.len()) as u64)
}

/// Encoder of the pieces of a text.
struct TextEncoder<'m> {
    vocab: &'m Vocab,
    rules: Rules,
    streams: Streams<'static>,
    joiner: Joiner<'m>,
    side: Side,
    frequencies: Frequencies,
    coder: Encoder,
    figures: Compressed,
}

impl<'m> TextEncoder<'m> {
    fn new(model: &'m Model) -> TextEncoder<'m> {
        TextEncoder {
            vocab: model.vocab(),
            rules: Rules::of(model),
            streams: model.streams(1),
            joiner: Joiner::new(model.vocab()),
            side: Side::new(),
            frequencies: Frequencies::default(),
            coder: Encoder::new(),
            figures: Compressed::default(),
        }
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<()> {
        match piece {
            Piece::Token(id) => {
                self.escape(false);
                self.token(id)?;
                self.joiner.token(id);
            }
            Piece::Unknown(bytes) => {
                // Only a vocabulary with `<unk>` has unknown tokens.
                let unk = self.vocab.unk().unwrap_or(self.vocab.eos());
                self.escape(false);
                self.token(unk)?;
                let literal = bytes == self.vocab.token_bytes(unk);
                self.coder.encode(self.side.literal.next(literal));
                if !literal {
                    self.figures.unknown += 1;
                    self.figures.spelt_bytes += bytes.len() as u64;
                    spell(&mut self.coder, &mut self.side.unknown, bytes);
                }
                self.joiner.unknown();
            }
            Piece::Raw(bytes) => {
                self.escape(true);
                if self.rules.escaped_end {
                    self.coder.encode(self.side.end.next(false));
                }
                self.figures.raw += 1;
                self.figures.spelt_bytes += bytes.len() as u64;
                spell(&mut self.coder, &mut self.side.raw, bytes);
                self.joiner.raw();
            }
        }
        Ok(())
    }

    /// Encodes whether something else than a token comes.
    fn escape(&mut self, flag: bool) {
        if self.rules.escapes {
            let in_line = usize::from(self.joiner.in_line());
            self.coder.encode(self.side.escape[in_line].next(flag));
        }
    }

    fn token(&mut self, id: TokenId) -> Result<()> {
        let scores = self.streams.scores().swap_remove(0);
        self.figures.tokens += 1;
        if scores.overflow() {
            let tokens = self.figures.tokens;
            return Err(ModelError::Overflow { tokens }.into());
        }
        self.figures.model_bits += scores.nats(id) / LN_2;
        self.frequencies.fill(&scores, self.vocab.len());
        self.coder.encode(self.frequencies.interval(id));
        self.streams.feed(&[&[id]]);
        Ok(())
    }

    /// Encodes the end of the text.
    fn end(&mut self) -> Result<()> {
        self.escape(self.rules.escaped_end);
        match self.rules.escaped_end {
            true => {
                self.coder.encode(self.side.end.next(true));
                Ok(())
            }
            false => self.token(self.vocab.eos()),
        }
    }
}

/// Encodes bytes and the end behind them.
fn spell(coder: &mut Encoder, model: &mut Bytes, bytes: &[u8]) {
    for &byte in bytes {
        coder.encode(model.next(byte.into()));
    }
    coder.encode(model.next(END));
}
