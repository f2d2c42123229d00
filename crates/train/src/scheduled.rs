//! Scheduled sampling (Bengio, Vinyals, Jaitly and Shazeer 2015): between teacher forcing and the model's own words as inputs.
//!
//! At update i each input is the true token with probability ε_i, decided by a coin for each token; otherwise it
//! is drawn from what the model predicted for that place, after the inputs that it has read so far. ε falls as
//! training continues (section 2.4, with ε_0 = 1):
//!
//! ```text
//! linear               ε_i = max(ε, 1 − c·i)
//! exponential          ε_i = k^i                       k < 1
//! inverse sigmoid      ε_i = k / (k + exp(i / k))      k ≥ 1
//! ```
//! The drawn inputs are constants for the gradient, as in the paper: a window is first read step by step to find them,
//! and then trained on like any other. Its dropout is the same both times, so what was drawn came from the very
//! distribution that the second reading computes.

use elman_kernels::philox;
use elman_kernels::rng::{Site, key};
use serde::{Deserialize, Serialize};

/// How the probability ε of a true token as input falls during training (Bengio et al. 2015, section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Decay {
    /// A constant share of inputs is drawn from the model; the value is 1 − ε.
    Constant(f64),
    /// Linear decay ε_i = 1 − c·i; the value is c, the decrease per update.
    Linear(f64),
    /// Exponential decay ε_i = kⁱ; the value is k < 1.
    Exponential(f64),
    /// Inverse sigmoid decay ε_i = k / (k + exp(i / k)); the value is k ≥ 1.
    InverseSigmoid(f64),
}

impl Decay {
    /// Probability 1 − ε_i that an input of update `step` (from 0) is drawn from the model.
    pub fn probability(self, step: u64) -> f64 {
        let i = step as f64;
        match self {
            Decay::Constant(p) => p,
            Decay::Linear(c) => (c * i).min(1.0),
            Decay::Exponential(k) => 1.0 - libm::pow(k, i),
            Decay::InverseSigmoid(k) => 1.0 - k / (k + libm::exp(i / k)),
        }
    }

    fn name_and_number(self) -> (&'static str, f64) {
        match self {
            Decay::Constant(p) => ("constant", p),
            Decay::Linear(c) => ("linear", c),
            Decay::Exponential(k) => ("exponential", k),
            Decay::InverseSigmoid(k) => ("inverse-sigmoid", k),
        }
    }
}

impl std::str::FromStr for Decay {
    type Err = String;

    /// Parses `linear:0.0001`, `exponential:0.999`, `inverse-sigmoid:500` or `constant:0.25`.
    fn from_str(text: &str) -> Result<Decay, String> {
        let expected = || {
            format!(
                "'{text}' is not a schedule of sampling; expected linear:C, exponential:K, inverse-sigmoid:K or constant:P, such as inverse-sigmoid:500"
            )
        };
        let (name, number) = text.split_once(':').ok_or_else(expected)?;
        let number: f64 = number.parse().map_err(|_| expected())?;
        let (decay, holds, rule) = match name {
            "constant" => (
                Decay::Constant(number),
                (0.0..=1.0).contains(&number),
                "from 0 to 1",
            ),
            "linear" => (
                Decay::Linear(number),
                number > 0.0 && number.is_finite(),
                "above 0",
            ),
            "exponential" => (
                Decay::Exponential(number),
                number > 0.0 && number < 1.0,
                "above 0 and below 1",
            ),
            "inverse-sigmoid" => (
                Decay::InverseSigmoid(number),
                number >= 1.0 && number.is_finite(),
                "at least 1",
            ),
            _ => return Err(expected()),
        };
        match holds {
            true => Ok(decay),
            false => Err(format!("the number of {name} must be {rule}")),
        }
    }
}

impl TryFrom<String> for Decay {
    type Error = String;
    fn try_from(text: String) -> Result<Decay, String> {
        text.parse()
    }
}

