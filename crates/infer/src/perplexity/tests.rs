use super::*;
use crate::testing::{CELLS, cpu, model, model_of, uniform, vocab};
use crate::{NetworkModel, Weights, Workspace};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::{Activation, Cell};
use elman_text::Vocab;

fn source(text: &str) -> Vec<Source> {
    vec![Source::Reader {
        name: "test".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }]
}

fn any(model: NetworkModel) -> Model {
    Model::from(model).with_cpu(cpu())
}

fn eval(model: &Model, text: &str, options: &EvalOptions) -> Evaluation {
    evaluate(
        model,
        source(text),
        &ReadOptions::default(),
        options,
        &mut |_| {},
    )
    .unwrap()
}

fn exact(model: &Model, text: &str) -> Evaluation {
    eval(model, text, &EvalOptions::default())
}

fn windowed(window: usize) -> EvalOptions {
    EvalOptions {
        window: Some(window),
        ..EvalOptions::default()
    }
}

const TEXT: &str = "abc def ghij\n\nklm nop qr abc\ncab fed\n";

/// Each token on its own, from nothing but steps and log-probabilities.
fn by_hand(model: &Model, ids: &[u32]) -> Vec<f64> {
    let network = model.as_network().unwrap();
    let (cpu, mut state) = (cpu(), network.zero_state(1));
    let mut workspace = Workspace::new(network.dims(), 1, 1);
    let mut log_probs = vec![0.0; model.vocab().len()];
    let inputs = std::iter::once(model.vocab().eos()).chain(ids.iter().copied());
    let step = |(input, target): (u32, &u32)| {
        let view = network.view();
        view.advance(&cpu, &[input], &mut state, &mut workspace);
        view.next_log_probs(&cpu, &workspace, &mut log_probs);
        -f64::from(log_probs[*target as usize])
    };
    inputs.zip(ids).map(step).collect()
}

#[test]
fn every_token_is_predicted_from_all_before_it() {
    for cell in CELLS {
        let model = any(model(cell, false));
        let found = exact(&model, TEXT);
        let mut ids = model.vocab().tokenize(TEXT.as_bytes()).unwrap().ids;
        ids.push(model.vocab().eos());
        let nats: f64 = by_hand(&model, &ids).iter().sum();
        assert_eq!(found.tokens, ids.len() as u64);
        assert!((found.total_nats / nats - 1.0).abs() < 1e-6, "{cell}");
        assert_eq!(
            found.perplexity,
            (found.total_nats / found.tokens as f64).exp()
        );
        assert!(!found.approximate);
    }
}

#[test]
fn windows_threads_and_instruction_sets_change_no_bit() {
    let model = any(model(Cell::LSTM, true));
    let expected = exact(&model, TEXT).total_nats;
    for window in [1, 2, 7, 38, 1000] {
        assert_eq!(
            eval(&model, TEXT, &windowed(window)).total_nats,
            expected,
            "window {window}"
        );
    }
    for isa in Isa::supported() {
        for threads in [1, 3] {
            let model = model.clone().with_cpu(Cpu::new(isa, threads));
            let (read, options) = (ReadOptions::default(), EvalOptions::default());
            let found = evaluate(&model, source(TEXT), &read, &options, &mut |_| {}).unwrap();
            assert_eq!(
                found.total_nats,
                expected,
                "{} with {threads} threads",
                isa.name()
            );
        }
    }
}

#[test]
fn sequences_are_approximate_and_one_sequence_is_exact() {
    let model = any(model(Cell::GRU, false));
    let expected = exact(&model, TEXT);
    let in_parallel = |batch_size, window| {
        let options = EvalOptions {
            batch_size: Some(batch_size),
            window: Some(window),
            layout: None,
        };
        eval(&model, TEXT, &options)
    };
    let one = in_parallel(1, 5);
    assert_eq!(one.total_nats, expected.total_nats);
    assert!(one.approximate);
    for batch_size in [2, 3, 38, 1000] {
        let many = in_parallel(batch_size, 5);
        assert_eq!(many.tokens, expected.tokens);
        assert_ne!(many.total_nats, expected.total_nats);
        assert_eq!(
            many.total_nats,
            in_parallel(batch_size, 64).total_nats,
            "windows change no bit"
        );
    }
    assert_eq!(
        in_parallel(1000, 5).batch_size,
        TEXT.len() + 1,
        "no slice is empty"
    );
}

