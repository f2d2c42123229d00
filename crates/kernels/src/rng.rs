//! Random numbers that depend on what they are for, never on when or where they are drawn.
//!
//! Philox 4×32-10 (Salmon et al. 2011) turns a counter and a key into four random words. The key
//! comes from (seed, site, step), the counter from the place inside the site (t, sequence,
//! unit, …). So a run that is interrupted, or computed by other threads, draws the same numbers,
//! and a checkpoint needs no generator state beyond the step.

use crate::philox;

/// Place in the program that draws random numbers; each has numbers of its own.
#[derive(Clone, Copy, Debug)]
pub enum Site {
    /// Initial weights; `step` is the tensor's index.
    Init,
    /// Dropout on the input of layer k (k = L: on the input of the output layer); `step` is the
    /// training step.
    Dropout(usize),
    /// Noise on the gradient; `step` is the training step.
    GradientNoise,
    /// Dropping rows of the embedding table; `step` is the training step.
    EmbeddingRows,
    /// Dropping recurrent weights of layer k; `step` is the training step.
    RecurrentWeights(usize),
    /// Sampling during generation; `step` is the sample's number.
    Sample,
    /// Scheduled sampling: whether to sample, and the draws; `step` is the training step.
    ScheduledSampling,
    /// Resampling of lines for a confidence interval; `step` is the resample's number.
    Bootstrap,
    /// Random signs of differences for a permutation test; `step` is the resample's number.
    SignFlips,
    /// Order of lines within their buckets; `step` is the epoch.
    Lines,
    /// Order of batches of lines; `step` is the epoch.
    Batches,
    /// Lines of a stream at which a sequence restarts; `step` is the epoch, the counter the line's first token.
    Restarts,
    /// Words that are read as `<unk>`; `step` is the epoch, the counter the word's id.
    UnknownWords,
    /// Length of a window; `step` is the epoch, the counter the window's number in it.
    WindowLength,
    /// Positions in a true text at which a model's own text begins.
    Beginnings,
    /// Random tokens for measurements of speed.
    Bench,
    /// Position at which the fraction of a weighted text begins; `step` is the text's index in the list.
    Portion,
    /// Texts of sources whose probabilities are known; `step` distinguishes them.
    Laboratory,
    /// Excerpts of a text that is inspected (`step` 0), and the first vector of an iteration (`step` 1).
    Passages,
    /// Prefixes after which exposure bias is measured; `step` is the sequence's number.
    Exposure,
    /// Weights from which tuning starts (`step`: the start), and directions of its line searches.
    Tuning,
    /// Lines of a synthetic text; `step` is the line's number.
    Synth,
}

impl Site {
    fn number(self) -> u32 {
        match self {
            Site::Init => 0,
            Site::Dropout(k) => 1 + u32::try_from(k).expect("fewer than 2³² layers"),
            Site::EmbeddingRows => 500_000,
            Site::RecurrentWeights(k) => 500_001 + u32::try_from(k).expect("fewer than 2³² layers"),
            Site::Sample => 1_000_000,
            Site::Bootstrap => 1_000_001,
            Site::SignFlips => 1_000_002,
            Site::Bench => 1_000_003,
            Site::ScheduledSampling => 1_000_004,
            Site::Lines => 1_000_010,
            Site::Batches => 1_000_011,
            Site::WindowLength => 1_000_012,
            Site::Restarts => 1_000_013,
            Site::UnknownWords => 1_000_014,
            Site::GradientNoise => 1_000_020,
            Site::Passages => 1_000_021,
            Site::Beginnings => 1_000_022,
            Site::Exposure => 1_000_023,
            Site::Portion => 1_000_030,
            Site::Synth => 1_000_031,
            Site::Laboratory => 1_000_040,
            Site::Tuning => 1_000_050,
        }
    }
}

/// Philox key of one site at one step, under the given seed.
pub fn key(seed: u64, site: Site, step: u64) -> [u32; 2] {
    let counter = [site.number(), step as u32, (step >> 32) as u32, 0];
    let words = philox(counter, [seed as u32, (seed >> 32) as u32]);
    [words[0], words[1]]
}

