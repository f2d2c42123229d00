//! The model that a run leaves, and runs that begin from one.

use super::bench::{
    Bench, Log, config, gru_adamw, machine, relu_sgd, resume, saving_always, sentences, sgd,
    strides, text,
};
use elman::Model;
use elman::infer::{EvalOptions, Evaluation, NetworkModel, evaluate};
use elman::net::dims::Sizes;
use elman::text::{Corpus, Layout, ReadOptions, Source, Vocab};
use elman::train::{
    self, Config, Ending, Error, Job, NewBudget, Outcome, RunError, TokenTexts, VocabularyFrom,
};
use elman_kernels::Cpu;
use std::fs;
use std::path::Path;

fn scored(run: &Path, valid: &Path, batch_size: usize) -> (NetworkModel, Evaluation) {
    let cpu = Cpu::new(machine().isa, 2);
    let model = Model::load(run).unwrap().with_cpu(cpu);
    let options = EvalOptions {
        batch_size: Some(batch_size),
        ..EvalOptions::default()
    };
    let sources = Source::files(&[valid]);
    let read = ReadOptions::default();
    let evaluation = evaluate(&model, sources, &read, &options, &mut |_| {}).unwrap();
    (NetworkModel::load(run).unwrap(), evaluation)
}

fn with_valid(bench: &Bench, run: &str, config: &Config) -> Job {
    let valid = bench.write("valid.txt", &text(150, 77));
    Job {
        valid: Some(vec![valid]),
        ..bench.job(run, config)
    }
}

/// Whatever the windows of training, `eval --lanes` finds the very loss that training reported.
#[test]
fn the_model_scores_exactly_the_best_validation() {
    let grouped = |groups, config| Config { groups, ..config };
    for config in [
        config(),
        relu_sgd(),
        gru_adamw(),
        strides(),
        sentences(),
        grouped(2, config()),
        grouped(3, sentences()),
    ] {
        let bench = Bench::new();
        let config = Config {
            valid_every: Some(5),
            ..config
        };
        let job = with_valid(&bench, "run", &config);
        let mut log = Log::default();
        let outcome = train::start(&job, &mut log).unwrap();
        let best = outcome.best.unwrap();
        let least = log.validations.iter().map(|v| v.loss_nats);
        assert_eq!(best.loss_nats, least.fold(f64::INFINITY, f64::min));
        let (model, evaluation) = scored(&job.run, &bench.path("valid.txt"), config.batch_size);
        assert_eq!(evaluation.loss_nats, best.loss_nats);
        assert_eq!(model.about().step, best.step);
        assert_eq!(model.about().valid_loss_nats, Some(best.loss_nats));
        assert!(evaluation.tokens > 150);
        assert_eq!(model.layout(), config.layout);
        assert_eq!(evaluation.layout, config.layout);
        let approximate = config.layout == Layout::Stream;
        assert_eq!(evaluation.approximate, approximate);
        assert!(log.validations.iter().all(|v| v.approximate == approximate));
    }
}

/// A rate that makes the model worse and worse after a good start.
fn spoiling() -> Config {
    Config {
        lr: 0.02,
        dropout: 0.0,
        schedule: train::schedule::Schedule::CONSTANT,
        warmup: 60,
        valid_every: Some(3),
        epochs: None,
        steps: Some(60),
        clip: None,
        optimizer: sgd(0.0),
        ..config()
    }
}

#[test]
fn the_best_model_stays_when_later_ones_are_worse() {
    let bench = Bench::new();
    let config = Config {
        lr: 3000.0,
        ..spoiling()
    };
    let mut job = with_valid(&bench, "run", &config);
    job.machine = saving_always();
    let mut log = Log::default();
    let outcome = train::start(&job, &mut log).unwrap();
    let (best, last) = (outcome.best.unwrap(), log.validations.last().unwrap());
    assert!(
        best.step < last.step && best.loss_nats < last.loss_nats && !last.best,
        "{best:?} {last:?}"
    );
    let (_, evaluation) = scored(&job.run, &bench.path("valid.txt"), config.batch_size);
    assert_eq!(evaluation.loss_nats, best.loss_nats);
}

