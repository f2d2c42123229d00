//! Claims about gradients in time: that they vanish and explode, and within which bound.

use super::claim::{Claim, Found};
use crate::output::{count, number};
use anyhow::Result;
use elman::measure::lab::Lab;
use elman::measure::lab::flow::{self, Flow, find, flows};
use elman::measure::lab::nets::Net;
use elman_report::{Axis, Block, Plot, Style, Table, power_of_ten};

const PRODUCT: &str =
    r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}";
const BOUND: &str = r"\left\|\frac{\partial h_t}{\partial h_k}\right\| \le (\beta_W \beta_h)^{t-k}";
const DOUBLE_SUM: &str = r"\frac{\partial E}{\partial W} = \sum_{t=1}^{T}\sum_{k=1}^{t}\frac{\partial E_t}{\partial y_t}\cdot\frac{\partial y_t}{\partial h_t}\cdot\left(\prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}\right)\cdot\frac{\partial h_k}{\partial W}";

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "vanishing",
            title: "Gradients vanish and explode",
            says: "The gradient that reaches step k from step t goes through a product of Jacobians. With sigmoid and tanh it shrinks, with large weights it grows, either way exponentially in the distance.",
            equations: &[DOUBLE_SUM, PRODUCT],
            measure: vanishing,
        },
        Claim {
            id: "bound",
            title: "The Jacobian product is bounded by a power",
            says: "The norm of the product is at most the product of two numbers, the norm of W and the largest derivative of the activation, to the power of the distance.",
            equations: &[BOUND],
            measure: bound,
        },
    ]
}

/// Norms by lag of some networks, each with its bound where `bounds`.
pub(super) fn norms(id: &str, caption: &str, flows: &[&Flow], bounds: bool) -> Plot {
    let mut plot = Plot::new(
        id,
        caption,
        Axis::linear("distance t − k"),
        Axis::power("‖∂h_t/∂h_k‖"),
    );
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let shown = values
            .iter()
            .enumerate()
            .filter(|(_, log10)| **log10 > -300.0);
        shown.map(|(i, log10)| ((i + 1) as f64, *log10)).collect()
    };
    for (colour, flow) in flows.iter().enumerate() {
        let name = match flow.trained {
            true => format!("{}, trained", flow.net.name()),
            false => flow.net.name().to_owned(),
        };
        plot = plot.with_colour(&*name, Style::Line, colour, points(&flow.mean));
        if bounds {
            plot = plot.with_colour(
                format!("bound of {name}"),
                Style::Dashed,
                colour,
                points(&flow.bound),
            );
        }
    }
    plot
}

/// 10 to the power `log10`, as people write it.
pub(super) fn power(log10: f64) -> String {
    if (-3.0..4.0).contains(&log10) {
        return number(10f64.powf(log10));
    }
    let exponent = log10.floor();
    format!(
        "{:.1}·{}",
        10f64.powf(log10 - exponent),
        power_of_ten(exponent as i64)
    )
}

pub(super) fn fates(caption: String, flows: &[&Flow]) -> Table {
    let mut table = Table::new(
        caption,
        1,
        &[
            "network",
            "factor of a step",
            "norm at the longest distance",
            "verdict",
            "99 % of the gradient from",
            "saturated",
            "dead units",
        ],
    );
    for flow in flows {
        table.row([
            match flow.trained {
                true => format!("{}, trained", flow.net.name()),
                false => flow.net.name().to_owned(),
            },
            number(flow.factor),
            power(flow.last()),
            flow.fate.name().into(),
            flow.horizon_99
                .map_or("–".into(), |steps| format!("{steps} steps back")),
            flow.saturated
                .map_or("–".into(), |part| format!("{:.0} %", 100.0 * part)),
            flow.dead.to_string(),
        ]);
    }
    table
}

fn vanishing(lab: &mut Lab) -> Result<Found> {
    let flows = flows(lab)?;
    let shown: Vec<&Flow> = [Net::Sigmoid, Net::Tanh, Net::TanhLarge, Net::Relu]
        .map(|net| find(&flows, net, false))
        .into();
    let lags = shown[0].lags();
    let said: Vec<String> = shown[..3]
        .iter()
        .map(|flow| {
            format!(
                "{} over {}: {} ({})",
                flow.net.name(),
                count(lags, "step"),
                power(flow.last()),
                flow.fate.name()
            )
        })
        .collect();
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Untrained networks read held-out text; the norms are exact products of their true step Jacobians, in double precision. Before training there is nothing to blame but the activation and the initial weights.",
            ),
            Block::Plot(norms(
                "vanishing-plot",
                "How much of a gradient arrives",
                &shown,
                false,
            )),
            Block::Table(fates("Before training".into(), &shown)),
        ],
        verdict: flow::vanish_and_explode(&flows),
        because: format!("{}.", said.join("; ")),
    })
}

fn bound(lab: &mut Lab) -> Result<Found> {
    let flows = flows(lab)?;
    let shown: Vec<&Flow> = [Net::Sigmoid, Net::Tanh, Net::TanhLarge]
        .map(|net| find(&flows, net, false))
        .into();
    let checked: usize = flows.iter().map(Flow::lags).sum();
    let within = flows.iter().filter(|flow| flow.is_bounded()).count();
    let slack = |flow: &Flow| {
        flow.bound.last().copied().unwrap_or(0.0) - flow.most.last().copied().unwrap_or(0.0)
    };
    let mut table = Table::new(
        "At the longest distance",
        1,
        &[
            "network",
            "largest norm",
            "bound",
            "orders of magnitude between",
        ],
    );
    for flow in &flows {
        let name = if flow.trained {
            format!("{}, trained", flow.net.name())
        } else {
            flow.net.name().into()
        };
        table.row([
            name,
            power(flow.most.last().copied().unwrap_or(0.0)),
            power(flow.bound.last().copied().unwrap_or(0.0)),
            format!("{:.1}", slack(flow).max(0.0)),
        ]);
    }
    let tightest = flows
        .iter()
        .map(slack)
        .fold(f64::INFINITY, f64::min)
        .max(0.0);
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "$\\beta_W$ is the spectral norm of $W_{hh}$, $\\beta_h$ the largest derivative that was met. For gated cells, whose step is no single product, the bound is one of their own kind. A bound above 1 proves nothing: tanh vanishes under one that grows. Below 1, as for the sigmoid, it proves that gradients vanish.",
            ),
            Block::Plot(norms(
                "bound-plot",
                "Norms (lines) under their bounds (dashes)",
                &shown,
                true,
            )),
            Block::Table(table),
        ],
        verdict: flow::bounded(&flows),
        because: format!(
            "{within} of {} networks stay below their bound at all of their distances, {} in all; the tightest is {tightest:.1} orders of magnitude above what was found at the end.",
            flows.len(),
            crate::output::grouped(checked as u64)
        ),
    })
}
