//! The one way by which what happens in a run reaches its files and its observer.

use crate::error::Result;
use crate::metrics::{Line, Metrics};
use crate::state::Tally;
use crate::watch::{Event, StepReport, Watch};

/// Receiver of all events of a run: metrics file, TensorBoard's event file, and the observer of the caller.
pub(super) struct Recorder<'a> {
    /// None in a process that writes nothing.
    metrics: Option<Metrics>,
    watch: &'a mut dyn Watch,
}

impl<'a> Recorder<'a> {
    /// Passes on to `metrics` what is recorded, and everything to `watch`.
    pub fn new(metrics: Metrics, watch: &'a mut dyn Watch) -> Recorder<'a> {
        Recorder {
            metrics: Some(metrics),
            watch,
        }
    }

    /// Writes and shows nothing, and asks `watch` whether to stop.
    pub fn silent(watch: &'a mut dyn Watch) -> Recorder<'a> {
        Recorder {
            metrics: None,
            watch,
        }
    }

    /// Records a line in the files, then shows it to the observer.
    pub fn record(&mut self, line: Line) -> Result<()> {
        let Some(metrics) = &mut self.metrics else {
            return Ok(());
        };
        metrics.write(&line)?;
        self.watch.event(&Event::Recorded(&line));
        Ok(())
    }

    /// Reports a step, and records the mean over the last ones when it is due; `seconds` is the training time since the run began.
    pub fn step(&mut self, step: &StepReport, tally: &mut Tally, seconds: f64) -> Result<()> {
        let Some(metrics) = &mut self.metrics else {
            return Ok(());
        };
        let line = metrics.step(step, tally, seconds);
        line.map_or(Ok(()), |line| self.record(line))?;
        self.watch.event(&Event::Step(step.clone()));
        Ok(())
    }

    /// Records the mean over the steps up to `step` that are in no line yet.
    pub fn rest(&mut self, step: &StepReport, tally: &mut Tally, seconds: f64) -> Result<()> {
        let Some(metrics) = &mut self.metrics else {
            return Ok(());
        };
        let line = metrics.rest(step, tally, seconds);
        line.map_or(Ok(()), |line| self.record(line))
    }

    /// Says something to people.
    pub fn note(&mut self, text: String) {
        if self.metrics.is_some() {
            self.watch.event(&Event::Note(text));
        }
    }

    /// Says that the checkpoint of `step` is written.
    pub fn saved(&mut self, step: u64) {
        self.watch.event(&Event::Saved { step });
    }

    /// Whether the observer wishes the run to stop.
    pub fn stop_requested(&self) -> bool {
        self.watch.stop_requested()
    }

    /// Makes the recorded lines durable.
    pub fn sync(&mut self) -> Result<()> {
        self.metrics.as_mut().map_or(Ok(()), Metrics::sync)
    }

    /// Mean loss of the steps that the last training line sums up, in nats.
    pub fn loss_nats(&self) -> Option<f64> {
        self.metrics.as_ref().and_then(Metrics::loss_nats)
    }
}
