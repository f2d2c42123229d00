//! Cost of the order in time: the speed of training steps on T·B positions while T/B varies, with one thread and with several.
//!
//! The arithmetic of a step is the same for every T/B. What has an order in time, the recurrent sweeps, does T products of B rows
//! one after the other; all else, the input products, the softmax and the gradients of weights, takes all T·B rows at once. With n
//! threads a step is S times as fast as with one; Amdahl (1967) has S = 1 / (s + (1 − s)/n) for a serial share s, so that
//!
//! ```text
//! s = (n/S − 1) / (n − 1)
//! ```
//! It is found from two measured times and is what does not get faster, for whatever reason: order in time, memory that threads
//! share, waiting for one another, or a second thread that is no second core. It is not held between 0 and 1: below 0 threads help
//! each other, above 1 they hinder.

use crate::bench::{Amount, Case, KernelTime, Settings, Work, measure, processor};
use crate::error::{InspectError, Result};
use elman_infer::Weights;
use elman_kernels::{Isa, Kernel};
use elman_text::{Layout, OutOfRange};
use elman_train::config::Bptt;
use elman_train::{Config, available_bytes, plan_shapes};
use serde::Serialize;

/// Options of a measurement of sequential cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Number of positions T·B of a window.
    pub positions: usize,
    /// Batch sizes B; T follows from the number of positions.
    pub batch_sizes: Vec<usize>,
    /// Number of threads n; with 1 there is no serial share.
    pub threads: usize,
    /// Instruction set to use.
    pub isa: Isa,
    /// Seconds to measure for each batch size and number of threads, at least three steps.
    pub seconds: f64,
}

impl Options {
    /// Default options for a number of threads.
    pub fn new(isa: Isa, threads: usize) -> Options {
        Options {
            positions: 4096,
            batch_sizes: vec![1, 4, 16, 64, 256],
            threads,
            isa,
            seconds: 1.0,
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range; [`InspectError::NotDivisible`] if a batch size does not
    /// divide the positions; [`InspectError::Seconds`].
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("positions", self.positions, 1..=1 << 30)?;
        OutOfRange::check("batch sizes", self.batch_sizes.len(), 1..=100)?;
        for &batch_size in &self.batch_sizes {
            OutOfRange::check("batch size", batch_size, 1..=self.positions.min(1 << 20))?;
            if !self.positions.is_multiple_of(batch_size) {
                let positions = self.positions;
                return Err(InspectError::NotDivisible {
                    positions,
                    batch_size,
                }
                .into());
            }
        }
        OutOfRange::check("threads", self.threads, 1..=1 << 10)?;
        match self.seconds.is_finite() && self.seconds >= 0.0 {
            true => Ok(()),
            false => Err(InspectError::Seconds.into()),
        }
    }
}

/// Speed of training by the shape of the window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sequential {
    /// Short name of the network: `lstm 2×650`.
    pub network: String,
    /// V, the size of the vocabulary.
    pub vocabulary: usize,
    /// Name of the precision of training.
    pub precision: &'static str,
    /// Name of the processor.
    pub processor: String,
    /// Name of the instruction set.
    pub isa: &'static str,
    /// Number of positions T·B of a window.
    pub positions: usize,
    /// Number of threads n of the parallel measurements.
    pub threads: usize,
    /// Measurements, one for each batch size.
    pub rows: Vec<Row>,
}

/// Speed of training with windows of one shape.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Batch size B.
    pub batch_size: usize,
    /// Window length T.
    pub steps: usize,
    /// Speed with one thread.
    pub one: Speed,
    /// Speed with all threads, if there are several.
    pub many: Option<Speed>,
    /// Speedup S of a step by all threads over one.
    pub speedup: Option<f64>,
    /// Speedup of the part that has an order in time, the recurrent sweeps.
    pub ordered_speedup: Option<f64>,
    /// Speedup of all other parts of a step.
    pub rest_speedup: Option<f64>,
    /// Serial share s of Amdahl's law, from the speedup.
    pub serial_share: Option<f64>,
}

