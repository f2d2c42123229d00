//! The Jacobian product is bounded by a power: norms of eleven networks beside their bounds.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::flow::{self, Flow, find, flows};
use crate::nets::Net;
use elman_report::numbers::{grouped, power};
use elman_report::{Block, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "bound",
    title: "The Jacobian product is bounded by a power",
    says: "The norm of the product is at most the product of two numbers, the norm of W and the largest derivative of the activation, to the power of the distance.",
    equations: &[r"\left\|\frac{\partial h_t}{\partial h_k}\right\| \le (\beta_W \beta_h)^{t-k}"],
    test,
};

/// A norm that was found by iteration may exceed its bound by this part.
const ROUNDING: f64 = 1e-6;
/// A bound within this factor of the norm, as a power of ten, is practically reached.
const REACHED_LOG10: f64 = 0.05;

fn test(lab: &mut Lab) -> Result<Finding> {
    let flows = flows(lab)?;
    let shown = [Net::Sigmoid, Net::Tanh, Net::TanhLarge];
    let shown = shown.map(|net| find(&flows, net, false));
    let caption = "Norms (lines) under their bounds (dashes)";
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "$\\beta_W$ is the spectral norm of $W_{hh}$, $\\beta_h$ the largest derivative that occurred. For gated cells, whose step is no single product, the bound is one of their own kind. A bound above 1 proves nothing: tanh vanishes under one that grows. Below 1, as for the sigmoid, it proves that gradients vanish.",
            ),
            Block::Plot(flow::plot("bound-plot", caption, &shown, true)),
            Block::Table(table(&flows)),
        ],
        parts: parts(&flows),
        summary: summary(&flows),
    })
}

/// No norm of any network is above its bound.
fn parts(flows: &[Flow]) -> Vec<Part> {
    let part = |flow: &Flow| {
        let statement = format!("all norms of {} are within their bound", flow.name());
        Part::new(statement, is_bounded(flow))
    };
    flows.iter().map(part).collect()
}

fn is_bounded(flow: &Flow) -> bool {
    let slack = libm::log10(1.0 + ROUNDING);
    let mut lags = flow.most.iter().zip(&flow.bound);
    lags.all(|(most, bound)| most - bound <= slack)
}

/// Orders of magnitude between the largest norm and its bound, at the longest lag.
fn margin(flow: &Flow) -> f64 {
    let ends = flow.bound.last().zip(flow.most.last());
    ends.map_or(0.0, |(bound, most)| (bound - most).max(0.0))
}

fn summary(flows: &[Flow]) -> String {
    let bounded = flows.iter().filter(|flow| is_bounded(flow)).count();
    let norms: usize = flows.iter().map(Flow::lags).sum();
    let tightest = flows.iter().map(margin).fold(f64::INFINITY, f64::min);
    let tightest = match tightest < REACHED_LOG10 {
        true => "the tightest bound is practically reached".to_owned(),
        false => format!("the tightest bound is {tightest:.1} orders of magnitude above the norm"),
    };
    format!(
        "{bounded} of {} networks stay within their bound at all distances ({} norms); at the longest distance {tightest}.",
        flows.len(),
        grouped(norms as u64)
    )
}

fn table(flows: &[Flow]) -> Table {
    let header = [
        "network",
        "largest norm",
        "bound",
        "orders of magnitude between",
    ];
    let mut table = Table::new(
        "At the longest distance: the largest norm of all excerpts, where other tables have the geometric mean",
        1,
        &header,
    );
    let last = |log10: &[f64]| power(log10.last().copied().unwrap_or(0.0));
    for flow in flows {
        table.row([
            flow.name(),
            last(&flow.most),
            last(&flow.bound),
            format!("{:.1}", margin(flow)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn a_norm_above_its_bound_is_seen_at_any_lag() {
        let good = Flow::made_up(Net::Tanh, false, -0.1);
        let mut bad = Flow::made_up(Net::Lstm, true, 0.1);
        bad.most[7] = bad.bound[7] + 1e-5;
        let mut rounded = good.clone();
        rounded.bound = rounded.most.iter().map(|log10| log10 - 1e-7).collect();

        let both = [good.clone(), rounded];
        assert_eq!(verdict(&parts(&both)), Verdict::Holds);
        assert_eq!(
            summary(&both),
            "2 of 2 networks stay within their bound at all distances (40 norms); at the longest distance the tightest bound is practically reached."
        );
        let mixed = [good.clone(), bad.clone()];
        assert_eq!(verdict(&parts(&mixed)), Verdict::Partly);
        assert_eq!(
            parts(&mixed)[1].statement,
            "all norms of LSTM, trained are within their bound"
        );
        assert!(summary(&[good]).contains("5.0 orders of magnitude above"));
        assert_eq!(verdict(&parts(&[bad])), Verdict::Fails);
    }
}