/// A run stopped before its first validation leaves a model all the same, and a better one later.
#[test]
fn a_run_always_leaves_a_model() {
    let bench = Bench::new();
    let job = with_valid(&bench, "run", &config());
    let outcome = train::start(&job, &mut Log::stopping_after([2])).unwrap();
    assert_eq!((outcome.ending, outcome.best), (Ending::Stopped, None));
    let (model, _) = scored(&job.run, &bench.path("valid.txt"), 1);
    assert_eq!(
        (model.about().step, model.about().valid_loss_nats),
        (2, None)
    );
    let outcome = resume(&job.run, &mut Log::default()).unwrap();
    let (model, _) = scored(&job.run, &bench.path("valid.txt"), 1);
    assert_eq!(model.about().step, outcome.best.unwrap().step);
}

#[test]
fn validation_leaves_no_trace_in_training() {
    let bench = Bench::new();
    let losses = |run: &str, valid_every| {
        let config = Config {
            valid_every,
            ..config()
        };
        let mut log = Log::default();
        train::start(&bench.job(run, &config), &mut log).unwrap();
        let bits = log.steps.iter().map(|s| s.loss_nats.to_bits());
        bits.collect::<Vec<u64>>()
    };
    assert_eq!(losses("often", Some(1)), losses("seldom", None));
}

fn origin(bench: &Bench, config: &Config) -> Outcome {
    train::start(&with_valid(bench, "origin", config), &mut Log::default()).unwrap()
}

#[test]
fn a_run_may_begin_from_a_model() {
    for config in [config(), relu_sgd(), gru_adamw(), strides(), sentences()] {
        let bench = Bench::new();
        let before = origin(&bench, &config);
        let other = format!("{} zzz", text(300, 9));
        let other = bench.write("other.txt", &other);
        // The sizes that are asked for give way to those of the model.
        let asked = Config {
            embed: 5,
            hidden: Sizes::Each(vec![6, 9, 5]),
            layers: 3,
            tied: false,
            cell: train::config::CellName::LSTM,
            vocab: elman::text::Kind::Chars,
            lr: 1e-30,
            dropout: 0.0,
            optimizer: sgd(0.0),
            epochs: None,
            steps: Some(1),
            ..config.clone()
        };
        let mut job = with_valid(&bench, "next", &asked);
        job.train = vec![other];
        job.init_from = Some(bench.path("origin"));
        let mut log = Log::default();
        let outcome = train::start(&job, &mut log).unwrap();
        let model = NetworkModel::load(&bench.path("next")).unwrap();
        let parent = NetworkModel::load(&bench.path("origin")).unwrap();
        assert_eq!(model.dims(), parent.dims());
        assert_eq!(model.vocab().hash(), parent.vocab().hash());
        // At a rate of nearly nothing the model is still the one it began from.
        assert_eq!(
            outcome.best.unwrap().loss_nats,
            before.best.unwrap().loss_nats
        );
        let record = train::read_record(&job.run).unwrap();
        assert_eq!(record.config.hidden, config.hidden);
        assert_eq!(record.config.layers, config.layers);
        assert_eq!(record.config.cell, config.cell);
        assert_eq!(record.config.vocab, config.vocab);
        assert_eq!(record.inputs.init_from, Some(bench.path("origin")));

        // The other text has a word that the model never saw.
        let tokens = Corpus::open(&job.run.join("tokens/train.tok")).unwrap();
        assert_eq!(tokens.stats().oov, 1);
    }
}

/// Once started, a run needs neither its texts nor the model that it came from.
#[test]
fn a_resumed_run_needs_only_its_directory() {
    let bench = Bench::new();
    origin(&bench, &config());
    let whole = {
        let mut job = with_valid(&bench, "whole", &config());
        job.init_from = Some(bench.path("origin/model"));
        train::start(&job, &mut Log::default()).unwrap()
    };
    let mut job = with_valid(&bench, "run", &config());
    job.init_from = Some(bench.path("origin/model"));
    train::start(&job, &mut Log::stopping_after([6])).unwrap();
    fs::remove_dir_all(bench.path("origin")).unwrap();
    fs::remove_file(bench.path("text.txt")).unwrap();
    bench.write("valid.txt", "something else");
    let outcome = resume(&job.run, &mut Log::default()).unwrap();
    assert_eq!(outcome.checkpoint, whole.checkpoint);
    assert_eq!(outcome.best, whole.best);
}

