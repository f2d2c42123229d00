//! ReLU instead of sigmoid or tanh: the same initial weights under three activations.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::flow::{self, Flow, LEAST_POWER, find, flows};
use crate::nets::Net;
use elman_net::flow::verdict::GradientVerdict;
use elman_report::Block;
use elman_report::numbers::power;

pub(crate) const CLAIM: Claim = Claim {
    id: "relu",
    title: "ReLU instead of sigmoid or tanh",
    says: "The derivative of ReLU is one wherever it is active, so it does not shrink what passes, as sigmoid and tanh do.",
    equations: &[],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let flows = flows(lab)?;
    let shown = [Net::Sigmoid, Net::Tanh, Net::Relu].map(|net| find(&flows, net, false));
    let caption = "Share of a gradient that arrives, by activation";
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The same initial weights under three activations. ReLU has derivative one where it is active and zero where it is not: a unit that is off at one step cuts every path through it.",
            ),
            Block::Plot(flow::plot("relu-plot", caption, &shown, false)),
            Block::Table(flow::table("Before training", &shown)),
        ],
        parts: parts(&flows),
        summary: summary(&flows),
    })
}

/// More of the gradient arrives than with tanh at the longest lag, and gradients neither vanish nor explode.
fn parts(flows: &[Flow]) -> Vec<Part> {
    let (relu, tanh) = (find(flows, Net::Relu, false), find(flows, Net::Tanh, false));
    vec![
        Part::by_effect(
            "more of the gradient arrives with ReLU than with tanh",
            relu.last() - tanh.last(),
            LEAST_POWER,
        ),
        Part::new(
            "gradients of ReLU neither vanish nor explode",
            relu.fate == GradientVerdict::Stable,
        ),
    ]
}

fn summary(flows: &[Flow]) -> String {
    let of = |net| find(flows, net, false);
    let last = |net| power(of(net).last());
    format!(
        "Norms at the longest distance: ReLU {}, tanh {}, sigmoid {}. Gradients of ReLU are {}.",
        last(Net::Relu),
        last(Net::Tanh),
        last(Net::Sigmoid),
        of(Net::Relu).fate.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn better_than_tanh_and_stable_are_two_parts() {
        let of = |relu| {
            [
                Flow::made_up(Net::Sigmoid, false, -0.5),
                Flow::made_up(Net::Tanh, false, -0.1),
                Flow::made_up(Net::Relu, false, relu),
            ]
        };
        assert_eq!(verdict(&parts(&of(0.0))), Verdict::Holds);
        let vanishing = of(-0.05);
        assert_eq!(verdict(&parts(&vanishing)), Verdict::Partly);
        assert_eq!(
            summary(&vanishing),
            "Norms at the longest distance: ReLU 0.1, tanh 0.01, sigmoid 1.0·10⁻¹⁰. Gradients of ReLU are vanishing."
        );
        assert_eq!(verdict(&parts(&of(-0.2))), Verdict::Fails);
    }
}
