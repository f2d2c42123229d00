//! `elman watch`: a run's curves in the terminal, and its last figures, until it ends.
//!
//! Only the run's files are read: it may be trained by any process, or by none any more.

use crate::args::seconds;
use crate::chart::{Chart, Colours, LINE, MARK};
use crate::grid::Grid;
use crate::output::{clock, grouped, is_dumb, loss, number};
use crate::runs::Row;
use crate::summary::resume_command;
use anyhow::Result;
use clap::{Args, ValueHint};
use console::Term;
use elman::train::folder::contents::PAGE;
use elman::train::metrics::Line;
use elman::train::status::{RunSnapshot, RunStatus};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Follow a run: its loss curves, its latest figures, and the time left
///
/// Updates while the run continues, and ends with it. If standard output is not a terminal, it draws once.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman watch runs/kjv                  # until it has ended; Ctrl-C leaves the run alone
  elman watch runs/kjv --once           # its present state
  elman watch runs/kjv --csv > kjv.csv  # all figures, for a spreadsheet or pandas
  elman watch runs/kjv --json | jq .valid_perplexity")]
pub struct WatchArgs {
    /// The directory of a run
    #[arg(value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// Draw once and exit
    #[arg(long)]
    once: bool,
    /// Seconds between updates of the drawing
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
    every: f64,
    /// Columns of the drawing [default: those of the terminal]
    #[arg(long, value_name = "N")]
    width: Option<u16>,
    /// Rows of the drawing [default: those of the terminal, at most 24]
    #[arg(long, value_name = "N")]
    height: Option<u16>,
    /// Print the figures of all lines so far as comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print what is known of the run as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: WatchArgs) -> Result<()> {
    let mut snapshot = RunSnapshot::at(&args.run)?;
    if args.csv {
        return Ok(write!(io::stdout(), "{}", sheet(&snapshot).to_csv())?);
    }
    if args.json {
        let row = serde_json::to_string(&Row::new(&snapshot))?;
        return Ok(writeln!(io::stdout(), "{row}")?);
    }
    let term = Term::stdout();
    if args.once || !term.is_term() || is_dumb() {
        return Ok(writeln!(
            io::stdout(),
            "{}",
            picture(&snapshot, &args, &term)
        )?);
    }
    let pause = Duration::try_from_secs_f64(args.every.max(0.05)).unwrap_or(Duration::MAX);
    let mut drawn = Drawn::default();
    loop {
        drawn.replace(&term, &picture(&snapshot, &args, &term))?;
        if snapshot.status() != RunStatus::Running {
            return Ok(());
        }
        std::thread::sleep(pause);
        snapshot.again()?;
    }
}

/// What stands on the terminal, to be drawn over.
#[derive(Default)]
struct Drawn {
    lines: usize,
    size: (u16, u16),
}

impl Drawn {
    fn replace(&mut self, term: &Term, picture: &str) -> io::Result<()> {
        let size = term.size();
        if self.lines > 0 && size == self.size {
            term.move_cursor_up(self.lines)?;
        } else if self.lines > 0 {
            // After a change of size nobody knows where the old lines are.
            term.clear_screen()?;
        }
        self.size = size;
        // Every line clears what is left of the one that it replaces.
        let text: String = picture
            .lines()
            .map(|line| format!("{line}\x1b[K\n"))
            .collect();
        term.write_str(&text)?;
        term.clear_to_end_of_screen()?;
        self.lines = picture.lines().count();
        Ok(())
    }
}

