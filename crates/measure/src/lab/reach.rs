//! How far back learning reaches: gradients that are cut, states that are carried, lags that are learnt.
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

/// The gradients of short windows, and what states bring from beyond them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cut {
    pub net: Net,
    pub full: usize,
    pub carried_nats: f64,
    /// By length of window: steps, cosine, relative error, nats a token where each window starts from zero.
    pub windows: Vec<(usize, f64, f64, f64)>,
}

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

/// A carried state is worth something: reading from zero costs more the shorter the windows are.
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

/// Networks that have learnt an echo of one lag, or have not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Echo {
    pub net: Net,
    pub symbols: usize,
    pub lag: usize,
    /// T
    pub window: usize,
    /// The best that is possible.
    pub least: f64,
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
    /// The part that was learnt of what there is to learn, in nats: from 0 to 1.
    pub fn learnt(&self) -> f64 {
        let most = libm::log(self.symbols as f64);
        let found = libm::log(self.trained.perplexity);
        ((most - found) / (most - libm::log(self.least))).clamp(0.0, 1.0)
    }

    /// At least half.
    pub fn is_learnt(&self) -> bool {
        self.learnt() >= 0.5
    }
}

/// One lag, learnt in windows of several lengths.
pub fn windows(lab: &mut Lab) -> Result<Vec<Echo>> {
    let windows = [2, 3, 4, 5, 6, 7, 8, 12, 24];
    windows
        .into_iter()
        .map(|window| echo(lab, Net::Lstm, LAG, window, 0.01))
        .collect()
}

/// Several lags, learnt by several networks in the same windows.
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

/// No window that is too short learns the lag, and at least one that is long enough does.
pub fn limits(windows: &[Echo]) -> Verdict {
    let (long, short): (Vec<&Echo>, Vec<&Echo>) =
        windows.iter().partition(|echo| echo.window >= echo.lag);
    Verdict::of(&[
        !short.iter().any(|echo| echo.is_learnt()),
        long.iter().any(|echo| echo.is_learnt()),
    ])
}

/// Every network has a lag that it learns and a longer one that it does not, within the same window and number of updates.
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
