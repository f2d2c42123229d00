mod sums;

use super::*;
use crate::testing::{CELLS, bigrams, cpu, model, model_of, vocab};
use crate::{Cache, LineOptions, Mixture, score_lines};
use elman_ngram as ngram;
use elman_text::{Kind, Vocab};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const LETTERS: &str = "abcdefghij klmnopqr\n";
const TEXT: &str = "a cab\n\n he is  here \nlong lines and short ones zz\nd\n\nlast";

fn source(text: &str) -> Source {
    Source::Reader {
        name: "text".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }
}

fn counted(text: &str, kind: Kind, most: Option<usize>) -> Vocab {
    let read = ReadOptions::default();
    let counts = text::count([source(text)], kind, &read, 1 << 30).unwrap();
    counts.0.into_vocab(1, most).unwrap()
}

/// A byte-pair tokenizer in the manner of SentencePiece: spaces are `▁`, and what has no token is spelt in bytes.
fn sentence_piece() -> Vocab {
    let names = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let bytes = (0..=255).map(|byte| format!("<0x{byte:02X}>"));
    let letters = ('a'..='z').chain(['\u{2581}']).map(String::from);
    let merged = ["he", "is", "\u{2581}h", "\u{2581}he"].map(str::to_owned);
    let all = names.into_iter().chain(bytes).chain(letters).chain(merged);
    let vocab: Map<String, Value> = all.zip((0..).map(|id: u32| id.into())).collect();
    foreign(json!({
        "version": "1.0", "truncation": null, "padding": null, "pre_tokenizer": null, "post_processor": null,
        "added_tokens": [control(2, "</s>")],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ]},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocab,
            "merges": [["h", "e"], ["i", "s"], ["\u{2581}", "h"], ["\u{2581}", "he"]],
        },
    }))
}

/// A byte-level tokenizer in the manner of GPT-2, of bytes alone.
fn gpt2() -> Vocab {
    let bytes: Value = serde_json::from_str(&Vocab::bytes().to_tokenizer_json()).unwrap();
    let mut model = bytes["model"].clone();
    model["vocab"].as_object_mut().unwrap().remove("<eos>");
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    foreign(json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [control(256, "<|endoftext|>")],
        "pre_tokenizer": level, "decoder": level, "model": model,
    }))
}

fn control(id: u32, content: &str) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
}

fn foreign(file: Value) -> Vocab {
    let vocab = Vocab::from_tokenizer_json("t.json", file.to_string().as_bytes()).unwrap();
    assert_eq!(vocab.kind(), Kind::Foreign);
    vocab
}

/// A model of each family over letters, and networks over every kind of vocabulary.
fn models() -> Vec<Model> {
    let letters = || vocab(Kind::Chars, LETTERS);
    let mut models: Vec<Model> = vec![
        Model::from(model(CELLS[3], false)).with_cpu(cpu()),
        bigrams(letters()).into(),
        Cache::new(letters(), 7).unwrap().into(),
    ];
    let members = [0.5, 0.3, 0.2];
    let members = models.iter().cloned().zip(members).collect();
    models.push(Mixture::new(members).unwrap().into());
    let text = "he is here and there are short lines\nand a long one\n";
    for kind in [Kind::Words, Kind::Whitespace, Kind::Fields, Kind::Bytes] {
        models.push(model_of(CELLS[4], true, counted(text, kind, None)).into());
    }
    models.push(model_of(CELLS[0], false, counted(text, Kind::Bpe, Some(270))).into());
    models.push(model_of(CELLS[3], true, sentence_piece()).into());
    models.push(model_of(CELLS[1], true, gpt2()).into());
    models
}

