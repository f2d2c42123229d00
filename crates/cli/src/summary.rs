//! What a person reads before a run and after it.

use crate::args::{Quoted, shell_word};
use crate::output::{Table, bytes, count, duration, grouped, number, shape, visible};
use crate::progress::Planned;
use elman::net::layer::dropout::Rates;
use elman::text::Layout;
use elman::train::config::{Bptt, Config};
use elman::train::{Ending, Outcome, RunPlan};
use serde::Serialize;
use std::path::Path;

/// What is about to happen; `text` names the training text.
pub fn ready(ready: &RunPlan, text: &str) -> String {
    let mut table = about(ready, text);
    table.row(
        "run",
        format!("{} (Ctrl-C saves and stops)", ready.run.display()),
    );
    table.to_string()
}

/// What a run would do that is not begun.
pub fn told(ready: &RunPlan, text: &str) -> String {
    let mut table = about(ready, text);
    let run = ready.run.display();
    table.row("run", format!("would be in {run}; nothing was written"));
    table.to_string()
}

fn about(ready: &RunPlan, text: &str) -> Table {
    let (config, dims, plan) = (ready.config, ready.dims, &ready.plan);
    let mut table = Table::default();
    let valid = match ready.valid_tokens {
        0 => "none for validation".to_owned(),
        n => format!("{} for validation", grouped(n as u64)),
    };
    let tokens = grouped(ready.train_tokens as u64);
    table.row(
        "text",
        format!("{text}: {tokens} tokens for training, {valid}"),
    );
    table.row(
        "vocabulary",
        format!(
            "{} entries, kind {}",
            grouped(dims.vocab as u64),
            config.vocab
        ),
    );
    let cell = match dims.cell.activation() {
        Some(activation) => format!("Elman ({})", activation.name()),
        None => dims.cell.name().to_uppercase(),
    };
    table.row(
        "network",
        format!(
            "{cell}, {}: {} parameters",
            shape(dims),
            grouped(ready.parameters as u64),
        ),
    );
    table.row("training", training(config));
    let parts = plan.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts
        .map(|(part, size)| format!("{part} {}", bytes(size)))
        .collect();
    let before = match plan.preparation_bytes == plan.total_bytes() {
        true => "; as much was needed before, to make the vocabulary",
        false => "",
    };
    table.row(
        "memory",
        format!(
            "{} planned: {}{before}",
            bytes(plan.total_bytes()),
            parts.join(", ")
        ),
    );
    let team = crate::ranks::team();
    if team.is_several() {
        let buffers = config.method().buffers();
        let (arrays, when) = match config.average_every {
            1 => (1, "an update".to_owned()),
            n => (
                1 + buffers.moments + buffers.averages,
                format!("every {n} updates, of its own part of the batch each"),
            ),
        };
        table.row(
            "ranks",
            format!(
                "{} for {}; each sends and receives {} {when}",
                team.count(),
                count(config.groups, "group"),
                bytes(team.update_bytes(arrays * ready.parameters)),
            ),
        );
    }
    table.row("budget", budget(ready));
    table.row(
        "machine",
        format!(
            "{}, {}, products in {}",
            count(ready.threads, "thread"),
            ready.isa,
            config.precision.name(),
        ),
    );
    table
}

fn training(config: &Config) -> String {
    let window = windows(config);
    let optimizer = config.optimizer;
    let optimizer = format!("{}{}", optimizer.title(), optimizer.rule().variant());
    let schedule = config.schedule.title();
    let clip = config.clip.map_or("no clipping".into(), |clip| {
        format!("clip {}", number(clip))
    });
    let averaged = match (config.average_from, config.average_trigger) {
        (Some(update), _) => format!(", averaged from update {} on", grouped(update)),
        (None, Some(_)) => ", averaged once validation stops improving".into(),
        (None, None) => String::new(),
    };
    let recomputed = if config.recompute { ", recomputed" } else { "" };
    let windows = match config.accumulate {
        1 => String::new(),
        n => format!(", {} per update", count(n as usize, "window")),
    };
    let groups = match config.groups {
        1 => String::new(),
        n => format!(" in {}", count(n, "group")),
    };
    let answers = config.loss_after.as_ref().map_or(String::new(), |token| {
        format!(", loss on what follows '{token}' alone")
    });
    format!(
        "{window}{groups}{answers}{recomputed}{windows}, {optimizer} (rate {}, {schedule}){averaged}, {clip}, {}",
        number(config.lr),
        regularisation(config),
    )
}

