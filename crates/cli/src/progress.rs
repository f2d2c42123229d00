//! Following a run: as a bar on a terminal, as lines in a log, as JSON for machines, or not at all.
//!
//! Standard error carries what is for people, standard output the JSON and nothing else.

mod json;
mod meter;
mod ticker;

use crate::options::as_flags;
use crate::output::{
    clock, count, duration, grouped, in_one_line, is_dumb, loss, number, percent, say, thousands,
};
use crate::run_page::Keeper;
use crate::signals::Stop;
use crate::summary;
use anyhow::Result;
use elman::text::Layout;
use elman::train::metrics::Line;
use elman::train::{Event, GradientFlow, RunPlan, StepReport, Validation, Watch};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use meter::Meter;
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};
pub use ticker::Ticker;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A bar, or lines where standard error is no terminal.
    People,
    Json,
    Quiet,
}

/// Shows a run, and asks it to stop when the user wishes to.
pub struct Progress {
    stop: Stop,
    view: View,
    /// What the text was called on the command line.
    text: String,
    meter: Meter,
    planned: Option<Planned>,
    /// Of the run's page, once the run is ready.
    page: Option<Keeper>,
    told_to_stop: bool,
    /// Tenths of the model's own text that have been shown as written.
    tenths: usize,
}

/// What the end of a run is compared with.
#[derive(Clone)]
pub struct Planned {
    pub bytes: u64,
    pub steps_per_epoch: u64,
    /// Of the text, that of validation too.
    pub layout: Layout,
    /// What alone is learnt follows it.
    pub loss_after: Option<String>,
}

enum View {
    /// While the text is read, a spinner.
    Bar {
        bar: ProgressBar,
        drawn: Instant,
    },
    Lines {
        next_step: u64,
        next_time: Instant,
    },
    Json,
    Quiet,
}

/// Between two redraws of the bar.
const REDRAW: Duration = Duration::from_millis(100);
/// Between two lines: so long, or a twentieth of the run.
const LINE_EVERY: Duration = Duration::from_secs(10);
const LINES_PER_RUN: u64 = 20;
/// Columns of the bar itself.
const BAR: usize = 12;

impl Progress {
    pub fn new(form: Form, text: String, stop: Stop) -> Progress {
        let now = Instant::now();
        let view = match form {
            Form::Json => View::Json,
            Form::Quiet => View::Quiet,
            Form::People if io::stderr().is_terminal() && !is_dumb() => View::Bar {
                bar: reading(&text),
                drawn: now,
            },
            Form::People => View::Lines {
                next_step: 0,
                next_time: now,
            },
        };
        Progress {
            stop,
            view,
            text,
            meter: Meter::default(),
            planned: None,
            page: None,
            told_to_stop: false,
            tenths: 0,
        }
    }

    /// Known once the run is ready.
    pub fn planned(&self) -> Option<&Planned> {
        self.planned.as_ref()
    }

    /// Takes the bar away, so that what follows stands on clean lines, and writes the run's page a last time.
    pub fn finish(&mut self) {
        self.keep_page(Keeper::write);
        if let View::Bar { bar, .. } = &self.view {
            bar.finish_and_clear();
        }
    }

    /// An event of the command's own, in the form of the run's.
    pub fn emit(&self, event: &'static str, body: &impl Serialize) {
        if let View::Json = self.view
            && json::write(event, body).is_err()
        {
            // Nobody listens any more.
            self.stop.wish();
        }
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        match &self.view {
            View::Bar { bar, .. } => bar.suspend(|| say(text)),
            View::Lines { .. } => say(text),
            View::Json | View::Quiet => {}
        }
    }

    /// Has the page written. That it cannot be is no reason to end a run.
    fn keep_page(&mut self, how: fn(&mut Keeper) -> Result<()>) {
        if let Some(Err(error)) = self.page.as_mut().map(how) {
            self.note(&in_one_line(&error));
        }
    }

