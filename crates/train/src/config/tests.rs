//! Declarations hold together, and configurations of every version load.

use super::value::Source;
use super::*;
use crate::optim::{Optimizer, Sgd};
use std::collections::BTreeSet;

/// What version 0.1 wrote.
const FIRST: &str = r#"
vocab = "words"
min-count = 1
max-vocab = 8000
lossy = false
cell = "lstm"
activation = "tanh"
embed = 256
hidden = 256
layers = 1
tied = true
dropout = 0.1
init = "uniform"
init-recurrent = "same"
forget-bias = 1.0
lanes = 32
bptt = 35
optimizer = "adam"
lr = 0.004
momentum = 0.0
beta1 = 0.9
beta2 = 0.999
eps = 1e-8
weight-decay = 0.0
clip = 1.0
loss-norm = "tokens"
schedule = "cosine"
warmup = 50
decay-after = 4
decay-factor = 0.5
final-lr = 0.05
epochs = 2.0
seed = 1
precision = "f32"
"#;

#[test]
fn noise_fades_with_the_updates() {
    let config = Config {
        noise: 0.25,
        ..Config::default()
    };
    assert_eq!(config.noise_sigma(0), Some(0.5));
    let later = (0.25f64 / 100f64.powf(0.55)).sqrt() as f32;
    assert!((config.noise_sigma(99).unwrap() / later - 1.0).abs() < 1e-6);
    assert_eq!(Config::default().noise_sigma(0), None);
}

/// What version 0.1 wrote still means what it did.
#[test]
fn a_configuration_from_before_a_choice_does_as_before() {
    let as_before = Config {
        restart: 0.0,
        unknown_rate: 0.0,
        valid_per_epoch: 1,
        ..Config::default()
    };
    assert_eq!(toml::from_str::<Config>(FIRST).unwrap(), as_before);
    // With another optimizer, whose options were stored among those of all.
    let text = FIRST.replace("\"adam\"", "\"sgd\"");
    let text = text.replace("momentum = 0.0", "momentum = 0.5");
    let expected = Config {
        optimizer: Optimizer::Sgd(Sgd {
            momentum: 0.5,
            nesterov: false,
        }),
        ..as_before
    };
    assert_eq!(toml::from_str::<Config>(&text).unwrap(), expected);
}

#[test]
fn a_configuration_that_lacks_what_every_version_wrote_is_refused() {
    for line in FIRST.lines().filter(|line| !line.is_empty()) {
        let found = toml::from_str::<Config>(&FIRST.replace(line, ""));
        let name = line.split(' ').next().unwrap();
        let option = table::find(name).unwrap();
        // What belongs to an optimizer or a schedule is not in every file.
        match option.owner.is_some() || option.optional {
            true => assert!(found.is_ok(), "{name}"),
            false => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(&option.name), "{error}");
            }
        }
    }
}

