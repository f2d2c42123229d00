//! Sums over scored lines, and the perplexities that KenLM and SRILM make of them.
//!
//! With L the log-probability, W words, O unknown words, Z words of probability 0 and S line ends:
//!
//! ```text
//! KenLM   including OOVs: exp(−L / (W + S))            excluding OOVs: exp(−L_known / (W + S − O))
//! SRILM   ppl = exp(−L / (W − O − Z + S))              ppl1 = exp(−L / (W − O − Z))
//! ```
//! (`query` of KenLM; Stolcke 2002, `ngram -ppl`.) SRILM leaves words of probability 0 out of L, and unknown words as well unless `<unk>` is a word
//! of the model (`-unk`). Words are tokens of the vocabulary here, so that the counts belong to the sums; for words of the text see [`LineSums::fields`].

use super::ScoredLine;
use crate::Model;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;
use std::ops::AddAssign;

/// log10 p that stands for probability 0 in ARPA files, which have no number for it. Rounding may leave a sum of such a number above it.
const ZERO_LOG10: f64 = -98.99;

/// Treatment of unknown tokens in a perplexity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// They are words with the probability of `<unk>` (KenLM; `ngram -unk`).
    Include,
    /// They are left out of the log-probability and of the count (SRILM's default).
    Exclude,
}

/// Sums of the losses of scored lines, with the counts that perplexities are computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LineSums {
    /// Number of lines.
    pub lines: u64,
    /// Number of tokens, line ends included.
    pub tokens: u64,
    /// Number of tokens that end lines.
    pub ends: u64,
    /// Number of words of the text: the fields between Unicode white space, without markers that are skipped.
    pub fields: u64,
    /// Number of tokens that the vocabulary lacks.
    pub unknown: u64,
    /// Number of unknown tokens with probability 0.
    pub unknown_zeros: u64,
    /// Number of known tokens with probability 0.
    pub zeros: u64,
    /// Loss of all known tokens whose probability is not 0, in nats.
    pub known_nats: f64,
    /// Loss of the known tokens with probability 0, in nats; an n-gram model says 99 · ln 10 for each, other models infinity.
    pub zero_nats: f64,
    /// Loss of the unknown tokens, in nats.
    pub unknown_nats: f64,
}

impl LineSums {
    /// Sums up one line.
    pub fn of(line: &ScoredLine<'_>, model: &Model) -> LineSums {
        let mut sums = LineSums {
            lines: 1,
            tokens: line.tokens.len() as u64,
            fields: line.fields,
            ..LineSums::default()
        };
        for (token, &nats) in line.tokens.iter().zip(line.nats) {
            let zero = LineSums::is_zero(nats, model);
            sums.ends += u64::from(token.bytes.start == line.text.len());
            match (token.symbol.oov, zero) {
                (true, _) => {
                    sums.unknown += 1;
                    sums.unknown_zeros += u64::from(zero);
                    sums.unknown_nats += nats;
                }
                (false, true) => {
                    sums.zeros += 1;
                    sums.zero_nats += nats;
                }
                (false, false) => sums.known_nats += nats,
            }
        }
        sums
    }

    /// Whether a loss under `model` stands for probability 0.
    pub fn is_zero(nats: f64, model: &Model) -> bool {
        match model.as_ngram() {
            Some(_) => nats >= -ZERO_LOG10 * LN_10,
            None => nats == f64::INFINITY,
        }
    }

    /// Natural log-probability, with or without unknown tokens.
    pub fn log_prob(&self, unknown: Unknown) -> f64 {
        let known = -self.known_nats - self.zero_nats;
        match unknown {
            Unknown::Include => known - self.unknown_nats,
            Unknown::Exclude => known,
        }
    }

    /// Perplexity per token, line ends included, as KenLM has it; `None` without tokens.
    pub fn perplexity(&self, unknown: Unknown) -> Option<f64> {
        let tokens = match unknown {
            Unknown::Include => self.tokens,
            Unknown::Exclude => self.tokens - self.unknown,
        };
        (tokens > 0).then(|| (-self.log_prob(unknown) / tokens as f64).exp())
    }

    /// Perplexity per word of the text, line ends included; `None` without words, and where unknown tokens are excluded and there are any: words are no
    /// tokens, so it is not known how many words to leave out.
    pub fn perplexity_per_word(&self, unknown: Unknown) -> Option<f64> {
        let words = self.fields + self.ends;
        let whole = unknown == Unknown::Include || self.unknown == 0;
        (words > 0 && whole).then(|| (-self.log_prob(unknown) / words as f64).exp())
    }

    /// Number of words W: tokens that end no line.
    pub fn words(&self) -> u64 {
        self.tokens - self.ends
    }

    /// SRILM's number of OOVs: unknown words, where `<unk>` is a word only those of probability 0.
    pub fn srilm_unknown(&self, unknown: Unknown) -> u64 {
        match unknown {
            Unknown::Include => self.unknown_zeros,
            Unknown::Exclude => self.unknown,
        }
    }

    /// SRILM's natural log-probability, without words of probability 0.
    pub fn srilm_log_prob(&self, unknown: Unknown) -> f64 {
        match (unknown, self.unknown_zeros) {
            (Unknown::Include, 0) => -self.known_nats - self.unknown_nats,
            // All unknown tokens are one word, `<unk>`; contexts hardly ever make it possible only here and there.
            _ => -self.known_nats,
        }
    }

    /// SRILM's `ppl`, per word and line end; `None` where it is undefined.
    pub fn srilm_ppl(&self, unknown: Unknown) -> Option<f64> {
        self.srilm(unknown, self.tokens)
    }

    /// SRILM's `ppl1`, per word; `None` where it is undefined.
    pub fn srilm_ppl1(&self, unknown: Unknown) -> Option<f64> {
        self.srilm(unknown, self.words())
    }

    fn srilm(&self, unknown: Unknown, tokens: u64) -> Option<f64> {
        let left_out = self.srilm_unknown(unknown) + self.zeros;
        let tokens = tokens.checked_sub(left_out).filter(|&tokens| tokens > 0)?;
        Some((-self.srilm_log_prob(unknown) / tokens as f64).exp())
    }
}

impl AddAssign for LineSums {
    fn add_assign(&mut self, other: LineSums) {
        self.lines += other.lines;
        self.tokens += other.tokens;
        self.ends += other.ends;
        self.fields += other.fields;
        self.unknown += other.unknown;
        self.unknown_zeros += other.unknown_zeros;
        self.zeros += other.zeros;
        self.known_nats += other.known_nats;
        self.zero_nats += other.zero_nats;
        self.unknown_nats += other.unknown_nats;
    }
}
