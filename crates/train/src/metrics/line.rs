//! The lines of `metrics.jsonl`, written and read in one form (`docs/FORMAT.md`, "Metrics").

use crate::watch::{Ending, GradientFlow, Sample, Validation};
use elman_net::dims::TrainPlan;
use serde::{Deserialize, Deserializer, Serialize};

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    Train(TrainLine),
    Valid(Validation),
    Sample(Sample),
    Gradients(GradientFlow),
    End(EndLine),
}

/// The steps since the line before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainLine {
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Mean over the tokens of these steps; not a number, in the file `null`, if all were skipped.
    #[serde(deserialize_with = "number")]
    pub loss_nats: f64,
    /// exp(loss).
    #[serde(deserialize_with = "number")]
    pub perplexity: f64,
    /// Of the last step, before clipping.
    #[serde(deserialize_with = "number")]
    pub grad_norm: f64,
    /// Of the last step.
    pub lr: f64,
    pub clipped: u64,
    pub skipped: u64,
    /// Inputs drawn from the model, where sampling is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<u64>,
    #[serde(deserialize_with = "number")]
    pub tokens_per_s: f64,
    /// Of training since the run began, over all resumes.
    #[serde(default)]
    pub seconds: f64,
}

/// The last line of a run that nobody killed. It is cut off when the run goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndLine {
    pub step: u64,
    pub ending: Ending,
    /// Of training, over all resumes.
    pub seconds: f64,
    /// What memory was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<TrainPlan>,
    /// The most memory that the process had had at once, where the system says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
}

impl Line {
    /// With the perplexity that stands in the file as `null` because it is infinite: the loss says so.
    pub(super) fn with_perplexity(mut self) -> Line {
        let (loss_nats, perplexity) = match &mut self {
            Line::Train(line) => (line.loss_nats, &mut line.perplexity),
            Line::Valid(validation) => (validation.loss_nats, &mut validation.perplexity),
            _ => return self,
        };
        if perplexity.is_nan() {
            *perplexity = loss_nats.exp();
        }
        self
    }

    pub fn step(&self) -> u64 {
        match self {
            Line::Train(line) => line.step,
            Line::Valid(validation) => validation.step,
            Line::Sample(sample) => sample.step,
            Line::Gradients(flow) => flow.step,
            Line::End(end) => end.step,
        }
    }
}

/// What is not finite stands in the file as `null`.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
