//! What long windows cost: bytes in closed form, and the time of an update.

use super::nets::Net;
use super::{Lab, Verdict};
use crate::bench::{Amount, Case, Settings, Work, measure};
use crate::error::Result;
use elman_infer::Weights;
use elman_net::dims::Capacity;
use elman_train::config::Bptt;
use elman_train::{Config, plan};
use serde::{Deserialize, Serialize};

/// Cost of windows of T steps.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Window {
    /// Window length T in steps.
    pub steps: usize,
    /// Planned bytes of the activations of a window that keeps them all.
    pub window_bytes: u64,
    /// Planned bytes of the activations of a window with recomputation.
    pub recomputed_bytes: u64,
    /// Planned bytes that depend on the parameters alone.
    pub static_bytes: u64,
    /// Time of an update in milliseconds, if it was timed.
    pub update_ms: Option<f64>,
    /// Tokens per second, if an update was timed.
    pub tokens_per_s: Option<f64>,
}

/// Costs of training by window length.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Costs {
    /// Batch size B.
    pub batch_size: usize,
    /// V, the size of the vocabulary.
    pub entries: usize,
    /// Number of parameters.
    pub parameters: usize,
    /// Length in steps of a window as long as the text.
    pub full: usize,
    /// Costs of each window length, from short to long.
    pub windows: Vec<Window>,
}

const BATCH_SIZE: usize = 4;
/// Lengths of windows beside that of the text.
const STEPS: [usize; 8] = [1, 3, 10, 35, 100, 350, 1000, 3500];

/// Plans and times windows of several lengths, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn costs(lab: &mut Lab) -> Result<Costs> {
    let trained = lab.net(Net::Lstm)?;
    let dims = elman_infer::NetworkModel::load(&trained.run)?
        .dims()
        .clone();
    lab.measured("costs of windows", |lab| {
        let mut config = lab.config(Net::Lstm);
        config.batch_size = BATCH_SIZE;
        let tokens = elman_train::status::RunSnapshot::at(&trained.run)?
            .train_file()
            .map_or(0, |file| file.tokens as usize);
        let full = tokens.div_ceil(BATCH_SIZE);
        let mut lengths: Vec<usize> = STEPS.into_iter().filter(|steps| *steps < full).collect();
        lengths.push(full);
        let window = |steps: usize| -> Result<Window> {
            lab.go_on()?;
            let of = |recompute| {
                let capacity = Capacity::for_all([(steps, BATCH_SIZE)], recompute);
                let config = Config {
                    recompute,
                    ..config.clone()
                };
                plan(&config, &dims, capacity)
            };
            let (kept, recomputed) = (of(false), of(true));
            let timed = match steps < full {
                true => Some(measure(
                    &Case {
                        name: "window".into(),
                        vocab: dims.vocab,
                        config: Config {
                            bptt: Bptt::Steps(steps),
                            ..config.clone()
                        },
                    },
                    Work::Train,
                    &Settings {
                        isa: lab.machine.isa,
                        threads: lab.machine.threads,
                        amount: Amount::Seconds(lab.scale().seconds),
                        weights: Weights::F32,
                    },
                )?),
                false => None,
            };
            Ok(Window {
                steps,
                window_bytes: kept.window.total_bytes(),
                recomputed_bytes: recomputed.window.total_bytes(),
                static_bytes: kept.static_bytes(),
                update_ms: timed.as_ref().map(|timed| timed.step_ms),
                tokens_per_s: timed.as_ref().map(|timed| timed.tokens_per_s),
            })
        };
        Ok(Costs {
            batch_size: BATCH_SIZE,
            entries: dims.vocab,
            parameters: trained.parameters,
            full,
            windows: lengths.into_iter().map(window).collect::<Result<_>>()?,
        })
    })
}

impl Costs {
    /// Bytes per further step, between neighbouring window lengths.
    pub fn slopes(&self) -> Vec<f64> {
        let pairs = self.windows.windows(2);
        let slope = |a: &Window, b: &Window| {
            (b.window_bytes as f64 - a.window_bytes as f64) / (b.steps - a.steps) as f64
        };
        pairs.map(|pair| slope(&pair[0], &pair[1])).collect()
    }

    /// Whether memory grows linearly: the bytes per further step are the same everywhere, within a tenth.
    pub fn is_linear(&self) -> Verdict {
        let slopes = self.slopes();
        let most = slopes.iter().fold(0.0, |most: f64, slope| most.max(*slope));
        let least = slopes
            .iter()
            .fold(f64::INFINITY, |least: f64, slope| least.min(*slope));
        Verdict::of(&[most <= 1.1 * least])
    }

    /// Whether long windows are expensive: an update takes time in proportion to T within a factor of two from 100 steps on, and
    /// more memory.
    pub fn is_expensive(&self) -> Verdict {
        let long: Vec<f64> = self
            .windows
            .iter()
            .filter(|window| window.steps >= 100)
            .filter_map(|window| Some(window.update_ms? / window.steps as f64))
            .collect();
        let most = long.iter().fold(0.0, |most: f64, ms| most.max(*ms));
        let least = long
            .iter()
            .fold(f64::INFINITY, |least: f64, ms| least.min(*ms));
        let (first, last) = (self.windows.first(), self.windows.last());
        let grows = first
            .zip(last)
            .is_some_and(|(first, last)| last.window_bytes > 10 * first.window_bytes);
        Verdict::of(&[!long.is_empty() && most <= 2.0 * least, grows])
    }
}
