//! Distributions of a model before each token of several lines, which are read in one batch.

use super::boundaries::Boundaries;
use crate::error::{ModelError, Result};
use crate::streams::{Scores, Streams};
use elman_text::TokenId;

/// Tokens of a line, and the places where the whole distribution is needed.
pub struct Line {
    pub ids: Vec<TokenId>,
    /// Whether a token begins a word, or the end of the line.
    pub begins: Vec<bool>,
}

/// The loss of a token, and the distribution before it if it begins a word.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenScore {
    /// −ln p of the token.
    pub nats: f64,
    /// Entropy of the distribution before it.
    pub entropy_nats: f64,
    /// −ln p(S) before it.
    pub boundary_nats: f64,
}

/// Scores `lines` in the streams, one each, the longest first.
///
/// Errors: a network whose hidden states overflow.
pub fn score(
    streams: &mut Streams<'_>,
    lines: &[&Line],
    boundaries: &Boundaries,
) -> Result<Vec<Vec<TokenScore>>> {
    let mut found: Vec<Vec<TokenScore>> = lines.iter().map(|_| Vec::new()).collect();
    for t in 0.. {
        let open = lines.iter().take_while(|line| line.ids.len() > t).count();
        if open == 0 {
            break;
        }
        if open < streams.len() {
            streams.select(&(0..open).collect::<Vec<_>>());
        }
        let scores = streams.scores();
        for ((line, found), scores) in lines.iter().zip(&mut found).zip(&scores) {
            if scores.overflow() {
                return Err(ModelError::Overflow { tokens: t as u64 }.into());
            }
            let nats = scores.nats(line.ids[t]);
            found.push(match line.begins[t] {
                true => TokenScore {
                    nats,
                    entropy_nats: entropy(scores, streams.vocab().len()),
                    boundary_nats: boundaries.nats(scores),
                },
                false => TokenScore {
                    nats,
                    ..TokenScore::default()
                },
            });
        }
        let next = lines[..open].iter().map(|line| &line.ids[t..=t]);
        streams.feed(&next.collect::<Vec<_>>());
    }
    Ok(found)
}

/// −Σ p ln p over all tokens.
fn entropy(scores: &Scores, vocab: usize) -> f64 {
    let nats = (0..vocab as TokenId).map(|id| scores.nats(id));
    let terms = nats.map(|nats| match libm::exp(-nats) {
        // Infinitely unlikely tokens add nothing.
        0.0 => 0.0,
        p => p * nats,
    });
    terms.sum()
}
