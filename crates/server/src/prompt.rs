//! The tokens of a prompt: their ids, their places in the text, and their log-probabilities as answers have them.

use crate::next::finite;
use crate::refusal::Refusal;
use elman_infer::Result;
use elman_text::{LineEncoder, LineEnd, ReadOptions, TokenId, Vocab};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A text or token ids.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text or a list of token ids")]
pub(crate) enum Prompt {
    Text(String),
    Ids(Vec<TokenId>),
}

impl Default for Prompt {
    fn default() -> Prompt {
        Prompt::Text(String::new())
    }
}

impl Prompt {
    /// The prompt's tokens, with their places.
    ///
    /// # Errors
    /// [`Refusal`] for ids that the vocabulary lacks, and texts that cannot be tokenized.
    pub fn tokens(self, vocab: &Vocab) -> std::result::Result<Tokens, Refusal> {
        match self {
            Prompt::Text(text) => Ok(Tokens::of_text(vocab, &text)?),
            Prompt::Ids(ids) => {
                check_ids(vocab, &ids, "prompt")?;
                Ok(Tokens { ids, places: None })
            }
        }
    }
}

/// Refuses ids that the vocabulary lacks, in the field `param` of a request.
pub(crate) fn check_ids(
    vocab: &Vocab,
    ids: &[TokenId],
    param: &'static str,
) -> std::result::Result<(), Refusal> {
    let count = vocab.len();
    match ids.iter().find(|&&id| id as usize >= count) {
        None => Ok(()),
        Some(id) => Err(Refusal::of(
            param,
            format!("there is no token {id}: the vocabulary has {count} tokens"),
        )),
    }
}

/// Token of the prompt with its log-probability.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct PromptToken {
    pub id: TokenId,
    /// The token as the vocabulary spells it.
    pub token: String,
    /// First byte of the token in the prompt, and the byte after its last; absent for a prompt of ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
    /// Natural log-probability; `null` where the model excludes the token.
    pub logprob: Option<f64>,
    /// Whether the vocabulary lacks what the prompt has there.
    pub unknown: bool,
}

/// A prompt as token ids, with their places if it was a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    pub ids: Vec<TokenId>,
    pub places: Option<Vec<(Range<usize>, bool)>>,
}

impl Tokens {
    /// Tokenizes a text as a prompt.
    ///
    /// # Errors
    /// [`Error::Text`](elman_infer::Error::Text) if the tokenizer fails.
    pub fn of_text(vocab: &Vocab, text: &str) -> Result<Tokens> {
        let ids = vocab.tokenize(text.as_bytes())?.ids;
        let mut located = Vec::new();
        let mut encoder = LineEncoder::new(vocab, &ReadOptions::default());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => (
                    line,
                    LineEnd::Text {
                        newline: true,
                        ends_document: false,
                    },
                ),
                None => (line, LineEnd::None),
            };
            let first = located.len();
            encoder.encode(line.as_bytes(), end, &mut located)?;
            for token in &mut located[first..] {
                // A token of the line's end is its newline.
                let newline = usize::from(token.bytes.start == line.len() && end != LineEnd::None);
                token.bytes = start + token.bytes.start..start + token.bytes.end + newline;
            }
            start += line.len() + usize::from(end != LineEnd::None);
        }
        // Some tokenizers cut lines of a text in another way than each line by itself: their tokens have no places.
        let same = located.len() == ids.len()
            && located
                .iter()
                .zip(&ids)
                .all(|(token, id)| token.symbol.id == *id);
        let places = same.then(|| {
            located
                .into_iter()
                .map(|token| (token.bytes, token.symbol.oov))
                .collect()
        });
        Ok(Tokens { ids, places })
    }
}

/// The tokens of a prompt as an answer has them, with their losses −ln p.
pub(crate) fn prompt_tokens(vocab: &Vocab, tokens: &Tokens, nats: &[f64]) -> Vec<PromptToken> {
    let places = tokens.places.as_deref();
    let each = tokens.ids.iter().zip(nats).enumerate();
    let each = each.map(|(i, (&id, &nats))| PromptToken {
        id,
        token: vocab.token(id).into_owned(),
        start: places.map(|places| places[i].0.start),
        end: places.map(|places| places[i].0.end),
        logprob: finite(-nats),
        unknown: places.is_some_and(|places| places[i].1),
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::vocab;
    use elman_text::Kind;

    fn pieces(kind: Kind, known: &str, text: &str) -> Vec<(String, bool)> {
        let tokens = Tokens::of_text(&vocab(kind, known), text).unwrap();
        let places = tokens.places.unwrap();
        assert_eq!(places.len(), tokens.ids.len());
        let piece =
            |(bytes, unknown): &(Range<usize>, bool)| (text[bytes.clone()].to_owned(), *unknown);
        places.iter().map(piece).collect()
    }

    #[test]
    fn tokens_have_their_places_in_the_prompt() {
        let plain = |pieces: &[(&str, bool)]| -> Vec<(String, bool)> {
            pieces
                .iter()
                .map(|(text, unknown)| (text.to_string(), *unknown))
                .collect()
        };
        let known = "the cat sat\n";
        assert_eq!(
            pieces(Kind::Fields, known, "the  dog\nsat\n\n cat"),
            plain(&[
                ("the", false),
                ("dog", true),
                ("\n", false),
                ("sat", false),
                ("\n", false),
                ("\n", false),
                ("cat", false)
            ])
        );
        let words = pieces(Kind::Words, known, "the cat\nsat");
        let words: Vec<&str> = words.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(words, ["the", " cat", "\n", "sat"]);
        assert_eq!(pieces(Kind::Chars, "abc\n", "a\nbz").len(), 4);
        assert_eq!(pieces(Kind::Fields, known, ""), []);
        assert_eq!(pieces(Kind::Fields, known, "\n"), plain(&[("\n", false)]));
    }
}
