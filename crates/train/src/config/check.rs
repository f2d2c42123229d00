//! What a configuration must hold before anything is made of it.

mod update;

use super::{Bptt, CellName, Config};
use crate::error::{Error, Result};
use elman_net::dims::Sizes;
use elman_net::init::Recurrent;
use elman_text::Layout;
use elman_text::MOST_WEIGHT;
use std::path::PathBuf;

impl Config {
    /// Refuses what cannot be trained, in words that say what to change.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("embed", self.embed),
            ("layers", self.layers),
            ("lanes", self.lanes),
        ];
        let hidden = match &self.hidden {
            Sizes::Same(size) => std::slice::from_ref(size),
            Sizes::Each(sizes) => &sizes[..],
        };
        let hidden = hidden.iter().map(|size| ("hidden", *size));
        for (name, value) in hidden.chain(sizes) {
            require((1..=1 << 20).contains(&value), || {
                format!("{name} is {value}; it must be between 1 and 1,048,576")
            })?;
        }
        require(self.layers <= 1000, || {
            format!("layers is {}; it must be at most 1,000", self.layers)
        })?;
        let numbers = [
            ("seed", Some(self.seed)),
            ("min-count", Some(self.min_count)),
            ("max-vocab", self.max_vocab.map(|n| n as u64)),
            ("warmup", Some(self.warmup)),
            ("decay-after", Some(self.decay_after)),
            ("steps", self.steps),
            ("average-from", self.average_from),
            ("valid-every", self.valid_every),
            ("sample-every", self.sample_every),
            ("watch-gradients", self.watch_gradients),
        ];
        for (name, value) in numbers {
            // TOML's integers have a sign; config.toml could not hold more.
            require(value.is_none_or(|n| i64::try_from(n).is_ok()), || {
                format!("{name} must be at most {}", i64::MAX)
            })?;
        }
        let weight = |w: &f64| *w > 0.0 && *w <= MOST_WEIGHT;
        require(self.corpus_weights.iter().all(weight), || {
            format!("weights of texts must be above 0 and at most {MOST_WEIGHT}")
        })?;
        require(self.bptt != Bptt::Steps(0), || {
            "bptt is 0; a window has at least one step".into()
        })?;
        self.check_windows()?;
        require(self.hidden.of_layers(self.layers).is_some(), || {
            format!(
                "hidden is {} and layers is {}; give one size for each layer, or one for all",
                self.hidden, self.layers
            )
        })?;
        let shares = [
            ("dropout", Some(self.dropout)),
            ("dropout-input", self.dropout_input),
            ("dropout-between", self.dropout_between),
            ("dropout-output", self.dropout_output),
            ("dropout-embed", Some(self.dropout_embed)),
            ("weight-drop", Some(self.weight_drop)),
            ("label-smoothing", Some(self.label_smoothing)),
        ];
        for (name, share) in shares {
            let share = share.unwrap_or(0.0);
            require((0.0..1.0).contains(&share), || {
                format!("{name} is {share}; it must be at least 0 and below 1")
            })?;
        }
        for (name, coefficient) in [("ar", self.ar), ("tar", self.tar)] {
            require((0.0..=f64::from(f32::MAX)).contains(&coefficient), || {
                format!("{name} is {coefficient}; it must be at least 0")
            })?;
        }
        let elman = self.cell == CellName::ELMAN;
        require(elman || self.init_recurrent != Recurrent::Identity, || {
            "identity initialisation is for the Elman cell (with relu: the IRNN); use --cell elman --activation relu".into()
        })?;
        require(self.init_recurrent_scale.is_finite(), || {
            "init-recurrent-scale must be a number".into()
        })?;
        require(
            self.init_range.is_none_or(|a| a.is_finite() && a >= 0.0),
            || "init-range must be a number of at least 0".into(),
        )?;
        require((0.0..=1.0).contains(&self.sampling_limit), || {
            format!(
                "sampling-limit is {}; it is a probability, from 0 to 1",
                self.sampling_limit
            )
        })?;
        require(self.forget_bias.is_finite(), || {
            "forget-bias must be a number".into()
        })?;
        require(self.max_vocab.is_none_or(|n| n >= 3), || {
            "max-vocab must leave room for <eos>, <unk> and at least one word".into()
        })?;
        require(self.valid_every != Some(0), || {
            "valid-every must be at least 1 step".into()
        })?;
        require(self.sample_every != Some(0), || {
            "sample-every must be at least 1 step".into()
        })?;
        require(
            self.sample_prompt.is_none() || self.sample_every.is_some(),
            || "sample-prompt needs sample-every: the steps between samples".into(),
        )?;
        require(self.watch_gradients != Some(0), || {
            "watch-gradients must be at least 1 step".into()
        })?;
        let unicode = |path: &PathBuf| path.to_str().is_some();
        // config.toml could not hold another.
        require(self.tensorboard.as_ref().is_none_or(unicode), || {
            "tensorboard must be a directory whose path is Unicode".into()
        })?;
        require(self.patience != Some(0), || {
            "patience must be at least 1 validation".into()
        })?;
        let budgets = [
            self.epochs.map(|e| e > 0.0 && e.is_finite()),
            self.steps.map(|s| s > 0),
            self.minutes.map(|m| m > 0.0 && m.is_finite()),
        ];
        require(budgets.iter().flatten().count() == 1, || {
            "give exactly one of epochs, steps and minutes".into()
        })?;
        require(budgets.iter().flatten().all(|ok| *ok), || {
            "the budget must be above 0".into()
        })?;
        self.check_update()?;
        self.check_schedule()
    }

    fn check_windows(&self) -> Result<()> {
        let sentences = self.layout == Layout::Sentences;
        require(
            !sentences || (self.bptt_stride.is_none() && !self.bptt_random),
            || {
                "in layout sentences every line is a window of its own: leave bptt-stride and bptt-random out".into()
            },
        )?;
        require(self.batch_tokens.is_none() || sentences, || {
            "batch-tokens is for layout sentences; in a stream lanes × bptt are a window's tokens"
                .into()
        })?;
        require(
            self.batch_tokens.is_none_or(|n| (1..=1 << 40).contains(&n)),
            || "batch-tokens must be between 1 and 2⁴⁰".into(),
        )?;
        require(self.loss_after.is_none() || sentences, || {
            "loss-after is for layout sentences, where every line has an answer of its own: give --layout sentences too".into()
        })?;
        if let Some(stride) = self.bptt_stride {
            require(!self.bptt_random, || {
                "bptt-stride and bptt-random exclude each other: windows of random lengths follow one after the other".into()
            })?;
            let Bptt::Steps(steps) = self.bptt else {
                return require(false, || {
                    "bptt-stride needs a bptt of so many steps, not full".into()
                });
            };
            require((1..=steps).contains(&stride), || {
                format!(
                    "bptt-stride is {stride}; it must be between 1 and bptt, which is {steps}: a longer one would pass over text"
                )
            })?;
        }
        require((0.0..=1.0).contains(&self.restart), || {
            format!(
                "restart is {}; it is the probability that a line begins a text, from 0 to 1",
                self.restart
            )
        })?;
        require(!self.bptt_random || self.bptt != Bptt::Full, || {
            "bptt-random needs a bptt of so many steps to draw lengths about, not full".into()
        })?;
        const MOST_EPOCHS: f64 = 10_000.0;
        require(
            !self.bptt_random || self.epochs.is_none_or(|epochs| epochs <= MOST_EPOCHS),
            || {
                format!(
                    "with bptt-random epochs must be at most {MOST_EPOCHS}, since the windows of every one are counted; give steps instead"
                )
            },
        )
    }
}

fn require(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::Config(message()))
    }
}
