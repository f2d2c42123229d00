use super::*;
use crate::testing::{CELLS, bigrams, cpu, model, model_of, vocab};
use crate::{Cache, EvalOptions, LineSums, Mixture, NgramLengths, Unknown, evaluate};
use elman_ngram as ngram;
use elman_text::{Kind, Vocab};
use std::f64::consts::LN_10;

const LETTERS: &str = "abcdefghij klmnopqr\n";
const TEXT: &str = "a cab\n\nhe is here\nlong lines and short ones zz\nd\n\nlast";

fn source(text: &str) -> Source {
    Source::Reader {
        name: "text".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }
}

/// A model of each family over letters, and a network and an n-gram model over words.
fn models() -> Vec<Model> {
    let letters = || vocab(Kind::Chars, LETTERS);
    let words = || vocab(Kind::Fields, "a he is here long lines and");
    let mut models: Vec<Model> = vec![
        Model::from(model(CELLS[3], false)).with_cpu(cpu()),
        bigrams(letters()).into(),
        Cache::new(letters(), 7).unwrap().into(),
        model_of(CELLS[4], true, words()).into(),
        bigrams(words()).into(),
    ];
    let members = [(0, 0.5), (1, 0.3), (2, 0.2)].map(|(i, weight)| (models[i].clone(), weight));
    models.push(Mixture::new(members.into()).unwrap().into());
    models
}

/// The losses of each line, and its bytes.
fn scored(model: &Model, options: &LineOptions) -> Vec<(String, Vec<f64>)> {
    let mut lines = Vec::new();
    let read = ReadOptions::default();
    let stats = score_lines(model, vec![source(TEXT)], &read, options, &mut |line| {
        assert_eq!(line.number, lines.len() as u64 + 1);
        lines.push((
            String::from_utf8(line.text.to_vec()).unwrap(),
            line.nats.to_vec(),
        ));
        Ok::<(), Error>(())
    });
    let tokens: usize = lines.iter().map(|(_, nats)| nats.len()).sum();
    assert_eq!(stats.unwrap().tokens, tokens as u64);
    lines
}

#[test]
fn a_line_has_the_bits_of_a_session_of_its_own() {
    for model in models() {
        for batch_size in [1, 2, 32] {
            let options = LineOptions {
                batch_size,
                ..LineOptions::default()
            };
            let lines = scored(&model, &options);
            assert_eq!(lines.len(), 7);
            for ((text, nats), expected) in lines.iter().zip(TEXT.split('\n')) {
                assert_eq!(text, expected);
                let ids = model
                    .vocab()
                    .tokenize(format!("{text}\n").as_bytes())
                    .unwrap()
                    .ids;
                let mut alone = model.clone().with_layout(Layout::Stream).session();
                let log_probs = alone.score_tokens(&ids).unwrap();
                let nats: Vec<f64> = nats.iter().map(|nats| -nats).collect();
                assert_eq!(nats, log_probs, "{model:?}, {text:?}");
            }
        }
    }
}

#[test]
fn without_ends_the_rest_has_the_same_bits() {
    for model in models() {
        let options = LineOptions::default();
        let with = scored(&model, &options);
        let without = scored(
            &model,
            &LineOptions {
                ends: false,
                ..options
            },
        );
        for ((_, with), (_, without)) in with.iter().zip(&without) {
            assert_eq!(&with[..with.len() - 1], without);
        }
    }
}

#[test]
fn a_stream_has_the_loss_of_an_evaluation() {
    for model in models() {
        let options = LineOptions {
            layout: Layout::Stream,
            ..LineOptions::default()
        };
        let eval = EvalOptions {
            layout: Some(Layout::Stream),
            ..EvalOptions::default()
        };
        let read = ReadOptions::default();
        let whole = evaluate(&model, vec![source(TEXT)], &read, &eval, &mut |_| {}).unwrap();
        let mut nats = 0.0;
        let mut tokens = 0;
        for (_, line) in scored(&model, &options) {
            line.iter().for_each(|token| nats += token);
            tokens += line.len() as u64;
        }
        assert_eq!(
            (nats, tokens),
            (whole.total_nats, whole.tokens),
            "{model:?}"
        );
    }
}

#[test]
fn lines_that_are_skipped_are_counted() {
    let model = &models()[0];
    let options = LineOptions {
        skip: 4,
        ..LineOptions::default()
    };
    let mut numbers = Vec::new();
    let read = ReadOptions::default();
    score_lines(model, vec![source(TEXT)], &read, &options, &mut |line| {
        numbers.push(line.number);
        Ok::<(), Error>(())
    })
    .unwrap();
    assert_eq!(numbers, [5, 6, 7]);
}

#[test]
fn batch_sizes_have_a_range() {
    let options = LineOptions {
        batch_size: 0,
        ..LineOptions::default()
    };
    let read = ReadOptions::default();
    let sink = &mut |_: ScoredLine<'_>| Ok::<(), Error>(());
    let scored = score_lines(&models()[0], vec![source(TEXT)], &read, &options, sink);
    assert!(matches!(scored, Err(Error::Range(_))));
}