impl From<Decay> for String {
    fn from(decay: Decay) -> String {
        decay.to_string()
    }
}

impl std::fmt::Display for Decay {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let (name, number) = self.name_and_number();
        write!(f, "{name}:{number}")
    }
}

/// Random decisions of scheduled sampling for one window.
#[derive(Clone, Copy, Debug)]
pub struct Coins {
    /// Probability that an input is drawn.
    probability: f64,
    key: [u32; 2],
    first_sequence: usize,
}

impl Coins {
    /// Makes the decisions of the window with number `step`, each true with `probability`.
    pub fn new(probability: f64, seed: u64, step: u64) -> Coins {
        Coins {
            probability,
            key: key(seed, Site::ScheduledSampling, step),
            first_sequence: 0,
        }
    }

    /// The decisions for the part of the batch that begins at sequence `first_sequence`.
    pub fn from_sequence(self, first_sequence: usize) -> Coins {
        Coins {
            first_sequence,
            ..self
        }
    }

    /// The sequence of the batch that is row 0.
    pub fn first_sequence(&self) -> usize {
        self.first_sequence
    }

    /// Decides whether the input of row `row` at time step `t` is drawn; returns the uniform number in [0, 1) to draw it with.
    pub fn toss(&self, t: usize, row: usize) -> Option<f64> {
        let sequence = self.first_sequence + row;
        let words = philox([sequence as u32, t as u32, 0, 0], self.key);
        let uniform = |high: u32, low: u32| {
            let bits = (u64::from(high) << 32 | u64::from(low)) >> 11;
            bits as f64 * (1.0 / (1u64 << 53) as f64)
        };
        (uniform(words[0], words[1]) < self.probability).then(|| uniform(words[2], words[3]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_those_of_the_paper() {
        assert_eq!(Decay::Constant(0.3).probability(7), 0.3);
        let linear = Decay::Linear(0.25);
        let shares: Vec<f64> = (0..6).map(|i| linear.probability(i)).collect();
        assert_eq!(shares, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
        let exponential = Decay::Exponential(0.5);
        assert_eq!(exponential.probability(0), 0.0);
        assert_eq!(exponential.probability(3), 1.0 - 0.125);
        let sigmoid = Decay::InverseSigmoid(100.0);
        // ε_0 = k/(k + 1), and a half at i = k ln k.
        assert!((sigmoid.probability(0) - 1.0 / 101.0).abs() < 1e-12);
        assert!((sigmoid.probability(461) - 0.5).abs() < 0.01);
        assert_eq!(sigmoid.probability(u64::MAX), 1.0);
    }

    #[test]
    fn names_are_read_and_written() {
        for text in [
            "constant:0.25",
            "linear:0.0001",
            "exponential:0.999",
            "inverse-sigmoid:500",
        ] {
            assert_eq!(text.parse::<Decay>().unwrap().to_string(), text);
        }
        for text in [
            "linear",
            "linear:x",
            "linear:0",
            "linear:inf",
            "exponential:1",
            "inverse-sigmoid:0.5",
            "constant:1.1",
            "constant:nan",
            "cosine:1",
        ] {
            assert!(text.parse::<Decay>().is_err(), "{text}");
        }
    }

    #[test]
    fn coins_fall_as_often_as_they_should_and_draw_evenly() {
        let coins = Coins::new(0.3, 5, 9);
        let tosses = (0..200).flat_map(|t| (0..100).map(move |sequence| (t, sequence)));
        let drawn: Vec<f64> = tosses
            .filter_map(|(t, sequence)| coins.toss(t, sequence))
            .collect();
        assert!((drawn.len() as f64 / 20_000.0 - 0.3).abs() < 0.015);
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        assert!((mean - 0.5).abs() < 0.02);
        assert!(Coins::new(0.0, 5, 9).toss(0, 0).is_none());
        assert!((0..1000).all(|t| Coins::new(1.0, 5, 9).toss(t, 0).is_some()));
    }
}