#[test]
fn sequences_are_each_scored_from_the_zero_state() {
    let model = any(model(Cell::LSTM, false));
    let options = EvalOptions {
        batch_size: Some(2),
        ..EvalOptions::default()
    };
    let found = eval(&model, TEXT, &options);
    let mut ids = model.vocab().tokenize(TEXT.as_bytes()).unwrap().ids;
    ids.push(model.vocab().eos());
    let half = ids.len().div_ceil(2);
    let first: f64 = by_hand(&model, &ids[..half]).iter().sum();
    // The second sequence reads the last token of the first instead of <eos>.
    let network = model.as_network().unwrap();
    let (cpu, mut state) = (cpu(), network.zero_state(1));
    let mut workspace = Workspace::new(network.dims(), half, 1);
    let mut nats = vec![0.0; ids.len() - half];
    let inputs = &ids[half - 1..ids.len() - 1];
    network.view().score(
        &cpu,
        inputs,
        &ids[half..],
        &mut state,
        &mut workspace,
        &mut nats,
        None,
    );
    let second: f64 = nats.iter().sum();
    assert!((found.total_nats / (first + second) - 1.0).abs() < 1e-6);
}

#[test]
fn a_uniform_model_has_perplexity_v() {
    for cell in CELLS {
        let model = any(uniform(cell, vocab(Kind::Chars, "abcdefghij klmnopqr\n")));
        let found = exact(&model, TEXT);
        assert!(
            (found.perplexity / 22.0 - 1.0).abs() < 1e-9,
            "{cell}: {}",
            found.perplexity
        );
        let chars = TEXT.len() as f64;
        let bits = (chars + 1.0) * 22f64.log2() / chars;
        assert!((found.bits_per_char.unwrap() / bits - 1.0).abs() < 1e-9);
        assert_eq!(found.bits_per_char, found.bits_per_byte);
    }
    let found = exact(&any(uniform(Cell::LSTM, Vocab::bytes())), "\u{e9}t\u{e9}");
    assert!((found.perplexity / 257.0 - 1.0).abs() < 1e-9);
    assert!((found.bits_per_byte.unwrap() / (6.0 / 5.0 * 257f64.log2()) - 1.0).abs() < 1e-9);
    assert_eq!((found.tokens, found.chars, found.bytes), (6, 3, 5));
}

#[test]
fn words_are_those_of_the_raw_text() {
    let model = any(uniform(
        Cell::LSTM,
        vocab(Kind::Chars, "abcdefghij klmnopqr\n"),
    ));
    let found = exact(&model, TEXT);
    assert_eq!((found.fields, found.line_ends), (9, 4));
    let expected = (TEXT.len() as f64 + 1.0) * 22f64.ln() / 13.0;
    assert!((found.perplexity_per_word.ln() / expected - 1.0).abs() < 1e-9);
}

#[test]
fn unknown_tokens_are_counted_apart() {
    // The vocabulary lacks x; a literal <unk> is a word like any other.
    let model = any(model_of(
        Cell::LSTM,
        false,
        vocab(Kind::Whitespace, "a b c d"),
    ));
    let text = "a x b <unk>\nx c\n";
    let found = exact(&model, text);
    let (eos, unk) = (model.vocab().eos(), model.vocab().unk().unwrap());
    let id = |word: &str| model.vocab().id(word.as_bytes()).unwrap();
    let ids = [id("a"), unk, id("b"), unk, eos, unk, id("c"), eos];
    let oov = [false, true, false, false, false, true, false, false];
    let nats = by_hand(&model, &ids);
    let all = (nats.iter().sum::<f64>() / 8.0).exp();
    let known: f64 = nats
        .iter()
        .zip(oov)
        .filter(|(_, oov)| !oov)
        .map(|(nats, _)| nats)
        .sum();
    // Of the six known tokens two end lines, which ppl1 does not count.
    assert!((found.ppl1.unwrap() / (known / 4.0).exp() - 1.0).abs() < 1e-6);
    let known = (known / 6.0).exp();
    assert_eq!((found.tokens, found.oov), (8, 2));
    assert!((found.perplexity / all - 1.0).abs() < 1e-6);
    assert!((found.perplexity_without_oov.unwrap() / known - 1.0).abs() < 1e-6);
    assert_eq!((found.bits_per_char, found.bits_per_byte), (None, None));
    assert!(found.no_bits_because.unwrap().starts_with("2 of 8 tokens"));
    assert_eq!((found.fields, found.line_ends), (6, 2));

    let options = EvalOptions {
        batch_size: Some(1),
        window: Some(3),
        layout: None,
    };
    let sequence = eval(&model, text, &options);
    assert_eq!(
        sequence.perplexity_without_oov,
        found.perplexity_without_oov
    );
    assert_eq!(sequence.ppl1, found.ppl1);
    assert_eq!(
        exact(&model, "a b\n").perplexity_without_oov,
        Some(exact(&model, "a b\n").perplexity)
    );
}