/// Unigrams with an unknown word; `never` has probability 0, as SRILM writes it.
fn unigrams(unk: Option<f32>) -> Model {
    let vocab = Vocab::from_list("test", b"a\nb\nnever", Kind::Fields).unwrap();
    let id = |word: &str| vocab.id(word.as_bytes()).unwrap();
    let mut log10 = vec![
        (vocab.eos(), -1.0),
        (id("a"), -0.5),
        (id("b"), -2.0),
        (id("never"), -99.0),
    ];
    log10.extend(unk.map(|log10| (vocab.unk().unwrap(), log10)));
    log10.sort_by_key(|(id, _)| *id);
    let mut builder = ngram::Builder::new(ngram::Words::new(vocab), 1);
    for (id, log10) in log10 {
        builder.push(&[id], log10, 0.0).unwrap();
    }
    builder.finish().unwrap().into()
}

fn sums(model: &Model, text: &str) -> LineSums {
    let mut sums = LineSums::default();
    let (read, options) = (ReadOptions::default(), LineOptions::default());
    score_lines(model, vec![source(text)], &read, &options, &mut |line| {
        sums += LineSums::of(&line, model);
        Ok::<(), Error>(())
    })
    .unwrap();
    sums
}

#[test]
fn perplexities_are_those_of_kenlm_and_srilm() {
    let close = |found: Option<f64>, log10: f64, tokens: f64| {
        let expected = 10f64.powf(-log10 / tokens);
        let found = found.unwrap();
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{found} for {expected}"
        );
    };
    // W = 5, S = 2, O = 1, Z = 1; L = −0.5 −2 −1 −0.5 −1 without the two.
    let text = "a b new\na never\n";
    let open = sums(&unigrams(Some(-3.0)), text);
    assert_eq!(
        (open.words(), open.ends, open.unknown, open.zeros),
        (5, 2, 1, 1)
    );
    assert_eq!((open.lines, open.fields, open.tokens), (2, 5, 7));
    close(open.srilm_ppl(Unknown::Exclude), -5.0, 5.0);
    close(open.srilm_ppl1(Unknown::Exclude), -5.0, 3.0);
    // With -unk the unknown word is a word.
    assert_eq!(open.srilm_unknown(Unknown::Include), 0);
    close(open.srilm_ppl(Unknown::Include), -8.0, 6.0);
    close(open.srilm_ppl1(Unknown::Include), -8.0, 4.0);
    // KenLM adds what the file says.
    close(open.perplexity(Unknown::Include), -107.0, 7.0);
    close(open.perplexity(Unknown::Exclude), -104.0, 6.0);
    // Without <unk> KenLM's log10 p is −100, and SRILM counts an OOV with -unk too.
    let closed = sums(&unigrams(None), text);
    assert_eq!(closed.srilm_unknown(Unknown::Include), 1);
    close(closed.srilm_ppl(Unknown::Include), -5.0, 5.0);
    close(closed.perplexity(Unknown::Include), -204.0, 7.0);
    assert!((closed.unknown_nats / LN_10 - 100.0).abs() < 1e-4);
    // Nothing is left to divide by.
    let unknown = sums(&unigrams(Some(-3.0)), "new\n");
    assert_eq!(unknown.srilm_ppl1(Unknown::Exclude), None);
    close(unknown.srilm_ppl(Unknown::Exclude), -1.0, 1.0);
    assert_eq!(
        sums(&unigrams(None), "never\n").srilm_ppl1(Unknown::Include),
        None
    );
}

#[test]
fn found_ngrams_have_lengths() {
    let [network, bigrams, .., mixture] = &models()[..] else {
        panic!()
    };
    let ids = network.vocab().tokenize(b"abba").unwrap().ids;
    let lengths = |model| {
        let mut lengths = NgramLengths::new(model);
        ids.iter().map(|&id| lengths.next(id)).collect::<Vec<_>>()
    };
    assert_eq!(lengths(network), [2, 3, 4, 5]);
    assert_eq!(lengths(mixture), [2, 3, 4, 5]);
    assert!(
        lengths(bigrams)
            .iter()
            .all(|length| (1..=2).contains(length))
    );
}

/// The sums over a text, with a vocabulary that lacks `was`.
fn sums_of(text: &str, skip_markers: bool) -> LineSums {
    let model = Model::from(model_of(CELLS[3], false, vocab(Kind::Fields, "he is here")));
    let read = ReadOptions {
        skip_markers,
        ..ReadOptions::default()
    };
    let mut sums = LineSums::default();
    let options = LineOptions::default();
    let stats = score_lines(&model, vec![source(text)], &read, &options, &mut |line| {
        sums += LineSums::of(&line, &model);
        Ok::<(), Error>(())
    });
    assert_eq!(sums.fields, stats.unwrap().fields);
    sums
}

#[test]
fn words_are_counted_as_in_an_evaluation() {
    assert_eq!(sums_of("he\u{a0}is here\u{3000}\n", false).fields, 3);
    assert_eq!(sums_of("<s> he is </s>\n<s> </s>\n", false).fields, 6);
    assert_eq!(sums_of("<s> he is </s>\n<s> </s>\n", true).fields, 2);
}

#[test]
fn without_unknown_tokens_there_is_no_perplexity_per_word() {
    let sums = sums_of("he was here\n", false);
    assert_eq!(sums.perplexity_per_word(Unknown::Exclude), None);
    assert!(sums.perplexity_per_word(Unknown::Include).is_some());
    let known = sums_of("he is here\n", false);
    let [with, without] =
        [Unknown::Include, Unknown::Exclude].map(|unknown| known.perplexity_per_word(unknown));
    assert!(with.is_some() && with == without);
}
