//! Loss on answers alone: the token after which the answer of a line begins.
//!
//! ```text
//! 3 7* 1 4 6* 2 = 13 <eos>        the mark is "=", the answer "13"
//! ```
//! The answer of a line is what stands after the *last* mark in it, so that the mark may occur in what comes before, and before
//! the token that ends the line, which says nothing about it. A line without a mark has no answer. What is no answer is read,
//! but carries no loss: to loss, gradient and every count of predicted tokens it is what padding is.

use std::ops::Range;

use crate::{TextError, Vocab};

/// Answer mark: the token after which the answer of a line begins, for completion-only loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u32);

impl Mark {
    /// Finds the mark that is written as `token`.
    ///
    /// Error: [`TextError::NoMark`] if `token` is not exactly one token of `vocab`.
    pub fn find(token: &str, vocab: &Vocab) -> Result<Mark, TextError> {
        let found = vocab.tokenize(token.as_bytes())?;
        match found.ids[..] {
            [id] if found.unknown.is_empty() => Ok(Mark(id)),
            _ => Err(TextError::NoMark {
                token: token.to_owned(),
                kind: vocab.kind(),
                tokens: found.ids.len(),
            }),
        }
    }

    /// Range of the answer within the tokens of a line, whose last token ends the line.
    pub fn answer(self, line: &[u32]) -> Range<usize> {
        let end = line.len().saturating_sub(1);
        let last = line[..end].iter().rposition(|id| *id == self.0);
        last.map_or(end, |mark| mark + 1)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn an_answer_stands_between_the_last_mark_and_the_line_end() {
        let mark = Mark(7);
        assert_eq!(mark.answer(&[1, 7, 2, 3, 0]), 2..4);
        assert_eq!(mark.answer(&[7, 1, 7, 2, 0]), 3..4);
        for without in [&[1, 2, 0][..], &[1, 7, 0], &[7], &[]] {
            assert!(mark.answer(without).is_empty(), "{without:?}");
        }
    }

    #[test]
    fn a_mark_is_one_token_of_the_vocabulary() {
        let tokens = ["=", "12"].map(|token| token.as_bytes().into());
        let vocab = Vocab::of_text(Kind::Whitespace, tokens);
        assert_eq!(Mark::find("=", &vocab).unwrap(), Mark(2));
        for token in ["?", "= 12", ""] {
            let error = Mark::find(token, &vocab).unwrap_err().to_string();
            assert!(error.contains(&format!("'{token}'")), "{error}");
        }
        let words = Vocab::of_text(Kind::Words, [" =".as_bytes().into()]);
        assert_eq!(Mark::find(" =", &words).unwrap(), Mark(2));
        assert!(Mark::find("=", &words).is_err());
    }
}
