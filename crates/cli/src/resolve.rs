//! From layers of choices to a resolved [`Config`]: defaults ← file ← flags ([`Config::resolve`]); and notes on the choices that
//! have no effect beside the others (`Config::idle`).

use crate::options::as_flags;
use crate::output::usage;
use anyhow::{Context, Result};
use elman::store::disk;
use elman::train::config::{Choices, ConfigError, Origin, options};
use elman::train::{Config, Record};
use std::collections::BTreeSet;
use std::path::Path;

/// No configuration is larger.
const LARGEST_FILE: u64 = 16 << 20;

/// A configuration file: choices, and the configuration that they change.
#[derive(Clone, Debug)]
pub struct Layered {
    pub base: Config,
    pub choices: Choices,
    /// The record of the run, where the file is a run's `config.toml`.
    pub run: Option<Record>,
}

impl Layered {
    /// No file: no choices, over `defaults`.
    pub fn none(defaults: Config) -> Layered {
        Layered {
            base: defaults,
            choices: Choices::default(),
            run: None,
        }
    }

    /// Reads a TOML file, either of choices over `defaults` or the `config.toml` of a run, which is
    /// a whole configuration. Errors name the line.
    pub fn from_file(path: &Path, defaults: Config) -> Result<Layered> {
        let text = disk::read_text(path, LARGEST_FILE)?;
        Layered::from_toml(&text, defaults)
            .with_context(|| format!("{}: not a configuration for `elman train`", path.display()))
    }

    fn from_toml(text: &str, defaults: Config) -> Result<Layered> {
        if toml::from_str::<toml::Table>(text)?.contains_key("config") {
            let run = Record::from_toml(text)?;
            return Ok(Layered {
                base: run.config.clone(),
                choices: Choices::default(),
                run: Some(run),
            });
        }
        Ok(Layered {
            base: defaults,
            choices: Choices::from_toml(text)?,
            run: None,
        })
    }

    /// The values of all layers, `flags` on top.
    fn table(&self, flags: &Choices) -> Result<Choices, ConfigError> {
        let mut table = self.base.table();
        table.lay(&self.choices)?;
        table.lay(flags)?;
        Ok(table)
    }
}

/// Notes on the choices without effect in `config`, which `file` and `flags` amount to: those that were made in either, and those in
/// which the preset or the run under them differs from the defaults.
pub fn idle_notes(
    file: &Layered,
    flags: &Choices,
    config: &Config,
    origin: &Origin,
) -> Vec<String> {
    let mut made: BTreeSet<&str> = file.choices.names().chain(flags.names()).collect();
    let beneath = options().iter().filter(|option| {
        let value = option.value(&file.base);
        value.is_some_and(|value| value != option.default)
    });
    made.extend(beneath.map(|option| option.name.as_str()));
    let Ok(values) = file.table(flags) else {
        return Vec::new();
    };
    let idle = config.idle(origin).into_iter();
    let idle = idle.filter(|idle| made.contains(idle.name));
    idle.filter_map(|idle| {
        let (name, because) = (idle.name, as_flags(&idle.because));
        // What was settled while the configuration was read is said as it is there.
        let value = config.table().get(name).or(values.get(name)).cloned()?;
        let note = || format!("{name} = {value} has no effect: {because}");
        idle.is_worth_a_note(&value).then(note)
    })
    .collect()
}

/// Whether `file` and `flags` say nothing about batch size and budget, so that the size of the text may decide (`Config::fit_to`).
pub fn leaves_size_open(file: &Layered, flags: &Choices) -> bool {
    file.run.is_none() && Config::leaves_size_open(&[&file.choices, flags])
}

/// The configuration that a file and flags amount to, with the errors of [`Config::resolve`].
pub fn resolve(file: &Layered, flags: &Choices) -> Result<Config> {
    Config::resolve(&file.base, &[&file.choices, flags]).map_err(wrong)
}

