//! Checks of a configuration: the range of every option, and the rules that concern several options.

use super::value::Source;
use super::{BUDGETS, Bptt, CellName, Config, ConfigError, options};
use crate::optim::Group;
use elman_net::init::Recurrent;
use elman_text::Layout;

type Result = std::result::Result<(), ConfigError>;

impl Config {
    /// Refuses what cannot be trained. A message says what to change.
    pub fn check(&self) -> Result {
        for option in options() {
            if let Some(value) = option.value(self) {
                option.accept(value, Source::Record)?;
            }
        }
        self.optimizer.rule().check()?;
        self.check_network()?;
        self.check_windows()?;
        let budgets = [
            self.epochs.is_some(),
            self.steps.is_some(),
            self.minutes.is_some(),
        ];
        require(
            budgets.iter().filter(|given| **given).count() == 1,
            &BUDGETS,
            || "give exactly one of `epochs`, `steps` and `minutes`".into(),
        )?;
        // A file could not hold another.
        let path = self.tensorboard.as_ref();
        require(
            path.is_none_or(|path| path.to_str().is_some()),
            &["tensorboard"],
            || "`tensorboard` must be a directory whose path is Unicode".into(),
        )?;
        require(
            self.average_from.is_none() || self.average_trigger.is_none(),
            &["average-from", "average-trigger"],
            || "give one of `average-from` and `average-trigger`: an average begins once".into(),
        )
    }

    fn check_network(&self) -> Result {
        require(
            self.hidden.of_layers(self.layers).is_some(),
            &["hidden", "layers"],
            || {
                format!(
                    "`hidden` is {} and `layers` is {}; give one size for each layer, or one for all",
                    self.hidden, self.layers
                )
            },
        )?;
        let elman = self.cell == CellName::ELMAN;
        require(
            elman || self.init_recurrent != Recurrent::Identity,
            &["init-recurrent", "cell"],
            || {
                "identity initialisation is for the Elman cell (with relu: the IRNN); use `cell` elman `activation` relu"
                    .into()
            },
        )?;
        let scaled =
            self.lr_scale.of(Group::Output) != 1.0 || self.decay_scale.of(Group::Output) != 1.0;
        let no_output = self.tied && !self.dims(1).projected();
        require(
            !(no_output && scaled),
            &["lr-scale", "decay-scale", "tied"],
            || {
                "tied weights are one table, in the group 'embed': there is no 'output' to scale"
                    .into()
            },
        )
    }

    fn check_windows(&self) -> Result {
        require(
            self.groups <= self.batch_size,
            &["groups", "batch-size"],
            || {
                format!(
                    "`groups` is {} and `batch-size` is {}: a batch is cut into groups of at least one sequence",
                    self.groups, self.batch_size
                )
            },
        )?;
        let sentences = self.layout == Layout::Sentences;
        require(
            !sentences || (self.bptt_stride.is_none() && !self.bptt_random),
            &["layout", "bptt-stride", "bptt-random"],
            || {
                "in `layout` sentences every line is a window of its own: leave `bptt-stride` and `bptt-random` out"
                    .into()
            },
        )?;
        require(
            self.batch_tokens.is_none() || sentences,
            &["batch-tokens", "layout"],
            || {
                "`batch-tokens` is for `layout` sentences; in a stream `batch-size` × `bptt` are a window's tokens"
                    .into()
            },
        )?;
        require(
            self.loss_after.is_none() || sentences,
            &["loss-after", "layout"],
            || {
                "`loss-after` is for `layout` sentences, where every line has an answer of its own"
                    .into()
            },
        )?;
        const BOTH: [&str; 2] = ["bptt-stride", "bptt-random"];
        require(
            self.bptt_stride.is_none() || !self.bptt_random,
            &BOTH,
            || {
                "`bptt-stride` and `bptt-random` exclude each other: windows of random lengths follow one after the other"
                    .into()
            },
        )?;
        let Bptt::Steps(steps) = self.bptt else {
            let stride = self.bptt_stride.is_some();
            require(!stride, &["bptt-stride", "bptt"], || {
                "`bptt-stride` needs a number of steps as `bptt`, not full".into()
            })?;
            return require(!self.bptt_random, &["bptt-random", "bptt"], || {
                "`bptt-random` needs a number of steps as `bptt` to draw lengths about, not full"
                    .into()
            });
        };
        let stride = self.bptt_stride.unwrap_or(steps);
        require(
            (1..=steps).contains(&stride),
            &["bptt-stride", "bptt"],
            || {
                format!(
                    "`bptt-stride` is {stride}; it must be between 1 and `bptt`, which is {steps}: a longer one would pass over text"
                )
            },
        )?;
        const MOST_EPOCHS: f64 = 10_000.0;
        require(
            !self.bptt_random || self.epochs.is_none_or(|epochs| epochs <= MOST_EPOCHS),
            &["bptt-random", "epochs"],
            || {
                format!(
                    "with `bptt-random` `epochs` must be at most {MOST_EPOCHS}, since the windows of every one are counted; give `steps` instead"
                )
            },
        )
    }
}

fn require(
    holds: bool,
    options: &'static [&'static str],
    because: impl FnOnce() -> String,
) -> Result {
    match holds {
        true => Ok(()),
        false => Err(ConfigError::conflict(options, because())),
    }
}
