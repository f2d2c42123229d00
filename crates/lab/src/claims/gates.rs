//! Gates: LSTM and GRU beside networks without gates, before and after training.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::flow::{self, Flow, LEAST_POWER, find, flows};
use crate::nets::Net;
use elman_net::flow::verdict::GradientVerdict;
use elman_report::numbers::{grouped, power};
use elman_report::{Block, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "gates",
    title: "Gates: LSTM and GRU",
    says: "Gated architectures are the common answer to vanishing and exploding gradients: they choose at every step what to keep.",
    equations: &[
        r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
        r"h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}",
    ],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let flows = flows(lab)?;
    let after = Net::TRAINED.map(|net| find(&flows, net, true));
    let before = [Net::Gru, Net::Lstm].map(|net| find(&flows, net, false));
    let all = [&before[..], &after[..]].concat();
    let caption = "Share of a gradient that arrives, after training";
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "Networks of one width after as many epochs on the same text. For the LSTM the state is the pair $(h, c)$.",
            ),
            Block::Plot(flow::plot("gates-plot", caption, &after, false)),
            Block::Table(flow::table("Before and after training", &all)),
            Block::Table(perplexities(lab)?),
        ],
        parts: parts(&flows),
        summary: summary(&flows),
    })
}

/// For each gated cell, before and after training: more of the gradient arrives than with tanh, and it does not explode.
fn parts(flows: &[Flow]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (trained, when) in [(false, "before"), (true, "after")] {
        for net in [Net::Gru, Net::Lstm] {
            let (flow, tanh) = (find(flows, net, trained), find(flows, Net::Tanh, trained));
            let further = match flow.fate {
                GradientVerdict::Exploding => f64::NEG_INFINITY,
                _ => flow.last() - tanh.last(),
            };
            let statement = format!(
                "{when} training the {} keeps more of the gradient than tanh, without exploding",
                net.name()
            );
            parts.push(Part::by_effect(statement, further, LEAST_POWER));
        }
    }
    parts
}

fn summary(flows: &[Flow]) -> String {
    let last = |net| power(find(flows, net, true).last());
    format!(
        "After training the norm at the longest distance is {} in the LSTM, {} in the GRU and {} in the tanh network.",
        last(Net::Lstm),
        last(Net::Gru),
        last(Net::Tanh)
    )
}

fn perplexities(lab: &mut Lab) -> Result<Table> {
    let header = ["network", "parameters", "perplexity"];
    let mut table = Table::new(
        "On held-out text, in slices that are read side by side",
        1,
        &header,
    );
    for net in Net::TRAINED {
        let run = lab.net(net)?;
        table.row([
            net.name().into(),
            grouped(run.parameters as u64),
            run.shown_perplexity(),
        ]);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Seen, verdict};
    use elman_report::Verdict;

    /// Networks whose gated cells have these factors: GRU and LSTM before training, GRU and LSTM after it.
    fn of([gru, lstm, gru_trained, lstm_trained]: [f64; 4]) -> [Flow; 6] {
        [
            Flow::made_up(Net::Tanh, false, -0.1),
            Flow::made_up(Net::Gru, false, gru),
            Flow::made_up(Net::Lstm, false, lstm),
            Flow::made_up(Net::Tanh, true, -0.1),
            Flow::made_up(Net::Gru, true, gru_trained),
            Flow::made_up(Net::Lstm, true, lstm_trained),
        ]
    }

    #[test]
    fn both_cells_are_judged_before_and_after() {
        assert_eq!(
            verdict(&parts(&of([-0.05, -0.05, 0.0, -0.05]))),
            Verdict::Holds
        );
        let one_explodes = of([-0.05, -0.05, 0.0, 0.3]);
        assert_eq!(verdict(&parts(&one_explodes)), Verdict::Partly);
        let holds: Vec<bool> = parts(&one_explodes)
            .iter()
            .map(|part| part.seen == Seen::Yes)
            .collect();
        assert_eq!(holds, [true, true, true, false]);
        assert_eq!(
            verdict(&parts(&of([-0.2, -0.2, -0.3, 0.3]))),
            Verdict::Fails
        );
        assert_eq!(
            summary(&one_explodes),
            "After training the norm at the longest distance is 1.0·10⁶ in the LSTM, 1 in the GRU and 0.01 in the tanh network."
        );
    }
}
