//! Claims about gradients in time: truncation, the cost of long windows, vanishing and exploding, and what is done about it.

use super::claim::{Claim, Found};
use crate::output::{bytes, count, number};
use anyhow::Result;
use elman::lab::Lab;
use elman::lab::clipping::clipping;
use elman::lab::costs::costs;
use elman::lab::flow::{self, Flow, find, flows};
use elman::lab::nets::Net;
use elman::lab::reach::{self, Echo};
use elman_report::{Axis, Block, Plot, Style, Table, power_of_ten};

const PRODUCT: &str =
    r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}";
const BOUND: &str = r"\left\|\frac{\partial h_t}{\partial h_k}\right\| \le (\beta_W \beta_h)^{t-k}";
const DOUBLE_SUM: &str = r"\frac{\partial E}{\partial W} = \sum_{t=1}^{T}\sum_{k=1}^{t}\frac{\partial E_t}{\partial y_t}\cdot\frac{\partial y_t}{\partial h_t}\cdot\left(\prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}\right)\cdot\frac{\partial h_k}{\partial W}";

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "truncation",
            title: "Truncation limits the horizon of learning",
            says: "Truncated backpropagation stops after a fixed number of steps, such as 20 or 50, and so limits how far back dependencies can be learnt.",
            equations: &[],
            measure: truncation,
        },
        Claim {
            id: "cost",
            title: "Backpropagation through the whole sequence is expensive",
            says: "Full BPTT over long sequences costs too much; truncation trades temporal context for efficiency.",
            equations: &[],
            measure: cost,
        },
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

fn truncation(lab: &mut Lab) -> Result<Found> {
    let echoes = reach::windows(lab)?;
    let cuts = reach::cuts(lab)?;
    let lag = echoes[0].lag;
    let learnt = Plot::new(
        "truncation-echo",
        format!(
            "An echo from {} back, learnt in windows of several lengths",
            count(lag, "step")
        ),
        Axis::linear("steps of a window"),
        Axis::from_zero("percent learnt"),
    )
    .with(
        "LSTM",
        Style::Marked,
        echoes
            .iter()
            .map(|echo| (echo.window as f64, 100.0 * echo.learnt()))
            .collect(),
    );
    let mut table = Table::new(
        "The same number of updates for each",
        0,
        &["window", "perplexity", "best possible", "learnt"],
    );
    for echo in &echoes {
        table.row([
            echo.window.to_string(),
            format!("{:.3}", echo.trained.perplexity),
            format!("{:.3}", echo.least),
            format!("{:.0} %", 100.0 * echo.learnt()),
        ]);
    }
    let mut errors = Plot::new(
        "truncation-error",
        "How far the truncated gradient is from the full one, on held-out text",
        Axis::log("steps of a window"),
        Axis::log("relative error"),
    );
    for cut in &cuts {
        let points = cut.windows.iter().map(|window| (window.0 as f64, window.2));
        errors = errors.with(cut.net.name(), Style::Marked, points.collect());
    }
    let shown = |echoes: &mut dyn Iterator<Item = &Echo>| {
        let all: Vec<String> = echoes.map(|echo| echo.window.to_string()).collect();
        if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        }
    };
    Ok(Found {
        blocks: vec![
            Block::paragraph(format!(
                "A source repeats, nineteen times in twenty, the symbol of {lag} steps before. A loss is about the symbol that comes next, whose echo was read {} steps before: the gradient can reach it only in windows of at least {lag} steps. Nothing else differs between these runs; the state is carried from window to window in all of them.",
                lag - 1
            )),
            Block::Plot(learnt),
            Block::Table(table),
            Block::paragraph(
                "On natural text most of the gradient comes from near by, and the error of truncation falls gently:",
            ),
            Block::Plot(errors),
        ],
        verdict: reach::limits(&echoes),
        because: format!(
            "Windows that learnt the echo: {}; that did not: {}. The distance is {lag}.",
            shown(&mut echoes.iter().filter(|echo| echo.is_learnt())),
            shown(&mut echoes.iter().filter(|echo| !echo.is_learnt()))
        ),
    })
}

fn cost(lab: &mut Lab) -> Result<Found> {
    let found = costs(lab)?;
    let timed = |of: fn(&elman::lab::costs::Window) -> Option<f64>| {
        let windows = found.windows.iter();
        windows
            .filter_map(|window| Some((window.steps as f64, of(window)?)))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "cost-plot",
        "Time of an update",
        Axis::log("steps of a window"),
        Axis::log("milliseconds"),
    )
    .with(
        format!("LSTM, {}", count(found.lanes, "lane")),
        Style::Marked,
        timed(|window| window.update_ms),
    );
    let mut table = Table::new(
        format!(
            "An LSTM in {}; the last row is a window as long as the text",
            count(found.lanes, "lane")
        ),
        0,
        &[
            "steps",
            "activations",
            "recomputed",
            "ms an update",
            "tokens/s",
        ],
    );
    for window in &found.windows {
        table.row([
            crate::output::grouped(window.steps as u64),
            bytes(window.window_bytes),
            bytes(window.recomputed_bytes),
            window.update_ms.map_or("–".into(), number),
            window.tokens_per_s.map_or("–".into(), number),
        ]);
    }
    let last = &found.windows[found.windows.len() - 1];
    let longest = found
        .windows
        .iter()
        .rev()
        .find_map(|window| Some((window.steps, window.update_ms?)));
    let longest = longest.map_or(String::new(), |(steps, ms)| {
        format!(
            " One over {} takes {} ms.",
            count(steps, "step"),
            number(ms)
        )
    });
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Time per *token* hardly depends on the window once it is long enough; what grows is the price of each *update*, in time and in memory. *Recomputed* keeps only about √T steps and computes the rest again.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.is_expensive(),
        because: format!(
            "A window over the whole text, {}, would keep {} of activations, where one of 35 steps keeps {}.{longest}",
            count(last.steps, "step"),
            bytes(last.window_bytes),
            found
                .windows
                .iter()
                .find(|window| window.steps == 35)
                .map_or("–".into(), |window| bytes(window.window_bytes)),
        ),
    })
}

/// Norms by lag of some networks, each with its bound where `bounds`.
fn norms(id: &str, caption: &str, flows: &[&Flow], bounds: bool) -> Plot {
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
fn power(log10: f64) -> String {
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

fn fates(caption: String, flows: &[&Flow]) -> Table {
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
            format!("{} back", count(flow.horizon_99, "step")),
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
