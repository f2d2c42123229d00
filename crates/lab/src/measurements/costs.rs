//! What long windows cost: bytes in closed form, and the time of an update.

use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use elman_infer::{NetworkModel, Weights};
use elman_measure::bench::{Amount, Case, Settings, Work, measure};
use elman_net::dims::{Capacity, Dims};
use elman_train::config::Bptt;
use elman_train::status::RunSnapshot;
use elman_train::{Config, plan};
use serde::{Deserialize, Serialize};

/// Cost of windows of T steps.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Window {
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
pub(crate) struct Costs {
    /// Batch size B.
    pub batch_size: usize,
    /// Costs of each window length, from short to long; the last window is as long as the text.
    pub windows: Vec<Window>,
}

const BATCH_SIZE: usize = 4;
/// Lengths of windows beside that of the text.
const STEPS: [usize; 8] = [1, 3, 10, 35, 100, 350, 1000, 3500];

/// Plans and times windows of several lengths, or loads the measurement.
pub(crate) fn costs(lab: &mut Lab) -> Result<Costs> {
    let trained = lab.net(Net::Lstm)?;
    let dims = NetworkModel::load(&trained.run)?.dims().clone();
    lab.measured("costs of windows", |lab| {
        let mut config = lab.config(Net::Lstm);
        config.batch_size = BATCH_SIZE;
        let tokens = RunSnapshot::at(&trained.run)?
            .train_file()
            .map_or(0, |file| file.tokens as usize);
        let full = tokens.div_ceil(BATCH_SIZE);
        let mut lengths: Vec<usize> = STEPS.into_iter().filter(|steps| *steps < full).collect();
        lengths.push(full);
        let window = |steps| window(lab, &config, &dims, steps, steps < full);
        Ok(Costs {
            batch_size: BATCH_SIZE,
            windows: lengths.into_iter().map(window).collect::<Result<_>>()?,
        })
    })
}

/// Plans a window of `steps` steps, and times an update if `timed`.
fn window(lab: &Lab, config: &Config, dims: &Dims, steps: usize, timed: bool) -> Result<Window> {
    lab.go_on()?;
    let of = |recompute| {
        let capacity = Capacity::for_all([(steps, BATCH_SIZE)], recompute);
        let config = Config {
            recompute,
            ..config.clone()
        };
        plan(&config, dims, capacity)
    };
    let (kept, recomputed) = (of(false), of(true));
    let case = Case {
        name: "window".into(),
        vocab: dims.vocab,
        config: Config {
            bptt: Bptt::Steps(steps),
            ..config.clone()
        },
    };
    let settings = Settings {
        isa: lab.machine().isa,
        threads: lab.machine().threads,
        amount: Amount::Seconds(lab.scale().seconds),
        weights: Weights::F32,
    };
    let timed = match timed {
        true => Some(measure(&case, Work::Train, &settings)?),
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
}

#[cfg(test)]
impl Costs {
    /// Windows of 1, 10, 100 and 1,000 steps with these bytes of activations and times of an update, for tests of rules.
    pub fn made_up(bytes: [u64; 4], update_ms: [f64; 4]) -> Costs {
        let all = [1, 10, 100, 1000].into_iter().zip(bytes).zip(update_ms);
        Costs {
            batch_size: BATCH_SIZE,
            windows: all
                .map(|((steps, window_bytes), ms)| Window {
                    steps,
                    window_bytes,
                    recomputed_bytes: window_bytes,
                    static_bytes: 1,
                    update_ms: Some(ms),
                    tokens_per_s: None,
                })
                .collect(),
        }
    }
}
