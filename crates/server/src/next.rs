//! What may come next after a text or a state: the most probable tokens.
//!
//! The log-probabilities are those of [`Session::score_tokens`](elman_infer::Session::score_tokens), to the bit.

use crate::state::TextState;
use elman_infer::Result;
use elman_text::TokenId;
use schemars::JsonSchema;
use serde::Serialize;

/// Token that may come next.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct NextToken {
    pub id: TokenId,
    /// The token as the vocabulary spells it.
    pub token: String,
    /// What the text becomes longer by, with the space that may come before a word.
    pub text: String,
    pub logprob: Option<f64>,
    pub prob: f64,
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

/// JSON knows no infinity.
pub(crate) fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::Model;
    use elman_infer::testing::{bigrams, vocab};
    use elman_text::Kind;

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
}
