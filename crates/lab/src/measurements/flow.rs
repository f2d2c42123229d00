//! Gradient flow: ‖∂h_t/∂h_k‖ by lag of seven untrained and four trained networks, beside its bounds, and where ∂E_t/∂W comes from
//! (`inspect::gradients`).

use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use elman_infer::NetworkModel;
use elman_measure::inspect::gradients::{LagNorm, Options};
use elman_measure::inspect::{gradients, untrained};
use elman_net::flow::verdict::GradientVerdict;
use elman_report::numbers::{number, power};
use elman_report::{Axis, Plot, Style, Table};
use elman_text::Source;
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// Gradient flow of one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flow {
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
    pub fate: GradientVerdict,
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
/// The least difference of two norms' logarithms to base ten that counts: a factor of two.
pub(crate) const LEAST_POWER: f64 = 0.301;
/// Smaller norms are not drawn.
const LEAST_DRAWN_LOG10: f64 = -300.0;

impl Flow {
    /// Name of the network on pages.
    pub fn name(&self) -> String {
        match self.trained {
            true => format!("{}, trained", self.net.name()),
            false => self.net.name().to_owned(),
        }
    }

    /// The longest lag of the norms, in steps.
    pub fn lags(&self) -> usize {
        self.mean.len()
    }

    /// log10 of the mean norm at the longest lag.
    pub fn last(&self) -> f64 {
        self.mean.last().copied().unwrap_or(0.0)
    }
}

/// Measures the gradient flow of all networks, the untrained ones first, or loads the measurements.
pub(crate) fn flows(lab: &mut Lab) -> Result<Vec<Flow>> {
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
        excerpts: lab.scale().excerpts,
        lags: lab.scale().lags,
        seed: lab.plan().seed,
        ..Options::default()
    };
    let found = gradients(model, lab.cpu(), ids, &options)?;
    let layer = &found.layers[0];
    let of = |value: fn(&LagNorm) -> f64| {
        let norms = layer.norms.iter();
        norms.map(|norm| value(norm).max(NOTHING_LOG10)).collect()
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
pub(crate) fn find(flows: &[Flow], net: Net, trained: bool) -> &Flow {
    let mut all = flows.iter();
    let found = all.find(|flow| flow.net == net && flow.trained == trained);
    found.expect("all networks were measured")
}

/// Plots the norms of some networks by lag, each with its bound where `bounds`.
pub(crate) fn plot(id: &str, caption: &str, flows: &[&Flow], bounds: bool) -> Plot {
    let axes = (Axis::linear("distance t − k"), Axis::power("‖∂hₜ/∂hₖ‖"));
    let mut plot = Plot::new(id, caption, axes.0, axes.1);
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let lags = values.iter().enumerate();
        let drawn = lags.filter(|(_, log10)| **log10 > LEAST_DRAWN_LOG10);
        drawn.map(|(i, log10)| ((i + 1) as f64, *log10)).collect()
    };
    for (colour, flow) in flows.iter().enumerate() {
        let name = flow.name();
        plot = plot.with_colour(&*name, Style::Line, colour, points(&flow.mean));
        if bounds {
            let (bound, points) = (format!("bound of {name}"), points(&flow.bound));
            plot = plot.with_colour(bound, Style::Dashed, colour, points);
        }
    }
    plot
}

/// Makes a table of the gradient flow of some networks.
pub(crate) fn table(caption: &str, flows: &[&Flow]) -> Table {
    let header = [
        "network",
        "factor per step",
        "norm at the longest distance",
        "verdict",
        "99 % of the gradient from",
        "saturated",
        "dead units",
    ];
    let mut table = Table::new(caption, 1, &header);
    for flow in flows {
        let horizon = flow.horizon_99.map(|steps| format!("{steps} steps back"));
        let saturated = flow.saturated.map(|part| format!("{:.0} %", 100.0 * part));
        table.row([
            flow.name(),
            number(flow.factor),
            power(flow.last()),
            flow.fate.name().into(),
            horizon.unwrap_or("–".into()),
            saturated.unwrap_or("–".into()),
            flow.dead.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
impl Flow {
    /// A network whose norms change by the factor 10^`log10` per step, far below its bound, for tests of rules.
    pub fn made_up(net: Net, trained: bool, log10: f64) -> Flow {
        let norms: Vec<f64> = (1..=20).map(|lag| f64::from(lag) * log10).collect();
        let factor = libm::pow(10.0, log10);
        Flow {
            net,
            trained,
            bound: norms.iter().map(|norm| norm.abs() + 1.0).collect(),
            most: norms.clone(),
            mean: norms,
            factor,
            fate: GradientVerdict::of(factor),
            horizon_99: Some(7.0),
            saturated: None,
            dead: 0,
            interrupted: Some(0.25),
        }
    }
}
