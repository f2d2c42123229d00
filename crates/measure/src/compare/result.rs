//! The result of a comparison: plain numbers, from which tables and files are made.

use super::bootstrap::Interval;
use elman_infer::Evaluation;
use serde::Serialize;

/// Result of a comparison. Figures that overflow f64 are infinite (`null` in JSON).
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What perplexities, intervals and differences are computed per: tokens or words.
    pub measure: Measure,
    /// Results of the models, in the order in which they were given.
    pub models: Vec<Entry>,
    /// Differences of every two models, in the order of the models.
    pub pairs: Vec<Pair>,
    /// Result of the mixture, if the models were mixed.
    pub mixture: Option<Mixture>,
    /// Units of resampling; `None`: there are no intervals and no p-values.
    pub units: Option<Unit>,
    /// Reason why there are no intervals.
    pub no_intervals_because: Option<String>,
    /// Confidence level of the intervals, 0.95 for 95 %.
    pub level: f64,
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of the resampling.
    pub seed: u64,
    /// Bits that each unpredicted character was charged; `None`: nothing was charged.
    pub charge_oov_bits: Option<f64>,
    /// Number of threads on which the networks computed.
    pub threads: usize,
    /// Notes to consider before quoting a figure.
    pub notes: Vec<String>,
}

/// What perplexities and losses are computed per.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Per token: all models have the same vocabulary.
    Token,
    /// Per word, white-space fields and line ends of the raw text: the vocabularies differ.
    Word,
}

/// The unit of resampling: a stretch of text that is drawn as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Whether units are made of lines or of tokens.
    pub of: UnitOf,
    /// Number of lines or tokens in a unit.
    pub each: u64,
    /// Number of units of the text.
    pub count: usize,
}

/// What a unit of resampling is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitOf {
    /// Lines of the text.
    Lines,
    /// Blocks of consecutive tokens, where the text has few lines.
    Tokens,
}

/// Result of one model in a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Name of the model.
    pub name: String,
    /// Short name of the architecture, such as `lstm 2×650` or `5-gram`.
    pub architecture: String,
    /// The figures of `infer::evaluate`, to the bit, except that `seconds` counts the model's computing time alone.
    ///
    /// A charge for unpredicted characters is included in the figures per word, character and byte.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Total charge for unpredicted characters in nats; `None`: nothing was charged.
    pub spelling_nats: Option<f64>,
    /// Confidence interval of the perplexity per [`Measure`].
    pub interval: Option<Interval>,
    /// Number of trained parameters.
    pub parameters: u64,
    /// Size of the model's files in bytes.
    pub disk_bytes: u64,
    /// Bytes on disk per parameter; `None` for a model without parameters.
    pub bytes_per_parameter: Option<f64>,
    /// Time of loading the model, in milliseconds.
    pub load_ms: f64,
}

/// Difference of two models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Index of the first model in [`Comparison::models`].
    pub a: usize,
    /// Index of the second model in [`Comparison::models`].
    pub b: usize,
    /// Loss of the first model minus loss of the second.
    #[serde(flatten)]
    pub difference: Difference,
}

/// Difference of two losses per [`Measure`], the first minus the second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Difference in nats; negative if the first is better.
    pub difference_nats: f64,
    /// Confidence interval of the difference.
    pub difference_interval: Option<Interval>,
    /// Two-sided p-value of the hypothesis that the two do not differ.
    pub p_value: Option<f64>,
}

/// Result of the best linear mixture of all models.
#[derive(Clone, Debug, Serialize)]
pub struct Mixture {
    /// Figures of the mixture.
    #[serde(flatten)]
    pub entry: Entry,
    /// Weights and how they were fitted.
    #[serde(flatten)]
    pub fit: MixtureFit,
    /// Index of the best single model.
    pub best: usize,
    /// Loss of the mixture minus loss of the best single model.
    pub against_best: Difference,
}

/// Weights of a mixture and the text that they were fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct MixtureFit {
    /// Weights λ, in the order of the models.
    pub weights: Vec<f64>,
    /// Whether the weights were fitted on the text that they are evaluated on.
    pub optimistic: bool,
    /// Perplexity of the mixture on the text that the weights were fitted on.
    pub fit_perplexity: f64,
    /// Number of tokens of that text.
    pub fit_tokens: u64,
    /// BLAKE3 hash (hex) of that text.
    pub fit_text_hash: String,
    /// Number of rounds of expectation maximisation.
    pub fit_rounds: usize,
    /// Whether the last round gained less than 10⁻⁹ nats per token.
    pub fit_converged: bool,
}

impl Entry {
    /// Perplexity per `measure`.
    pub(crate) fn perplexity_per(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Token => self.evaluation.perplexity,
            Measure::Word => self.evaluation.perplexity_per_word,
        }
    }

    /// Loss in nats per `measure`, the logarithm of the perplexity, which does not overflow.
    pub(crate) fn loss_per(&self, measure: Measure) -> f64 {
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
