//! A run's page: curves, figures, samples and choices, from what its files say.
//!
//! It is made of `config.toml`, `metrics.jsonl` and the heads of the token files alone, so that it can be made anew at any time, and is the same
//! for a run that was interrupted as for one that was not.

use crate::output::{bytes, count, duration, grouped, number, shape};
use crate::runs::files;
use anyhow::{Context, Result};
use elman::store::{disk, write_atomic};
use elman::train::Config;
use elman::train::look::{Doing, Look};
use elman::train::metrics::{EndLine, Line, TrainLine};
use elman::train::{GradientFlow, Sample, Validation};
use elman_report::{Axis, Block, Page, Plot, Section, Style, Table, Text};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The page of a run in its directory.
pub const NAME: &str = "report.html";
/// Between two pages of a run that goes on.
const EVERY: Duration = Duration::from_secs(10);
/// Validations that a table lists, and samples that are shown: the last ones.
const LISTED: usize = 12;
const SAMPLES: usize = 3;

/// Keeps the page of a run that goes on.
pub struct Keeper {
    path: PathBuf,
    look: Option<Look>,
    written: Option<Instant>,
}

impl Keeper {
    /// For the run in `path`.
    pub fn new(path: &Path) -> Keeper {
        Keeper {
            path: path.to_path_buf(),
            look: None,
            written: None,
        }
    }

    /// Writes the page unless that was done a moment ago.
    pub fn keep(&mut self) -> Result<()> {
        match self.written {
            Some(at) if at.elapsed() < EVERY => Ok(()),
            _ => self.write(),
        }
    }

    /// Writes the page.
    pub fn write(&mut self) -> Result<()> {
        let look = match self.look.take() {
            Some(mut look) => {
                look.again()?;
                look
            }
            None => Look::at(&self.path)?,
        };
        write(&page(&look), &self.path.join(NAME))?;
        self.look = Some(look);
        self.written = Some(Instant::now());
        Ok(())
    }
}

/// Writes `page` to the file `path`.
pub fn write(page: &Page, path: &Path) -> Result<()> {
    let html = page.to_html();
    write_atomic(path, |file| file.write_all(html.as_bytes()))
        .with_context(|| format!("cannot write the page {}", path.display()))
}