/// Time of a training step with some number of threads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Number of threads.
    pub threads: usize,
    /// Tokens per second.
    pub tokens_per_s: f64,
    /// Mean time of a step in milliseconds; `ordered_ms` and `rest_ms` add up to it.
    pub step_ms: f64,
    /// Time of the parts with an order in time, the recurrent sweeps forward and backward, in milliseconds.
    pub ordered_ms: f64,
    /// Time of all other parts in milliseconds.
    pub rest_ms: f64,
    /// Share of the ordered parts in a step, 0 to 1.
    pub ordered_share: f64,
    /// Time by kernel.
    pub kernels: Vec<KernelTime>,
}

/// Measures training steps of the network of `config` on random tokens, with a vocabulary of `vocab` entries; the configuration's
/// windows and learning rate are ignored.
///
/// `progress` is called with the batch size and the number of threads that are next.
///
/// # Errors
/// [`Error::Train`](crate::Error::Train) if the configuration cannot be trained; [`InspectError::Memory`] if a window does not fit;
/// the errors of [`Options::check`].
pub fn sequential(
    config: &Config,
    vocab: usize,
    options: &Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Sequential> {
    options.check()?;
    config.check()?;
    OutOfRange::check("vocabulary", vocab, 3..=1 << 24)?;
    let cases: Vec<Case> = options
        .batch_sizes
        .iter()
        .map(|&batch_size| case(config, vocab, batch_size, options.positions / batch_size))
        .collect();
    cases.iter().try_for_each(check_memory)?;
    let rows = cases.iter().map(|case| row(case, options, progress));
    let dims = config.dims(vocab);
    Ok(Sequential {
        network: dims.architecture(),
        vocabulary: vocab,
        precision: config.precision.name(),
        processor: processor(),
        isa: options.isa.name(),
        positions: options.positions,
        threads: options.threads,
        rows: rows.collect::<Result<_>>()?,
    })
}

impl Sequential {
    /// The shape of window with the fastest steps with all threads.
    pub fn fastest(&self) -> Option<&Row> {
        let speed = |row: &Row| row.best().tokens_per_s;
        self.rows
            .iter()
            .max_by(|a, b| speed(a).total_cmp(&speed(b)))
    }
}

impl Row {
    /// Speed with all threads.
    pub fn best(&self) -> &Speed {
        self.many.as_ref().unwrap_or(&self.one)
    }
}

/// Serial share s = (n/S − 1) / (n − 1) of Amdahl's law, for a speedup S by n threads.
pub fn serial_share(threads: usize, speedup: f64) -> f64 {
    let n = threads as f64;
    (n / speedup - 1.0) / (n - 1.0)
}

fn case(config: &Config, vocab: usize, batch_size: usize, steps: usize) -> Case {
    Case {
        name: format!("{batch_size} sequences × {steps} steps"),
        vocab,
        config: Config {
            layout: Layout::Stream,
            batch_size,
            batch_tokens: None,
            bptt: Bptt::Steps(steps),
            bptt_stride: None,
            bptt_random: false,
            restart: 0.0,
            recompute: false,
            // Steps are to be alike: nothing is learnt in random tokens, and windows of thousands of steps shall not diverge.
            lr: 1e-6,
            ..config.clone()
        },
    }
}

fn check_memory(case: &Case) -> Result<()> {
    let (batch_size, steps) = case.window();
    let (_, plan) = plan_shapes(&case.config, &case.dims(), &[(steps, batch_size)], &[]);
    let free = available_bytes();
    match plan.total_bytes() <= free {
        true => Ok(()),
        false => Err(InspectError::Memory {
            what: format!("{} of training", case.name),
            needed_mib: plan.total_bytes().div_ceil(1 << 20),
            free_mib: free >> 20,
            remedy: "choose fewer positions, or a smaller network",
        }
        .into()),
    }
}

fn row(case: &Case, options: &Options, progress: &mut dyn FnMut(usize, usize)) -> Result<Row> {
    let (batch_size, steps) = case.window();
    let mut with = |threads| -> Result<Speed> {
        progress(batch_size, threads);
        speed(case, options, threads)
    };
    let one = with(1)?;
    let many = match options.threads {
        1 => None,
        threads => Some(with(threads)?),
    };
    let faster = |of: fn(&Speed) -> f64| many.as_ref().map(|many| of(&one) / of(many));
    let speedup = faster(|speed| speed.step_ms);
    Ok(Row {
        batch_size,
        steps,
        speedup,
        ordered_speedup: faster(|speed| speed.ordered_ms),
        rest_speedup: faster(|speed| speed.rest_ms),
        serial_share: speedup.map(|speedup| serial_share(options.threads, speedup)),
        one,
        many,
    })
}

fn speed(case: &Case, options: &Options, threads: usize) -> Result<Speed> {
    let settings = Settings {
        isa: options.isa,
        threads,
        amount: Amount::Seconds(options.seconds),
        weights: Weights::F32,
    };
    let measured = measure(case, Work::Train, &settings)?;
    let sweeps = [Kernel::SweepForward, Kernel::SweepBackward].map(Kernel::name);
    let (ordered, rest): (Vec<&KernelTime>, Vec<&KernelTime>) = measured
        .kernels
        .iter()
        .partition(|time| sweeps.contains(&time.kernel.as_str()));
    let ms = |times: &[&KernelTime]| times.iter().map(|time| time.ms).sum::<f64>();
    let (ordered_ms, rest_ms) = (ms(&ordered), ms(&rest));
    let step_ms = ordered_ms + rest_ms;
    Ok(Speed {
        threads,
        tokens_per_s: measured.tokens_per_step as f64 / step_ms * 1e3,
        step_ms,
        ordered_ms,
        rest_ms,
        ordered_share: ordered.iter().map(|time| time.share).sum(),
        kernels: measured.kernels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amdahls_share_is_that_of_his_law() {
        for (threads, serial) in [(2, 0.0), (2, 0.3), (2, 1.0), (8, 0.05), (8, 0.5)] {
            let n = f64::from(threads);
            let speedup = 1.0 / (serial + (1.0 - serial) / n);
            let found = serial_share(threads as usize, speedup);
            assert!(
                (found - serial).abs() < 1e-12,
                "{threads} {serial}: {found}"
            );
        }
        assert!(serial_share(2, 0.8) > 1.0 && serial_share(2, 2.5) < 0.0);
    }

    #[test]
    fn rows_have_the_same_positions_and_their_time_in_two_parts() {
        let config = Config {
            embed: 16,
            hidden: 16.into(),
            ..Config::default()
        };
        let options = Options {
            positions: 64,
            batch_sizes: vec![1, 8, 64],
            seconds: 0.0,
            ..Options::new(Isa::detect(), 2)
        };
        let mut said = Vec::new();
        let found = sequential(&config, 50, &options, &mut |batch_size, threads| {
            said.push((batch_size, threads));
        });
        let found = found.expect("a small network can be measured");
        assert_eq!(said, [(1, 1), (1, 2), (8, 1), (8, 2), (64, 1), (64, 2)]);
        for row in &found.rows {
            assert_eq!(row.batch_size * row.steps, 64);
            for speed in std::iter::once(&row.one).chain(&row.many) {
                assert!(speed.ordered_ms > 0.0 && speed.rest_ms > 0.0);
                let share = speed.ordered_ms / (speed.ordered_ms + speed.rest_ms);
                assert!((share - speed.ordered_share).abs() < 1e-6);
                assert_eq!(speed.step_ms, speed.ordered_ms + speed.rest_ms);
                assert!((speed.tokens_per_s * speed.step_ms / 64e3 - 1.0).abs() < 1e-9);
            }
            let speedup = row.speedup.expect("there are two threads");
            let many = row.many.as_ref().expect("there are two threads");
            assert_eq!(speedup, row.one.step_ms / many.step_ms);
            assert_eq!(row.serial_share, Some(serial_share(2, speedup)));
        }
        let fastest = found.fastest().expect("there are rows").best().tokens_per_s;
        assert!(
            found
                .rows
                .iter()
                .all(|row| row.best().tokens_per_s <= fastest)
        );
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let with = |positions, batch_size: &[usize]| Options {
            positions,
            batch_sizes: batch_size.to_vec(),
            ..Options::new(Isa::detect(), 1)
        };
        for options in [
            with(0, &[1]),
            with(64, &[]),
            with(64, &[3]),
            with(64, &[128]),
        ] {
            assert!(options.check().is_err(), "{options:?}");
        }
        let huge = Config {
            embed: 1 << 20,
            hidden: (1 << 20).into(),
            ..Config::default()
        };
        let error = sequential(&huge, 50, &with(64, &[1]), &mut |_, _| {}).expect_err("no memory");
        assert!(error.to_string().contains("fewer positions"), "{error}");
    }
}
