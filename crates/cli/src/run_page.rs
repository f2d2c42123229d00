//! A run's page: curves, figures, samples and choices, from what its files say.
//!
//! It is made of `config.toml`, `metrics.jsonl` and the heads of the token files alone, so that it can be made again at any time, and is the same
//! for a run that was interrupted as for one that was not.

mod sections;

use crate::output::{count, duration, grouped, number, shape};
use crate::runs::files;
use anyhow::{Context, Result};
use elman::store::{disk, write_atomic};
use elman::train::config::{ConfigOption, Value, options};
use elman::train::folder::contents::PAGE;
use elman::train::metrics::{Line, TrainLine};
use elman::train::status::{RunSnapshot, RunStatus};
use elman::train::{GradientFlow, Sample, Validation};
use elman_report::{Block, Page, Plot, Section, Table, Text};
use sections::{gradients, learning, memory, update, written};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two pages of a run that continues.
const EVERY: Duration = Duration::from_secs(10);

/// Keeps the page of a run that continues.
pub struct Keeper {
    path: PathBuf,
    snapshot: Option<RunSnapshot>,
    written: Option<Instant>,
}

impl Keeper {
    /// For the run in `path`.
    pub fn new(path: &Path) -> Keeper {
        Keeper {
            path: path.to_path_buf(),
            snapshot: None,
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
        let snapshot = match self.snapshot.take() {
            Some(mut snapshot) => {
                snapshot.again()?;
                snapshot
            }
            None => RunSnapshot::at(&self.path)?,
        };
        write(&page(&snapshot), &self.path.join(PAGE))?;
        self.snapshot = Some(snapshot);
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

/// The names of the pictures that [`write_pictures`] writes.
pub fn pictures(page: &Page, directory: &Path) -> Vec<PathBuf> {
    let name = |plot: &Plot| directory.join(format!("{}.svg", plot.id));
    page.plots().map(name).collect()
}

/// Writes every plot of `page` into `directory`, and the names of the files to `out`.
pub fn write_pictures(page: &Page, directory: &Path, out: &mut impl Write) -> Result<()> {
    disk::create_dir_all(directory)?;
    for (plot, path) in page.plots().zip(pictures(page, directory)) {
        write_atomic(&path, |file| file.write_all(plot.to_svg().as_bytes()))
            .with_context(|| format!("cannot write the picture {}", path.display()))?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// The page of a run as it stands.
pub fn page(snapshot: &RunSnapshot) -> Page {
    let lines: Vec<&TrainLine> = snapshot.training().collect();
    let validations: Vec<&Validation> = snapshot.validations().collect();
    let flows = snapshot.lines().iter().filter_map(|line| match line {
        Line::Gradients(flow) => Some(flow),
        _ => None,
    });
    let flows: Vec<&GradientFlow> = flows.collect();
    let samples = snapshot.lines().iter().filter_map(|line| match line {
        Line::Sample(sample) => Some(sample),
        _ => None,
    });
    let samples: Vec<&Sample> = samples.collect();
    let end = snapshot.lines().last().and_then(|line| match line {
        Line::End(end) => Some(end),
        _ => None,
    });
    let mut sections = vec![
        learning(&lines, &validations),
        update(&lines, snapshot.config()),
    ];
    if !flows.is_empty() {
        sections.push(gradients(&flows));
    }
    sections.extend(end.and_then(memory));
    sections.extend(written(&samples, end));
    sections.push(choices(snapshot));
    let name = snapshot
        .path()
        .file_name()
        .unwrap_or(snapshot.path().as_os_str());
    let record = snapshot.record();
    Page {
        title: name.to_string_lossy().into_owned(),
        kind: "Training run".into(),
        lead: vec![Block::Facts(facts(snapshot))],
        sections,
        foot: Text::marked("Made by elman ")
            .and(Text::plain(env!("CARGO_PKG_VERSION")))
            .and(" from the run's `config.toml` and `metrics.jsonl`. The run was started with elman ".into())
            .and(Text::plain(format!("{} on {}. ", record.elman, record.isa)))
            .and("Drag over a plot to enlarge a part of it; a double click shows all of it again.".into()),
        tentative: false,
    }
}

fn facts(snapshot: &RunSnapshot) -> Vec<(Text, Text)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((Text::plain(name), Text::plain(value)));
    let (step, total) = (snapshot.step(), snapshot.total_steps());
    let status = snapshot.status();
    let steps = match step == total {
        true => count(step as usize, "step"),
        false => format!("{} of {}", grouped(step), count(total as usize, "step")),
    };
    let epochs = snapshot.training().last().map_or(String::new(), |line| {
        format!(", {} epochs", number(line.epoch))
    });
    let state = match status {
        RunStatus::Running => "in training",
        other => other.name(),
    };
    fact("state", format!("{state}: {steps}{epochs}"));
    if let Some(best) = snapshot.best() {
        let exact = snapshot
            .validations()
            .all(|validation| !validation.approximate);
        fact(
            "validation",
            format!(
                "perplexity {}{} at step {}, the best{}",
                if exact { "" } else { "about " },
                number(best.loss_nats.exp()),
                grouped(best.step),
                match exact {
                    true => "",
                    false =>
                        " (estimated on slices that are read side by side; elman eval is exact)",
                }
            ),
        );
    }
    if let Some(dims) = snapshot.dims() {
        let parameters = snapshot.parameters().unwrap_or_default();
        let network = format!("{}, {}", dims.cell, shape(&dims));
        fact(
            "network",
            format!("{network}: {} parameters", grouped(parameters as u64)),
        );
        let kind = snapshot.config().vocab;
        fact(
            "vocabulary",
            format!("{} entries, kind {kind}", grouped(dims.vocab as u64)),
        );
    }
    for (name, paths) in files(&snapshot.record().inputs) {
        let file = match name {
            "text" => snapshot.train_file(),
            "valid" => snapshot.valid_file(),
            _ => None,
        };
        let tokens = file.map_or(String::new(), |file| {
            format!(": {} tokens", grouped(file.tokens))
        });
        fact(name, format!("{paths}{tokens}"));
    }
    let speed = snapshot.tokens_per_s().map_or(String::new(), |speed| {
        format!(", {} tokens/s", grouped(speed.round() as u64))
    });
    fact(
        "time",
        format!("{} of training{speed}", duration(snapshot.seconds())),
    );
    fact("directory", snapshot.path().display().to_string());
    facts
}

/// All choices; those that differ from the defaults first.
fn choices(snapshot: &RunSnapshot) -> Section {
    let all = options().iter().filter_map(|option| {
        let value = option.value(snapshot.config())?;
        Some((option, value))
    });
    let table = |caption: &str, rows: Vec<(&ConfigOption, Value)>| {
        let mut table = Table::new(caption, 2, &["option", "value"]);
        for (option, value) in rows {
            table.texts(vec![
                Text::code(&option.name),
                Text::plain(value.to_string()),
            ]);
        }
        Block::Table(table)
    };
    let (plain, chosen): (Vec<_>, Vec<_>) =
        all.partition(|(option, value)| *value == option.default);
    let mut blocks = Vec::new();
    if !chosen.is_empty() {
        blocks.push(table("Other than the defaults", chosen));
    }
    blocks.push(table("Defaults", plain));
    Section::new("choices", "Configuration", blocks)
}
