//! Networks that learn an echo: a source in which x_t is most often x_{t−d}.
//!
//! The loss of a step is about the token that comes next, whose echo was input d − 1 steps before; so a window of T steps holds both,
//! for one of its losses at least, only if T ≥ d. Whether the echo is learnt shows what truncation does to a dependency of that length,
//! and nothing else differs between the runs.

use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::text::{Source, write_text};
use crate::trained::Trained;
use elman_train::VocabularyFrom;

/// A network trained on an echo of one lag.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    pub net: Net,
    /// Number of symbols of the source.
    pub symbols: usize,
    /// Lag d of the echo in steps.
    pub lag: usize,
    /// Window length T of the training, in steps.
    pub window: usize,
    /// The lowest perplexity that is possible.
    pub least: f64,
    pub trained: Trained,
}

/// Symbols of an echo, and how often it is one.
const SYMBOLS: usize = 4;
const P: f64 = 0.95;

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

/// Trains `net` on the echo of `lag` in windows of `window` steps at the rate `lr`, or loads the run.
pub(crate) fn echo(lab: &mut Lab, net: Net, lag: usize, window: usize, lr: f64) -> Result<Echo> {
    let law = Source::Echo {
        symbols: SYMBOLS,
        lag,
        p: P,
    };
    let (train, valid) = (
        lab.file(&format!("echo-{lag}-train.txt")),
        lab.file(&format!("echo-{lag}-valid.txt")),
    );
    let (seed, number) = (lab.plan().seed, 10 + 2 * lag as u64);
    write_text(&train, &law.text(60_000, seed, number))?;
    write_text(&valid, &law.text(6_000, seed, number + 1))?;
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

#[cfg(test)]
impl Echo {
    /// An echo of which all is learnt, or nothing, for tests of rules.
    pub fn made_up(net: Net, lag: usize, window: usize, is_learnt: bool) -> Echo {
        let least = 1.25;
        Echo {
            net,
            symbols: SYMBOLS,
            lag,
            window,
            least,
            trained: Trained::made_up(if is_learnt { least } else { SYMBOLS as f64 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_information_is_enough() {
        let of = |perplexity| Echo {
            trained: Trained::made_up(perplexity),
            ..Echo::made_up(Net::Lstm, 5, 8, true)
        };
        assert_eq!(of(1.25).learnt(), 1.0);
        assert_eq!(of(4.0).learnt(), 0.0);
        // Worse than guessing, and better than possible by chance.
        assert_eq!((of(9.0).learnt(), of(1.2).learnt()), (0.0, 1.0));
        let half = (4.0f64 * 1.25).sqrt();
        assert!(of(half * 0.99).is_learnt() && !of(half * 1.01).is_learnt());
    }
}
