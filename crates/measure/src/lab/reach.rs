//! How far back learning reaches: truncated gradients, carried states, learnt lags.
//!
//! In an echo x_t is most often x_{t−d}. The loss of a step is about the token that comes next, whose echo was read d − 1 steps before; so a window
//! of T steps holds both, for one of its losses at least, only if T ≥ d. Whether the echo is learnt says what truncation does to a dependency
//! of that length, and nothing else differs between the runs.

use super::nets::Net;
use super::text::{Source, write_text};
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use crate::inspect::truncation;
use crate::inspect::truncation::Options;
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// Truncated gradients and the worth of carried states for one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cut {
    /// The network.
    pub net: Net,
    /// Length of the long window in steps, whose gradient is the reference.
    pub full: usize,
    /// Mean loss per token in nats with the state carried between windows.
    pub carried_nats: f64,
    /// Results by window length: steps, cosine, relative error, loss in nats per token if each window starts from zero.
    pub windows: Vec<(usize, f64, f64, f64)>,
}

/// Compares window lengths on trained networks, or loads the measurements.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training and of [`truncation`](crate::inspect::truncation()).
pub fn cuts(lab: &mut Lab) -> Result<Vec<Cut>> {
    let mut cuts = Vec::new();
    for net in [Net::Tanh, Net::Lstm] {
        let (model, ids) = lab.model(net)?;
        let name = format!("truncation of {}", net.key());
        cuts.push(lab.measured(&name, |lab| {
            let options = Options {
                passages: 2 * lab.scale().passages,
                full: 2 * lab.scale().lags,
                windows: vec![1, 2, 3, 5, 7, 10, 14, 20, 35, 50, 100],
                seed: lab.plan().seed,
                ..Options::default()
            };
            let found = truncation(&model, lab.own_cpu(), &ids, &options, &mut |_| ())?;
            let windows = found.windows.iter();
            Ok(Cut {
                net,
                full: found.full,
                carried_nats: found.carried_nats,
                windows: windows
                    .map(|window| {
                        (
                            window.steps,
                            window.cosine,
                            window.relative_error,
                            window.zero_state_nats,
                        )
                    })
                    .collect(),
            })
        })?);
    }
    Ok(cuts)
}

/// Verdict on the claim that a carried state lowers the loss: starting from zero costs more the shorter the windows are.
pub fn carries(cuts: &[Cut]) -> Verdict {
    let each: Vec<bool> = cuts
        .iter()
        .map(|cut| {
            let costs: Vec<f64> = cut
                .windows
                .iter()
                .map(|window| window.3 - cut.carried_nats)
                .collect();
            let (first, last) = (costs.first(), costs.last());
            first
                .zip(last)
                .is_some_and(|(first, last)| *first > 0.0 && first > last)
        })
        .collect();
    Verdict::of(&each)
}

/// A network trained on an echo of one lag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Echo {
    /// The network.
    pub net: Net,
    /// Number of symbols of the source.
    pub symbols: usize,
    /// Lag d of the echo in steps.
    pub lag: usize,
    /// Window length T of the training, in steps.
    pub window: usize,
    /// The lowest perplexity that is possible.
    pub least: f64,
    /// The training run.
    pub trained: Trained,
}

/// Symbols of an echo, and how often it is one.
const SYMBOLS: usize = 4;
const P: f64 = 0.95;
/// The lag that windows of several lengths are to learn.
const LAG: usize = 5;
/// The window in which several lags are to be learnt.
const WINDOW: usize = 40;

impl Echo {
    /// Share of the learnable information that was learnt, in nats, between 0 and 1.
    pub fn learnt(&self) -> f64 {
        let most = libm::log(self.symbols as f64);
        let found = libm::log(self.trained.perplexity);
        ((most - found) / (most - libm::log(self.least))).clamp(0.0, 1.0)
    }

    /// Whether at least half of the learnable information was learnt.
    pub fn is_learnt(&self) -> bool {
        self.learnt() >= 0.5
    }
}

/// Trains networks on an echo of one lag with windows of several lengths.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn windows(lab: &mut Lab) -> Result<Vec<Echo>> {
    let windows = [2, 3, 4, 5, 6, 7, 8, 12, 24];
    windows
        .into_iter()
        .map(|window| echo(lab, Net::Lstm, LAG, window, 0.01))
        .collect()
}

/// Trains several networks on echoes of several lags with windows of one length.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn lags(lab: &mut Lab) -> Result<Vec<Echo>> {
    let mut echoes = Vec::new();
    for lag in [2, 5, 10, 15, 20] {
        for net in Net::TRAINED {
            echoes.push(echo(lab, net, lag, WINDOW, 0.005)?);
        }
    }
    Ok(echoes)
}

/// `net` after learning the echo of `lag` in windows of `window` steps at the rate `lr`.
fn echo(lab: &mut Lab, net: Net, lag: usize, window: usize, lr: f64) -> Result<Echo> {
    let law = Source::Echo {
        symbols: SYMBOLS,
        lag,
        p: P,
    };
    let (train, valid) = (
        lab.file(&format!("echo-{lag}-train.txt")),
        lab.file(&format!("echo-{lag}-valid.txt")),
    );
    write_text(
        &train,
        &law.text(60_000, lab.plan().seed, 10 + 2 * lag as u64),
    )?;
    write_text(
        &valid,
        &law.text(6_000, lab.plan().seed, 11 + 2 * lag as u64),
    )?;
    let mut config = lab.small(net, 48, window);
    config.lr = lr;
    config.valid_every = config.steps.map(|steps| (steps / 5).max(1));
    let name = format!("echo-{lag}-{}-window-{window}", net.key());
    Ok(Echo {
        net,
        symbols: SYMBOLS,
        lag,
        window,
        least: law.least_perplexity(),
        trained: lab.train(&name, config, VocabularyFrom::Text, &train, &valid)?,
    })
}

/// Verdict on the claim that truncation limits learning: no window shorter than the lag learns it, and at least one longer window
/// does.
pub fn limits(windows: &[Echo]) -> Verdict {
    let (long, short): (Vec<&Echo>, Vec<&Echo>) =
        windows.iter().partition(|echo| echo.window >= echo.lag);
    Verdict::of(&[
        !short.iter().any(|echo| echo.is_learnt()),
        long.iter().any(|echo| echo.is_learnt()),
    ])
}

/// Verdict on the claim that long lags are hard: every network learns one lag and fails at a longer one, with the same window and
/// number of updates.
pub fn long_lags_are_hard(echoes: &[Echo]) -> Verdict {
    let each: Vec<bool> = Net::TRAINED
        .iter()
        .map(|net| {
            let of = |learnt: bool| {
                let found = echoes
                    .iter()
                    .filter(move |echo| echo.net == *net && echo.is_learnt() == learnt);
                found.map(|echo| echo.lag)
            };
            of(true)
                .min()
                .zip(of(false).max())
                .is_some_and(|(near, far)| near < far)
        })
        .collect();
    Verdict::of(&each)
}
