//! The parts of a run's page: curves, updates, gradient flow, memory and samples.

use crate::output::{bytes, count, grouped, loss as loss_text, number, visible};
use elman::train::metrics::{EndLine, TrainLine};
use elman::train::{Config, GradientFlow, Sample, Validation};
use elman_report::{Axis, Block, Plot, Section, Style, Table, Text};

/// Validations that a table lists, and samples that are shown: the last ones.
const LISTED: usize = 12;
const SAMPLES: usize = 3;

/// Loss and perplexity.
pub fn learning(lines: &[&TrainLine], validations: &[&Validation]) -> Section {
    let trained = |of: fn(&TrainLine) -> f64| {
        lines
            .iter()
            .map(|line| (line.step as f64, of(line)))
            .collect()
    };
    let validated = |of: fn(&Validation) -> f64| {
        let points = validations
            .iter()
            .map(|validation| (validation.step as f64, of(validation)));
        points.collect::<Vec<_>>()
    };
    let loss = Plot::new(
        "loss",
        "Loss",
        Axis::linear("step"),
        Axis::linear("nats per token"),
    )
    .with("training", Style::Line, trained(|line| line.loss_nats))
    .with(
        "validation",
        Style::Marked,
        validated(|validation| validation.loss_nats),
    );
    let perplexity = Plot::new(
        "perplexity",
        "Perplexity, the exponential of the loss",
        Axis::linear("step"),
        Axis::log("perplexity"),
    )
    .with("training", Style::Line, trained(|line| line.perplexity))
    .with(
        "validation",
        Style::Marked,
        validated(|validation| validation.perplexity),
    );
    let mut blocks = Vec::new();
    if lines.is_empty() {
        blocks.push(Block::paragraph(
            "There are no figures yet: the first come after ten steps.",
        ));
    } else {
        blocks.extend([Block::Plot(loss), Block::Plot(perplexity)]);
    }
    let right = validations
        .iter()
        .filter_map(|validation| Some((validation.step as f64, 100.0 * validation.accuracy?)));
    let right: Vec<(f64, f64)> = right.collect();
    if !right.is_empty() {
        let axes = (Axis::linear("step"), Axis::linear("% of tokens"));
        let plot = Plot::new("accuracy", "Answers that are right", axes.0, axes.1);
        let plot = plot.with("validation", Style::Marked, right);
        blocks.push(Block::Plot(plot));
    }
    if !validations.is_empty() {
        let title = match validations.len() > LISTED {
            true => format!("The last {LISTED} of {} validations", validations.len()),
            false => "Validations".into(),
        };
        let mut table = Table::new(title, 0, &["step", "epoch", "loss", "perplexity", ""]);
        for validation in &validations[validations.len().saturating_sub(LISTED)..] {
            table.row([
                grouped(validation.step),
                format!("{:.2}", validation.epoch),
                loss_text(validation.loss_nats),
                number(validation.perplexity),
                if validation.best {
                    "best so far".into()
                } else {
                    String::new()
                },
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Section::new("learning", "Loss and perplexity", blocks)
}

/// Learning rate, gradient norm, speed.
pub fn update(lines: &[&TrainLine], config: &Config) -> Section {
    let of = |value: fn(&TrainLine) -> f64| {
        lines
            .iter()
            .map(|line| (line.step as f64, value(line)))
            .collect::<Vec<_>>()
    };
    let rate = Plot::new(
        "rate",
        "Learning rate",
        Axis::linear("step"),
        Axis::from_zero("learning rate"),
    )
    .with("learning rate", Style::Line, of(|line| line.lr));
    let mut norm = Plot::new(
        "norm",
        "Norm of the gradient, before clipping",
        Axis::linear("step"),
        Axis::log("‖g‖"),
    )
    .with("‖g‖", Style::Line, of(|line| line.grad_norm));
    if let (Some(clip), [first, .., last]) = (config.clip, lines) {
        let ends = [first, last].map(|line| (line.step as f64, clip));
        norm = norm.with("threshold of clipping", Style::Dashed, ends.to_vec());
    }
    let speed = Plot::new(
        "speed",
        "Speed of training",
        Axis::linear("step"),
        Axis::from_zero("tokens/s"),
    )
    .with("tokens/s", Style::Line, of(|line| line.tokens_per_s));
    let clipped: u64 = lines.iter().map(|line| line.clipped).sum();
    let skipped: u64 = lines.iter().map(|line| line.skipped).sum();
    let mut said = match config.clip {
        Some(threshold) if clipped == 0 => format!(
            "No update was clipped (threshold: norm {}).",
            number(threshold)
        ),
        Some(threshold) => format!(
            "The gradient was clipped to norm {} in {}.",
            number(threshold),
            count(clipped as usize, "update")
        ),
        None => "The gradient was not clipped by its norm.".into(),
    };
    if skipped > 0 {
        said.push_str(&format!(
            " {} skipped, because loss or gradient was not finite.",
            count(skipped as usize, "window")
        ));
    }
    let mut blocks = vec![Block::Paragraph(Text::plain(said))];
    let plots = [rate, norm, speed]
        .into_iter()
        .filter(|plot| !plot.is_empty());
    blocks.extend(plots.map(Block::Plot));
    Section::new("update", "Updates and speed", blocks)
}

/// What `--watch-gradients` saw.
pub fn gradients(flows: &[&GradientFlow]) -> Section {
    let lag = flows.iter().map(|flow| flow.lag).max().unwrap_or(0);
    let mut norm = Plot::new(
        "flow",
        format!("Norm of the Jacobian product over {}", count(lag, "step")),
        Axis::linear("step"),
        Axis::power("‖∂s_t/∂s_k‖"),
    );
    let mut saturated = Plot::new(
        "saturated",
        "Saturated activations",
        Axis::linear("step"),
        Axis::from_zero("percent"),
    );
    for layer in 0..flows
        .iter()
        .map(|flow| flow.layers.len())
        .max()
        .unwrap_or(0)
    {
        let of = |value: &dyn Fn(&elman::train::watch::LayerFlow) -> f64| {
            let points = flows
                .iter()
                .filter_map(|flow| Some((flow.step as f64, value(flow.layers.get(layer)?))));
            points.collect::<Vec<_>>()
        };
        norm = norm.with(
            format!("layer {layer}"),
            Style::Marked,
            of(&|layer| layer.norm_log10),
        );
        saturated = saturated.with(
            format!("layer {layer}"),
            Style::Marked,
            of(&|layer| 100.0 * layer.saturated),
        );
    }
    let mut blocks = vec![
        Block::paragraph(
            "How much of a change of the state $s_k$ arrives at $s_t$, and of a gradient at $s_t$ at $s_k$: 1 means all of it. `--watch-gradients` measured it for the window that came next.",
        ),
        Block::equation(
            r"\left\|\frac{\partial s_t}{\partial s_k}\right\| = \left\|\prod_{j=k+1}^{t}\frac{\partial s_j}{\partial s_{j-1}}\right\|",
        ),
        Block::Plot(norm),
        Block::Plot(saturated),
    ];
    if let Some(last) = flows.last() {
        let title = format!("Step {}: {}", grouped(last.step), last.verdict.name());
        let mut table = Table::new(
            Text::plain(title),
            1,
            &[
                "layer",
                "factor of a step",
                "saturated",
                "dead units",
                "verdict",
            ],
        );
        for layer in &last.layers {
            table.row([
                layer.layer.to_string(),
                number(layer.factor),
                format!("{:.1} %", 100.0 * layer.saturated),
                layer.dead.to_string(),
                layer.verdict.name().into(),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Section::new("gradients", "Gradient flow", blocks)
}

/// The plan beside what was used.
pub fn memory(end: &EndLine) -> Option<Section> {
    let plan = end.plan?;
    let mut table = Table::new(
        "What was planned, before anything was allocated",
        1,
        &["for", "bytes"],
    );
    let parts = plan.parts().into_iter().filter(|(_, size)| *size > 0);
    let parts = parts.chain([("together", plan.total_bytes())]);
    for (name, size) in parts {
        table.row([name.into(), bytes(size)]);
    }
    let mut blocks = vec![Block::Table(table)];
    if let Some(peak) = end.peak_bytes {
        blocks.push(Block::Paragraph(Text::plain(format!(
            "The process took {} at most, the program itself and the parts of the texts that were read included.",
            bytes(peak)
        ))));
    }
    Some(Section::new("memory", "Memory", blocks))
}

/// What the kept model wrote at the end, and before it the samples of the last steps.
pub fn written(samples: &[&Sample], end: Option<&EndLine>) -> Option<Section> {
    let last = &samples[samples.len().saturating_sub(SAMPLES)..];
    let during = last.iter().rev().map(|sample| {
        let title = format!("Step {}, epoch {:.2}", grouped(sample.step), sample.epoch);
        Block::Sample(
            Text::plain(title),
            visible(&format!("{}{}", sample.prompt, sample.text)),
        )
    });
    let kept = end.and_then(|end| end.sample.as_deref()).map(|text| {
        let title = "At the end, by the model that was kept";
        Block::Sample(Text::plain(title), visible(text))
    });
    let blocks: Vec<Block> = kept.into_iter().chain(during).collect();
    (!blocks.is_empty()).then(|| Section::new("samples", "What it writes", blocks))
}