/// The words of each line with their surprisals, and the end last.
fn read(
    model: &Model,
    text: &str,
    options: &SurprisalOptions,
) -> Vec<Vec<(String, WordSurprisal)>> {
    let mut lines = Vec::new();
    surprisals(
        model,
        vec![source(text)],
        &ReadOptions::default(),
        options,
        &mut |line| {
            assert_eq!(line.number, lines.len() as u64 + 1);
            let word = |word: &WordSurprisal| {
                let bytes = &line.text[word.bytes.clone()];
                (String::from_utf8(bytes.to_vec()).unwrap(), word.clone())
            };
            lines.push(line.words.iter().chain([line.end]).map(word).collect());
            Ok::<(), Error>(())
        },
    )
    .unwrap();
    lines
}

fn options(layout: Layout, spelling: Spelling) -> SurprisalOptions {
    SurprisalOptions {
        layout,
        spelling,
        ..SurprisalOptions::default()
    }
}

#[test]
fn surprisals_of_words_sum_to_the_loss_of_the_line() {
    for model in models() {
        for layout in [Layout::Sentences, Layout::Stream] {
            let mut losses: Vec<f64> = Vec::new();
            let scoring = LineOptions {
                layout,
                ..LineOptions::default()
            };
            let plain = ReadOptions::default();
            score_lines(&model, vec![source(TEXT)], &plain, &scoring, &mut |line| {
                losses.push(line.nats.iter().sum());
                Ok::<(), Error>(())
            })
            .unwrap();
            for spelling in [Spelling::Exact, Spelling::Naive] {
                let lines = read(&model, TEXT, &options(layout, spelling));
                assert_eq!(lines.len(), losses.len());
                for ((line, loss), text) in lines.iter().zip(&losses).zip(TEXT.split('\n')) {
                    let words: Vec<&str> = line.iter().map(|(word, _)| &**word).collect();
                    let expected: Vec<&str> = text.split_whitespace().chain([""]).collect();
                    assert_eq!(words, expected);
                    let sum: f64 = line.iter().map(|(_, word)| word.surprisal_nats).sum();
                    assert!(
                        (sum - loss).abs() < 1e-9,
                        "{model:?} {layout:?}: {sum} for {loss}"
                    );
                    let all = line.iter().all(|(_, word)| word.surprisal_nats >= -1e-9);
                    assert!(all, "{model:?}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn the_end_of_a_line_says_that_a_word_has_ended() {
    for vocab in [sentence_piece(), gpt2()] {
        let mut ends = Vec::new();
        LineEncoder::new(&vocab, &ReadOptions::default())
            .encode(b"", LineEnd::Sentence, &mut ends)
            .unwrap();
        let Boundaries::Tokens(ids) = Boundaries::of(&vocab).unwrap() else {
            panic!("{vocab:?} says where words begin");
        };
        assert!(!ends.is_empty());
        assert!(
            ends.iter().all(|end| ids.contains(&end.symbol.id)),
            "{vocab:?}"
        );
    }
}

#[test]
fn the_batch_changes_no_bit() {
    for model in models() {
        let alone = SurprisalOptions {
            batch_size: 1,
            ..SurprisalOptions::default()
        };
        let together = SurprisalOptions::default();
        assert_eq!(
            read(&model, TEXT, &alone),
            read(&model, TEXT, &together),
            "{model:?}"
        );
    }
}

#[test]
fn skipped_markers_are_no_words() {
    let model = Model::from(model_of(
        CELLS[3],
        false,
        counted("he is here\n", Kind::Fields, None),
    ));
    let words = |text: &str, skip_markers: bool, words: Words| {
        let read = ReadOptions {
            skip_markers,
            ..ReadOptions::default()
        };
        let options = SurprisalOptions {
            words,
            ..SurprisalOptions::default()
        };
        let mut rows: Vec<WordSurprisal> = Vec::new();
        surprisals(&model, vec![source(text)], &read, &options, &mut |line| {
            rows.extend(line.words.iter().cloned());
            Ok::<(), Error>(())
        })
        .unwrap();
        rows
    };
    for (kind, marked, plain) in [
        (Words::Fields, "<s> he is here </s>", "he is here"),
        (Words::Regions, "<s>\the is\there\t</s>", "he is\there"),
    ] {
        let surprisal = |word: &WordSurprisal| word.surprisal_nats;
        let (marked, plain) = (words(marked, true, kind), words(plain, false, kind));
        let marked: Vec<f64> = marked.iter().map(surprisal).collect();
        assert_eq!(marked, plain.iter().map(surprisal).collect::<Vec<_>>());
    }
    assert_eq!(words("<s> he </s>", false, Words::Fields).len(), 3);
}

/// Counts the bytes that are read.
struct Counted(std::io::Cursor<String>, std::sync::Arc<AtomicUsize>);

impl std::io::Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.0.read(buffer)?;
        self.1.fetch_add(got, Ordering::Relaxed);
        Ok(got)
    }
}

#[test]
fn long_words_do_not_fill_the_memory() {
    let model = Model::from(model_of(
        CELLS[3],
        false,
        counted("he\n", Kind::Fields, None),
    ));
    let text = format!("{}\n", "x".repeat(1 << 16)).repeat(320);
    let (whole, bytes) = (text.len(), std::sync::Arc::new(AtomicUsize::new(0)));
    let source = Source::Reader {
        name: "text".into(),
        reader: Box::new(Counted(std::io::Cursor::new(text), bytes.clone())),
    };
    let mut first = None;
    let options = SurprisalOptions::default();
    surprisals(
        &model,
        vec![source],
        &ReadOptions::default(),
        &options,
        &mut |_| {
            first.get_or_insert(bytes.load(Ordering::Relaxed));
            Ok::<(), Error>(())
        },
    )
    .unwrap();
    let first = first.unwrap();
    assert!(first < whole * 2 / 3, "{first} of {whole} bytes");
}

#[test]
fn entropy_is_that_of_the_distribution_before_the_word() {
    for model in models() {
        let line = read(&model, "he is here", &SurprisalOptions::default()).swap_remove(0);
        let mut session = model.clone().with_layout(Layout::Stream).session();
        let entropy = |session: &mut crate::Session| {
            let log_probs = session.next().unwrap().log_probs();
            -log_probs.iter().map(|log| log.exp() * log).sum::<f64>()
        };
        let first = entropy(&mut session);
        session.feed("he").unwrap();
        let second = entropy(&mut session);
        assert!((line[0].1.entropy_nats - first).abs() < 1e-9, "{model:?}");
        assert!((line[1].1.entropy_nats - second).abs() < 1e-9, "{model:?}");
        assert_eq!(line[0].1.reduction_nats, 0.0);
        let reduction = f64::max(line[0].1.entropy_nats - line[1].1.entropy_nats, 0.0);
        assert_eq!(line[1].1.reduction_nats, reduction);
    }
}

#[test]
fn unknown_words_stand_as_they_are() {
    let vocab = counted("he is here\n", Kind::Fields, None);
    let model = Model::from(model_of(CELLS[3], false, vocab));
    let line = read(&model, "he was here", &SurprisalOptions::default()).swap_remove(0);
    let unknown: Vec<(&str, bool)> = line.iter().map(|(word, s)| (&**word, s.unknown)).collect();
    assert_eq!(
        unknown,
        [("he", false), ("was", true), ("here", false), ("", false)]
    );
}

#[test]
fn regions_are_what_stands_between_tabs() {
    for model in models() {
        let by_region = SurprisalOptions {
            words: Words::Regions,
            ..SurprisalOptions::default()
        };
        let regions = read(&model, "he is\there and\tlong", &by_region).swap_remove(0);
        let words =
            read(&model, "he is here and long", &SurprisalOptions::default()).swap_remove(0);
        let texts: Vec<&str> = regions.iter().map(|(region, _)| &**region).collect();
        assert_eq!(texts, ["he is", "here and", "long", ""]);
        let of = |i: usize| words[i].1.surprisal_nats;
        for (region, expected) in regions
            .iter()
            .zip([of(0) + of(1), of(2) + of(3), of(4), of(5)])
        {
            assert!(
                (region.1.surprisal_nats - expected).abs() < 1e-9,
                "{model:?}"
            );
        }
    }
}
