use super::*;
use crate::config::{Bptt, CellName, Config};
use crate::schedule::Schedule;
use crate::{Batch, Error, Trainer};
use elman_infer::{SurprisalOptions, adaptive_surprisals, surprisals};
use elman_kernels::Isa;
use elman_net::dims::Sizes;
use elman_text::{Kind, ReadOptions, Source};

const TEXT: &str = "the cat sat on the mat\nthe dog sat on the log\na cat and a dog\n";
const RATE: f64 = 0.5;
const CLIP: f64 = 0.25;

fn trainer(tied: bool) -> Trainer {
    let config = Config {
        vocab: Kind::Chars,
        cell: CellName::LSTM,
        hidden: Sizes::Same(12),
        embed: 12,
        tied,
        layers: 2,
        dropout: 0.0,
        batch_size: 2,
        bptt: Bptt::Steps(300),
        epochs: Some(1.0),
        optimizer: Optimizer::Sgd(Sgd::default()),
        schedule: Schedule::CONSTANT,
        lr: RATE,
        clip: Some(CLIP),
        ..Config::default()
    };
    Trainer::on_text(&config, &TEXT.repeat(20)).unwrap()
}

fn adaptive(model: &Model, layout: Layout, rate: f64) -> AdaptiveNetwork {
    let options = AdaptOptions {
        layout,
        rate,
        clip: Some(CLIP),
    };
    let cpu = Cpu::new(Isa::detect(), 2);
    AdaptiveNetwork::new(model.as_network().unwrap(), options, cpu)
}

fn source(text: &str) -> Vec<Source> {
    vec![Source::Reader {
        name: "text".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }]
}

/// Surprisal of each line, its end included.
fn lines(network: &mut AdaptiveNetwork, text: &str) -> Vec<f64> {
    let options = SurprisalOptions {
        layout: network.options.layout,
        ..SurprisalOptions::default()
    };
    let mut lines = Vec::new();
    let read = ReadOptions::default();
    adaptive_surprisals(network, source(text), &read, &options, &mut |line| {
        let words = line.words.iter().chain([line.end]);
        lines.push(words.map(|word| word.surprisal_nats).sum());
        Ok::<(), Error>(())
    })
    .unwrap();
    lines
}

#[test]
fn without_a_rate_the_numbers_are_those_of_the_model() {
    let model = trainer(true).model();
    for layout in [Layout::Sentences, Layout::Stream] {
        let mut expected = Vec::new();
        let options = SurprisalOptions {
            layout,
            ..SurprisalOptions::default()
        };
        let read = ReadOptions::default();
        surprisals(&model, source(TEXT), &read, &options, &mut |line| {
            let words = line.words.iter().chain([line.end]);
            expected.push(words.map(|word| word.surprisal_nats).sum::<f64>());
            Ok::<(), Error>(())
        })
        .unwrap();
        let mut still = adaptive(&model, layout, 0.0);
        assert_eq!(lines(&mut still, TEXT), expected, "{layout:?}");
        assert_eq!(still.model().id(), model.id());
    }
}

/// The trainer, which is held to the reference, makes the same updates from batches of one line.
#[test]
fn each_line_is_one_update_of_gradient_descent() {
    for tied in [true, false] {
        let mut trainer = trainer(tied);
        let model = trainer.model();
        let mut network = adaptive(&model, Layout::Sentences, RATE);
        let all = lines(&mut network, TEXT);
        let vocab = model.vocab().clone();
        for (line, nats) in TEXT.lines().zip(all) {
            let ids = vocab.tokenize(format!("{line}\n").as_bytes()).unwrap().ids;
            let report = trainer.step_on(&Batch::new(vocab.eos(), &[ids])).unwrap();
            let mean = nats / report.tokens as f64;
            assert!((report.loss_nats - mean).abs() < 1e-6, "{report:?} {mean}");
            assert!(report.clipped && !report.skipped, "{report:?}");
        }
        // But for the number of steps, which is no part of a model's identity.
        assert_eq!(network.model().id(), trainer.model().id());
        assert_ne!(network.model().id(), model.id());
    }
}

#[test]
fn a_carried_state_is_that_of_the_text_before() {
    let model = trainer(true).model();
    let mut carried = adaptive(&model, Layout::Stream, RATE);
    let mut anew = adaptive(&model, Layout::Sentences, RATE);
    let (stream, sentences) = (lines(&mut carried, TEXT), lines(&mut anew, TEXT));
    assert!((stream[0] - sentences[0]).abs() < 1e-9);
    assert!(stream[1] != sentences[1] && stream[2] != sentences[2]);
    // `<eos>` ends the text, in its last line.
    let ids = |line: &str| model.vocab().tokenize(line.as_bytes()).unwrap().ids;
    let mut each: Vec<Vec<TokenId>> = TEXT.split_inclusive('\n').map(ids).collect();
    each[2].push(model.vocab().eos());
    let mut by_hand = adaptive(&model, Layout::Stream, RATE);
    each.iter().for_each(|ids| by_hand.learn(ids));
    assert_eq!(by_hand.model().id(), carried.model().id());
}

#[test]
fn a_text_that_returns_becomes_less_surprising() {
    let model = trainer(true).model();
    let mut network = adaptive(&model, Layout::Sentences, 4.0);
    let all = lines(&mut network, &TEXT.repeat(30));
    let (first, last) = (all[..3].iter().sum::<f64>(), all[87..].iter().sum::<f64>());
    assert!(last < 0.8 * first, "{first} {last}");
}

#[test]
fn a_line_of_any_length_is_learned_in_parts() {
    let model = trainer(true).model();
    let long = "ab ".repeat(MOST_TOKENS);
    let mut network = adaptive(&model, Layout::Sentences, RATE);
    lines(&mut network, &long);
    assert_eq!(network.optimiser.updates, 4);
    let mut parts = adaptive(&model, Layout::Stream, RATE);
    let ids = model
        .vocab()
        .tokenize(format!("{long}\n").as_bytes())
        .unwrap()
        .ids;
    assert_eq!(ids.len(), 3 * MOST_TOKENS + 1);
    for part in ids.chunks(MOST_TOKENS) {
        parts.learn(part);
    }
    assert_eq!(network.model().id(), parts.model().id());
}

#[test]
fn an_update_that_is_not_finite_is_left_out() {
    let model = trainer(true).model();
    let mut network = adaptive(&model, Layout::Sentences, f64::INFINITY);
    let ids = model.vocab().tokenize(b"the cat\n").unwrap().ids;
    for _ in 0..8 {
        network.learn(&ids);
    }
    assert!(network.skipped() > 0);
    assert_eq!(network.skipped() + network.optimiser.updates, 8);
}
