//! Layout `sentences`: lines of all lengths, each from its beginning.

use super::bench::{Bench, Log, essence, resume, saving_always, sentences};
use elman::Model;
use elman::infer::{EvalOptions, evaluate, evaluate_answers};
use elman::net::dims::Capacity;
use elman::text::synth::{MARK, Synth, Task};
use elman::text::{Kind, ReadOptions, Source};
use elman::train::config::CellName;
use elman::train::{self, Config, Ending};

/// Lines of one token to ten thousand, most of them short.
fn long_lines(bench: &Bench) -> Config {
    let mut text = String::new();
    for length in (1..200).chain([9_999, 3, 1_000, 300, 2_500, 1, 5_000]) {
        for i in 1..length {
            text.push_str([" the", " of", " and", " a"][i * i % 7 % 4]);
        }
        text.push('\n');
    }
    bench.write("text.txt", &text);
    Config {
        cell: CellName::GRU,
        hidden: elman::net::dims::Sizes::Same(6),
        embed: 6,
        batch_size: 16,
        batch_tokens: Some(2_000),
        epochs: Some(1.0),
        valid_every: Some(7),
        ..sentences()
    }
}

#[test]
fn one_to_ten_thousand_tokens_train_in_one_corpus() {
    let bench = Bench::new();
    let config = long_lines(&bench);
    let mut log = Log::default();
    let mut job = bench.job("run", &config);
    job.valid = Some(job.train.clone());
    let outcome = train::start(&job, &mut log).unwrap();
    let tokens: usize = log.steps.iter().map(|step| step.tokens).sum();
    let all = (1..200).sum::<usize>() + 9_999 + 3 + 1_000 + 300 + 2_500 + 1 + 5_000 + 1;
    assert_eq!((tokens, outcome.ending), (all, Ending::Finished));
    assert_eq!(outcome.total_steps, log.windows_per_epoch);
    // Long lines are alone, and short ones are many.
    assert!(log.steps.iter().any(|step| step.tokens == 9_999));
    // The order is no longer that of the lengths.
    let sizes: Vec<usize> = log.steps.iter().map(|step| step.tokens).collect();
    assert!(!sizes.is_sorted());
    // Recomputed it is the same run, with a few hundred of the ten thousand steps in memory.
    let whole = essence(&job.run, &outcome);
    job.run = bench.path("recomputed");
    job.config.recompute = true;
    let mut again = Log::default();
    let outcome = train::start(&job, &mut again).unwrap();
    assert_eq!(essence(&job.run, &outcome), whole);
    let (kept, recomputed) = (log.ready.unwrap().0, again.ready.unwrap().0);
    assert!(recomputed < kept / 2, "{recomputed} of {kept}");
    // Interrupted in the middle of an epoch, too.
    job.run = bench.path("parts");
    job.machine = saving_always();
    let mut log = Log::stopping_after([3, 8]);
    train::start(&job, &mut log).unwrap();
    resume(&job.run, &mut log).unwrap();
    let outcome = resume(&job.run, &mut log).unwrap();
    assert_eq!(essence(&job.run, &outcome), whole);
}

/// The memory of a batch of long lines is not that of as many sequences of the longest.
#[test]
fn long_lines_have_few_sequences_in_the_plan() {
    let config = sentences();
    let plan = |shapes: &[(usize, usize)]| {
        let capacity = Capacity::for_all(shapes.iter().copied(), false);
        train::plan(&config, &config.dims(100), capacity)
            .window
            .total_bytes()
    };
    let long = plan(&[(10_000, 1), (128, 32), (1, 32)]);
    assert!(long < plan(&[(10_000, 1)]) + (1 << 20));
    assert!(long < plan(&[(10_000, 32)]) / 20);
}

/// However the lines are batched for it, a validation finds what each line has by itself.
#[test]
fn a_validation_does_not_depend_on_its_batches() {
    let bench = Bench::new();
    let config = sentences();
    let outcome = bench.whole("run", &config);
    assert!(outcome.best.is_some());
    let model = Model::load(&bench.path("run")).unwrap().with_threads(1);
    let total = |batch_size| {
        let options = EvalOptions {
            batch_size: Some(batch_size),
            ..EvalOptions::default()
        };
        let (read, sources) = (
            ReadOptions::default(),
            Source::files(&[bench.path("text.txt")]),
        );
        let found = evaluate(&model, sources, &read, &options, &mut |_| {}).unwrap();
        assert!(!found.approximate);
        found.total_nats
    };
    let alone = total(1);
    assert!(
        [2, 5, 32]
            .into_iter()
            .all(|batch_size| total(batch_size) == alone)
    );
}

