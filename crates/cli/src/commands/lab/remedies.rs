//! Claims about what is done about gradients that vanish or explode, and how far it helps.

use super::claim::{Claim, Found};
use super::gradients::{fates, norms, power};
use crate::output::{count, number};
use anyhow::Result;
use elman::measure::lab::Lab;
use elman::measure::lab::clipping::clipping;
use elman::measure::lab::flow::{self, Flow, find, flows};
use elman::measure::lab::nets::Net;
use elman::measure::lab::reach::{self, Echo};
use elman_report::{Axis, Block, Plot, Style, Table};

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "clipping",
            title: "Clipping tames exploding gradients",
            says: "Where the gradient is longer than a threshold it is scaled down to it; its direction stays.",
            equations: &[
                r"\text{if } \|g\| \ge \text{threshold}, \quad g \leftarrow \frac{\text{threshold}}{\|g\|} \cdot g",
            ],
            measure: clip,
        },
        Claim {
            id: "relu",
            title: "ReLU instead of sigmoid or tanh",
            says: "The derivative of ReLU is one wherever it is active, so it does not shrink what passes, as sigmoid and tanh do.",
            equations: &[],
            measure: relu,
        },
        Claim {
            id: "identity",
            title: "The identity as initial W",
            says: "Started from the identity, the recurrent weights hand the state on unchanged, and gradients with it.",
            equations: &[r"W_{hh} = I"],
            measure: identity,
        },
        Claim {
            id: "gates",
            title: "Gates: LSTM and GRU",
            says: "Gated architectures are the common answer to vanishing and exploding gradients: they choose at every step what to keep.",
            equations: &[
                r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
                r"h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}",
            ],
            measure: gates,
        },
        Claim {
            id: "long",
            title: "Very long dependencies are hard to learn in practice",
            says: "RNNs can model long-range dependencies in principle, and in practice have difficulty in learning very long ones.",
            equations: &[],
            measure: long,
        },
    ]
}

fn clip(lab: &mut Lab) -> Result<Found> {
    let found = clipping(lab)?;
    let ends = found.with.norm.first().zip(found.with.norm.last());
    let threshold =
        ends.map(|(first, last)| vec![(first.0, found.threshold), (last.0, found.threshold)]);
    let norm = Plot::new(
        "clipping-norm",
        "Norm of the gradient, before clipping",
        Axis::linear("update"),
        Axis::log("‖g‖"),
    )
    .with("clipped", Style::Line, found.with.norm.clone())
    .with("not clipped", Style::Line, found.without.norm.clone())
    .with("threshold", Style::Dashed, threshold.unwrap_or_default());
    let loss = Plot::new(
        "clipping-loss",
        "Loss in training",
        Axis::linear("update"),
        Axis::log("nats a token"),
    )
    .with("clipped", Style::Line, found.with.loss.clone())
    .with("not clipped", Style::Line, found.without.loss.clone());
    let mut table = Table::new(
        "The same network, text, seed and rate",
        1,
        &[
            "",
            "updates",
            "clipped",
            "skipped",
            "perplexity on held-out text",
        ],
    );
    for (name, run) in [("clipped", &found.with), ("not clipped", &found.without)] {
        let perplexity = match run.perplexity < f64::MAX {
            true => number(run.perplexity),
            false => "beyond every number".into(),
        };
        let updates = if run.diverged {
            format!("{}, then it diverged", run.steps)
        } else {
            run.steps.to_string()
        };
        table.row([
            name.into(),
            updates,
            run.clipped.to_string(),
            run.skipped.to_string(),
            perplexity,
        ]);
    }
    Ok(Found {
        blocks: vec![
            Block::paragraph(format!(
                "A tanh network whose recurrent weights start four times too large, plain SGD at rate {}: gradients explode from the first step. One run clips at norm {}.",
                number(found.rate),
                number(found.threshold)
            )),
            Block::Plot(norm),
            Block::Plot(loss),
            Block::Table(table),
        ],
        verdict: found.verdict(),
        because: format!(
            "Of {} updates {} were clipped, and perplexity came to {}; without clipping {}.",
            found.with.steps,
            found.with.clipped,
            number(found.with.perplexity),
            match (found.without.diverged, found.without.perplexity < f64::MAX) {
                (true, _) => format!(
                    "the run diverged after {}",
                    count(found.without.steps as usize, "update")
                ),
                (false, true) => format!("to {}", number(found.without.perplexity)),
                (false, false) => "it went beyond every number".into(),
            }
        ),
    })
}

fn relu(lab: &mut Lab) -> Result<Found> {
    let flows = flows(lab)?;
    let shown: Vec<&Flow> = [Net::Sigmoid, Net::Tanh, Net::Relu]
        .map(|net| find(&flows, net, false))
        .into();
    let (verdict, _) = flow::relu_and_identity(&flows);
    let of = |net| find(&flows, net, false);
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "The same initial weights under three activations. ReLU has derivative one where it is active and zero where it is not: a unit that is off at one step cuts every path through it.",
            ),
            Block::Plot(norms(
                "relu-plot",
                "How much of a gradient arrives, by activation",
                &shown,
                false,
            )),
            Block::Table(fates("Before training".into(), &shown)),
        ],
        verdict,
        because: format!(
            "At the longest distance ReLU keeps {}, tanh {}, sigmoid {}; on its own ReLU is {}.",
            power(of(Net::Relu).last()),
            power(of(Net::Tanh).last()),
            power(of(Net::Sigmoid).last()),
            of(Net::Relu).fate.name()
        ),
    })
}