    /// A remark, which is the one thing that a quiet run says.
    fn note(&self, text: &str) {
        let text = &as_flags(text);
        self.emit("note", &json::Note { text });
        match self.view {
            View::Quiet => say(format_args!("note: {text}")),
            _ => self.line(&format!("note: {text}")),
        }
    }

    /// A text of the model's own grows: a line for every tenth of it. At its end a note says what it is.
    fn writing(&mut self, tokens: usize, of: usize) {
        let (tokens, tenth) = (tokens.min(of), 10 * tokens.min(of) / of.max(1));
        let (done, all) = (grouped(tokens as u64), grouped(of as u64));
        let text = format!("own text    {done} of {all} tokens");
        match &self.view {
            View::Bar { bar, .. } => bar.set_message(text),
            View::Lines { .. } if tenth > self.tenths => self.line(&text),
            _ => {}
        }
        self.tenths = tenth;
    }

    /// Says to machines what is about to be trained.
    pub fn announce(&self, ready: &RunPlan) {
        self.emit("ready", &json::Ready::new(ready));
    }

    fn ready(&mut self, ready: &RunPlan) {
        self.page = Some(Keeper::new(ready.run));
        self.planned = Some(Planned {
            bytes: ready.plan.total_bytes(),
            steps_per_epoch: ready.steps_per_epoch,
            layout: ready.config.layout,
            loss_after: ready.config.loss_after.clone(),
        });
        if let Err(error) = self.stop.on_signals() {
            self.line(&format!(
                "note: {error:#}; the run can be ended only at once"
            ));
        }
        self.announce(ready);
        self.finish();
        self.line(&summary::ready(ready, &self.text));
        match &mut self.view {
            View::Bar { bar, .. } => *bar = new_bar(ready),
            View::Lines { next_step, .. } => *next_step = ready.step,
            View::Json | View::Quiet => {}
        }
    }

    fn step(&mut self, step: &StepReport) {
        self.meter.add(step, Instant::now());
        self.emit("step", step);
        let now = Instant::now();
        match &mut self.view {
            View::Bar { bar, drawn } if now - *drawn >= REDRAW || step.step == step.total_steps => {
                *drawn = now;
                bar.set_position(step.step);
                let columns = usize::from(console::Term::stderr().size().1);
                let total = step.total_steps.to_string().len();
                let room = columns.saturating_sub(BAR + 2 * total + 4);
                bar.set_message(brief(&self.meter, step, room));
            }
            View::Lines {
                next_step,
                next_time,
            } if step.step >= *next_step || now >= *next_time => {
                *next_step =
                    (step.step + (step.total_steps / LINES_PER_RUN).max(1)).min(step.total_steps);
                *next_time = now + LINE_EVERY;
                let percent = 100 * step.step / step.total_steps.max(1);
                let text = full(&self.meter, step);
                self.line(&format!(
                    "step {}/{} ({percent} %)  {text}",
                    step.step, step.total_steps
                ));
            }
            _ => {}
        }
    }

    fn validation(&mut self, validation: &Validation) {
        self.emit("validation", validation);
        self.line(&format!(
            "epoch {:.2}, step {}: validation {}perplexity {}{}{} (loss {}){} in {}",
            validation.epoch,
            validation.step,
            validation.accuracy.map_or(String::new(), |accuracy| {
                let lines = validation.line_accuracy.filter(|lines| *lines != accuracy);
                let lines = lines.map_or(String::new(), |lines| {
                    format!(" ({} of lines)", percent(lines))
                });
                format!("accuracy {}{lines}, ", percent(accuracy))
            }),
            match validation.averaged {
                0 => String::new(),
                n => format!("of the average of {} ", count(n as usize, "update")),
            },
            if validation.approximate { "about " } else { "" },
            number(validation.perplexity),
            loss(validation.loss_nats),
            if validation.best {
                ", the best so far, saved"
            } else {
                ""
            },
            duration(validation.seconds),
        ));
    }

