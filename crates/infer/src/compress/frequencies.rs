//! Integer frequencies of all tokens from the scores of a model: the one place where probabilities become integers.
//!
//! ```text
//! f_w = 1 + ⌊2³² · p_w⌋        p_w = e^(−n_w),  n_w = −ln p_w in f64
//! ```
//! n_w has the bits of scoring (`Scores::nats`): of a network f32 logits and their maximum, and the logarithm of a sum in f64. e^x is that of the crate `libm`, plain operations of f64; the product with 2³² is exact
//! and the floor is a conversion. So equal scores give equal integers on every machine. Every token has a frequency of at least 1, also one that the model excludes.
//!
//! The code of token w has log2(Σf / f_w) bits, at most log2(Σp + V·2⁻³²) more than −log2 p_w: 10⁻⁵ bits for 33,000 tokens.

use super::range_coder::{Interval, MOST_TOTAL};
use crate::streams::Scores;

/// 2³².
const SCALE: f64 = 4_294_967_296.0;

/// Frequencies of all tokens.
#[derive(Default)]
pub(super) struct Frequencies {
    counts: Vec<u64>,
    total: u64,
}

impl Frequencies {
    /// Takes the frequencies of `tokens` tokens from their scores.
    pub fn fill(&mut self, scores: &Scores, tokens: usize) {
        self.counts.clear();
        let frequency = |id| 1 + (libm::exp(-scores.nats(id)) * SCALE) as u64;
        self.counts.extend((0..tokens as u32).map(frequency));
        self.total = self.counts.iter().sum();
        // Only if the probabilities of millions of tokens were each near 1, which no sound file has.
        while self.total > MOST_TOTAL {
            self.counts
                .iter_mut()
                .for_each(|count| *count = 1 + (*count >> 8));
            self.total = self.counts.iter().sum();
        }
    }

    /// Sum of all frequencies.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Interval of the token `id`.
    pub fn interval(&self, id: u32) -> Interval {
        Interval {
            cum: self.counts[..id as usize].iter().sum(),
            freq: self.counts[id as usize],
            total: self.total,
        }
    }

    /// The token whose interval has `target`, which is below the sum.
    pub fn find(&self, target: u64) -> (u32, Interval) {
        let mut cum = 0;
        for (id, &freq) in (0..).zip(&self.counts) {
            if target < cum + freq {
                let total = self.total;
                return (id, Interval { cum, freq, total });
            }
            cum += freq;
        }
        unreachable!("the target is below the sum of all frequencies")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_probabilities_and_never_zero() {
        let p = [0.5, 0.25, 0.249, 1e-12, 0.0];
        let nats = p.map(|p: f64| -p.ln()).to_vec();
        let mut found = Frequencies::default();
        found.fill(&Scores::Nats(nats), 5);
        assert_eq!(found.counts[0], 1 + (1 << 31));
        assert_eq!(found.counts[3..], [1, 1]);
        for (id, p) in p.into_iter().enumerate().take(3) {
            let share = found.counts[id] as f64 / found.total() as f64;
            assert!((share / p - 1.0).abs() < 0.002, "{share} for {p}");
        }
        for id in 0..5 {
            let interval = found.interval(id);
            assert_eq!(found.find(interval.cum), (id, interval));
            let last = interval.cum + interval.freq - 1;
            assert_eq!(found.find(last), (id, interval));
        }
        assert_eq!(found.interval(4).cum + 1, found.total());
    }
}