#[test]
fn a_configuration_is_what_was_stored() {
    let mut config = Config {
        hidden: Sizes::Each(vec![8, 4]),
        layers: 2,
        bptt: Bptt::Full,
        clip: None,
        dropout: 0.3,
        corpus_weights: vec![1.0, 0.5],
        scheduled_sampling: Some(Decay::Constant(0.25)),
        lr_scale: "embed=0.5".parse().unwrap(),
        tensorboard: Some("tensorboard".into()),
        ..Config::default()
    };
    for name in Optimizer::NAMES {
        config.optimizer = Optimizer::named(name).unwrap();
        for name in Schedule::NAMES {
            config.schedule = Schedule::named(name).unwrap();
            let text = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
    }
}

#[test]
fn every_name_is_declared_once() {
    let mut seen = BTreeSet::new();
    for option in options() {
        let names = option.declaration.aliases.iter().copied();
        for name in names.chain([option.name.as_str()]) {
            assert!(seen.insert(name.to_owned()), "{name}");
        }
    }
    let letters = options()
        .iter()
        .filter_map(|option| option.declaration.letter);
    assert_eq!(
        letters.clone().collect::<BTreeSet<_>>().len(),
        letters.count()
    );
}

#[test]
fn every_default_is_in_its_range() {
    for option in options() {
        let default = option.default.clone();
        let accepted = option.accept(default.clone(), Source::Record);
        assert_eq!(accepted, Ok(default), "{}", option.name);
    }
    Config::default().check().unwrap();
}

/// A sentence without a full stop, as a help has it.
#[test]
fn every_help_is_a_sentence() {
    for option in options() {
        let (name, help) = (&option.name, &option.help);
        let first = help.chars().next().unwrap();
        assert!(first.is_uppercase() || first == '\'', "{name}: {help}");
        assert!(!help.ends_with('.') && help.len() > 10, "{name}: {help}");
        assert!(!help.contains("so many"), "{name}: {help}");
        let details = option.details.as_deref();
        assert!(details.is_none_or(|text| text.ends_with('.')), "{name}");
    }
}

/// Every option can be chosen and is then in the configuration, so that a value has a reader.
#[test]
fn every_option_can_be_chosen() {
    for option in options() {
        let other = [
            "7", "0.2", "true", "false", "a", "bytes", "gru", "relu", "9,8", "full",
        ]
        .into_iter()
        .chain([
            "xavier",
            "orthogonal",
            "sentences",
            "lanes",
            "constant:0.1",
            "bias=2",
        ])
        .chain(["adagrad", "bf16", "plateau"])
        .filter_map(|text| option.parse(text).ok())
        .chain([Value::List(vec![Value::Real(2.0)])])
        .find(|value| {
            option.accept(value.clone(), Source::Record).is_ok() && *value != option.default
        });
        let other = other.unwrap_or_else(|| panic!("{} has one value", option.name));
        let mut choices = Choices::default();
        choices.insert(option, other.clone());
        if let Some(owner) = &option.owner {
            let value = Value::Text(owner.values[0].into());
            choices.set(&owner.option, value).unwrap();
        }
        let config = Config::default().with(&choices).unwrap();
        assert_eq!(option.value(&config), Some(other), "{}", option.name);
        assert_ne!(config, Config::default(), "{}", option.name);
    }
}

#[test]
fn names_of_earlier_versions_are_read_and_written_as_they_are_today() {
    for (option, earlier, today) in [
        ("loss-norm", "'lanes'", "loss-norm = \"sequences\""),
        ("lanes", "7", "batch-size = 7"),
    ] {
        let choices = Choices::from_toml(&format!("{option} = {earlier}")).unwrap();
        let config = Config::default().with(&choices).unwrap();
        let written = toml::to_string(&config).unwrap();
        assert!(written.lines().any(|line| line == today), "{written}");
    }
    assert!(Choices::from_toml("cell = 'lanes'").is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let said = |text: &str| {
        let choices = Choices::from_toml(text).map_err(|error| error.to_string())?;
        let config = Config::default().with(&choices);
        let config = config.map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    };
    assert_eq!(said("lanes = 5\nlr = 1\nclip = 'none'"), Ok(()));
    for (text, parts) in [
        ("hiden = 8", &["line 1", "`hiden`", "`hidden`"][..]),
        (
            "lr = 1\nbeta1 = 1",
            &["line 2", "beta1", "at least 0 and below 1"],
        ),
        ("batch-size = 0", &["line 1", "batch-size", "1,048,576"]),
        ("lanes = 2\nbatch-size = 3", &["batch-size", "two values"]),
        ("lr = nan", &["line 1", "lr", "above 0"]),
        ("seed = -1", &["seed", "whole number"]),
        ("cell = 'rnn'", &["'rnn'", "elman, lstm, gru"]),
        ("vocab = 'words:5'", &["max-vocab"]),
        ("nesterov = true", &["nesterov", "optimizer", "sgd"]),
        ("optimizer = 'sgd'\nnesterov = true", &["momentum"]),
        ("steps = 1\nepochs = 1", &["only one of"]),
        ("layout = 'sentences'\nbptt-random = true", &["bptt-random"]),
        ("bptt-stride = 36", &["between 1 and `bptt`, which is 35"]),
    ] {
        let error = said(text).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(!error.contains("--"), "{error}");
    }
}

#[test]
fn layers_are_laid_over_each_other() {
    let laid = |layers: &[&str]| {
        let mut table = Config::default().table();
        for layer in layers {
            table.lay(&Choices::from_toml(layer).unwrap()).unwrap();
        }
        Config::from_table(&table).unwrap()
    };
    // What belongs to an optimizer waits until that is chosen.
    let config = laid(&["momentum = 0.5\nnesterov = true", "optimizer = 'sgd'"]);
    let sgd = Sgd {
        momentum: 0.5,
        nesterov: true,
    };
    assert_eq!(config.optimizer, Optimizer::Sgd(sgd));
    let config = laid(&["vocab = 'bpe:300'", "steps = 9", "hidden = [4, 8]"]);
    assert_eq!(
        (config.vocab, config.max_vocab),
        (VocabKind::Bpe, Some(300))
    );
    assert_eq!((config.epochs, config.steps), (None, Some(9)));
    assert_eq!(config.layers, 2);
}
