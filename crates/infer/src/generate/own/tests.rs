use super::*;
use crate::testing;
use elman_kernels::Isa;
use elman_net::dims::Cell;
use elman_text::{self as text, Kind, ReadOptions, Source};
use std::collections::HashSet;

fn own(share: f64) -> OwnText {
    OwnText {
        share,
        beginning: 3,
        continuation: 10,
        temperature: 1.0,
    }
}

/// 400 tokens of all kinds in lines of ten, the last one without an end.
fn lines(model: &NetworkModel) -> Vec<u32> {
    let vocab = model.vocab();
    let newline = vocab.tokenize(b"\n").unwrap().ids[0];
    let v = vocab.len() as u32;
    let inner = (1..v).filter(|&id| !vocab.ends_line(id));
    let inner: Vec<u32> = inner.collect();
    let line = |i: usize| match i % 10 {
        9 => newline,
        _ => inner[i * 7 % inner.len()],
    };
    (0..399).map(line).collect()
}

fn write(model: &NetworkModel, layout: Layout, ids: &[u32], own: &OwnText) -> Result<OwnSequences> {
    write_own(model, layout, &testing::cpu(), ids, own, 4, &mut |_, _| {})
}

#[test]
fn it_is_the_same_text_at_any_thread_count() {
    let model = testing::model(Cell::GRU, false);
    let ids = lines(&model);
    for layout in [Layout::Stream, Layout::Sentences] {
        let write = |threads, seed| {
            let cpu = Cpu::new(Isa::detect(), threads);
            write_own(&model, layout, &cpu, &ids, &own(0.6), seed, &mut |_, _| {}).unwrap()
        };
        assert_eq!(write(1, 4), write(3, 4));
        assert_ne!(write(1, 4), write(1, 5));
    }
}

/// The share counts all tokens that are trained on, whatever the lengths of beginnings, continuations and lines.
#[test]
fn the_share_is_the_share() {
    let model = testing::model(Cell::GRU, false);
    let ids = lines(&model);
    for layout in [Layout::Stream, Layout::Sentences] {
        for (share, beginning, continuation) in [
            (0.5, 3, 10),
            (0.5, 20, 100),
            (0.25, 20, 10),
            (0.1, 20, 5),
            (0.6, 1, 4),
            (0.8, 0, 10),
            (0.01, 30, 2),
        ] {
            let own = OwnText {
                share,
                beginning,
                continuation,
                temperature: 1.0,
            };
            let written = write(&model, layout, &ids, &own).unwrap();
            let all = (ids.len() + written.ids.len()) as f64;
            let found = written.own as f64 / all;
            // A sequence is written to its end.
            assert!(
                found >= share && found <= share + continuation as f64 / all,
                "{own:?} in {layout:?}: {found}"
            );
        }
    }
    // Short continuations of long beginnings are mostly true text.
    for (layout, most) in [(Layout::Stream, "33.3 %"), (Layout::Sentences, " %")] {
        let short = OwnText {
            beginning: 20,
            ..own(match layout {
                Layout::Stream => 0.34,
                Layout::Sentences => 0.98,
            })
        };
        let said = write(&model, layout, &ids, &short).unwrap_err().to_string();
        assert!(said.contains(most) && said.contains("beginning"), "{said}");
    }
}

#[test]
fn lines_begin_as_true_ones_and_end_once() {
    let model = testing::model(Cell::LSTM, true);
    let (ids, vocab) = (lines(&model), model.vocab());
    let written = write(&model, Layout::Sentences, &ids, &own(0.5)).unwrap();
    let ends = |id: u32| vocab.ends_line(id);
    assert!(ends(*written.ids.last().unwrap()));
    let is_end = |id: &u32| ends(*id);
    let true_lines: Vec<&[u32]> = ids.split_inclusive(is_end).collect();
    let mut lengths = HashSet::new();
    for line in written.ids.split_inclusive(is_end) {
        // At most three tokens of a line, ten of the model's own, and an end for one that was cut.
        assert!(line.len() <= 14, "{line:?}");
        let common = |theirs: &&[u32]| theirs.iter().zip(line).take_while(|(a, b)| a == b).count();
        lengths.insert(true_lines.iter().map(common).max());
    }
    assert!(lengths.len() > 2, "{lengths:?}");
}

#[test]
fn the_same_beginning_is_continued_in_many_ways() {
    let model = testing::model(Cell::GRU, false);
    let written = write(&model, Layout::Stream, &[5, 6, 7], &own(0.76)).unwrap();
    let ways: HashSet<&[u32]> = written.ids.chunks(13).collect();
    assert!(ways.iter().all(|way| way.starts_with(&[5, 6, 7])));
    assert!(ways.len() * 13 > written.ids.len() / 2);
}

/// `<unk>` and the parts of a character stay the tokens that they are.
#[test]
fn what_is_written_stays_tokens() {
    let model = testing::model(Cell::GRU, false);
    let unk = model.vocab().unk().unwrap();
    let written = write(&model, Layout::Stream, &[unk, 5, unk], &own(0.76)).unwrap();
    let unknown = |ids: &[u32]| ids.iter().filter(|&&id| id == unk).count();
    assert!(
        written
            .ids
            .chunks(13)
            .all(|way| way[0] == unk && way[2] == unk)
    );
    assert!(
        unknown(&written.ids) > 2 * written.ids.len() / 13,
        "it draws it too"
    );

    let source = || {
        [Source::Reader {
            name: "letters".into(),
            reader: Box::new("äöü é 猫\n".as_bytes()),
        }]
    };
    let (counts, _) = text::count(source(), Kind::Bpe, &ReadOptions::default(), 1 << 20).unwrap();
    // Bytes alone: every letter here is several tokens.
    let vocab = counts.into_vocab(1, Some(257)).unwrap();
    let ids = vocab.tokenize("äöü é 猫\n".as_bytes()).unwrap().ids;
    let model = testing::model_of(Cell::GRU, false, vocab);
    let written = write(&model, Layout::Stream, &ids, &own(0.7)).unwrap();
    assert!(String::from_utf8(written.text).is_ok_and(|text| text.contains(['ö', 'é'])));
}

#[test]
fn choices_that_make_no_text_are_refused() {
    let model = testing::model(Cell::GRU, false);
    for (ids, own) in [
        (&[2, 3][..], own(0.5)),
        (&[2, 3, 4], own(0.0)),
        (&[2, 3, 4], own(1.0)),
        (&[2, 3, 4], own(f64::NAN)),
        (
            &[2, 3, 4],
            OwnText {
                continuation: 0,
                ..own(0.5)
            },
        ),
    ] {
        assert!(write(&model, Layout::Stream, ids, &own).is_err(), "{own:?}");
    }
    // So near to what is possible that the text would have no end.
    let near = OwnText {
        beginning: 1_000_000,
        continuation: 1_000_000,
        ..own(0.5 - 1e-9)
    };
    let said = near.sequences(1_000_000).unwrap_err().to_string();
    assert!(
        said.contains("tokens are allowed") || said.contains("are allowed"),
        "{said}"
    );
}