    fn gradients(&mut self, flow: &GradientFlow) {
        self.emit("gradients", flow);
        let layers: Vec<String> = flow
            .layers
            .iter()
            .map(|layer| {
                format!(
                    "10^{:.1} ({} per step, {:.0} % saturated, {} dead)",
                    layer.norm_log10,
                    number(layer.factor),
                    100.0 * layer.saturated,
                    layer.dead
                )
            })
            .collect();
        self.line(&format!(
            "step {}: gradients {} over {}: {}",
            flow.step,
            flow.verdict.name(),
            count(flow.lag, "step"),
            layers.join("; ")
        ));
    }
}

impl Watch for Progress {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Note(text) => self.note(text),
            Event::Writing { tokens, of } => self.writing(*tokens, *of),
            Event::Ready(ready) => self.ready(ready),
            Event::Step(step) => self.step(step),
            Event::Recorded(Line::Valid(validation)) => {
                self.validation(validation);
                self.keep_page(Keeper::keep);
            }
            Event::Recorded(Line::Sample(sample)) => {
                self.emit("sample", sample);
                let text = format!("{}{}", sample.prompt, sample.text);
                self.line(&format!(
                    "step {}, a sample:\n{}",
                    sample.step,
                    summary::indented(&text)
                ));
            }
            Event::Recorded(Line::Gradients(flow)) => self.gradients(flow),
            // Steps are shown one by one, and the end from the outcome.
            Event::Recorded(Line::Train(_) | Line::End(_)) => {}
            Event::Saved { step } => {
                self.emit("saved", &json::Saved { step: *step });
                self.keep_page(Keeper::keep);
            }
        }
        if self.stop.is_wished() && !self.told_to_stop {
            self.told_to_stop = true;
            self.line("stopping: saving the run (once more to end at once)");
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop.is_wished()
    }
}

/// What is shown before the run is ready: a long text takes a while.
fn reading(text: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = spinner(false).with_style(style);
    bar.set_message(format!("reading {text}"));
    bar.enable_steady_tick(REDRAW);
    bar
}

fn new_bar(ready: &RunPlan) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(ready.total_steps, ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:{BAR}}} {{pos}}/{{len}} {{wide_msg}}"))
    {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_position(ready.step);
    bar
}

/// The numbers of the moment, the most important ones first, as many as fit into `room` columns.
fn brief(meter: &Meter, step: &StepReport, room: usize) -> String {
    let recent = meter.recent();
    let parts = [
        format!("{} left", clock(meter.seconds_left(step))),
        format!("loss {}", short(recent.loss_nats)),
        format!("ppl {}", number(recent.loss_nats.exp())),
        format!("{} tok/s", thousands(meter.tokens_per_second())),
        format!("lr {}", number(step.lr)),
        format!("|g| {:.3}", step.grad_norm),
    ];
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + gap.len() + part.chars().count() > room {
            break;
        }
        line = line + gap + &part;
    }
    line
}

/// The same at leisure, for a log.
fn full(meter: &Meter, step: &StepReport) -> String {
    let recent = meter.recent();
    format!(
        "epoch {:.2}  loss {} over {}  perplexity {}  gradient norm {}{}  lr {}  {}/s  {} left{}",
        step.epoch,
        short(recent.loss_nats),
        count(recent.steps, "step"),
        number(recent.loss_nats.exp()),
        number(step.grad_norm),
        if step.clipped { " (clipped)" } else { "" },
        number(step.lr),
        count(meter.tokens_per_second() as usize, "token"),
        duration(meter.seconds_left(step)),
        if step.skipped { "  SKIPPED" } else { "" },
    )
}

/// A loss with three decimals.
fn short(nats: f64) -> String {
    match nats.is_finite() {
        true => format!("{nats:.3}"),
        false => number(nats),
    }
}

/// Says what a command is doing, on a terminal only.
pub fn spinner(hidden: bool) -> ProgressBar {
    if hidden || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}
