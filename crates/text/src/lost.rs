//! Characters of a text that decoding does not restore. A model never predicts them, so figures per word and per character would be
//! better than they should be if nothing were charged for them.
//!
//! A line is compared with the text that its tokens decode to. The count is the Levenshtein distance of the two: the fewest
//! characters to change, add or delete. Kinds `whitespace` and `fields` lose indentation, doubled spaces and tabs; a tokenizer of another program
//! may fold case, strip accents or drop what it has no token for.
//!
//! Markers that are left out ([`ReadOptions::skip_markers`]) are lost. An unknown token counts as restored, because its characters are counted elsewhere (`Placed::unknown_chars`). A line of more
//! than [`super::LONGEST_TOKEN`] bytes is compared in parts of at most that length.

mod distance;

use super::lines::Chunk;
use super::scan::{Scanner, Token};
use super::{Kind, ReadOptions, TextError, Vocab};
use distance::distance;

/// Number of characters that decoding does not restore, with a hash of the restored text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Number of these characters: the sum of the Levenshtein distances of all lines.
    pub chars: u64,
    /// Hash (BLAKE3, hexadecimal) of the restored text; `None` for kinds that restore every text.
    ///
    /// Two vocabularies with equal hashes lose the same characters.
    pub restored: Option<String>,
}

/// Counts lost characters while a text is read.
pub(super) struct LostCounter<'v> {
    /// Cuts the text into lines; `None`: nothing can be lost.
    lines: Option<Scanner>,
    rest: Rest<'v>,
}

/// The counts, and what they are made with.
struct Rest<'v> {
    vocab: &'v Vocab,
    skip_markers: bool,
    chars: u64,
    hash: blake3::Hasher,
    /// A part of the present line was compared already.
    continued: bool,
    restored: String,
}

impl<'v> LostCounter<'v> {
    pub fn new(vocab: &'v Vocab, options: &ReadOptions) -> LostCounter<'v> {
        let kind = vocab.kind();
        let loses = kind.between_spaces() || kind == Kind::Foreign;
        LostCounter {
            lines: loses.then(|| Scanner::lines(vocab.eos_ends_lines())),
            rest: Rest {
                vocab,
                skip_markers: options.skip_markers,
                chars: 0,
                hash: blake3::Hasher::new(),
                continued: false,
                restored: String::new(),
            },
        }
    }

    /// Takes the next chunk of the text.
    pub fn push(&mut self, chunk: Chunk<'_>) -> Result<(), TextError> {
        let (Some(lines), rest) = (&mut self.lines, &mut self.rest) else {
            return Ok(());
        };
        lines.push(chunk, &mut |token| match token {
            Token::Text(part) => rest.compare(part),
            _ => {
                rest.end_line();
                Ok(())
            }
        })
    }

    /// Characters that were lost so far, in lines that have ended.
    pub fn chars(&self) -> u64 {
        self.rest.chars
    }

    pub fn finish(self) -> Lost {
        let hash = self.rest.hash.finalize().to_hex().to_string();
        Lost {
            chars: self.rest.chars,
            restored: self.lines.is_some().then_some(hash),
        }
    }
}

impl Rest<'_> {
    /// Compares a line, or a part of a long one, with what decoding makes of its tokens.
    fn compare(&mut self, part: &str) -> Result<(), TextError> {
        self.restored.clear();
        match self.vocab.kind() {
            kind if kind.between_spaces() => self.restore_fields(part)?,
            _ => self.restored = self.vocab.restored(part)?,
        }
        self.hash.update(self.restored.as_bytes());
        if self.restored != part {
            self.chars += distance(part, &self.restored);
        }
        self.continued = !part.ends_with('\n');
        Ok(())
    }

    /// Kinds `whitespace` and `fields`: the words of `part` with single spaces between them.
    fn restore_fields(&mut self, part: &str) -> Result<(), TextError> {
        let restored = &mut self.restored;
        // The space before the first word of a later part is one between two words.
        let mut separate = self.continued && part.starts_with(' ');
        let mut words = Scanner::of(self.vocab);
        words.skip_markers(self.skip_markers);
        let mut add = |token: Token<'_>| {
            if let Token::Text(word) = token {
                if std::mem::replace(&mut separate, true) {
                    restored.push(' ');
                }
                restored.push_str(word);
            }
            Ok(())
        };
        words.push(Chunk::Text(part), &mut add)?;
        words.flush(&mut add)
    }

    fn end_line(&mut self) {
        self.hash.update(b"\n");
        self.continued = false;
    }
}

#[cfg(test)]
mod tests;
