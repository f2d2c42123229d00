//! How far what a model says about the next token is from what its source says.
//!
//! ```text
//! KL(p ‖ q) = Σ_w p_w ln(p_w / q_w)        KL(q ‖ p)        TV(p, q) = ½ Σ_w |p_w − q_w|
//! ```
//! p is the source's distribution, q the model's, both over what may be written at all, and given by logits z:
//! p_w = e^(z_w − max z) / S. The exponentials are the kernels' (f32, 1 ULP), everything else is f64, so a divergence is right to
//! about 10⁻⁷, and exactly 0 where both logits are the same.

use crate::error::Result;
use elman_infer::sample::largest;
use elman_kernels::{Cpu, exponentials, ln};
use serde::Serialize;

/// The logits of V tokens in each of B sequences, with their exponentials.
pub(super) struct Distributions {
    vocab: usize,
    /// (B, V); −∞ for what is never written.
    pub logits: Vec<f32>,
    /// (B, V): e^(z − max z).
    weights: Vec<f32>,
    /// (B): max z and ln S.
    scales: Vec<(f64, f64)>,
}

/// Three numbers a step, or sums or means of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Divergence {
    pub kl: f64,
    pub reverse_kl: f64,
    pub tv: f64,
}

impl Distributions {
    pub fn new(vocab: usize, batch_size: usize) -> Distributions {
        Distributions {
            vocab,
            logits: vec![0.0; batch_size * vocab],
            weights: vec![0.0; batch_size * vocab],
            scales: vec![(0.0, 0.0); batch_size],
        }
    }

    /// Makes distributions of the logits in which `never` is not written.
    ///
    /// Errors: logits that are no numbers, from hidden states that overflow, or that exclude every token.
    pub fn normalise(&mut self, cpu: &Cpu, never: Option<u32>) -> Result<()> {
        let v = self.vocab;
        for (logits, scale) in self.logits.chunks_exact_mut(v).zip(&mut self.scales) {
            if let Some(never) = never {
                logits[never as usize] = f32::NEG_INFINITY;
            }
            scale.0 = f64::from(largest(cpu.isa(), logits)?);
        }
        self.weights.copy_from_slice(&self.logits);
        exponentials(cpu, v, &mut self.weights);
        for (weights, scale) in self.weights.chunks_exact(v).zip(&mut self.scales) {
            scale.1 = ln(weights.iter().map(|weight| f64::from(*weight)).sum());
        }
        Ok(())
    }

    /// (V): probabilities of a sequence but for a factor.
    pub fn weights(&self, sequence: usize) -> &[f32] {
        &self.weights[sequence * self.vocab..(sequence + 1) * self.vocab]
    }

    /// Divergences of this source from the model `q`, in one row of the batch.
    pub fn divergence(&self, q: &Distributions, sequence: usize) -> Divergence {
        let row = sequence * self.vocab..(sequence + 1) * self.vocab;
        let ((p_most, p_ln_sum), (q_most, q_ln_sum)) = (self.scales[sequence], q.scales[sequence]);
        let (p_sum, q_sum) = (libm::exp(p_ln_sum), libm::exp(q_ln_sum));
        let shift = (p_most + p_ln_sum) - (q_most + q_ln_sum);
        let logits = self.logits[row.clone()].iter().zip(&q.logits[row]);
        let weights = self.weights(sequence).iter().zip(q.weights(sequence));
        let mut sums = Divergence::default();
        for ((z_p, z_q), (w_p, w_q)) in logits.zip(weights) {
            let (p, q) = (f64::from(*w_p) / p_sum, f64::from(*w_q) / q_sum);
            let ln_ratio = f64::from(*z_p) - f64::from(*z_q) - shift;
            // A token that one of them excludes has a ratio of 0 or ∞, and no part in the divergence from that one.
            if p > 0.0 {
                sums.kl += p * ln_ratio;
            }
            if q > 0.0 {
                sums.reverse_kl -= q * ln_ratio;
            }
            sums.tv += (p - q).abs() / 2.0;
        }
        // Rounding may leave a divergence of almost nothing a little below it.
        sums.kl = sums.kl.max(0.0);
        sums.reverse_kl = sums.reverse_kl.max(0.0);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::{cpu, tokens};

    fn of(logits: &[f32], never: Option<u32>) -> Distributions {
        let mut made = Distributions::new(logits.len(), 1);
        made.logits.copy_from_slice(logits);
        made.normalise(&cpu(), never).unwrap();
        made
    }

    fn plain(logits: &[f32], never: usize) -> Vec<f64> {
        let e: Vec<f64> = logits.iter().map(|z| f64::from(*z).exp()).collect();
        let sum: f64 = e.iter().sum::<f64>() - e[never];
        let mut p: Vec<f64> = e.iter().map(|e| e / sum).collect();
        p[never] = 0.0;
        p
    }

    #[test]
    fn divergences_are_those_of_their_definitions() {
        for v in [2, 7, 31, 300] {
            let z: Vec<f32> = tokens(1000, 2 * v)
                .iter()
                .map(|&x| x as f32 / 90.0 - 3.0)
                .collect();
            let (z_p, z_q) = z.split_at(v);
            let (p, q) = (plain(z_p, 1), plain(z_q, 1));
            let kl = |p: &[f64], q: &[f64]| -> f64 {
                let terms = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
                terms.map(|(p, q)| p * (p / q).ln()).sum()
            };
            let tv: f64 = p.iter().zip(&q).map(|(p, q)| (p - q).abs() / 2.0).sum();
            let found = of(z_p, Some(1)).divergence(&of(z_q, Some(1)), 0);
            assert!((found.kl - kl(&p, &q)).abs() < 1e-6, "{v}");
            assert!((found.reverse_kl - kl(&q, &p)).abs() < 1e-6, "{v}");
            assert!((found.tv - tv).abs() < 1e-6, "{v}");
            let none = of(z_p, None).divergence(&of(z_p, None), 0);
            assert_eq!(none, Divergence::default());
        }
    }

    #[test]
    fn what_one_excludes_is_infinitely_far_from_the_other() {
        let (all, less) = (of(&[0.0, 0.0], None), of(&[0.0, f32::NEG_INFINITY], None));
        assert_eq!(all.divergence(&less, 0).kl, f64::INFINITY);
        let found = less.divergence(&all, 0);
        assert!((found.kl - 2.0_f64.ln()).abs() < 1e-12 && (found.tv - 0.5).abs() < 1e-12);
        assert_eq!(found.reverse_kl, f64::INFINITY);
    }

    #[test]
    fn overflowing_states_are_an_error() {
        let mut broken = Distributions::new(2, 1);
        broken.logits.copy_from_slice(&[f32::NAN, 0.0]);
        assert!(broken.normalise(&cpu(), None).is_err());
    }
}