/// Writes every plot of `page` into `directory`, and the names of the files to `out`.
pub fn write_pictures(page: &Page, directory: &Path, out: &mut impl Write) -> Result<()> {
    disk::create_dir_all(directory)?;
    for plot in page.plots() {
        let path = directory.join(format!("{}.svg", plot.id));
        write_atomic(&path, |file| file.write_all(plot.to_svg().as_bytes()))
            .with_context(|| format!("cannot write the picture {}", path.display()))?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// The page of a run as it stands.
pub fn page(look: &Look) -> Page {
    let lines: Vec<&TrainLine> = look.training().collect();
    let validations: Vec<&Validation> = look.validations().collect();
    let flows = look.lines().iter().filter_map(|line| match line {
        Line::Gradients(flow) => Some(flow),
        _ => None,
    });
    let flows: Vec<&GradientFlow> = flows.collect();
    let samples = look.lines().iter().filter_map(|line| match line {
        Line::Sample(sample) => Some(sample),
        _ => None,
    });
    let samples: Vec<&Sample> = samples.collect();
    let end = look.lines().last().and_then(|line| match line {
        Line::End(end) => Some(end),
        _ => None,
    });
    let mut sections = vec![
        learning(&lines, &validations),
        update(&lines, look.config()),
    ];
    if !flows.is_empty() {
        sections.push(gradients(&flows));
    }
    sections.extend(end.and_then(memory));
    if !samples.is_empty() {
        sections.push(written(&samples));
    }
    sections.push(choices(look));
    let name = look.path().file_name().unwrap_or(look.path().as_os_str());
    let record = look.record();
    Page {
        title: name.to_string_lossy().into_owned(),
        kind: "Training run".into(),
        lead: vec![Block::Facts(facts(look))],
        sections,
        foot: Text::marked("Made by elman ")
            .and(Text::plain(env!("CARGO_PKG_VERSION")))
            .and(" from the run's `config.toml` and `metrics.jsonl`. The run was started with elman ".into())
            .and(Text::plain(format!("{} on {}. ", record.elman, record.isa)))
            .and("Drag over a plot to enlarge a part of it; a double click shows all of it again.".into()),
    }
}

fn facts(look: &Look) -> Vec<(Text, Text)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((Text::plain(name), Text::plain(value)));
    let (step, total) = (look.step(), look.total_steps());
    let doing = look.doing();
    let steps = match step == total {
        true => count(step as usize, "step"),
        false => format!("{} of {}", grouped(step), count(total as usize, "step")),
    };
    let epochs = look.training().last().map_or(String::new(), |line| {
        format!(", {} epochs", number(line.epoch))
    });
    let state = match doing {
        Doing::Running => "in training",
        other => other.name(),
    };
    fact("state", format!("{state}: {steps}{epochs}"));
    if let Some(best) = look.best() {
        let exact = look.validations().all(|validation| !validation.approximate);
        fact(
            "validation",
            format!(
                "perplexity {}{} at step {}, the best",
                if exact { "" } else { "about " },
                number(best.loss_nats.exp()),
                grouped(best.step)
            ),
        );
    }
    if let Some(dims) = look.dims() {
        let parameters = look.parameters().unwrap_or_default();
        let network = format!("{}, {}", dims.cell, shape(&dims));
        fact(
            "network",
            format!("{network}: {} parameters", grouped(parameters as u64)),
        );
        let kind = look.config().vocab;
        fact(
            "vocabulary",
            format!("{} entries, kind {kind}", grouped(dims.vocab as u64)),
        );
    }
    for (name, paths) in files(&look.record().inputs) {
        let file = match name {
            "text" => look.train_file(),
            "valid" => look.valid_file(),
            _ => None,
        };
        let tokens = file.map_or(String::new(), |file| {
            format!(": {} tokens", grouped(file.tokens))
        });
        fact(name, format!("{paths}{tokens}"));
    }
    let speed = look.tokens_per_s().map_or(String::new(), |speed| {
        format!(", {} tokens/s", grouped(speed.round() as u64))
    });
    fact(
        "time",
        format!("{} of training{speed}", duration(look.seconds())),
    );
    fact("directory", look.path().display().to_string());
    facts
}

/// Loss and perplexity.
fn learning(lines: &[&TrainLine], validations: &[&Validation]) -> Section {
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
        Axis::linear("nats a token"),
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
                format!("{:.4}", validation.loss_nats),
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
fn update(lines: &[&TrainLine], config: &Config) -> Section {
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
fn gradients(flows: &[&GradientFlow]) -> Section {
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
fn memory(end: &EndLine) -> Option<Section> {
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

fn written(samples: &[&Sample]) -> Section {
    let last = &samples[samples.len().saturating_sub(SAMPLES)..];
    let blocks = last.iter().rev().map(|sample| {
        let title = format!("Step {}, epoch {:.2}", grouped(sample.step), sample.epoch);
        Block::Sample(
            Text::plain(title),
            format!("{}{}", sample.prompt, sample.text),
        )
    });
    Section::new("samples", "What it writes", blocks.collect())
}

/// All choices; those that differ from the defaults first.
fn choices(look: &Look) -> Section {
    let defaults = Config::default().choices();
    let all = look.config().choices();
    let is_default = |choice: &&(String, String)| defaults.contains(choice);
    let table = |caption: &str, rows: Vec<&(String, String)>| {
        let mut table = Table::new(caption, 2, &["option", "value"]);
        for (name, value) in rows {
            table.texts(vec![Text::code(name), Text::plain(value)]);
        }
        Block::Table(table)
    };
    let (plain, chosen): (Vec<_>, Vec<_>) = all.iter().partition(is_default);
    let mut blocks = Vec::new();
    if !chosen.is_empty() {
        blocks.push(table("Other than the defaults", chosen));
    }
    blocks.push(table("Defaults", plain));
    Section::new("choices", "Configuration", blocks)
}
