//! Vocabularies: what counting, learning and reading them takes, and what they take in a run.

use super::runs::{Scales, start};
use super::{heap_peak, live, reset_peak};
use elman::text::{self, Counts, Kind, ReadOptions, Source, Vocab};
use elman::train::Config;
use elman::train::config::Bptt;
use std::fmt::Write;

/// The larger of 5 % and 4 MiB.
fn allowed(plan: i64) -> i64 {
    (plan / 20).max(4 << 20)
}

/// A text of `vocab` different words of about seven letters, and then some of them again.
fn words(vocab: usize) -> String {
    let mut text = String::new();
    for number in 0..vocab + 5000 {
        let end = if number % 20 == 19 { '\n' } else { ' ' };
        write!(text, "w{:06}{end}", (number * 7919) % vocab).unwrap();
    }
    text
}

/// A text in which byte pairs can be learnt: `vocab` different words of syllables.
fn syllables(vocab: usize) -> String {
    let syllable = |n: usize| {
        [
            "ka", "ne", "mor", "ti", "lus", "ra", "sen", "do", "vi", "pe", "gul",
        ][n % 11]
    };
    let mut text = String::new();
    for number in 0..2 * vocab {
        let mut n = (number * 7919) % vocab;
        for _ in 0..2 + n % 4 {
            text.push_str(syllable(n));
            n = n / 11 + n % 7;
        }
        write!(text, "{}", (number * 7919) % vocab % 100).unwrap();
        text.push(if number % 20 == 19 { '\n' } else { ' ' });
    }
    text
}

/// With so few positions that the vocabulary is much of what is planned.
fn config(kind: Kind, entries: Option<usize>) -> Config {
    Config {
        vocab: kind,
        max_vocab: entries,
        hidden: 8.into(),
        embed: 8,
        batch_size: 2,
        bptt: Bptt::Steps(2),
        epochs: None,
        steps: Some(3),
        // Each validation writes the model, and its vocabulary is large.
        valid_per_epoch: 1,
        warmup: 0,
        ..Config::default()
    }
}

pub fn a_vocabulary_takes_what_is_planned() {
    let room = tempfile::tempdir().unwrap();
    let cases = [
        (Kind::Whitespace, 10_000),
        (Kind::Whitespace, 100_000),
        (Kind::Words, 300_000),
        (Kind::Whitespace, 1_000_000),
        (Kind::Bpe, 4_000),
        (Kind::Bpe, 32_000),
    ];
    for (kind, entries) in cases {
        let text = match kind {
            Kind::Bpe => syllables(3 * entries),
            _ => words(entries),
        };
        let scales: Scales = start(
            &config(kind, (kind == Kind::Bpe).then_some(entries)),
            &text,
            room.path(),
        );
        let (plan, taken) = (scales.plan as i64, scales.peak.max(scales.preparation));
        let case = format!(
            "{kind}, V {}: planned {plan} ({:?}), taken {} before and {} in the run",
            scales.vocab, scales.parts, scales.preparation, scales.peak
        );
        println!("{case}");
        assert!((taken - plan).abs() <= allowed(plan), "{case}");
    }
}

/// Where the bytes of a vocabulary go, step by step.
pub fn the_steps_of_a_vocabulary_are_within_what_is_planned() {
    for (kind, entries) in [
        (Kind::Whitespace, 10_000),
        (Kind::Whitespace, 100_000),
        (Kind::Whitespace, 300_000),
        (Kind::Bpe, 4_000),
        (Kind::Bpe, 32_000),
    ] {
        let text = match kind {
            Kind::Bpe => syllables(3 * entries),
            _ => words(entries),
        };
        let weighed = |work: &mut dyn FnMut()| {
            let before = live();
            reset_peak();
            work();
            (heap_peak() - before, live() - before)
        };
        let mut counts: Option<Counts> = None;
        let source = |text: &str| Source::Reader {
            name: "text".into(),
            reader: Box::new(std::io::Cursor::new(text.to_owned().into_bytes())),
        };
        let mut counting = weighed(&mut || {
            let source = [source(&text)];
            let found = text::count(source, kind, &ReadOptions::default(), 4 << 30).unwrap();
            counts = Some(found.0);
        });
        // The copy of the text that was counted is no part of it.
        counting.0 -= text.len() as i64;
        let counts = counts.unwrap();
        let mut planned = counts.memory_bytes() as i64;
        let mut counts = Some(counts);
        let mut vocab: Option<Vocab> = None;
        let most = (kind == Kind::Bpe).then_some(entries);
        let making = weighed(&mut || {
            vocab = Some(counts.take().unwrap().into_vocab(1, most).unwrap());
        });
        let vocab = vocab.unwrap();
        let mut json = String::new();
        let writing = weighed(&mut || json = vocab.to_tokenizer_json());
        let mut again: Option<Vocab> = None;
        let reading = weighed(&mut || {
            again = Some(Vocab::from_tokenizer_json("again", json.as_bytes()).unwrap());
        });
        let again = again.unwrap();
        // What counting holds is there while the vocabulary is made; what was learnt is read like any tokenizer.
        let before = counting.0.max(counting.1 + making.0);
        if kind == Kind::Bpe {
            planned = planned.max(again.reading_bytes() as i64);
        }
        let resident = again.memory_bytes() as i64 - json.len() as i64;
        println!(
            "{kind}, V {}: counting {counting:?}, making {making:?}, together {before} of {planned} planned; file {} {writing:?}; reading {reading:?} of {} planned, resident {resident}",
            vocab.len(),
            json.len(),
            again.reading_bytes()
        );
        assert!(
            (before - planned).abs() <= allowed(planned),
            "{kind} {entries}"
        );
        assert!(
            (reading.1 - resident).abs() <= allowed(resident),
            "{kind} {entries}"
        );
        let most = reading.0 + json.len() as i64;
        assert!(
            most - again.reading_bytes() as i64 <= allowed(most),
            "{kind} {entries}"
        );
    }
}
