//! Truncated gradients, and the loss where the state is set to zero every T tokens (`inspect::truncation`), of two trained networks.

use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use elman_measure::inspect::truncation::{self, Options};
use serde::{Deserialize, Serialize};

/// Truncated gradients and the worth of the carried state for one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Truncated {
    pub net: Net,
    /// Mean loss per token in nats with the state carried between windows.
    pub carried_nats: f64,
    /// Results by window length, the shortest first.
    pub windows: Vec<TruncatedWindow>,
}

/// Results for windows of one length.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TruncatedWindow {
    /// Window length T in steps.
    pub steps: usize,
    /// Relative error of the truncated gradient.
    pub relative_error: f64,
    /// Mean loss per token in nats if each window starts from the zero state.
    pub zero_state_nats: f64,
}

impl Truncated {
    /// Loss per token in nats that setting the state to zero every `steps` tokens costs.
    pub fn cost(&self, steps: usize) -> Option<f64> {
        let mut windows = self.windows.iter();
        let window = windows.find(|window| window.steps == steps)?;
        Some(window.zero_state_nats - self.carried_nats)
    }
}

/// Compares window lengths on trained networks, or loads the measurements.
pub(crate) fn truncated(lab: &mut Lab) -> Result<Vec<Truncated>> {
    let mut all = Vec::new();
    for net in [Net::Tanh, Net::Lstm] {
        let (model, ids) = lab.model(net)?;
        let name = format!("truncation of {}", net.key());
        all.push(lab.measured(&name, |lab| {
            let options = Options {
                excerpts: 2 * lab.scale().excerpts,
                full: 2 * lab.scale().lags,
                windows: vec![1, 2, 3, 5, 7, 10, 14, 20, 35, 50, 100],
                seed: lab.plan().seed,
                ..Options::default()
            };
            let found = truncation::truncation(&model, lab.own_cpu(), &ids, &options, &mut |_| ())?;
            let windows = found.windows.iter().map(|window| TruncatedWindow {
                steps: window.steps,
                relative_error: window.relative_error,
                zero_state_nats: window.zero_state_nats,
            });
            Ok(Truncated {
                net,
                carried_nats: found.carried_nats,
                windows: windows.collect(),
            })
        })?);
    }
    Ok(all)
}