fn wrong(error: ConfigError) -> anyhow::Error {
    usage(as_flags(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{changes, fixed};
    use elman::train::config::{Bptt, CellName};

    fn options(toml: &str) -> Choices {
        Choices::from_toml(toml).unwrap()
    }

    fn layered(file: &str) -> Layered {
        Layered::from_toml(file, Config::default()).unwrap()
    }

    fn resolved(file: &str, flags: &str) -> Config {
        resolve(&layered(file), &options(flags)).unwrap()
    }

    #[test]
    fn nothing_chosen_is_the_default() {
        assert_eq!(
            resolve(&Layered::none(Config::default()), &Choices::default()).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = resolved("lr = 1\nseed = 7\ncell = 'gru'", "lr = 0.5");
        assert_eq!(
            (config.lr, config.seed, config.cell),
            (0.5, 7, CellName::GRU)
        );
    }

    #[test]
    fn the_file_of_a_run_is_a_whole_configuration() {
        // What is None in it is none, not the default.
        let of_run = resolved(
            "clip = 'none'\nmax-vocab = 'all'\nsteps = 7\nhidden = 64\nlr = 0.25",
            "",
        );
        let config = toml::to_string(&of_run).unwrap();
        let record = format!(
            "elman = '1.0'\nisa = 'avx2'\ntotal-steps = 7\n[inputs]\ntrain = ['a']\n[config]\n{config}"
        );
        assert_eq!(resolved(&record, ""), of_run);
        assert_eq!(resolved(&record, "lr = 1"), Config { lr: 1.0, ..of_run });
        assert!(Layered::from_toml("[config]\nrate = 1", Config::default()).is_err());
    }

    #[test]
    fn words_for_no_limit() {
        let config = resolved("clip = 'none'\nmax-vocab = 'all'\nbptt = 'full'", "");
        assert_eq!(
            (config.clip, config.max_vocab, config.bptt),
            (None, None, Bptt::Full)
        );
        let config = resolved(
            "clip = 'none'\nmax-vocab = 'all'",
            "clip = 5\nmax-vocab = 99\nbptt = 20",
        );
        assert_eq!(
            (config.clip, config.max_vocab, config.bptt),
            (Some(5.0), Some(99), Bptt::Steps(20))
        );
    }

    #[test]
    fn a_budget_replaces_the_one_below() {
        let config = resolved("steps = 100", "");
        assert_eq!(
            (config.epochs, config.steps, config.minutes),
            (None, Some(100), None)
        );
        let config = resolved("steps = 100", "minutes = 2");
        assert_eq!(
            (config.epochs, config.steps, config.minutes),
            (None, None, Some(2.0))
        );
        let error = resolve(&layered("steps = 100\nepochs = 1"), &Choices::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("only one of --epochs, --steps and --minutes")
        );
    }

    #[test]
    fn sizes_follow_each_other_while_tied() {
        let sizes = |file, flags| {
            let config = resolved(file, flags);
            let hidden = config.hidden.of_layers(config.layers).unwrap();
            (config.embed, hidden, config.tied)
        };
        assert_eq!(sizes("", "hidden = 64"), (64, vec![64], true));
        assert_eq!(sizes("", "embed = 64"), (64, vec![64], true));
        let both = "embed = 64\nhidden = 128";
        assert_eq!(sizes("", both), (64, vec![128], false));
        assert_eq!(sizes("embed = 64", "hidden = 128"), (64, vec![128], false));
        assert_eq!(sizes("tied = true", both), (64, vec![128], true));
        let equal = "embed = 64\nhidden = 64";
        assert_eq!(sizes("", equal), (64, vec![64], true));
        assert_eq!(sizes("tied = false", "hidden = 64"), (256, vec![64], false));
        // The top layer is what the table is tied to.
        let list = "hidden = [96, 64]";
        assert_eq!(sizes("", list), (64, vec![96, 64], true));
        assert_eq!(sizes(list, "embed = 32"), (32, vec![96, 64], false));
        assert_eq!(sizes(list, "embed = 64"), (64, vec![96, 64], true));
    }

    #[test]
    fn a_list_of_sizes_says_how_many_layers_there_are() {
        let of = |file, flags| resolve(&layered(file), &options(flags)).map(|config| config.layers);
        assert_eq!(of("layers = 5", "hidden = [96, 64]").unwrap(), 2);
        assert_eq!(of("hidden = [96, 64]", "hidden = 32").unwrap(), 2);
        assert_eq!(of("hidden = [96, 64]", "layers = 2").unwrap(), 2);
        for (file, flags) in [
            ("", "hidden = [96, 64]\nlayers = 3"),
            ("hidden = [96, 64]", "layers = 3"),
            ("", "hidden = []"),
        ] {
            let error = of(file, flags).unwrap_err().to_string();
            assert!(
                error.contains("layer") || error.contains("hidden"),
                "{error}"
            );
        }
    }

    #[test]
    fn choices_without_effect_are_noted_wherever_they_were_made() {
        let notes = |file: &Layered, flags: &str| {
            let config = resolve(file, &options(flags)).unwrap();
            idle_notes(file, &options(flags), &config, &Origin::default())
        };
        let momentum = "momentum = 0.9 has no effect: it belongs to the optimizers sgd and rmsprop";
        assert_eq!(notes(&layered(""), "momentum = 0.9"), [momentum]);
        assert_eq!(notes(&layered("momentum = 0.9"), ""), [momentum]);
        assert!(notes(&layered("momentum = 0.9"), "optimizer = 'sgd'").is_empty());
        // What was chosen for another optimizer in a run or a recipe.
        let sgd = resolved("momentum = 0.9\noptimizer = 'sgd'", "");
        assert!(notes(&Layered::none(sgd.clone()), "").is_empty());
        assert_eq!(notes(&Layered::none(sgd), "optimizer = 'adam'"), [momentum]);
        // Nothing was chosen, or nothing was asked for.
        assert!(notes(&layered(""), "").is_empty());
        assert!(
            notes(
                &layered("momentum = 0"),
                "warmup = 0\nschedule = 'one-cycle'"
            )
            .is_empty()
        );
        // A value that is the default is a choice too.
        let said = notes(
            &layered(""),
            "decay-after = 4\nactivation = 'tanh'\nplateau-patience = 0",
        );
        assert_eq!(said.len(), 3, "{said:?}");
    }

    #[test]
    fn files_with_mistakes_are_refused() {
        for text in [
            "hiden = 5",
            "hidden = 'x'",
            "clip = 'nothing'",
            "cell = 'rnn'",
            "hidden = -1",
            "hidden = [96, 0]",
            "activation = 'elu'",
        ] {
            assert!(Choices::from_toml(text).is_err(), "{text}");
        }
        for text in ["lr = nan", "dropout = 1.0", "clip = inf", "lanes = 0"] {
            let error = Choices::from_toml(text).unwrap_err().to_string();
            assert!(
                error.contains("line 1") && error.contains("must be"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_resumed_run_takes_a_budget_and_what_only_watches() {
        let may = "epochs = 3\npatience = 'none'\nvalid-every = 5\nsample-every = 7\nsample-prompt = 'a'\nwatch-gradients = 2\ntensorboard = true";
        assert!(fixed(&options(may)).is_empty());
        let given = changes(&options(may));
        assert_eq!(given.budget.epochs, Some(3.0));
        let watching = |name| given.watching.get(name).map(ToString::to_string);
        for (name, value) in [
            ("patience", Some("none")),
            ("valid-every", Some("5")),
            ("tensorboard", Some("tensorboard")),
            ("sample-prompt", Some("a")),
            ("epochs", None),
        ] {
            assert_eq!(watching(name).as_deref(), value, "{name}");
        }
        assert!(changes(&options("")).is_none());
        let names = |text| fixed(&options(text)).names().collect::<Vec<_>>();
        assert_eq!(names("epochs = 3\nlr = 1"), ["lr"]);
        assert_eq!(names("tied = false"), ["tied"]);
    }
}
