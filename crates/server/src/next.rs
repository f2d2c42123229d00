//! What may come next after a text or a state: the most probable tokens, and what else a page wants to show.
//!
//! ```text
//! prompt and state  →  tokens with their log-probabilities and places  →  distribution, hidden state, state
//! ```
//! The log-probabilities are those of [`Session::score_tokens`](elman_infer::Session::score_tokens), to the bit.

use crate::state::TextState;
use elman_infer::{Model, Result};
use elman_text::{LineEncoder, LineEnd, ReadOptions, TokenId, Vocab};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Largest number of tokens after which hidden states are returned.
pub(crate) const MOST_STATES: usize = 64;

/// Which hidden states an answer contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HiddenQuery {
    /// Layer, from 0 below.
    pub layer: usize,
    /// Hidden state or memory cell.
    pub part: Part,
    /// Number of last tokens after which the state is returned, at most [`MOST_STATES`]; 1 if it is 0.
    pub last: usize,
}

/// Part of a layer's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// The hidden state h.
    #[default]
    H,
    /// The memory cell c of an LSTM.
    C,
}

/// Hidden states after the last tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Hidden {
    /// Every layer of the model, from below.
    pub layers: Vec<LayerSize>,
    pub layer: usize,
    pub part: Part,
    /// A row of values for each of the last tokens, rounded to four decimals.
    pub values: Vec<Vec<f64>>,
}

/// Size of a layer and the parts of its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LayerSize {
    pub units: usize,
    pub parts: Vec<Part>,
}

/// Token of the prompt with its log-probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// Token that may come next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NextToken {
    pub id: TokenId,
    /// The token as the vocabulary spells it.
    pub token: String,
    /// What the text becomes longer by, with the space that may come before a word.
    pub text: String,
    pub logprob: Option<f64>,
    pub prob: f64,
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

/// The most probable next tokens, at most `top`, and the entropy in nats.
pub(crate) fn next_tokens(state: &mut TextState, top: usize) -> Result<(Vec<NextToken>, f64)> {
    let next = state.session.next()?;
    let entropy = next
        .log_probs()
        .into_iter()
        .filter(|log_prob| *log_prob > f64::NEG_INFINITY);
    let entropy: f64 = entropy.map(|log_prob| -log_prob.exp() * log_prob).sum();
    let vocab = state.session.model().vocab();
    let decoder = state.decoder(vocab);
    let token = |id| {
        let mut decoder = decoder.clone();
        let mut text = decoder.push(vocab, id).to_vec();
        if text.is_empty() {
            // A part of a character, or nothing.
            text = vocab.printed(id).to_vec();
        }
        NextToken {
            id,
            token: vocab.token(id).into_owned(),
            text: String::from_utf8_lossy(&text).into_owned(),
            logprob: finite(next.log_prob(id)),
            prob: next.prob(id),
        }
    };
    Ok((next.top_ids(top).into_iter().map(token).collect(), entropy))
}

/// Feeds the last tokens of a prompt one by one, those whose hidden states are wanted. Writes their losses −ln p into `nats`.
///
/// A prompt without tokens leaves the state where it is, and that is recorded.
///
/// # Errors
/// As for [`Session::nats`](elman_infer::Session::nats).
pub(crate) fn record(
    state: &mut TextState,
    ids: &[TokenId],
    nats: &mut [f64],
    recorder: &mut Recorder,
) -> Result<()> {
    if ids.is_empty() && recorder.last() > 0 {
        recorder.take(state);
    }
    for (id, nats) in ids.chunks(1).zip(nats.chunks_mut(1)) {
        state.session.nats(id, nats)?;
        state.passed(id);
        recorder.take(state);
    }
    Ok(())
}

/// JSON knows no infinity.
fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number + 0.0)
}

/// Collects hidden states while a session is fed token by token.
pub(crate) struct Recorder {
    query: HiddenQuery,
    hidden: Option<Hidden>,
}

