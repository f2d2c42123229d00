//! From ids back to text: at once, or token by token for a terminal.
//!
//! `words` and `chars` join their tokens, `bytes` its bytes, and `<eos>` prints nothing: decoding restores the text.
//! `whitespace` and `fields` join words by single spaces, and `<eos>` is a newline. `<unk>` prints as `<unk>`. `bpe` joins bytes; `foreign` has the
//! decoder of its file, and `<eos>` is a newline where it ends lines.

use super::super::TextError;
use super::engine::Engine;
use super::{Kind, Vocab};

/// Tokens of a foreign vocabulary that are held back at most while they form no whole characters.
const MOST_HELD: usize = 32;

impl Vocab {
    /// Decodes `ids` to text. Panics if one of them is not below V.
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut decoder = Decoder::default();
        for &id in ids {
            text.extend_from_slice(decoder.push(self, id));
        }
        text.extend_from_slice(decoder.finish());
        text
    }

    /// Kind `foreign`: what decoding makes of the tokens of `line`, with its own letters in place of unknown tokens.
    ///
    /// Errors: what encoding can find.
    pub(crate) fn restored(&self, line: &str) -> Result<String, TextError> {
        let Some(engine) = &self.engine else {
            return Ok(line.to_owned());
        };
        let found = engine.line(line)?;
        let ids: Vec<u32> = found.iter().map(|found| found.id).collect();
        let text = engine.text(&ids);
        let unknown: Vec<&str> = found.iter().filter_map(|f| f.unknown.as_deref()).collect();
        let (Some(unk), false) = (self.unk(), unknown.is_empty()) else {
            return Ok(text);
        };
        let name = engine.text(&[unk]);
        let name = name.trim();
        let pieces: Vec<&str> = text.split(name).collect();
        // Letters of the text may read like the name of the unknown token: nobody can say then which is which.
        if name.is_empty() || pieces.len() != unknown.len() + 1 {
            return Ok(text);
        }
        let known = pieces.iter().copied();
        let parts = known.zip(unknown.into_iter().chain([""]));
        Ok(parts
            .flat_map(|(known, unknown)| [known, unknown])
            .collect())
    }

    /// Text of token `id` on its own, which may be a part of a character.
    ///
    /// In kind `foreign` it may have a space before it, if the tokenizer's decoder puts one there. Panics if `id ≥
    /// V`.
    pub fn printed(&self, id: u32) -> &[u8] {
        match (id == self.eos(), self.kind()) {
            (false, Kind::Foreign) => self.alone.get(id),
            (false, _) => self.token_bytes(id),
            (true, _) if self.eos_ends_lines() => b"\n",
            (true, _) => b"",
        }
    }

    /// Separator between a token and the text before it; `in_line` says whether a word precedes it in the line.
    ///
    /// It does not apply to `<eos>`.
    pub fn separator(&self, in_line: bool) -> &'static [u8] {
        match self.kind() {
            kind if in_line && kind.between_spaces() => b" ",
            _ => b"",
        }
    }
}

/// Incremental decoder, which turns ids into text that can be printed at once.
///
/// A plain value: it holds at most three bytes of an unfinished character, or a few ids. To continue a prompt, push
/// the ids of the prompt first and ignore the text returned for them.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    out: Vec<u8>,
    /// Bytes of an unfinished UTF-8 character (kinds `bytes` and `bpe`), or text that is not printed yet (`foreign`).
    held: Vec<u8>,
    /// The last ids (kind `foreign`), and how many of them are printed.
    ids: Vec<u32>,
    printed: usize,
    /// Whether a token comes before in this line (of use where words are separated by spaces).
    in_line: bool,
}

impl Decoder {
    /// Adds token `id` and returns the bytes that can be printed now. Panics if `id ≥ V`.
    ///
    /// They are whole characters, or bytes that cannot belong to one.
    pub fn push(&mut self, vocab: &Vocab, id: u32) -> &[u8] {
        self.out.clear();
        let eos = id == vocab.eos();
        if let (Kind::Foreign, Some(engine)) = (vocab.kind(), &vocab.engine) {
            self.in_line = !eos;
            self.push_foreign(engine, id);
            return &self.out;
        }
        if !eos {
            self.held.extend_from_slice(vocab.separator(self.in_line));
        }
        self.held.extend_from_slice(vocab.printed(id));
        self.in_line = !eos;
        let of_characters = !matches!(vocab.kind(), Kind::Bytes | Kind::Bpe);
        if of_characters || eos {
            self.out.append(&mut self.held);
        } else {
            self.release();
        }
        &self.out
    }

    /// Whether a token precedes in the current line, for [`Vocab::separator`].
    pub fn in_line(&self) -> bool {
        self.in_line
    }

    /// A token's text depends on the one before (a space or none), so two stretches are decoded, without and with what is new.
    fn push_foreign(&mut self, engine: &Engine, id: u32) {
        if id == engine.eos {
            self.out.append(&mut self.held);
            self.ids.clear();
            self.printed = 0;
            if engine.eos_ends_lines {
                self.out.push(b'\n');
            }
            return;
        }
        self.ids.push(id);
        let before = engine.text(&self.ids[..self.printed]);
        let all = engine.text(&self.ids);
        let new = all.strip_prefix(&before).unwrap_or(&all);
        // A replacement character may be the beginning of a character.
        if new.ends_with('\u{FFFD}') && self.ids.len() - self.printed < MOST_HELD {
            self.held = new.into();
            return;
        }
        self.held.clear();
        self.out.extend_from_slice(new.as_bytes());
        self.ids.drain(..self.printed);
        self.printed = self.ids.len();
    }

    /// Returns the text that is still held back at the end.
    pub fn finish(&mut self) -> &[u8] {
        self.out.clear();
        self.out.append(&mut self.held);
        &self.out
    }

    /// Moves everything that can no longer become part of a character to `out`.
    fn release(&mut self) {
        loop {
            let ready = match std::str::from_utf8(&self.held) {
                Ok(whole) => whole.len(),
                Err(error) => match error.error_len() {
                    Some(bad) => error.valid_up_to() + bad,
                    None => error.valid_up_to(),
                },
            };
            if ready == 0 {
                return;
            }
            self.out.extend(self.held.drain(..ready));
        }
    }
}
