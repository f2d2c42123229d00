//! Published recipes by name: configuration files that are part of the program. `presets/` has them, each with its source.

use crate::resolve::{Layered, resolve};
use anyhow::{Context, Result};
use elman::train::Config;
use elman::train::config::Choices;
use elman_kernels::Isa;
use std::path::Path;

const ALL: [(&str, &str); 6] = [
    (
        "zaremba-small",
        include_str!("../presets/zaremba-small.toml"),
    ),
    (
        "zaremba-medium",
        include_str!("../presets/zaremba-medium.toml"),
    ),
    (
        "zaremba-large",
        include_str!("../presets/zaremba-large.toml"),
    ),
    ("awd-lstm", include_str!("../presets/awd-lstm.toml")),
    ("irnn", include_str!("../presets/irnn.toml")),
    ("elman-2011", include_str!("../presets/elman-2011.toml")),
];

/// What `--preset` takes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// What the command line's choices are put over: defaults on a CPU with the instructions `isa`, a recipe, a file.
pub fn layered(isa: Isa, preset: Option<&str>, file: Option<&Path>) -> Result<Layered> {
    let defaults = Config::defaults_on(isa);
    let defaults = match preset {
        Some(name) => over(defaults, name)?,
        None => defaults,
    };
    match file {
        Some(path) => Layered::from_file(path, defaults),
        None => Ok(Layered::none(defaults)),
    }
}

/// The recipe `name` over `defaults`, as the base of a file's and a command line's choices.
pub fn over(defaults: Config, name: &str) -> Result<Config> {
    let recipe = ALL.iter().find(|(known, _)| *known == name);
    let (_, toml) = recipe.with_context(|| format!("there is no preset {name}"))?;
    let file = Layered {
        base: defaults,
        choices: Choices::from_toml(toml).with_context(|| format!("the preset {name}"))?,
        run: None,
    };
    resolve(&file, &Choices::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::idle_notes;
    use elman::train::config::{Bptt, CellName, Origin};
    use elman::train::schedule::{Schedule, StepDecay};

    fn preset(name: &str) -> Config {
        over(Config::default(), name).unwrap()
    }

    #[test]
    fn every_recipe_is_a_valid_configuration_with_its_source() {
        for (name, toml) in ALL {
            assert_ne!(preset(name), Config::default(), "{name}");
            let source = toml.lines().take_while(|line| line.starts_with('#'));
            let source: String = source.collect();
            assert!(source.contains("(20"), "{name}: {source}");
        }
    }

    #[test]
    fn every_choice_of_a_recipe_has_an_effect() {
        for (name, _) in ALL {
            let base = Layered::none(preset(name));
            let (none, origin) = (Choices::default(), Origin::default());
            let notes = idle_notes(&base, &none, &base.base, &origin);
            assert!(notes.is_empty(), "{name}: {notes:?}");
        }
    }

    #[test]
    fn recipes_are_those_of_the_papers() {
        let shape = |config: &Config, vocab: usize| {
            let dims = config.dims(vocab);
            (dims.embed, dims.hidden.clone(), dims.tied)
        };
        // Penn Treebank: V = 10,000. Merity et al. report 24 million parameters.
        let awd = preset("awd-lstm");
        assert_eq!(shape(&awd, 10_000), (400, vec![1150, 1150, 400], true));
        let parameters = elman::net::Network::new(awd.dims(10_000))
            .layout()
            .parameter_count();
        assert!(
            (24_000_000..24_500_000).contains(&parameters),
            "{parameters}"
        );
        for (name, hidden, rate_kept, factor, epochs) in [
            ("zaremba-small", 200, 4, 1.0 / 2.0, 13.0),
            ("zaremba-medium", 650, 6, 1.0 / 1.2, 39.0),
            ("zaremba-large", 1500, 14, 1.0 / 1.15, 55.0),
        ] {
            let config = preset(name);
            assert_eq!(shape(&config, 10_000), (hidden, vec![hidden; 2], false));
            let step = StepDecay {
                decay_after: rate_kept,
                decay_factor: factor,
            };
            assert_eq!(config.schedule, Schedule::Step(step));
            assert_eq!((config.epochs, config.batch_size), (Some(epochs), 20));
        }
        let elman = preset("elman-2011");
        assert_eq!((elman.cell, elman.batch_size), (CellName::ELMAN, 1));
        assert_eq!((elman.bptt, elman.bptt_stride), (Bptt::Steps(14), Some(10)));
    }
}