/// Sums of two digits, which a small network learns in a moment.
fn sums(bench: &Bench) -> Config {
    let synth = Synth::new(Task::Adding { digits: 4 }, 3, 1).unwrap();
    let mut text = Vec::new();
    synth.write(1000, &mut text).unwrap();
    bench.write("text.txt", std::str::from_utf8(&text).unwrap());
    Config {
        vocab: Kind::Whitespace,
        cell: CellName::GRU,
        hidden: elman::net::dims::Sizes::Same(24),
        embed: 24,
        layers: 1,
        dropout: 0.0,
        lr: 0.01,
        batch_size: 16,
        epochs: Some(3.0),
        valid_every: Some(60),
        loss_after: Some(MARK.into()),
        ..sentences()
    }
}

/// Training on answers alone counts answers alone, learns them, and says how many are right: what evaluation finds.
#[test]
fn answers_are_learnt_and_counted() {
    let bench = Bench::new();
    let config = sums(&bench);
    let held_out: String = (5000..5200)
        .map(|number| {
            Synth::new(Task::Adding { digits: 4 }, 3, 1)
                .unwrap()
                .line(number)
                + "\n"
        })
        .collect();
    let held_out = bench.write("held_out.txt", &held_out);
    let mut job = bench.job("run", &config);
    job.valid = Some(vec![held_out.clone()]);
    let mut log = Log::default();
    let outcome = train::start(&job, &mut log).unwrap();
    let counted: usize = log.steps.iter().map(|step| step.tokens).sum();
    let read: usize = log.steps.iter().map(|step| step.read).sum();
    // Three digits, the mark, the answer, the line end.
    assert_eq!((counted, read), (3 * 1000, 3 * 6000));
    let first = log.validations.first().unwrap();
    let best = outcome.best.unwrap();
    let last = log
        .validations
        .iter()
        .find(|v| v.step == best.step)
        .unwrap();
    assert_eq!(last.tokens, 200);
    assert_eq!(last.accuracy, last.line_accuracy, "answers of one token");
    assert!(first.accuracy < last.accuracy && last.accuracy > Some(0.9));

    let model = Model::load(&job.run).unwrap().with_threads(1);
    let (sources, read) = (Source::files(&[held_out]), ReadOptions::default());
    let found = evaluate_answers(&model, sources, &read, MARK, Some(7), &mut |_| {});
    let found = found.unwrap();
    assert_eq!(
        (Some(found.accuracy), found.loss_nats),
        (last.accuracy, last.loss_nats)
    );

    // Interrupted it is the same run.
    let whole = essence(&job.run, &outcome);
    job.run = bench.path("parts");
    job.machine = saving_always();
    train::start(&job, &mut Log::stopping_after([50])).unwrap();
    let outcome = resume(&job.run, &mut Log::default()).unwrap();
    assert_eq!(essence(&job.run, &outcome), whole);
}

#[test]
fn a_mark_that_no_line_has_is_refused() {
    let bench = Bench::new();
    let sums = sums(&bench);
    let refused = |token: &str, text: &str| {
        bench.write("text.txt", text);
        let config = Config {
            loss_after: Some(token.into()),
            ..sums.clone()
        };
        let mut job = bench.job(&format!("run{}", text.len()), &config);
        job.valid = Some(job.train.clone());
        let error = train::start(&job, &mut Log::default()).unwrap_err();
        error.to_string()
    };
    let error = refused("?", "1 = 2\n");
    assert!(error.contains("no token '?'"), "{error}");
    let error = refused("=", "1 =\n2 =\n");
    assert!(error.contains("no line of the training text"), "{error}");
}

#[test]
fn what_cannot_be_is_refused() {
    for config in [
        Config {
            loss_after: Some(MARK.into()),
            layout: elman::text::Layout::Stream,
            ..sentences()
        },
        Config {
            bptt_stride: Some(3),
            ..sentences()
        },
        Config {
            bptt_random: true,
            ..sentences()
        },
        Config {
            batch_tokens: Some(0),
            ..sentences()
        },
    ] {
        assert!(config.check().is_err());
    }
}

/// Samples in the middle of training begin with the last line of their prompt.
#[test]
fn a_sample_knows_nothing_of_the_lines_before() {
    let bench = Bench::new();
    let samples = |run: &str, prompt: &str| {
        let config = Config {
            sample_every: Some(3),
            sample_prompt: Some(prompt.into()),
            ..sentences()
        };
        let mut log = Log::default();
        train::start(&bench.job(run, &config), &mut log).unwrap();
        let texts = log.samples.into_iter().map(|sample| sample.text);
        texts.collect::<Vec<_>>()
    };
    let alone = samples("alone", "and the");
    assert!(alone.len() > 3 && alone.iter().any(|text| !text.is_empty()));
    assert_eq!(samples("after", "he said unto\nand the"), alone);
}