/// What keeps the network from learning its text by heart; dropout is always named.
fn regularisation(config: &Config) -> String {
    let Rates {
        input,
        between,
        output,
        embed,
        weight,
        variational,
    } = config.rates();
    let variational = if variational { "variational " } else { "" };
    let places = match input == between && between == output {
        true => number(input.into()),
        false => format!(
            "{} on the input, {} between layers, {} on the output",
            number(input.into()),
            number(between.into()),
            number(output.into())
        ),
    };
    let mut parts = vec![format!("{variational}dropout {places}")];
    let others = [
        ("dropout of words", embed.into()),
        ("weight drop", weight.into()),
        ("AR", config.ar),
        ("TAR", config.tar),
        ("labels smoothed by", config.label_smoothing.into()),
    ];
    let on = others.into_iter().filter(|(_, value)| *value > 0.0);
    parts.extend(on.map(|(name, value)| format!("{name} {}", number(value))));
    parts.join(", ")
}

fn windows(config: &Config) -> String {
    let sequences = count(config.batch_size, "sequence");
    match (config.layout, config.bptt) {
        (Layout::Sentences, _) => format!(
            "sentences, at most {} and {} at once",
            count(config.batch_size, "line"),
            count(config.batch_positions(), "token")
        ),
        (Layout::Stream, Bptt::Full) => format!("{sequences} over the whole text"),
        (Layout::Stream, Bptt::Steps(steps)) => {
            let about = if config.bptt_random { "about " } else { "" };
            let every = config
                .bptt_stride
                .map_or(String::new(), |stride| format!(", a window every {stride}"));
            format!("{sequences} × {about}{}{every}", count(steps, "step"))
        }
    }
}

/// The perplexity of a validation text laid out as `layout`.
pub fn validated(loss_nats: f64, layout: Layout) -> String {
    let perplexity = number(loss_nats.exp());
    match layout {
        Layout::Stream => {
            format!(
                "perplexity about {perplexity} (loss {loss_nats:.4}, estimated on parallel slices)"
            )
        }
        Layout::Sentences => format!("perplexity {perplexity} (loss {loss_nats:.4}, line by line)"),
    }
}

fn budget(ready: &RunPlan) -> String {
    let Some(total_steps) = ready.total_steps else {
        let minutes = ready.config.minutes.unwrap_or_default();
        return format!(
            "{} minutes, measured and turned into steps at the start",
            number(minutes)
        );
    };
    let epochs = total_steps as f64 / ready.steps_per_epoch.max(1) as f64;
    let total = format!(
        "{} = {} epochs",
        count(total_steps as usize, "step"),
        number(epochs)
    );
    match ready.step {
        0 => total,
        done => format!("{total}, of which {} are done", grouped(done)),
    }
}

/// The most memory that the process has had, where the system says so.
#[derive(Clone, Copy, Serialize)]
pub struct Memory {
    /// Before the run began: the program itself.
    pub start_bytes: u64,
    /// Mapped token files that were read are part of it.
    pub peak_bytes: u64,
}