#[test]
fn the_vocabulary_may_be_that_of_another_model() {
    let bench = Bench::new();
    let chars = Config {
        vocab: elman::text::Kind::Chars,
        ..config()
    };
    origin(&bench, &chars);
    let mut job = with_valid(&bench, "run", &relu_sgd());
    job.vocabulary = VocabularyFrom::Model(bench.path("origin"));
    train::start(&job, &mut Log::default()).unwrap();
    let model = NetworkModel::load(&job.run).unwrap();
    let parent = NetworkModel::load(&bench.path("origin")).unwrap();
    assert_eq!(model.vocab().hash(), parent.vocab().hash());
    assert_ne!(model.dims().hidden, parent.dims().hidden);
    // The record says what the run really has, not what nobody asked for.
    let record = train::read_record(&job.run).unwrap();
    assert_eq!(record.config.vocab, elman::text::Kind::Chars);
}

/// Weights fit one vocabulary only.
#[test]
fn a_model_cannot_take_another_vocabulary() {
    let bench = Bench::new();
    origin(&bench, &config());
    let list = bench.write("list.txt", "the\nking\n");
    for vocabulary in [
        VocabularyFrom::File(list),
        VocabularyFrom::Model(bench.path("origin")),
    ] {
        let mut job = with_valid(&bench, "run", &config());
        job.init_from = Some(bench.path("origin"));
        job.vocabulary = vocabulary;
        let error = train::start(&job, &mut Log::default()).unwrap_err();
        assert!(
            error.to_string().contains("only fit its own vocabulary"),
            "{error}"
        );
    }
}

/// The tokens of a text in place of its files make the same model, and the run is resumed like any other.
#[test]
fn a_run_on_tokens_is_the_run_on_their_text() {
    let bench = Bench::new();
    let config = Config {
        steps: Some(20),
        epochs: None,
        ..config()
    };
    let of_files = with_valid(&bench, "files", &config);
    train::start(&of_files, &mut Log::default()).unwrap();
    let model = NetworkModel::load(&of_files.run).unwrap();
    let ids = |path: &Path, vocab: &Vocab| {
        let corpus = Corpus::encode(Source::files(&[path]), vocab, &ReadOptions::default());
        corpus.unwrap().ids().to_vec()
    };
    let tokens = TokenTexts {
        train: ids(&bench.path("text.txt"), model.vocab()),
        valid: Some(ids(&bench.path("valid.txt"), model.vocab())),
    };
    let job = |run: &str| Job {
        train: Vec::new(),
        valid: None,
        vocabulary: VocabularyFrom::Model(of_files.run.clone()),
        ..bench.job(run, &config)
    };
    train::start_on(&job("tokens"), &tokens, &mut Log::default()).unwrap();
    let again = NetworkModel::load(&bench.path("tokens")).unwrap();
    assert_eq!(again.id(), model.id());
    let budget = NewBudget {
        steps: Some(30),
        ..NewBudget::default()
    };
    let ended = train::resume(
        &bench.path("tokens"),
        &budget,
        &machine(),
        &mut Log::default(),
    );
    assert_eq!(ended.unwrap().ending, Ending::Finished);

    // Without tokens for validation the last lines are held out.
    let own = TokenTexts {
        valid: None,
        ..tokens.clone()
    };
    train::start_on(&job("own"), &own, &mut Log::default()).unwrap();
    let held_out = Corpus::open(&bench.path("own").join("tokens/valid.tok")).unwrap();
    let kept = Corpus::open(&bench.path("own").join("tokens/train.tok")).unwrap();
    let both = [kept.ids(), held_out.ids()].concat();
    assert_eq!(both, own.train);
    assert!(model.vocab().ends_line(*kept.ids().last().unwrap()));
    let share = held_out.ids().len() as f64 / both.len() as f64;
    assert!((0.05..0.2).contains(&share), "{share}");

    let refused =
        |job: Job, tokens: &TokenTexts| match train::start_on(&job, tokens, &mut Log::default()) {
            Err(Error::Run(error)) => error,
            other => panic!("{other:?}"),
        };
    let wrong = TokenTexts {
        train: vec![1, 1000],
        valid: None,
    };
    let error = refused(job("wrong"), &wrong);
    assert!(matches!(error, RunError::UnknownToken { id: 1000, .. }));
    let short = TokenTexts {
        train: vec![1],
        valid: None,
    };
    let error = refused(job("short"), &short);
    assert!(matches!(error, RunError::TooFewTokens(1)));
    let counted = Job {
        vocabulary: VocabularyFrom::Text,
        ..job("counted")
    };
    let error = refused(counted, &tokens);
    assert!(matches!(error, RunError::NoVocabulary));
}
