//! The lines of `metrics.jsonl`, written and parsed in one form (`docs/FORMAT.md`, "Metrics").

use crate::watch::{Ending, GradientFlow, Sample, Validation};
use elman_net::dims::TrainPlan;
use serde::{Deserialize, Deserializer, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    /// Figures of the training steps since the line before.
    Train(TrainLine),
    /// A validation.
    Valid(Validation),
    /// A text that the model wrote during training.
    Sample(Sample),
    /// Gradient flow in the window of a step.
    Gradients(GradientFlow),
    /// The end of the run.
    End(EndLine),
}

/// Figures of the training steps since the line before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainLine {
    /// Number of the last step of the line.
    pub step: u64,
    /// Number of epochs done, as a fraction.
    pub epoch: f64,
    /// Mean loss over the tokens of these steps, in nats; NaN, in the file `null`, if all were skipped.
    #[serde(deserialize_with = "number")]
    pub loss_nats: f64,
    /// Perplexity exp(loss).
    #[serde(deserialize_with = "number")]
    pub perplexity: f64,
    /// Norm of the last step's gradient before clipping.
    #[serde(deserialize_with = "number")]
    pub grad_norm: f64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Number of clipped updates among these steps.
    pub clipped: u64,
    /// Number of skipped updates among these steps.
    pub skipped: u64,
    /// Number of inputs drawn from the model by scheduled sampling, if it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<u64>,
    /// Training tokens per second.
    #[serde(deserialize_with = "number")]
    pub tokens_per_s: f64,
    /// Seconds of training since the run began, over all resumes.
    #[serde(default)]
    pub seconds: f64,
}

/// End of a run whose process was not killed; the line is removed when the run is resumed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndLine {
    /// Number of steps done.
    pub step: u64,
    /// How the run ended.
    pub ending: Ending,
    /// Seconds of training, over all resumes.
    pub seconds: f64,
    /// The memory plan of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<TrainPlan>,
    /// Peak memory of the process in bytes, if the system reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
    /// A text that the kept model wrote after `sample-prompt`, the prompt included; or five lines, if it is a model of sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
}

impl Line {
    /// Restores an infinite perplexity, which is `null` in the file, from the loss.
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

    /// Number of the step to which the line belongs.
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

/// Parses a number, or `null`, which represents a value that is not finite, as NaN.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
