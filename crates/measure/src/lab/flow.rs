//! How gradients flow: ‖∂h_t/∂h_k‖ by lag of seven untrained and four trained networks, beside what is promised of it, and where ∂E_t/∂W
//! comes from.

use super::nets::Net;
use super::{Lab, Verdict};
use crate::error::Result;
use crate::inspect::gradients::Options;
use crate::inspect::{gradients, untrained};
use elman_infer::NetworkModel;
use elman_net::flow::verdict::Verdict as Fate;
use elman_text::Source;
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// One network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    pub net: Net,
    pub trained: bool,
    /// By lag from 1 on, log10: the mean over passages, the largest, and the bound. −1000 stands for a norm of 0.
    pub mean: Vec<f64>,
    pub most: Vec<f64>,
    pub bound: Vec<f64>,
    /// The factor of a step.
    pub factor: f64,
    pub fate: Fate,
    /// Share of ∂E_t/∂W by lag from 0 on, to the beginning of the passages.
    pub share: Vec<f64>,
    /// `None` where no passage has a gradient.
    pub horizon_90: Option<f64>,
    pub horizon_99: Option<f64>,
    /// Of the h of a cell without gates.
    pub saturated: Option<f64>,
    /// Units that say the same everywhere; the part of ReLU units whose path is cut within a passage.
    pub dead: usize,
    pub interrupted: Option<f64>,
}

/// Stands for the logarithm of 0, which JSON does not have.
const NOTHING_LOG10: f64 = -1000.0;
/// By so much a norm that was found by iteration may exceed its bound.
const ROUNDING: f64 = 1e-6;

impl Flow {
    pub fn lags(&self) -> usize {
        self.mean.len()
    }

    /// log10 of the norm at the longest lag.
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

/// All networks, the untrained ones first.
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

/// The one of `flows` that is `net`.
pub fn find(flows: &[Flow], net: Net, trained: bool) -> &Flow {
    let found = flows
        .iter()
        .find(|flow| flow.net == net && flow.trained == trained);
    found.expect("all networks were looked at")
}

/// Gradients vanish with sigmoid and tanh, and explode with large weights.
pub fn vanish_and_explode(flows: &[Flow]) -> Verdict {
    let fate = |net| find(flows, net, false).fate;
    Verdict::of(&[
        fate(Net::Sigmoid) == Fate::Vanishing,
        fate(Net::Tanh) == Fate::Vanishing,
        fate(Net::TanhLarge) == Fate::Exploding,
    ])
}

/// No norm is above its bound.
pub fn bounded(flows: &[Flow]) -> Verdict {
    let each: Vec<bool> = flows.iter().map(Flow::is_bounded).collect();
    Verdict::of(&each)
}

/// ReLU alone, and with the identity, keeps more of the gradient at the longest lag than tanh; with the identity it vanishes not at all.
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

/// Gates reach further than tanh, before and after training, and do not explode.
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
