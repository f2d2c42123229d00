//! The identity as initial W: the IRNN beside tanh, before and after training.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::flow::{self, Flow, LEAST_POWER, find, flows};
use crate::nets::Net;
use elman_net::flow::verdict::GradientVerdict;
use elman_report::Block;
use elman_report::numbers::power;

pub(crate) const CLAIM: Claim = Claim {
    id: "identity",
    title: "The identity as initial W",
    says: "Started from the identity, the recurrent weights hand the state on unchanged, and gradients with it.",
    equations: &[r"W_{hh} = I"],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let flows = flows(lab)?;
    let shown = [
        find(&flows, Net::Tanh, false),
        find(&flows, Net::Irnn, false),
        find(&flows, Net::Irnn, true),
    ];
    let caption = "Share of a gradient that arrives, with the identity";
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The IRNN of Le, Jaitly and Hinton: ReLU with the identity as $W_{hh}$. As long as a unit is active it is a path of its own through time, with factor one; a unit that is off at one step ends its path.",
            ),
            Block::Plot(flow::plot("identity-plot", caption, &shown, false)),
            Block::Table(flow::table("The IRNN beside tanh", &shown)),
        ],
        parts: parts(&flows),
        summary: summary(&flows),
    })
}

/// Before training more of the gradient arrives than with tanh at the longest lag, and gradients neither vanish nor explode.
fn parts(flows: &[Flow]) -> Vec<Part> {
    let (irnn, tanh) = (find(flows, Net::Irnn, false), find(flows, Net::Tanh, false));
    vec![
        Part::by_effect(
            "more of the gradient arrives in the IRNN than with tanh",
            irnn.last() - tanh.last(),
            LEAST_POWER,
        ),
        Part::new(
            "gradients of the IRNN neither vanish nor explode",
            irnn.fate == GradientVerdict::Stable,
        ),
    ]
}

fn summary(flows: &[Flow]) -> String {
    let last = |net, trained| power(find(flows, net, trained).last());
    let interrupted = find(flows, Net::Irnn, false).interrupted;
    let interrupted = interrupted.map_or(String::new(), |part| {
        format!(
            " In {:.0} % of its units the path is interrupted.",
            100.0 * part
        )
    });
    format!(
        "Before training the norm at the longest distance is {} in the IRNN and {} with tanh; after training the IRNN has {}.{interrupted}",
        last(Net::Irnn, false),
        last(Net::Tanh, false),
        last(Net::Irnn, true)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn only_the_untrained_network_is_judged() {
        let of = |irnn| {
            [
                Flow::made_up(Net::Tanh, false, -0.1),
                Flow::made_up(Net::Irnn, false, irnn),
                Flow::made_up(Net::Irnn, true, -0.5),
            ]
        };
        assert_eq!(verdict(&parts(&of(0.0))), Verdict::Holds);
        assert_eq!(verdict(&parts(&of(0.2))), Verdict::Partly);
        assert_eq!(verdict(&parts(&of(-0.2))), Verdict::Fails);
        assert_eq!(
            summary(&of(0.0)),
            "Before training the norm at the longest distance is 1 in the IRNN and 0.01 with tanh; after training the IRNN has 1.0·10⁻¹⁰. In 25 % of its units the path is interrupted."
        );
    }
}
