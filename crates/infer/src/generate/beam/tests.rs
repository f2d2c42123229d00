use super::*;
use crate::testing::{bigrams, model_of, uniform, vocab};
use crate::{Allow, Eos, Finish, Model, Sampling};
use elman_net::dims::Cell;
use elman_text::Kind;
use std::ops::ControlFlow;

const PENALTIES: [LengthPenalty; 4] = [
    LengthPenalty::Alpha(0.0),
    LengthPenalty::Alpha(0.6),
    LengthPenalty::Alpha(1.3),
    LengthPenalty::Mean,
];

fn search(model: &Model, prompt: &str, options: &Sampling, beam: &Beam) -> Result<Vec<Hypothesis>> {
    let ids = model.vocab().tokenize(prompt.as_bytes()).unwrap().ids;
    // Another prompt beside it, of another length: a search is about one stream.
    let prompts = [vec![0, 0, 0], ids];
    Generator::new(model.streams(2), &prompts, options.clone())?.search(1, beam)
}

fn short(max_tokens: usize) -> Sampling {
    Sampling {
        max_tokens,
        ..Sampling::default()
    }
}

fn tiny_models() -> [Model; 3] {
    let network = |cell| Model::from(model_of(cell, false, vocab(Kind::Chars, "ab\n")));
    let ngram = Model::from(bigrams(vocab(Kind::Chars, "ab\n")));
    [network(Cell::LSTM), network(Cell::GRU), ngram]
}

/// Every text of at most `max_tokens` tokens after the prompt, with ln p by evaluation: what ends with `<eos>`, and what is as long.
fn all_texts(model: &Model, prompt: &str, max_tokens: usize) -> Vec<(Vec<u32>, f64)> {
    let vocab = model.vocab();
    let prompt = vocab.tokenize(prompt.as_bytes()).unwrap().ids;
    let mut texts: Vec<(Vec<u32>, f64)> = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(tokens) = open.pop() {
        for id in (0..vocab.len() as u32).filter(|&id| Some(id) != vocab.unk()) {
            let tokens: Vec<u32> = [&tokens[..], &[id]].concat();
            if id != vocab.eos() && tokens.len() < max_tokens {
                open.push(tokens);
                continue;
            }
            let whole = [&prompt[..], &tokens].concat();
            let log_probs = model.session().score_tokens(&whole).unwrap();
            let logprob = log_probs[prompt.len()..].iter().sum();
            texts.push((tokens, logprob));
        }
    }
    texts
}

fn ranked(texts: &[(Vec<u32>, f64)], penalty: LengthPenalty) -> Vec<(Vec<u32>, f64, f64)> {
    let score = |(tokens, logprob): &(Vec<u32>, f64)| {
        let score = penalty.score(*logprob, tokens.len());
        (tokens.clone(), *logprob, score)
    };
    let mut ranked: Vec<_> = texts.iter().map(score).collect();
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
    ranked
}

#[test]
fn a_beam_as_wide_as_there_are_texts_finds_the_best_of_them() {
    for model in tiny_models() {
        for (prompt, max_tokens) in [("", 1), ("ab", 4)] {
            let texts = all_texts(&model, prompt, max_tokens);
            for length_penalty in PENALTIES {
                for n_best in [1, 3, 1000] {
                    let beam = Beam {
                        width: 1000,
                        n_best,
                        length_penalty,
                    };
                    let found = search(&model, prompt, &short(max_tokens), &beam).unwrap();
                    let mut expected = ranked(&texts, length_penalty);
                    expected.truncate(n_best);
                    // The same bits: the parts are those of evaluation, added in the same order.
                    let found: Vec<_> = found
                        .into_iter()
                        .map(|found| (found.text.tokens, found.logprob, found.score))
                        .collect();
                    assert_eq!(found, expected, "{length_penalty:?}, {n_best}");
                }
            }
        }
    }
}

