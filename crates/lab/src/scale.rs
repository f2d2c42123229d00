//! The size of a laboratory.

use serde::{Deserialize, Serialize};

/// Size of a laboratory: text, networks and measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Largest number of bytes of the text that are used.
    pub text_bytes: usize,
    /// Hidden size H and embedding size E of networks that learn the text.
    pub hidden: usize,
    /// Largest vocabulary of networks that learn the text.
    pub max_vocab: usize,
    /// Number of passes over the text of the networks that several claims share.
    pub epochs: f64,
    /// Number of updates of networks that learn a source whose law is known.
    pub steps: u64,
    /// Number of seeds for claims about chance.
    pub seeds: u64,
    /// Longest lag of Jacobian products, in steps.
    pub lags: usize,
    /// Number of excerpts of the text for inspections.
    #[serde(alias = "passages")]
    pub excerpts: usize,
    /// Seconds for each measurement of speed.
    pub seconds: f64,
}

impl Scale {
    /// The full size, which takes some minutes on two cores.
    pub const FULL: Scale = Scale {
        text_bytes: 440_000,
        hidden: 96,
        max_vocab: 2000,
        epochs: 4.0,
        steps: 2000,
        seeds: 3,
        lags: 100,
        excerpts: 4,
        seconds: 0.5,
    };
    /// A size that takes some seconds, to see that everything works; its figures mean little.
    pub const QUICK: Scale = Scale {
        text_bytes: 48_000,
        hidden: 8,
        max_vocab: 200,
        epochs: 0.25,
        steps: 40,
        seeds: 2,
        lags: 20,
        excerpts: 2,
        seconds: 0.0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_of_earlier_versions_call_excerpts_passages() {
        let json = serde_json::to_string(&Scale::QUICK).unwrap();
        let earlier = json.replace("excerpts", "passages");
        assert_ne!(earlier, json);
        assert_eq!(
            serde_json::from_str::<Scale>(&earlier).unwrap(),
            Scale::QUICK
        );
    }
}
