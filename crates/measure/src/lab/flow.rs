//! Gradient flow: ‖∂h_t/∂h_k‖ by lag of seven untrained and four trained networks, beside its bounds, and where ∂E_t/∂W comes from.

use super::nets::Net;
use super::{Lab, Verdict};
use crate::error::Result;
use crate::inspect::gradients::Options;
use crate::inspect::{gradients, untrained};
use elman_infer::NetworkModel;
use elman_net::flow::verdict::GradientVerdict as Fate;
use elman_text::Source;
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// Gradient flow of one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// The network.
    pub net: Net,
    /// Whether the network was trained.
    pub trained: bool,
    /// log10 of the norm by lag from 1, mean over excerpts; −1000 represents a norm of 0.
    pub mean: Vec<f64>,
    /// log10 of the largest norm by lag.
    pub most: Vec<f64>,
    /// log10 of the upper bound of the norm by lag.
    pub bound: Vec<f64>,
    /// Factor γ of the norm per step.
    pub factor: f64,
    /// Whether gradients vanish, explode or neither.
    pub fate: Fate,
    /// Share of ∂E_t/∂W by lag from 0 to the beginning of the excerpts.
    pub share: Vec<f64>,
    /// Lag in steps beyond which at most 10 % of the gradient lies, median over excerpts; `None` if no excerpt has a gradient.
    pub horizon_90: Option<f64>,
    /// Lag in steps beyond which at most 1 % of the gradient lies, median over excerpts; `None` if no excerpt has a gradient.
    pub horizon_99: Option<f64>,
    /// Share of saturated activations of h, for a cell without gates.
    pub saturated: Option<f64>,
    /// Number of units with the same value everywhere.
    pub dead: usize,
    /// Share of ReLU units whose gradient path is cut within an excerpt.
    pub interrupted: Option<f64>,
}

/// Represents the logarithm of 0, which JSON does not have.
const NOTHING_LOG10: f64 = -1000.0;
/// By so much a norm that was found by iteration may exceed its bound.
const ROUNDING: f64 = 1e-6;

impl Flow {
    /// The longest lag of the norms, in steps.
    pub fn lags(&self) -> usize {
        self.mean.len()
    }

    /// log10 of the mean norm at the longest lag.
    pub fn last(&self) -> f64 {
        self.mean.last().copied().unwrap_or(0.0)
    }

    /// Whether no norm is above its bound.
    pub fn is_bounded(&self) -> bool {
        let slack = libm::log10(1.0 + ROUNDING);
        self.most
            .iter()
            .zip(&self.bound)
            .all(|(most, bound)| most - bound <= slack)
    }
}

/// Measures the gradient flow of all networks, the untrained ones first, or loads the measurements.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training and of [`gradients`](crate::inspect::gradients()).
pub fn flows(lab: &mut Lab) -> Result<Vec<Flow>> {
    let mut flows = Vec::new();
    for net in Net::ALL {
        let name = format!("gradients of {} before training", net.key());
        flows.push(lab.measured(&name, |lab| {
            let sources = vec![Source::File(lab.texts().train.clone())];
            let model = untrained(&lab.config(net), &VocabularyFrom::Text, sources)?;
            let ids = lab.held_out(&model)?;
            flow(lab, net, false, &model, &ids)
        })?);
    }
    for net in Net::TRAINED {
        let (model, ids) = lab.model(net)?;
        let name = format!("gradients of {} after training", net.key());
        flows.push(lab.measured(&name, |lab| flow(lab, net, true, &model, &ids))?);
    }
    Ok(flows)
}

fn flow(lab: &Lab, net: Net, trained: bool, model: &NetworkModel, ids: &[u32]) -> Result<Flow> {
    let options = Options {
        passages: lab.scale().passages,
        lags: lab.scale().lags,
        seed: lab.plan().seed,
        ..Options::default()
    };
    let found = gradients(model, lab.cpu(), ids, &options)?;
    let layer = &found.layers[0];
    let of = |value: fn(&crate::inspect::gradients::LagNorm) -> f64| {
        layer
            .norms
            .iter()
            .map(|norm| value(norm).max(NOTHING_LOG10))
            .collect()
    };
    let signal = layer.units.signals.iter().find(|signal| signal.name == "h");
    Ok(Flow {
        net,
        trained,
        mean: of(|norm| norm.mean_log10),
        most: of(|norm| norm.most_log10),
        bound: of(|norm| norm.bound_log10),
        factor: layer.factor,
        fate: layer.verdict,
        share: layer
            .contribution
            .lags
            .iter()
            .map(|lag| lag.share)
            .collect(),
        horizon_90: layer.contribution.horizon_90,
        horizon_99: layer.contribution.horizon_99,
        saturated: signal.map(|signal| signal.low + signal.high),
        dead: layer.units.dead,
        interrupted: layer.units.interrupted,
    })
}

/// Finds the measurement of `net` in `flows`, trained or untrained.
///
/// # Panics
/// If it is not among them.
pub fn find(flows: &[Flow], net: Net, trained: bool) -> &Flow {
    let found = flows
        .iter()
        .find(|flow| flow.net == net && flow.trained == trained);
    found.expect("all networks were looked at")
}

/// Verdict on the claim that gradients vanish with sigmoid and tanh, and explode with large weights.
pub fn vanish_and_explode(flows: &[Flow]) -> Verdict {
    let fate = |net| find(flows, net, false).fate;
    Verdict::of(&[
        fate(Net::Sigmoid) == Fate::Vanishing,
        fate(Net::Tanh) == Fate::Vanishing,
        fate(Net::TanhLarge) == Fate::Exploding,
    ])
}

/// Verdict on the claim that no norm is above its bound.
pub fn bounded(flows: &[Flow]) -> Verdict {
    let each: Vec<bool> = flows.iter().map(Flow::is_bounded).collect();
    Verdict::of(&each)
}

/// Verdicts on ReLU and on ReLU with the identity: each keeps more of the gradient at the longest lag than tanh and does not
/// vanish.
pub fn relu_and_identity(flows: &[Flow]) -> (Verdict, Verdict) {
    let of = |net| find(flows, net, false);
    let relu = [
        of(Net::Relu).last() > of(Net::Tanh).last(),
        of(Net::Relu).fate == Fate::Healthy,
    ];
    let identity = [
        of(Net::Irnn).last() > of(Net::Tanh).last(),
        of(Net::Irnn).fate == Fate::Healthy,
    ];
    (Verdict::of(&relu), Verdict::of(&identity))
}

/// Verdict on the claim that gated cells keep gradients longer than tanh, before and after training, and do not explode.
pub fn gates(flows: &[Flow]) -> Verdict {
    let further = |net, trained| {
        let of = find(flows, net, trained);
        of.last() > find(flows, Net::Tanh, trained).last() && of.fate != Fate::Exploding
    };
    Verdict::of(&[
        further(Net::Gru, false),
        further(Net::Lstm, false),
        further(Net::Gru, true),
        further(Net::Lstm, true),
    ])
}
