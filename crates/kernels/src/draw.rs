//! Drawing a token from scores: the largest of the vocabulary's scores, and a weight for each.

use crate::isa::Isa;
use crate::rows::{read, write};
use crate::simd::{Op, Vector, WIDTH};
use crate::vmath;

/// Largest of the scores; −∞ if there is none, NaN if one of them is NaN or +∞.
pub fn largest_score(isa: Isa, scores: &[f32]) -> f32 {
    isa.run(Largest(scores))
}

/// Computes unnormalised probabilities: `weights[i]` = e^((`scores[i]` − `most`) / `temperature`).
///
/// `most` is the largest score. A score of −∞ has weight 0.
pub fn draw_weights(isa: Isa, scores: &[f32], most: f32, temperature: f32, weights: &mut [f32]) {
    assert_eq!(scores.len(), weights.len(), "a weight for each score");
    isa.run(Weights {
        scores,
        most,
        temperature,
        weights,
    });
}

/// Vectors of running maxima, which keep the instructions busy.
const SIDE_BY_SIDE: usize = 4;

struct Largest<'a>(&'a [f32]);

impl Op for Largest<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> f32 {
        // SAFETY: what is read lies in the slice, and the caller has the instructions of `V`.
        unsafe {
            let least = V::splat(f32::NEG_INFINITY);
            let (infinity, zero, one) = (V::splat(f32::INFINITY), V::splat(0.0), V::splat(1.0));
            let mut maxima = [least; SIDE_BY_SIDE];
            let mut wrong = [zero; SIDE_BY_SIDE];
            let mut chunks = self.0.chunks_exact(SIDE_BY_SIDE * WIDTH);
            for chunk in &mut chunks {
                for side in 0..SIDE_BY_SIDE {
                    let x = V::load(chunk.as_ptr().add(side * WIDTH));
                    maxima[side] = x.max(maxima[side]);
                    wrong[side] = wrong[side].add(x.select_lt(infinity, zero, one));
                }
            }
            let (mut most, mut numbers) = (f32::NEG_INFINITY, true);
            for side in 0..SIDE_BY_SIDE {
                most = maxima[side].largest().max(most);
                numbers &= wrong[side].sum() == 0.0;
            }
            for &x in chunks.remainder() {
                most = x.max(most);
                numbers &= x < f32::INFINITY;
            }
            if numbers { most } else { f32::NAN }
        }
    }
}

struct Weights<'a> {
    scores: &'a [f32],
    most: f32,
    temperature: f32,
    weights: &'a mut [f32],
}

impl Op for Weights<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let weights = self.weights.chunks_mut(WIDTH);
        // SAFETY: both chunks have as many numbers, sixteen at most, and the caller has the instructions of `V`.
        unsafe {
            let (most, temperature) = (V::splat(self.most), V::splat(self.temperature));
            for (scores, weights) in self.scores.chunks(WIDTH).zip(weights) {
                let x = read::<V>(scores.as_ptr(), scores.len());
                let weight = vmath::exp(x.sub(most).div(temperature));
                write(weight, weights.as_mut_ptr(), weights.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_found_and_what_is_no_score_is_told() {
        for isa in Isa::supported() {
            for n in [0, 1, 15, 16, 63, 64, 65, 200] {
                let mut scores: Vec<f32> = (0..n).map(|i| (i * 7 % 23) as f32 - 30.0).collect();
                let expected = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                assert_eq!(largest_score(isa, &scores), expected);
                for i in 0..n {
                    for wrong in [f32::NAN, f32::INFINITY] {
                        let right = std::mem::replace(&mut scores[i], wrong);
                        assert!(largest_score(isa, &scores).is_nan(), "{isa:?}, {i} of {n}");
                        scores[i] = right;
                    }
                }
                scores.fill(f32::NEG_INFINITY);
                assert_eq!(largest_score(isa, &scores), f32::NEG_INFINITY);
            }
        }
    }

    #[test]
    fn weights_are_the_exponentials_of_scores_over_the_temperature() {
        let scores: Vec<f32> = (0..37).map(|i| (i * 5 % 37) as f32 * 0.3).collect();
        let (most, temperature) = (10.8, 0.7);
        let mut expected: Vec<f32> = scores.iter().map(|x| (x - most) / temperature).collect();
        vmath::exp_in_place(Isa::detect(), &mut expected);
        for isa in Isa::supported() {
            let mut weights = vec![0.0; scores.len()];
            draw_weights(isa, &scores, most, temperature, &mut weights);
            assert_eq!(weights, expected, "{isa:?}");
            draw_weights(
                isa,
                &[f32::NEG_INFINITY],
                most,
                temperature,
                &mut weights[..1],
            );
            assert_eq!(weights[0], 0.0);
        }
    }
}