/// Figures and curves of the moment.
fn picture(snapshot: &RunSnapshot, args: &WatchArgs, term: &Term) -> String {
    let (rows, columns) = term.size_checked().unwrap_or((24, 80));
    let width = usize::from(args.width.unwrap_or(columns)).max(20);
    // A line below stays free for the cursor.
    let height = usize::from(args.height.unwrap_or(rows.saturating_sub(1).min(24)));
    let seen = term.is_term() && console::colors_enabled();
    let colours = if seen { Colours::ANSI } else { Colours::NONE };
    let head = head(snapshot);
    let above = head.lines().count() + 1;
    let mut out = String::new();
    for line in head.lines() {
        // What is drawn over must not wrap.
        let _ = writeln!(out, "{}", console::truncate_str(line, width, "…"));
    }
    let line: Vec<(f64, f64)> = snapshot
        .training()
        .map(|line| (line.step as f64, line.loss_nats))
        .collect();
    let marks: Vec<(f64, f64)> = snapshot
        .validations()
        .map(|validation| (validation.step as f64, validation.loss_nats))
        .collect();
    let Colours { reset, .. } = colours;
    let _ = writeln!(
        out,
        "loss in nats over steps: {}{LINE} training{reset}  {}{MARK} validation{reset}",
        colours.line, colours.marks
    );
    let chart = Chart {
        line: &line,
        marks: &marks,
        x_end: snapshot.total_steps().max(snapshot.step()).max(1) as f64,
        label: &|loss| format!("{loss:.2}"),
        x_label: &|step| grouped(step.round() as u64),
    };
    out.push_str(&chart.draw(width, height.saturating_sub(above), colours));
    let status = snapshot.status();
    if status.is_interrupted() || status == RunStatus::Stalled {
        let command = resume_command(snapshot.path(), status == RunStatus::Stalled);
        let _ = write!(out, "\ncontinue with: {command}");
    }
    out
}

/// What is to be said in words.
fn head(snapshot: &RunSnapshot) -> String {
    let (step, total) = (snapshot.step(), snapshot.total_steps());
    let percent = 100 * step / total.max(1);
    let status = snapshot.status();
    let name = snapshot.architecture().unwrap_or_default();
    let mut out = format!(
        "{}  {name}  {}, step {} of {} ({percent} %)",
        snapshot.path().display(),
        status.name(),
        grouped(step),
        grouped(total),
    );
    let last = snapshot.training().last();
    if let Some(line) = last {
        let _ = write!(out, ", epoch {:.2}", line.epoch);
    }
    out.push('\n');
    match last {
        None => out.push_str("no figures yet: the first come after ten steps\n"),
        Some(line) => {
            let _ = writeln!(
                out,
                "training    loss {}, perplexity {}, gradient norm {}, rate {}",
                loss(line.loss_nats),
                number(line.perplexity),
                number(line.grad_norm),
                number(line.lr),
            );
        }
    }
    if let Some(last) = snapshot.validations().last() {
        let best = snapshot.best().filter(|best| best.step != last.step);
        let best = best.map_or(String::new(), |best| {
            let perplexity = number(best.loss_nats.exp());
            format!("; the best {perplexity} at step {}", grouped(best.step))
        });
        let _ = writeln!(
            out,
            "validation  loss {}, perplexity {} at step {}{best}",
            loss(last.loss_nats),
            number(last.perplexity),
            grouped(last.step),
        );
    }
    let speed = last.map_or(String::new(), |line| {
        format!(", {} tokens/s", grouped(line.tokens_per_s.round() as u64))
    });
    let left = match snapshot.seconds_left() {
        Some(left) if status == RunStatus::Running => format!(", about {} left", clock(left)),
        _ => String::new(),
    };
    let seconds = clock(snapshot.seconds());
    let _ = writeln!(out, "time        {seconds} of training{speed}{left}");
    let page = snapshot.path().join(PAGE);
    if page.exists() {
        let _ = writeln!(out, "page        {}", page.display());
    }
    out
}

/// The figures of training and validation, line by line.
fn sheet(snapshot: &RunSnapshot) -> Grid {
    let mut grid = Grid::new(
        1,
        &[
            "kind",
            "step",
            "epoch",
            "loss_nats",
            "perplexity",
            "grad_norm",
            "lr",
            "clipped",
            "skipped",
            "tokens_per_s",
            "seconds",
        ],
    );
    for line in snapshot.lines() {
        match line {
            Line::Train(line) => grid.row(vec![
                "train".into(),
                line.step.to_string(),
                line.epoch.to_string(),
                line.loss_nats.to_string(),
                line.perplexity.to_string(),
                line.grad_norm.to_string(),
                line.lr.to_string(),
                line.clipped.to_string(),
                line.skipped.to_string(),
                line.tokens_per_s.to_string(),
                line.seconds.to_string(),
            ]),
            Line::Valid(line) => {
                let mut cells = vec![
                    "valid".into(),
                    line.step.to_string(),
                    line.epoch.to_string(),
                    line.loss_nats.to_string(),
                    line.perplexity.to_string(),
                ];
                cells.resize(11, String::new());
                grid.row(cells);
            }
            Line::Sample(_) | Line::Gradients(_) | Line::End(_) => {}
        }
    }
    grid
}