/// How a run ended.
pub fn ended(outcome: &Outcome, planned: Option<&Planned>, memory: Option<Memory>) -> String {
    let mut table = Table::default();
    let steps = format!(
        "{} of {} steps",
        grouped(outcome.step),
        grouped(outcome.total_steps)
    );
    let skipped = match outcome.skipped {
        0 => String::new(),
        n => format!(", {} skipped", count(n as usize, "window")),
    };
    let ending = match outcome.ending {
        Ending::Finished => "finished",
        Ending::Stalled => "stopped early: validation did not improve",
        Ending::Stopped => "stopped and saved",
        Ending::Diverged => "failed",
    };
    table.row(
        "run",
        format!(
            "{ending} after {steps} in {}{skipped}",
            duration(outcome.seconds)
        ),
    );
    if let Some(best) = outcome.best {
        let layout = planned.map_or(Layout::Stream, |planned| planned.layout);
        let perplexity = validated(best.loss_nats, layout);
        table.row(
            "validation",
            format!("{perplexity} at step {}", grouped(best.step)),
        );
    }
    if let (Some(memory), Some(planned)) = (memory, planned) {
        let (peak, start) = (bytes(memory.peak_bytes), bytes(memory.start_bytes));
        table.row(
            "memory",
            format!(
                "{peak} at most, {start} of it for the program; {} were planned",
                bytes(planned.bytes)
            ),
        );
    }
    table.row("checkpoint", &outcome.checkpoint);
    table.to_string()
}

/// What is wrong with a run that has failed at its end, and which model it leaves.
pub fn failure(outcome: &Outcome, run: &Path) -> Option<String> {
    if outcome.ending != Ending::Diverged {
        return None;
    }
    let last = outcome.train_loss_nats.unwrap_or(f64::NAN);
    let kept = match outcome.useful() {
        Some(best) => format!(
            "{} holds the best model, of step {} (validation perplexity {})",
            run.display(),
            grouped(best.step),
            number(best.loss_nats.exp())
        ),
        None => {
            "no validation was better than uniform guessing, and no usable model was saved".into()
        }
    };
    Some(format!(
        "the run has failed: the loss of its last steps is {} nats per token, and uniform guessing has {}. Start again with a lower --lr or a lower --clip; {kept}",
        number(last),
        number(outcome.uniform_nats),
    ))
}

/// The command that continues with a run; `stalled`: its patience has ended it.
pub fn resume_command(run: &Path, stalled: bool) -> String {
    let patience = if stalled { " --patience none" } else { "" };
    format!("elman train --resume {}{patience}", Quoted(run))
}

/// What to type after a run.
pub fn next(run: &Path, outcome: &Outcome, planned: Option<&Planned>) -> String {
    let mut commands = Vec::new();
    match outcome.ending {
        Ending::Stopped => {
            commands.push((resume_command(run, false), "continue where it stopped"));
        }
        Ending::Stalled => {
            commands.push((
                resume_command(run, true),
                "continue to the end of the budget",
            ));
        }
        Ending::Finished | Ending::Diverged => {}
    }
    let resume = resume_command(run, false);
    let run = Quoted(run);
    commands.push((
        format!("elman watch {run}"),
        "its curves; the page report.html there has more",
    ));
    match planned.and_then(|planned| planned.loss_after.as_ref()) {
        _ if outcome.ending == Ending::Diverged && outcome.useful().is_none() => {}
        Some(token) => commands.push((
            format!("elman eval {run} TEXT --loss-after={}", shell_word(token)),
            "how many of the answers in a text it knows",
        )),
        None => commands.extend([
            (
                format!("elman eval {run} TEXT"),
                "the exact perplexity of a text",
            ),
            (format!("elman generate {run} --prompt 'In the'"), "write"),
        ]),
    }
    if outcome.ending == Ending::Finished {
        let epochs = planned.map_or(1, |p| {
            outcome.step.div_ceil(p.steps_per_epoch.max(1)).max(1)
        });
        commands.push((format!("{resume} --epochs {}", 2 * epochs), "train longer"));
    }
    let width = commands
        .iter()
        .map(|(command, _)| command.chars().count())
        .max()
        .unwrap_or(0);
    let lines = commands
        .iter()
        .map(|(command, what)| format!("  {command:width$}  # {what}"));
    format!("next:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// A text set off from what stands around it.
pub fn indented(text: &str) -> String {
    visible(text.trim_end())
        .lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