fn identity(lab: &mut Lab) -> Result<Found> {
    let flows = flows(lab)?;
    let shown = [
        find(&flows, Net::Tanh, false),
        find(&flows, Net::Irnn, false),
        find(&flows, Net::Irnn, true),
    ];
    let (_, verdict) = flow::relu_and_identity(&flows);
    let irnn = shown[1];
    let cut = irnn
        .interrupted
        .map_or("–".into(), |part| format!("{:.0} %", 100.0 * part));
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "The IRNN of Le, Jaitly and Hinton: ReLU with the identity as $W_{hh}$. As long as a unit is active it is a path of its own through time, with factor one; a unit that is off at one step ends its path.",
            ),
            Block::Plot(norms(
                "identity-plot",
                "How much of a gradient arrives, with the identity",
                &shown,
                false,
            )),
            Block::Table(fates("The IRNN beside tanh".into(), &shown)),
        ],
        verdict,
        because: format!(
            "Before training the norm at the longest distance is {} where tanh has {}, while {cut} of the units are interrupted on the way; after training it is {}.",
            power(irnn.last()),
            power(shown[0].last()),
            power(shown[2].last())
        ),
    })
}

fn gates(lab: &mut Lab) -> Result<Found> {
    let flows = flows(lab)?;
    let shown: Vec<&Flow> = Net::TRAINED.map(|net| find(&flows, net, true)).into();
    let mut blocks = vec![
        Block::paragraph(
            "Networks of one width after as many epochs on the same text. For the LSTM the state is the pair $(h, c)$.",
        ),
        Block::Plot(norms(
            "gates-plot",
            "How much of a gradient arrives, after training",
            &shown,
            false,
        )),
    ];
    let before: Vec<&Flow> = [Net::Gru, Net::Lstm]
        .map(|net| find(&flows, net, false))
        .into();
    blocks.push(Block::Table(fates(
        "Before and after training".into(),
        &[before, shown.clone()].concat(),
    )));
    let mut table = Table::new(
        "On held-out text",
        1,
        &["network", "parameters", "perplexity"],
    );
    for net in Net::TRAINED {
        let run = lab.net(net)?;
        table.row([
            net.name().into(),
            crate::output::grouped(run.parameters as u64),
            number(run.perplexity),
        ]);
    }
    blocks.push(Block::Table(table));
    let of = |net| power(find(&flows, net, true).last());
    Ok(Found {
        blocks,
        verdict: flow::gates(&flows),
        because: format!(
            "After training a gradient arrives over the longest distance with {} in the LSTM and {} in the GRU, with {} in the tanh network.",
            of(Net::Lstm),
            of(Net::Gru),
            of(Net::Tanh)
        ),
    })
}

fn long(lab: &mut Lab) -> Result<Found> {
    let echoes = reach::lags(lab)?;
    let mut plot = Plot::new(
        "long-plot",
        "An echo, learnt from several distances",
        Axis::linear("distance of the echo, in steps"),
        Axis::from_zero("percent learnt"),
    );
    let mut lags: Vec<usize> = echoes.iter().map(|echo| echo.lag).collect();
    lags.dedup();
    let header: Vec<String> = lags.iter().map(|lag| format!("{lag} back")).collect();
    let header: Vec<&str> = std::iter::once("network")
        .chain(header.iter().map(String::as_str))
        .collect();
    let mut table = Table::new("Percent learnt", 1, &header);
    let mut furthest = Vec::new();
    for net in Net::TRAINED {
        let of: Vec<&Echo> = echoes.iter().filter(|echo| echo.net == net).collect();
        plot = plot.with(
            net.name(),
            Style::Marked,
            of.iter()
                .map(|echo| (echo.lag as f64, 100.0 * echo.learnt()))
                .collect(),
        );
        let cells = of
            .iter()
            .map(|echo| format!("{:.0}", 100.0 * echo.learnt()));
        table.row(std::iter::once(net.name().to_owned()).chain(cells));
        let far = of
            .iter()
            .filter(|echo| echo.is_learnt())
            .map(|echo| echo.lag)
            .max();
        furthest.push(format!(
            "{} {}",
            net.name(),
            far.map_or("none".into(), |far| far.to_string())
        ));
    }
    Ok(Found {
        blocks: vec![
            Block::paragraph(format!(
                "The echo again, from further and further back, in windows of {} that hold all of it, with the same number of updates for all: nothing is cut off, so only the difficulty of learning is left.",
                count(echoes[0].window, "step")
            )),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: reach::long_lags_are_hard(&echoes),
        because: format!(
            "The longest distance that was learnt by at least half: {}.",
            furthest.join(", ")
        ),
    })
}
