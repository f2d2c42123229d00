//! From layers of choices to a configuration: what was chosen, over a base.
//!
//! Layers are laid over each other as tables ([`Choices::lay`]). One rule goes beyond that: with tied weights, embed follows hidden (of
//! the top layer) and the reverse when only one of them is given; two different sizes untie the weights unless tying was asked for:
//! then a projection is between.

use super::{Bptt, Choices, Config, ConfigError, Precision};
use elman_kernels::Isa;
use elman_net::dims::Sizes;
use elman_text::Layout;

/// Options that say how much text an update and a run take.
const SIZES: [&str; 6] = [
    "batch-size",
    "batch-tokens",
    "accumulate",
    "epochs",
    "steps",
    "minutes",
];

impl Config {
    /// The defaults on a CPU with the instruction set `isa`, whose fastest number format they take.
    pub fn defaults_on(isa: Isa) -> Config {
        Config {
            precision: Precision::fastest(isa),
            ..Config::default()
        }
    }

    /// The configuration that `layers`, the later over the earlier, amount to over `base`.
    ///
    /// # Errors
    /// Contradictions, and whatever [`Config::check`] refuses.
    pub fn resolve(base: &Config, layers: &[&Choices]) -> Result<Config, ConfigError> {
        let mut table = base.table();
        for layer in layers {
            table.lay(layer)?;
        }
        let mut config = Config::from_table(&table)?;
        let given = |name| layers.iter().any(|layer| layer.has(name));
        match (given("embed"), given("hidden")) {
            (true, true) if !given("tied") => {
                config.tied = config.hidden.top() == Some(config.embed);
            }
            (false, true) if config.tied => {
                config.embed = config.hidden.top().unwrap_or(config.embed);
            }
            (true, false) if config.tied && matches!(config.hidden, Sizes::Same(_)) => {
                config.hidden = Sizes::Same(config.embed);
            }
            _ => {}
        }
        let steps = given("bptt") && matches!(config.bptt, Bptt::Steps(_));
        if config.layout == Layout::Sentences && steps {
            return Err(ConfigError::conflict(
                &["bptt", "layout"],
                "in layout sentences the gradient goes back to the beginning of each line: leave `bptt` out",
            ));
        }
        config.check()?;
        Ok(config)
    }

    /// Whether `layers` say nothing about batch size and budget, so that the size of the text may decide ([`Config::fit_to`]).
    pub fn leaves_size_open(layers: &[&Choices]) -> bool {
        let given = |name: &&str| layers.iter().any(|layer| layer.has(name));
        !SIZES.iter().any(given)
    }
}