/// Stream of random numbers under one key, for places that draw one number after the other.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    drawn: u64,
    words: [u32; 4],
}

impl Stream {
    /// Starts the stream at its first number.
    pub fn new(key: [u32; 2]) -> Stream {
        Stream {
            key,
            drawn: 0,
            words: [0; 4],
        }
    }

    /// Starts the stream at block `block`; a block is four words, and an f64 takes two words.
    pub fn at(key: [u32; 2], block: u64) -> Stream {
        Stream {
            drawn: 4 * block,
            ..Stream::new(key)
        }
    }

    /// Draws 32 random bits.
    pub fn word(&mut self) -> u32 {
        let word = (self.drawn % 4) as usize;
        if word == 0 {
            let block = self.drawn / 4;
            self.words = philox([block as u32, (block >> 32) as u32, 0, 0], self.key);
        }
        self.drawn += 1;
        self.words[word]
    }

    /// Draws an integer below `n`, uniformly up to a deviation of n/2³².
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }

    /// Draws a number uniformly from [0, 1), with 24 bits, so that every value is an exact `f32`.
    pub fn uniform(&mut self) -> f32 {
        (self.word() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Draws a number uniformly from [0, 1), with 53 bits.
    pub fn uniform_f64(&mut self) -> f64 {
        let (high, low) = (u64::from(self.word()), u64::from(self.word()));
        ((high << 32 | low) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Draws a standard normal number (Box and Muller 1958).
    ///
    /// The bits do not depend on the platform's mathematics library.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * crate::ln(1.0 - self.uniform_f64())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform_f64())
    }
}

/// Selects an index in proportion to `weights`, by a uniform number in [0, 1). At least one weight is positive.
pub fn pick(uniform: f64, weights: &[f32]) -> usize {
    let total: f64 = weights.chunks(BLOCK).map(sum).sum();
    let mut left = uniform * total;
    for (number, block) in weights.chunks(BLOCK).enumerate() {
        let whole = sum(block);
        if left >= whole {
            left -= whole;
            continue;
        }
        let mut last = 0;
        for (i, weight) in block.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            last = i;
            left -= f64::from(*weight);
            if left < 0.0 {
                break;
            }
        }
        // Where none took it below zero, only rounding led here.
        return number * BLOCK + last;
    }
    // And here.
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}

/// Weights that are passed over together.
const BLOCK: usize = 256;
/// Running sums: as many as keep the instructions busy. Part of the order of a sum, the same everywhere.
const WIDTH: usize = 16;

/// The sum of a block.
fn sum(block: &[f32]) -> f64 {
    let mut sums = [0.0_f32; WIDTH];
    for chunk in block.chunks(WIDTH) {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
    sums.into_iter().map(f64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_steps_and_seeds_are_independent() {
        let keys = [
            key(1, Site::Init, 0),
            key(2, Site::Init, 0),
            key(1, Site::Init, 1),
            key(1, Site::Init, 1 << 32),
            key(1, Site::Dropout(0), 0),
            key(1, Site::Dropout(1), 0),
            key(1, Site::EmbeddingRows, 0),
            key(1, Site::RecurrentWeights(0), 0),
            key(1, Site::RecurrentWeights(1), 0),
            key(1, Site::Sample, 0),
            key(1, Site::Bootstrap, 0),
            key(1, Site::SignFlips, 0),
            key(1, Site::Bench, 0),
            key(1, Site::ScheduledSampling, 0),
            key(1, Site::Lines, 0),
            key(1, Site::Batches, 0),
            key(1, Site::WindowLength, 0),
            key(1, Site::Restarts, 0),
            key(1, Site::UnknownWords, 0),
            key(1, Site::GradientNoise, 0),
            key(1, Site::Passages, 0),
            key(1, Site::Beginnings, 0),
            key(1, Site::Exposure, 0),
            key(1, Site::Synth, 0),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut stream = Stream::new(key(3, Site::Init, 0));
        let n = 100_000;
        let uniform: f64 = (0..n).map(|_| f64::from(stream.uniform())).sum::<f64>() / n as f64;
        let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normal.iter().sum::<f64>() / n as f64;
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / n as f64;
        assert!((uniform - 0.5).abs() < 0.005);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02);
    }
}
