//! From ids back to text: at once, or token by token for a terminal.
//!
//! `words` and `chars` join their tokens, `bytes` its bytes, and `<eos>` prints nothing: decoding restores the text.
//! `whitespace` joins words by single spaces, and `<eos>` is a newline. `<unk>` prints as `<unk>`.

use super::{Kind, Vocab};

impl Vocab {
    /// The text of `ids`. Panics if one of them is not below V.
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut decoder = Decoder::default();
        for &id in ids {
            text.extend_from_slice(decoder.push(self, id));
        }
        text.extend_from_slice(decoder.finish());
        text
    }

    /// What token `id` prints by itself, be it a part of a character. Panics if `id ≥ V`.
    pub fn printed(&self, id: u32) -> &[u8] {
        match (id == self.eos(), self.kind()) {
            (false, _) => self.token_bytes(id),
            (true, Kind::Whitespace) => b"\n",
            (true, _) => b"",
        }
    }

    /// What stands between a token other than `<eos>` and the text before it, of which a word stands in the same line or not.
    pub fn separator(&self, in_line: bool) -> &'static [u8] {
        match self.kind() {
            Kind::Whitespace if in_line => b" ",
            _ => b"",
        }
    }
}

/// Turns ids into text that may be printed at once. A plain value: it holds at most three bytes of an unfinished character.
///
/// To go on after a prompt, push the ids of the prompt first and print nothing of what comes back.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    out: Vec<u8>,
    /// Bytes of an unfinished UTF-8 character (kind `bytes`).
    held: Vec<u8>,
    /// Whether a token stands before in this line (of use in kind `whitespace`).
    in_line: bool,
}

impl Decoder {
    /// The bytes that may be printed after token `id`: whole characters, or bytes that can belong to none. Panics if `id ≥ V`.
    pub fn push(&mut self, vocab: &Vocab, id: u32) -> &[u8] {
        self.out.clear();
        let eos = id == vocab.eos();
        if !eos {
            self.held.extend_from_slice(vocab.separator(self.in_line));
        }
        self.held.extend_from_slice(vocab.printed(id));
        self.in_line = !eos;
        if vocab.kind().is_text() || eos {
            self.out.append(&mut self.held);
        } else {
            self.release();
        }
        &self.out
    }

    /// Whether a token stands before in the line, for [`Vocab::separator`].
    pub fn in_line(&self) -> bool {
        self.in_line
    }

    /// What is still held back at the end.
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
