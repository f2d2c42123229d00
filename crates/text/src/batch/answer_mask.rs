//! Loss on answers alone: the token after which the answer of a line begins.
//!
//! ```text
//! 3 7* 1 4 6* 2 = 13 <eos>        the token is "=", the answer "13"
//! ```
//! The answer of a line begins after the *last* occurrence of the token, which may occur before it too, and ends before
//! the token that ends the line. A line without the token has no answer. What is no answer is read,
//! but carries no loss: to loss, gradient and every count of predicted tokens it is what padding is.

use std::ops::Range;

use crate::{TextError, Vocab};

/// Mask of the answers in lines, for completion-only loss: an answer begins after the last occurrence of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerMask(u32);

impl AnswerMask {
    /// Makes the mask of the answers after `token`.
    ///
    /// Error: [`TextError::NoMark`] if `token` is not exactly one token of `vocab`.
    pub fn find(token: &str, vocab: &Vocab) -> Result<AnswerMask, TextError> {
        let found = vocab.tokenize(token.as_bytes())?;
        match found.ids[..] {
            [id] if found.unknown.is_empty() => Ok(AnswerMask(id)),
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
        last.map_or(end, |token| token + 1)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn an_answer_is_between_the_last_token_and_the_line_end() {
        let mask = AnswerMask(7);
        assert_eq!(mask.answer(&[1, 7, 2, 3, 0]), 2..4);
        assert_eq!(mask.answer(&[7, 1, 7, 2, 0]), 3..4);
        for without in [&[1, 2, 0][..], &[1, 7, 0], &[7], &[]] {
            assert!(mask.answer(without).is_empty(), "{without:?}");
        }
    }

    #[test]
    fn the_token_is_one_of_the_vocabulary() {
        let tokens = ["=", "12"].map(|token| token.as_bytes().into());
        let vocab = Vocab::of_text(Kind::Whitespace, tokens);
        assert_eq!(AnswerMask::find("=", &vocab).unwrap(), AnswerMask(2));
        for token in ["?", "= 12", ""] {
            let error = AnswerMask::find(token, &vocab).unwrap_err().to_string();
            assert!(error.contains(&format!("'{token}'")), "{error}");
        }
        let words = Vocab::of_text(Kind::Words, [" =".as_bytes().into()]);
        assert_eq!(AnswerMask::find(" =", &words).unwrap(), AnswerMask(2));
        assert!(AnswerMask::find("=", &words).is_err());
    }
}