#[test]
fn a_constraint_leaves_the_best_of_what_it_allows() {
    for model in tiny_models() {
        let options = Sampling {
            allow: Some(Allow::Regex("a[ab]{0,2}".into())),
            ..short(4)
        };
        let beam = Beam {
            width: 500,
            n_best: 500,
            length_penalty: LengthPenalty::Alpha(0.6),
        };
        let found = search(&model, "b", &options, &beam).unwrap();
        // A text ends with `<eos>`, which the constraint allows after one to three letters.
        let mut expected = all_texts(&model, "b", 4);
        expected.retain(|(tokens, _)| {
            let text = model.vocab().decode(tokens);
            let ends = tokens.last() == Some(&model.vocab().eos());
            ends && text.starts_with(b"a") && !text.contains(&b'\n')
        });
        let expected = ranked(&expected, beam.length_penalty);
        let tokens: Vec<_> = found.iter().map(|found| &found.text.tokens).collect();
        let wanted: Vec<_> = expected.iter().map(|(tokens, ..)| tokens).collect();
        assert_eq!(tokens, wanted);
        assert!(found.iter().all(|found| found.text.finish == Finish::Eos));
    }
}

#[test]
fn a_beam_of_one_is_greedy() {
    let letters = "abcdefghij klmnopqr\n";
    let network = model_of(Cell::LSTM, true, vocab(Kind::Chars, letters));
    let models = [
        Model::from(network),
        Model::from(bigrams(vocab(Kind::Chars, letters))),
    ];
    for model in &models {
        for prompt in ["", "abc", "hij"] {
            let allow = Some(Allow::Regex("[a-m ]{0,9}n?[^c]{4,9}".into()));
            for allow in [None, allow] {
                let options = Sampling {
                    temperature: 0.0,
                    logprobs: true,
                    allow,
                    ..short(30)
                };
                let ids = model.vocab().tokenize(prompt.as_bytes()).unwrap().ids;
                let mut generator =
                    Generator::new(model.streams(1), &[ids], options.clone()).unwrap();
                let greedy = generator
                    .sample(0, &mut |_, _| ControlFlow::Continue(()))
                    .unwrap();
                for length_penalty in PENALTIES {
                    let beam = Beam {
                        width: 1,
                        n_best: 1,
                        length_penalty,
                    };
                    let found = search(model, prompt, &options, &beam).unwrap();
                    assert_eq!(found[0].text, greedy[0]);
                }
            }
        }
    }
}

#[test]
fn ties_are_broken_by_tokens() {
    let model = Model::from(uniform(Cell::GRU, vocab(Kind::Chars, "abc")));
    let options = Sampling {
        eos: Eos::GoOn,
        ..short(3)
    };
    let beam = Beam {
        width: 4,
        n_best: 4,
        length_penalty: LengthPenalty::Mean,
    };
    let found = search(&model, "", &options, &beam).unwrap();
    // All tokens are alike: the lower one first, then the better hypothesis before it. What prints the same stands once.
    let tokens: Vec<_> = found.iter().map(|found| &found.text.tokens[..]).collect();
    assert_eq!(tokens, [[0, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]]);
}

#[test]
fn stop_strings_end_hypotheses_and_no_text_stands_twice() {
    for model in tiny_models() {
        let options = Sampling {
            stop: vec!["b".into()],
            ..short(6)
        };
        let beam = Beam {
            width: 8,
            n_best: 8,
            length_penalty: LengthPenalty::Alpha(1.0),
        };
        let found = search(&model, "a", &options, &beam).unwrap();
        assert!(found.len() > 3);
        for (i, one) in found.iter().enumerate() {
            assert!(
                found[..i]
                    .iter()
                    .all(|other| other.text.text != one.text.text)
            );
            assert!(found[..i].iter().all(|other| other.score >= one.score));
            assert!(!one.text.text.contains(&b'b'));
            let total: f64 = one.text.logprobs.iter().sum();
            assert_eq!(total, one.logprob);
        }
    }
}

#[test]
fn what_means_nothing_is_refused() {
    let beam = |width, n_best, length_penalty| Beam {
        width,
        n_best,
        length_penalty,
    };
    for (beam, said) in [
        (
            beam(4, 5, LengthPenalty::Mean),
            "n-best is more than the beam",
        ),
        (beam(4, 0, LengthPenalty::Mean), "n-best must be"),
        (beam(4, 1, LengthPenalty::Alpha(-1.0)), "length-penalty"),
        (beam(4, 1, LengthPenalty::Alpha(f64::NAN)), "length-penalty"),
    ] {
        let error = search(&tiny_models()[0], "", &short(2), &beam).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    // No text at all may be empty text.
    let beam = beam(2, 1, LengthPenalty::Mean);
    let none = search(&tiny_models()[0], "", &short(0), &beam).unwrap();
    assert_eq!(
        (none.len(), none[0].logprob, none[0].text.finish),
        (1, 0.0, Finish::Length)
    );
}