impl Recorder {
    /// A recorder of `query` for `model`; it collects nothing from models without hidden states.
    ///
    /// # Errors
    /// The reason in words if the model has no such layer or part.
    pub fn new(model: &Model, query: HiddenQuery) -> std::result::Result<Recorder, String> {
        let Some(network) = model.as_network() else {
            return Ok(Recorder {
                query,
                hidden: None,
            });
        };
        let dims = network.dims();
        let parts = match dims.cell.has_memory_cell() {
            true => vec![Part::H, Part::C],
            false => vec![Part::H],
        };
        let size = |&units: &usize| LayerSize {
            units,
            parts: parts.clone(),
        };
        let layers: Vec<LayerSize> = dims.hidden.iter().map(size).collect();
        if query.layer >= layers.len() {
            return Err(format!(
                "`hidden.layer` is {}, and the model has layers 0 to {}",
                query.layer,
                layers.len() - 1
            ));
        }
        if !parts.contains(&query.part) {
            return Err(
                "`hidden.part` is \"c\", and the cells of this model have no memory cell"
                    .to_owned(),
            );
        }
        if query.last > MOST_STATES {
            return Err(format!(
                "`hidden.last` is {}, and at most {MOST_STATES} are returned",
                query.last
            ));
        }
        let hidden = Hidden {
            layers,
            layer: query.layer,
            part: query.part,
            values: Vec::new(),
        };
        Ok(Recorder {
            query,
            hidden: Some(hidden),
        })
    }

    /// Number of last tokens to feed one by one.
    pub fn last(&self) -> usize {
        match self.hidden {
            Some(_) => self.query.last.max(1),
            None => 0,
        }
    }

    /// Takes the state after the last token that `state` was fed.
    pub fn take(&mut self, state: &mut TextState) {
        let (Some(hidden), Some(found)) = (&mut self.hidden, state.session.hidden_state()) else {
            return;
        };
        let layer = &found.layers[hidden.layer];
        let numbers = match hidden.part {
            Part::H => &layer.h,
            Part::C => &layer.c,
        };
        let rounded = |number: &f32| (f64::from(*number) * 1e4).round() / 1e4 + 0.0;
        hidden.values.push(numbers.iter().map(rounded).collect());
    }

    pub fn finish(self) -> Option<Hidden> {
        self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::{bigrams, model, tokens, vocab};
    use elman_net::dims::Cell;
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

    #[test]
    fn next_tokens_are_ranked_and_read_as_what_the_text_becomes_longer_by() {
        let model = Model::from(bigrams(vocab(Kind::Fields, "the cat sat\n")));
        let mut state = TextState::beginning(&model);
        let ids = model.vocab().tokenize(b"the").unwrap().ids;
        state.session.feed_tokens(&ids).unwrap();
        state.passed(&ids);
        let (next, entropy) = next_tokens(&mut state, 3).unwrap();
        assert_eq!(next.len(), 3);
        assert!(next.windows(2).all(|pair| pair[0].prob >= pair[1].prob));
        assert!(entropy > 0.0);
        for token in next {
            let expected = match token.id == model.vocab().eos() {
                true => "\n".to_owned(),
                false => format!(" {}", token.token),
            };
            assert_eq!(token.text, expected);
            assert_eq!(
                token.logprob.unwrap(),
                state.session.next().unwrap().log_prob(token.id)
            );
        }
    }

    #[test]
    fn hidden_states_are_recorded_token_by_token() {
        let model = Model::from(model(Cell::LSTM, false));
        let query = HiddenQuery {
            layer: 1,
            part: Part::C,
            last: 3,
        };
        let mut recorder = Recorder::new(&model, query).unwrap();
        assert_eq!(recorder.last(), 3);
        let mut state = TextState::beginning(&model);
        let (ids, mut nats) = (tokens(22, 3), [0.0; 3]);
        record(&mut state, &ids, &mut nats, &mut recorder).unwrap();
        let scored = model.session().score_tokens(&ids).unwrap();
        assert_eq!(nats.map(|nats| -nats), *scored);
        let last = state.session.hidden_state().unwrap();
        let hidden = recorder.finish().unwrap();
        assert_eq!(
            (
                hidden.layers.len(),
                hidden.layers[0].units,
                hidden.values.len()
            ),
            (2, 21, 3)
        );
        for (shown, exact) in hidden.values[2].iter().zip(&last.layers[1].c) {
            assert!((shown - f64::from(*exact)).abs() <= 0.5e-4);
        }
    }

    #[test]
    fn queries_for_what_a_model_lacks_are_refused() {
        let gru = Model::from(model(Cell::GRU, false));
        let query =
            |layer, part, last| Recorder::new(&gru, HiddenQuery { layer, part, last }).map(drop);
        assert_eq!(query(1, Part::H, 64), Ok(()));
        for (refused, name) in [
            (query(2, Part::H, 1), "layer"),
            (query(0, Part::C, 1), "part"),
            (query(0, Part::H, 65), "last"),
        ] {
            assert!(refused.unwrap_err().contains(name));
        }
        let ngrams = Model::from(bigrams(vocab(Kind::Chars, "ab\n")));
        let recorder = Recorder::new(&ngrams, HiddenQuery::default()).unwrap();
        assert_eq!((recorder.last(), recorder.finish()), (0, None));
    }
}
