//! Gradients vanish and explode: norms of Jacobian products of untrained networks.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::flow::{self, Flow, find, flows};
use crate::nets::Net;
use elman_net::flow::verdict::GradientVerdict;
use elman_report::Block;
use elman_report::numbers::{count, power};

pub(crate) const CLAIM: Claim = Claim {
    id: "vanishing",
    title: "Gradients vanish and explode",
    says: "The gradient that reaches step k from step t goes through a product of Jacobians. With sigmoid and tanh it shrinks, with large weights it grows, either way exponentially in the distance.",
    equations: &[
        r"\frac{\partial E}{\partial W} = \sum_{t=1}^{T}\sum_{k=1}^{t}\frac{\partial E_t}{\partial y_t}\cdot\frac{\partial y_t}{\partial h_t}\cdot\left(\prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}\right)\cdot\frac{\partial h_k}{\partial W}",
        r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}",
    ],
    test,
};

/// What the claim says of each network.
const EXPECTED: [(Net, GradientVerdict); 3] = [
    (Net::Sigmoid, GradientVerdict::Vanishing),
    (Net::Tanh, GradientVerdict::Vanishing),
    (Net::TanhLarge, GradientVerdict::Exploding),
];

fn test(lab: &mut Lab) -> Result<Finding> {
    let flows = flows(lab)?;
    let shown = [Net::Sigmoid, Net::Tanh, Net::TanhLarge, Net::Relu];
    let shown = shown.map(|net| find(&flows, net, false));
    let caption = "Share of a gradient that arrives";
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "Untrained networks are run on held-out text; the norms are exact products of their step Jacobians, in double precision. Before training only the activation and the initial weights can be the cause.",
            ),
            Block::Plot(flow::plot("vanishing-plot", caption, &shown, false)),
            Block::Table(flow::table("Before training", &shown)),
        ],
        parts: parts(&flows),
        summary: summary(&flows),
    })
}

/// Sigmoid and tanh vanish, tanh with large weights explodes, by the factor γ of a step.
fn parts(flows: &[Flow]) -> Vec<Part> {
    let part = |(net, expected): (Net, GradientVerdict)| {
        let verb = match expected {
            GradientVerdict::Exploding => "explode",
            _ => "vanish",
        };
        Part::new(
            format!("gradients of {} {verb}", net.name()),
            find(flows, net, false).fate == expected,
        )
    };
    EXPECTED.into_iter().map(part).collect()
}

fn summary(flows: &[Flow]) -> String {
    let said = EXPECTED.map(|(net, _)| {
        let flow = find(flows, net, false);
        format!(
            "{} {} ({})",
            net.name(),
            power(flow.last()),
            flow.fate.name()
        )
    });
    let lags = find(flows, Net::Tanh, false).lags();
    format!("Norms over {}: {}.", count(lags, "step"), said.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn each_network_is_a_part() {
        let of = |[sigmoid, tanh, large]: [f64; 3]| {
            [
                Flow::made_up(Net::Sigmoid, false, sigmoid),
                Flow::made_up(Net::Tanh, false, tanh),
                Flow::made_up(Net::TanhLarge, false, large),
            ]
        };
        let holds = of([-0.5, -0.1, 0.2]);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert_eq!(
            summary(&holds),
            "Norms over 20 steps: sigmoid 1.0·10⁻¹⁰ (vanishing); tanh 0.01 (vanishing); tanh, W_hh × 4 1.0·10⁴ (exploding)."
        );
        let stable = of([-0.5, 0.0, 0.0]);
        assert_eq!(verdict(&parts(&stable)), Verdict::Partly);
        assert_eq!(
            parts(&stable)[2].statement,
            "gradients of tanh, W_hh × 4 explode"
        );
        assert_eq!(verdict(&parts(&of([0.1, 0.0, -0.1]))), Verdict::Fails);
    }
}
