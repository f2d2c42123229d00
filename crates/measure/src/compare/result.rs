//! The result of a comparison: plain numbers, from which tables and files are made.

use super::bootstrap::Interval;
use elman_infer::Evaluation;
use serde::Serialize;

/// Everything that a comparison has found. Figures that overflow f64 are infinite (`null` in JSON).
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What intervals and differences are about.
    pub measure: Measure,
    pub models: Vec<Entry>,
    /// Every two models, in order.
    pub pairs: Vec<Pair>,
    pub mixture: Option<Mixture>,
    /// What was drawn as a whole; `None`: there are no intervals and no p-values.
    pub units: Option<Unit>,
    pub no_intervals_because: Option<String>,
    /// Of the intervals.
    pub level: f64,
    pub resamples: usize,
    pub seed: u64,
    /// What each character that no token says was charged with; `None`: nothing.
    pub charge_oov_bits: Option<f64>,
    /// Of the networks.
    pub threads: usize,
    /// What to know before quoting a figure.
    pub notes: Vec<String>,
}

/// What a perplexity is the perplexity of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// All models have the same vocabulary.
    Token,
    /// They have not: white-space fields and line ends of the raw text.
    Word,
}

/// A unit of resampling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    pub of: UnitOf,
    /// Lines or tokens in a unit.
    pub each: u64,
    pub count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitOf {
    Lines,
    Tokens,
}

/// A model.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub name: String,
    pub architecture: String,
    /// What `evaluate` finds, to the bit; only `seconds` count the model alone and not the reading of the text. A
    /// charge for what no token says is in the figures per word, character and byte.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The cost of the characters of unknown tokens, and of those that decoding does not restore; `None`: nothing was charged.
    pub spelling_nats: Option<f64>,
    /// Of the perplexity per [`Measure`].
    pub interval: Option<Interval>,
    pub parameters: u64,
    pub disk_bytes: u64,
    /// `None` without parameters.
    pub bytes_per_parameter: Option<f64>,
    /// From the files to the first query.
    pub load_ms: f64,
}

/// Two models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Numbers of the models in [`Comparison::models`].
    pub a: usize,
    pub b: usize,
    #[serde(flatten)]
    pub difference: Difference,
}

/// Loss of one minus loss of the other, per [`Measure`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Negative: the first is better.
    pub difference_nats: f64,
    pub difference_interval: Option<Interval>,
    /// Of the hypothesis that the two do not differ, two-sided.
    pub p_value: Option<f64>,
}

/// The best linear mixture of all models.
#[derive(Clone, Debug, Serialize)]
pub struct Mixture {
    #[serde(flatten)]
    pub entry: Entry,
    /// Weights in the order of the models, and how they were found.
    #[serde(flatten)]
    pub fit: MixtureFit,
    /// Number of the best single model.
    pub best: usize,
    /// The mixture's loss minus that of the best single model.
    pub against_best: Difference,
}

/// Where the weights come from.
#[derive(Clone, Debug, Serialize)]
pub struct MixtureFit {
    pub weights: Vec<f64>,
    /// The weights were fitted on the text that they are evaluated on.
    pub optimistic: bool,
    /// On the text that the weights were fitted on.
    pub fit_perplexity: f64,
    pub fit_tokens: u64,
    pub fit_text_hash: String,
    pub fit_rounds: usize,
    pub fit_converged: bool,
}

impl Entry {
    /// The perplexity that the comparison is about.
    pub fn perplexity_per(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Token => self.evaluation.perplexity,
            Measure::Word => self.evaluation.perplexity_per_word,
        }
    }

    /// Its logarithm, which does not overflow.
    pub fn loss_per(&self, measure: Measure) -> f64 {
        let e = &self.evaluation;
        match measure {
            Measure::Token => e.loss_nats,
            Measure::Word => {
                let nats = e.total_nats + self.spelling_nats.unwrap_or(0.0);
                nats / (e.fields + e.line_ends) as f64
            }
        }
    }
}
