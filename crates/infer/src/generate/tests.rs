use super::*;
use crate::error::{Error, GenerateError};
use crate::testing::{bigrams, cpu, model, model_of, vocab};
use crate::{Allow, Writer};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::Cell;
use elman_text::{Decoder, Kind, Vocab};

fn run(model: &Model, prompt: &str, options: &Sampling) -> Generation {
    let mut pieces = Vec::new();
    let generated = generate(model, prompt.as_bytes(), 1, options, &mut |_, piece| {
        assert!(!piece.is_empty());
        pieces.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    let sample = generated.unwrap().samples.remove(0);
    assert_eq!(pieces, sample.text, "what is handed out is the text");
    sample
}

fn silent(_: usize, _: &[u8]) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn letters() -> Model {
    Model::from(model(Cell::LSTM, true)).with_cpu(cpu())
}

fn long() -> Sampling {
    Sampling {
        max_tokens: 120,
        eos: Eos::GoOn,
        ..Sampling::default()
    }
}

#[test]
fn a_prompt_and_its_continuation_are_one_text() {
    let model = letters();
    let greedy = Sampling {
        temperature: 0.0,
        ..long()
    };
    let whole = run(&model, "", &greedy);
    assert_eq!(whole.tokens.len(), 120);
    assert_eq!(whole.finish, Finish::Length);
    // What was written, given as a prompt, is continued alike.
    let cut = whole
        .tokens
        .iter()
        .position(|&id| id == model.vocab().eos())
        .unwrap_or(50)
        .min(50);
    let prompt = model.vocab().decode(&whole.tokens[..cut]);
    let rest = Sampling {
        max_tokens: 120 - cut,
        ..greedy
    };
    let rest = run(&model, std::str::from_utf8(&prompt).unwrap(), &rest);
    assert_eq!(rest.tokens, whole.tokens[cut..]);
    assert_eq!(model.vocab().decode(&whole.tokens), whole.text);
}

#[test]
fn samples_differ_and_do_not_depend_on_each_other() {
    let model = letters();
    let several = |samples| {
        let generated = generate(&model, b"abc", samples, &long(), &mut |_, _| {
            ControlFlow::Continue(())
        });
        generated.unwrap().samples
    };
    let three = several(3);
    assert_eq!(three[..2], several(2));
    assert_ne!(three[0], three[1]);
    assert_ne!(three[1], three[2]);
    let prompt = model.vocab().tokenize(b"abc").unwrap().ids;
    let mut generator = Generator::new(model.streams(1), &[prompt], long()).unwrap();
    let last = generator.sample(2, &mut silent).unwrap();
    assert_eq!(last, three[2..]);
    let other = Sampling { seed: 2, ..long() };
    assert_ne!(run(&model, "abc", &other).tokens, three[0].tokens);
}

#[test]
fn stop_strings_end_the_text_and_are_never_handed_out() {
    let model = letters();
    let free = run(&model, "", &long());
    let text = String::from_utf8(free.text.clone()).unwrap();
    for (from, len) in [(0, 1), (17, 1), (20, 2), (30, 5), (60, 9)] {
        let stop = text[from..from + len].to_owned();
        let options = Sampling {
            stop: vec!["never in it".into(), stop.clone()],
            ..long()
        };
        let stopped = run(&model, "", &options);
        let at = text.find(&stop).unwrap();
        assert_eq!(
            String::from_utf8(stopped.text).unwrap(),
            text[..at],
            "stop {stop:?}"
        );
        assert_eq!(stopped.finish, Finish::Stop);
        assert_eq!(stopped.tokens, free.tokens[..stopped.tokens.len()]);
    }
    // The beginning of a stop string at the very end is text after all.
    let tail = format!("{}never", &text[text.len() - 3..]);
    let options = Sampling {
        stop: vec![tail],
        ..long()
    };
    assert_eq!(run(&model, "", &options).text, free.text);
}

#[test]
fn the_end_of_a_document_ends_the_text_but_the_end_of_a_line_does_not() {
    let model = letters();
    let eos = model.vocab().eos();
    let options = |max_tokens, eos| Sampling {
        max_tokens,
        eos,
        ..Sampling::default()
    };
    let stopped = run(&model, "", &options(2000, Eos::ByKind));
    assert_eq!(stopped.finish, Finish::Eos);
    assert_eq!(
        stopped.tokens.iter().position(|&id| id == eos),
        Some(stopped.tokens.len() - 1)
    );
    let on = run(&model, "", &options(2000, Eos::GoOn));
    assert_eq!(on.finish, Finish::Length);
    assert!(on.tokens.contains(&eos));

    let model = Model::from(model_of(
        Cell::GRU,
        false,
        vocab(Kind::Whitespace, "a b c d"),
    ));
    let lines = run(&model, "a", &options(200, Eos::ByKind));
    assert_eq!(lines.tokens.len(), 200);
    let text = String::from_utf8(lines.text).unwrap();
    assert!(
        text.starts_with([' ', '\n']),
        "the prompt's word is finished: {text:?}"
    );
    let ends = lines
        .tokens
        .iter()
        .filter(|&&id| id == model.vocab().eos())
        .count();
    assert_eq!(text.matches('\n').count(), ends);
    let line = run(&model, "a", &options(200, Eos::Stop));
    assert_eq!(line.finish, Finish::Eos);
    assert!(!line.text.contains(&b'\n'));
}

#[test]
fn unknown_is_not_drawn_unless_allowed() {
    let model = letters();
    let unk = model.vocab().unk().unwrap();
    let options = Sampling {
        max_tokens: 2000,
        ..long()
    };
    assert!(!run(&model, "", &options).tokens.contains(&unk));
    let allowed = Sampling {
        allow_unk: true,
        ..options
    };
    assert!(run(&model, "", &allowed).tokens.contains(&unk));
}

#[test]
fn unknown_symbols_of_a_prompt_are_reported() {
    let model = letters();
    let silent = &mut |_: u64, _: &[u8]| ControlFlow::Continue(());
    let generated = generate(&model, "aXbYX".as_bytes(), 1, &long(), silent).unwrap();
    assert_eq!(generated.unknown, ["X", "Y"]);
    assert_eq!(generated.prompt_tokens, 5);
    assert!(generate(&model, b"a\xff", 1, &long(), silent).is_err());
    assert!(Generator::new(model.streams(1), &[vec![22]], long()).is_err());
}

#[test]
fn pieces_are_whole_characters() {
    let model = Model::from(model_of(Cell::LSTM, true, Vocab::bytes()));
    // Only the bytes of é and €, so that characters are torn often.
    let kept = [0xC3u32, 0xA9, 0xE2, 0x82, 0xAC];
    let options = Sampling {
        banned: (0..257).filter(|id| !kept.contains(id)).collect(),
        max_tokens: 500,
        ..Sampling::default()
    };
    let (mut whole, mut all) = (0, Vec::new());
    let generated = generate(&model, b"", 1, &options, &mut |_, piece| {
        whole +=
            usize::from(std::str::from_utf8(piece).is_ok_and(|text| text.contains(['é', '€'])));
        all.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    let sample = generated.unwrap().samples.remove(0);
    assert_eq!(all, sample.text);
    assert_eq!(sample.text.len(), 500, "no byte is lost");
    let characters = String::from_utf8_lossy(&sample.text)
        .matches(['é', '€'])
        .count();
    assert!(characters > 0 && whole > 0);
}

#[test]
fn whoever_reads_may_stop() {
    let model = letters();
    let mut pieces = 0;
    let generated = generate(&model, b"", 3, &long(), &mut |number, _| {
        pieces += 1;
        if number == 1 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let samples = generated.unwrap().samples;
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[1].finish, Finish::Cancelled);
    assert!(pieces > 1);
    let none = Sampling {
        max_tokens: 0,
        ..long()
    };
    let empty = run(&model, "abc", &none);
    assert_eq!(
        (empty.tokens.len(), empty.text.len(), empty.finish),
        (0, 0, Finish::Length)
    );
    let wrong = Sampling {
        stop: vec![String::new()],
        ..long()
    };
    assert!(
        generate(&model, b"", 1, &wrong, &mut |_, _| {
            ControlFlow::Continue(())
        })
        .is_err()
    );
}

/// Natural log-probabilities of a network's text and of an n-gram model's are those of evaluation, and prompts side by side, of any
/// lengths, give every text the bits that it has alone, at any number of threads.
#[test]
fn prompts_in_company_are_continued_as_alone() {
    let letters = "abcdefghij klmnopqr\n";
    let ngram = bigrams(vocab(Kind::Chars, letters));
    let models = [
        Model::from(model(Cell::LSTM, true)),
        Model::from(model(Cell::GRU, false)),
        Model::from(ngram),
    ];
    let prompts = ["abc", "", "hij klm", "abc", &letters.repeat(9)[..150], "a"];
    for model in &models {
        let ids = prompts.map(|prompt| model.vocab().tokenize(prompt.as_bytes()).unwrap().ids);
        let options = |allow| Sampling {
            typical: 0.9,
            repetition_penalty: 1.1,
            max_tokens: 40,
            logprobs: true,
            allow,
            ..Sampling::default()
        };
        let regex = Allow::Regex("[a-h ]{3,30}|x".into());
        for options in [options(None), options(Some(regex))] {
            let write = |threads, prompts: &[Vec<u32>]| {
                let model = model.clone().with_cpu(Cpu::new(Isa::detect(), threads));
                let streams = model.streams(prompts.len());
                let mut generator = Generator::new(streams, prompts, options.clone()).unwrap();
                generator.sample(4, &mut silent).unwrap()
            };
            let together = write(2, &ids);
            assert_eq!(together[0], together[3], "a prompt's place does not matter");
            assert!(
                together
                    .iter()
                    .any(|text| text.tokens != together[0].tokens)
            );
            for (ids, text) in ids.iter().zip(&together) {
                assert_eq!(
                    write(1, std::slice::from_ref(ids)),
                    std::slice::from_ref(text)
                );
                let whole = [&ids[..], &text.tokens].concat();
                let log_probs = model.session().score_tokens(&whole).unwrap();
                assert_eq!(text.logprobs, log_probs[ids.len()..]);
            }
        }
    }
}

#[test]
fn a_model_of_sentences_writes_one_line() {
    let model = letters();
    let newline = model.vocab().tokenize(b"\n").unwrap().ids[0];
    let options = Sampling {
        max_tokens: 500,
        ..Sampling::default()
    };
    let stream = run(&model, "", &options);
    let model = model.with_layout(Layout::Sentences);
    let line = run(&model, "", &options);
    let ends = |id: &u32| [newline, model.vocab().eos()].contains(id);
    let length = line.tokens.len();
    assert_eq!(line.finish, Finish::Line);
    assert!(ends(&line.tokens[length - 1]) && !line.tokens[..length - 1].iter().any(ends));
    assert_eq!(line.tokens, stream.tokens[..length]);
    assert!(!line.text.contains(&b'\n'));
    // It goes on where that is asked for.
    let more = run(
        &model,
        "",
        &Sampling {
            eos: Eos::GoOn,
            ..options
        },
    );
    assert_eq!(more.tokens.len(), 500);
}

#[test]
fn a_line_end_ends_what_is_allowed_of_a_model_of_sentences() {
    let model = letters().with_layout(Layout::Sentences);
    let mut lines = 0;
    for seed in 1..9 {
        let options = Sampling {
            seed,
            max_tokens: 40,
            allow: Some(Allow::Regex("[a-h]{3,}".into())),
            ..Sampling::default()
        };
        let text = run(&model, "abc", &options);
        assert!(text.text.len() >= 3 && text.text.iter().all(|c| (b'a'..=b'h').contains(c)));
        let ends_line = model.vocab().ends_line(text.tokens[text.tokens.len() - 1]);
        assert_eq!(ends_line, text.finish == Finish::Line);
        lines += usize::from(ends_line);
    }
    assert!(lines > 4);
}

/// Inside a prompt, after a line end of its own, drawn or searched: log-probabilities are those of evaluation, to the bit.
#[test]
fn a_model_of_sentences_is_at_the_beginning_after_every_line_end() {
    let texts = ["ab\ncd", "", "j\n", "ab\n\ncd ef\n", "ghi"];
    let words = ["a b\nc", "", "d\n", "a\n\nb c\n", "b"];
    let spaced = vocab(Kind::Whitespace, "a b c d");
    let models = [
        (model(Cell::LSTM, true), texts),
        (model(Cell::GRU, false), texts),
        (model_of(Cell::GRU, false, spaced), words),
    ];
    for (network, prompts) in models {
        let model = Model::from(network.with_layout(Layout::Sentences));
        let vocab = model.vocab();
        let ids = prompts.map(|prompt| vocab.tokenize(prompt.as_bytes()).unwrap().ids);
        let options = Sampling {
            logprobs: true,
            max_tokens: 60,
            ..long()
        };
        let streams = model.streams(ids.len());
        let mut generator = Generator::new(streams, &ids, options.clone()).unwrap();
        let mut written = generator.sample(1, &mut silent).unwrap();
        let lines = written.iter().flat_map(|text| &text.tokens);
        assert!(lines.filter(|&&id| vocab.ends_line(id)).count() > 5);
        let beam = Beam {
            width: 3,
            n_best: 1,
            length_penalty: LengthPenalty::Mean,
        };
        for sequence in 0..ids.len() {
            written.push(generator.search(sequence, &beam).unwrap().remove(0).text);
        }
        for (ids, text) in ids.iter().cycle().zip(&written) {
            let whole = [&ids[..], &text.tokens].concat();
            let log_probs = model.session().score_tokens(&whole).unwrap();
            assert_eq!(text.logprobs, log_probs[ids.len()..]);
        }
    }
}

#[test]
fn a_writer_writes_what_generation_does() {
    let options = [
        long(),
        Sampling {
            top_k: Some(5),
            repetition_penalty: 1.3,
            seed: 9,
            ..long()
        },
        Sampling {
            temperature: 0.0,
            stop: vec!["e".into(), "hi".into()],
            ..long()
        },
        Sampling {
            eos: Eos::Stop,
            ..long()
        },
        Sampling {
            max_tokens: 0,
            ..long()
        },
    ];
    let families = [
        letters(),
        bigrams(vocab(Kind::Chars, "abcdefgh ij\n")).into(),
    ];
    for model in families {
        for options in &options {
            let expected = run(&model, "abc", options);
            let ids = model.vocab().tokenize(b"abc").unwrap().ids;
            let (mut session, mut decoder) = (model.session(), Decoder::default());
            session.feed_tokens(&ids).unwrap();
            ids.iter()
                .for_each(|&id| drop(decoder.push(model.vocab(), id).to_vec()));
            let mut writer = Writer::new(&model, options.clone(), 0, decoder, &ids).unwrap();
            let mut text = Vec::new();
            while writer.finish().is_none() {
                let next = session.next().unwrap();
                let id = writer.write(&next, |_| {}).unwrap();
                session.feed_tokens(&[id]).unwrap();
                text.extend_from_slice(writer.fresh());
            }
            assert_eq!(writer.tokens(), expected.tokens);
            assert_eq!(
                (text, writer.finish()),
                (expected.text, Some(expected.finish))
            );
        }
        let constrained = Sampling {
            allow: Some(Allow::Regex("a+".into())),
            ..long()
        };
        let refused = Writer::new(&model, constrained, 0, Decoder::default(), &[]);
        assert!(matches!(
            refused.err(),
            Some(Error::Generation(GenerateError::ConstraintByToken))
        ));
    }
}