#[test]
fn a_text_of_nothing_known_still_has_its_line_ends() {
    let model = any(model_of(Cell::GRU, false, vocab(Kind::Chars, "ab")));
    let found = exact(&model, "xyz");
    assert_eq!((found.tokens, found.oov), (4, 3));
    assert!(
        found.perplexity_without_oov.is_some(),
        "the <eos> of the document is known"
    );
    assert_eq!(found.ppl1, None);
}

#[test]
fn overflowing_states_are_an_error() {
    let model = model(Cell::elman(Activation::Relu), false);
    let network = model.network().clone();
    let mut params = model.params().clone();
    for name in ["rnn.weight_hh_l0", "rnn.bias_ih_l0"] {
        params[network.layout().find(name).unwrap()].fill(1e30);
    }
    let vocab = model.vocab().clone();
    let model = any(NetworkModel::new(
        network,
        params,
        vocab,
        Default::default(),
        Weights::F32,
    ));
    let (read, options) = (ReadOptions::default(), EvalOptions::default());
    let error = evaluate(&model, source(TEXT), &read, &options, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("hidden states grow"), "{error}");
}

#[test]
fn options_and_progress() {
    let model = any(model(Cell::LSTM, false));
    let mut seen = Vec::new();
    let read = ReadOptions::default();
    evaluate(&model, source(TEXT), &read, &windowed(16), &mut |p| {
        seen.push(p.tokens)
    })
    .unwrap();
    assert_eq!(seen, [16, 32, 38]);
    for batch_size in [0, 4097] {
        let options = EvalOptions {
            batch_size: Some(batch_size),
            ..EvalOptions::default()
        };
        assert!(evaluate(&model, source(TEXT), &read, &options, &mut |_| {}).is_err());
    }
    assert!(evaluate(&model, source(""), &read, &windowed(16), &mut |_| {}).is_err());
    let json = serde_json::to_value(exact(&model, TEXT)).unwrap();
    assert_eq!(json["vocab_kind"], "chars");
    assert_eq!(json["model_id"], model.id());
}

/// Lines of very different lengths, an empty one, and one without an end.
const LINES: &str = "abc def ghij\n\na\nklm nop qr abc abc def ghi klm nop qr\ncab fed\nb\nfed";

#[test]
fn sentences_are_read_line_by_line_and_company_changes_no_bit() {
    for cell in CELLS {
        let model = any(model(cell, false));
        let options = |batch_size, window| EvalOptions {
            layout: Some(Layout::Sentences),
            batch_size,
            window,
        };
        let found = eval(&model, LINES, &options(None, None));
        assert_eq!(
            (found.layout, found.approximate),
            (Layout::Sentences, false)
        );
        let mut ids = model.vocab().tokenize(LINES.as_bytes()).unwrap().ids;
        ids.push(model.vocab().eos());
        let lines = ids.split_inclusive(|id| model.vocab().ends_line(*id));
        let by_hand: Vec<f64> = lines
            .map(|line| by_hand(&model, line).iter().sum())
            .collect();
        assert_eq!(by_hand.len(), 7);
        let expected: f64 = by_hand.iter().sum();
        assert!((found.total_nats / expected - 1.0).abs() < 1e-6, "{cell:?}");
        // Side by side every line has the very losses that it has alone, so that the sum of lines is the same.
        let alone = eval(&model, LINES, &options(Some(1), Some(64)));
        for (batch_size, window) in [(2, Some(3)), (3, None), (7, Some(1)), (100, None)] {
            let many = eval(&model, LINES, &options(Some(batch_size), window));
            assert_eq!(
                many.total_nats, alone.total_nats,
                "{cell:?}, batch size {batch_size}"
            );
            assert_eq!((many.tokens, many.approximate), (found.tokens, false));
        }
        assert!((alone.total_nats / found.total_nats - 1.0).abs() < 1e-14);
        // As a stream it is another text.
        assert_ne!(exact(&model, LINES).total_nats, found.total_nats);
        // A model of sentences needs not be told.
        let model = model.with_layout(Layout::Sentences);
        assert_eq!(exact(&model, LINES).total_nats, found.total_nats);
        let stream = EvalOptions {
            layout: Some(Layout::Stream),
            ..EvalOptions::default()
        };
        assert_eq!(eval(&model, LINES, &stream).layout, Layout::Stream);
    }
}
