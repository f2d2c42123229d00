//! Event files for TensorBoard: the curves of a run, its samples and its choices.
//!
//! A directory of event files is one run to TensorBoard, which reads them in the order of their names. A process that takes
//! the run up again begins a new file whose second event says that the session starts at the step after its checkpoint:
//! TensorBoard then forgets the events of that step and later ones (`EventAccumulator`, "purge"), which a killed
//! process may have left and which will be done again. So steps never go back. The old file stays as it is, because a
//! reader may be in the middle of it.
//!
//! ```text
//! loss/train  loss/valid  perplexity/train  perplexity/valid         training/learning_rate
//! training/gradient_norm  training/tokens_per_s  training/epoch      sample and options, as text
//! accuracy/valid  accuracy/valid_lines
//! gradients/norm_log10_l0, …  gradients/factor_l0, …
//! ```
//! The scalars are those of `metrics.jsonl`, in single precision. Pictures, histograms and graphs are not written.

mod event;

use super::metrics::{Line, TrainLine};
use crate::error::Result;
use crate::watch::{GradientFlow, Sample, Validation};
use elman_store::{RecordLog, StoreError, disk};
use event::{Event, Value, record};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The event file of this process: a writer of the run's figures for TensorBoard.
pub struct EventFile {
    log: RecordLog,
}

impl EventFile {
    /// Creates a file in `directory` for a run that has done `step` steps.
    pub fn open(directory: &Path, step: u64) -> Result<EventFile> {
        disk::create_dir_all(directory)?;
        let log = RecordLog::create(&new_name(directory)?)?;
        let mut events = EventFile { log };
        events.write(0, Event::Version)?;
        events.write(step + 1, Event::Start)?;
        Ok(events)
    }

    /// Writes the run's options as a table.
    pub fn options(&mut self, step: u64, options: &[(String, String)]) -> Result<()> {
        let mut table = "| option | value |\n|---|---|\n".to_owned();
        for (name, value) in options {
            table.push_str(&format!("| {name} | {} |\n", value.replace('|', "\\|")));
        }
        self.text(step, "options", &table)
    }

    /// Writes the figures of a line of the metrics.
    pub fn line(&mut self, line: &Line) -> Result<()> {
        match line {
            Line::Train(line) => self.train(line),
            Line::Valid(validation) => self.validation(validation),
            Line::Sample(sample) => self.sample(sample),
            Line::Gradients(flow) => self.gradients(flow),
            Line::End(_) => Ok(()),
        }
    }

    fn train(&mut self, line: &TrainLine) -> Result<()> {
        self.scalars(
            line.step,
            &[
                ("loss/train", line.loss_nats),
                ("perplexity/train", line.perplexity),
                ("training/learning_rate", line.lr),
                ("training/gradient_norm", line.grad_norm),
                ("training/tokens_per_s", line.tokens_per_s),
                ("training/epoch", line.epoch),
            ],
        )
    }

    fn validation(&mut self, validation: &Validation) -> Result<()> {
        self.scalars(
            validation.step,
            &[
                ("loss/valid", validation.loss_nats),
                ("perplexity/valid", validation.perplexity),
            ],
        )?;
        let shares = [
            ("accuracy/valid", validation.accuracy),
            ("accuracy/valid_lines", validation.line_accuracy),
        ];
        let known: Vec<(&str, f64)> = shares
            .into_iter()
            .filter_map(|(tag, share)| Some((tag, share?)))
            .collect();
        match known.is_empty() {
            true => Ok(()),
            false => self.scalars(validation.step, &known),
        }
    }

    fn gradients(&mut self, flow: &GradientFlow) -> Result<()> {
        for layer in &flow.layers {
            let norm = format!("gradients/norm_log10_l{}", layer.layer);
            let factor = format!("gradients/factor_l{}", layer.layer);
            let scalars = [(&*norm, layer.norm_log10), (&*factor, layer.factor)];
            self.scalars(flow.step, &scalars)?;
        }
        Ok(())
    }

    /// Writes a sample as a block of code, so that TensorBoard keeps its lines and spaces.
    fn sample(&mut self, sample: &Sample) -> Result<()> {
        let text = format!("{}{}", sample.prompt, sample.text);
        let block: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        self.text(sample.step, "sample", &block.join("\n"))
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<()> {
        let values = scalars
            .iter()
            .map(|&(tag, value)| Value::Scalar(tag, value as f32));
        self.write(step, Event::Summary(values.collect()))
    }

    fn text(&mut self, step: u64, tag: &str, text: &str) -> Result<()> {
        self.write(step, Event::Summary(vec![Value::Text(tag, text)]))
    }

    fn write(&mut self, step: u64, event: Event) -> Result<()> {
        let bytes = event.encode(seconds_now(), step);
        Ok(self.log.append(&record(&bytes))?)
    }
}

/// Seconds since 1970.
fn seconds_now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |time| time.as_secs_f64())
}

const BEGINNING: &str = "events.out.tfevents.";
const END: &str = ".elman";

/// Whether a file of this name is an event file that elman wrote.
pub(super) fn is_event_file(name: &str) -> bool {
    let number = name
        .strip_prefix(BEGINNING)
        .and_then(|name| name.strip_suffix(END));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

/// A name that comes after those of all event files in `directory`, whatever the clock says.
fn new_name(directory: &Path) -> std::result::Result<PathBuf, StoreError> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| StoreError::io(directory, "list", error))?;
    let number = |name: &str| -> Option<u64> {
        let (number, _) = name.strip_prefix(BEGINNING)?.split_once('.')?;
        number.parse().ok()
    };
    let newest = entries
        .filter_map(|entry| number(entry.ok()?.file_name().to_str()?))
        .max();
    let now = seconds_now() as u64;
    let seconds = newest.map_or(now, |newest| now.max(newest.saturating_add(1)));
    Ok(directory.join(format!("{BEGINNING}{seconds}{END}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ascend_whatever_the_clock_says() {
        let room = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            EventFile::open(room.path(), 0).unwrap();
        }
        let late = room.path().join("events.out.tfevents.9000000000.elman");
        RecordLog::create(&late).unwrap();
        assert!(new_name(room.path()).unwrap() > late);
        assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 4);
    }
}
