use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::{Builder, Model, NgramError, State};
use elman_store::disk;
use elman_text::Source;
use std::io::Write as _;

/// A model of order 3 with a hidden word, from ARPA text.
fn model() -> Model {
    let text = "\\data\\\nngram 1=6\nngram 2=5\nngram 3=3\n\
        \\1-grams:\n-1.5\t</s>\n-99\t<s>\t-0.25\n-2\t<unk>\n-1\ta\t-0.5\n-1.25\tb\t-0.125\n-3\t<eos>\n\
        \\2-grams:\n-0.5\t<s> a\t-0.0625\n-0.75\ta b\n-0.625\tb </s>\n-0.25\tb a\t0.5\n-0.75\tb b\n\
        \\3-grams:\n-0.125\t<s> a b\n-0.375\tb a b\n-2\tb a <unk>\n\\end\\\n";
    let reader = Box::new(Cursor::new(text));
    let name = "test".to_owned();
    arpa::read(
        Source::Reader { name, reader },
        arpa::ArpaOptions::default(),
    )
    .unwrap()
}

fn bytes() -> Vec<u8> {
    model().as_bytes().to_vec()
}

fn flaw(bytes: Vec<u8>) -> BinaryFlaw {
    match Model::from_bytes("test", bytes) {
        Err(NgramError::Binary { flaw, .. }) => flaw,
        other => panic!("{other:?}"),
    }
}

/// With a checksum that is right; the file has less than a MiB.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 4;
    let (body, sum) = bytes.split_at_mut(end);
    sum.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    bytes
}

/// The file as version 1 had it.
fn of_version_1(model: &Model) -> Vec<u8> {
    let mut bytes = model.as_bytes()[..model.own().layout().end()].to_vec();
    bytes[8] = 1;
    bytes
}

/// The flaw after a number was written somewhere, under a right checksum.
fn after<const N: usize>(at: usize, number: [u8; N]) -> String {
    let mut bytes = bytes();
    bytes[at..at + N].copy_from_slice(&number);
    flaw(summed(bytes)).to_string()
}

/// Asks a model everything from every state that a text leads to.
fn ask(model: &Model) {
    let mut states = vec![model.start(), model.empty()];
    let mut seen: HashSet<State> = states.iter().copied().collect();
    let mut log10 = vec![0.0; model.vocab().len()];
    while let Some(state) = states.pop() {
        model.distribution(state, &mut log10);
        for word in 0..model.words().len() as u32 {
            let scored = model.full_score(state, word);
            assert!((1..=model.order()).contains(&scored.order) && scored.log10.is_finite());
            if seen.insert(scored.next) {
                states.push(scored.next);
            }
        }
    }
    for order in 1..=model.order() {
        let mut count = 0;
        let counted = model.grams(order, &mut |gram, _, _| {
            assert_eq!(gram.len(), order);
            count += 1;
            Ok::<(), ()>(())
        });
        assert_eq!((counted, count), (Ok(()), model.counts()[order - 1]));
    }
}

#[test]
fn a_model_comes_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let model = model();
    model.save(&path).unwrap();
    let back = Model::load(&path).unwrap();
    assert_eq!(back.as_bytes(), model.as_bytes());
    assert_eq!(back.bytes(), std::fs::metadata(&path).unwrap().len());
    assert_eq!(back.id(), model.id());
    assert_eq!(back.words().hidden(), model.words().hidden());
    assert_eq!(back.vocab().hash(), model.vocab().hash());
    assert_eq!(
        (back.counts(), back.parameters()),
        (model.counts(), model.parameters())
    );
    assert_eq!((back.start(), back.order()), (model.start(), 3));
    let arpa = |model: &Model| arpa::write(model, Vec::new()).unwrap();
    assert_eq!(arpa(&back), arpa(&model));
    ask(&back);
}

#[test]
fn files_of_version_1_are_read_and_their_checksum_too() {
    let model = model();
    let old = of_version_1(&model);
    let back = Model::from_bytes("old", old.clone()).unwrap();
    assert_eq!((back.id(), back.as_bytes()), (model.id(), &old[..]));
    ask(&back);
    for at in 12..old.len() {
        let mut damaged = old.clone();
        damaged[at] ^= 4;
        assert!(Model::from_bytes("old", damaged).is_err(), "byte {at}");
    }
    // What is made of it is of this version.
    let contexts = back.own().layout().top() as usize;
    let changed = back
        .into_automaton()
        .with_log10_backoffs(&vec![0.0; contexts]);
    assert_eq!(changed.as_bytes()[8], 2);
    assert!(Model::from_bytes("changed", changed.as_bytes().to_vec()).is_ok());
}

/// Each MiB has a checksum of its own, and the last one may be shorter.
#[test]
fn damage_is_found_in_any_mib() {
    let list: String = (0..300_000).map(|word| format!("{word}\n")).collect();
    let vocab = Vocab::from_list("list", list.as_bytes(), Kind::Whitespace).unwrap();
    let words = Words::new(vocab);
    let mut builder = Builder::new(words.clone(), 1);
    for word in 0..words.len() as u32 {
        builder.push(&[word], -1.0, 0.0).unwrap();
    }
    let bytes = builder.finish().unwrap().as_bytes().to_vec();
    assert!(bytes.len() > 5 * SUMMED_BYTES);
    assert!(Model::from_bytes("whole", bytes.clone()).is_ok());
    for at in (SUMMED_AT..bytes.len()).step_by(SUMMED_BYTES / 2 - 1) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 16;
        assert!(Model::from_bytes("damaged", damaged).is_err(), "byte {at}");
    }
}

#[test]
fn every_kind_of_vocabulary_comes_back() {
    let list = "\u{e9}\nx\n".as_bytes();
    let texts = [Kind::Words, Kind::Whitespace, Kind::Fields, Kind::Chars];
    let texts = texts.map(|kind| Vocab::from_list("list", list, kind).unwrap());
    for vocab in texts.into_iter().chain([Vocab::bytes()]) {
        let words = Words::new(vocab);
        let mut builder = Builder::new(words.clone(), 1);
        for word in 0..words.len() as u32 {
            builder.push(&[word], -1.0, 0.0).unwrap();
        }
        let model = builder.finish().unwrap();
        let back = Model::from_bytes("test", model.as_bytes().to_vec()).unwrap();
        assert_eq!(back.vocab().hash(), words.vocab().hash());
        assert_eq!(back.vocab().kind(), words.vocab().kind());
        ask(&back);
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        let flaw = flaw(bytes[..length].to_vec());
        assert!(
            matches!(flaw, BinaryFlaw::Magic | BinaryFlaw::Size { .. }),
            "{length}: {flaw}"
        );
    }
    assert!(matches!(
        flaw([bytes, vec![0]].concat()),
        BinaryFlaw::Size { .. }
    ));
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(
                Model::from_bytes("test", damaged).is_err(),
                "byte {at}, bit {bit}"
            );
        }
    }
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Model::load(folder.path()).is_err());
    assert!(Model::load(&folder.path().join("none")).is_err());
    let path = folder.path().join("damaged.bin");
    let mut damaged = bytes();
    *damaged.last_mut().unwrap() ^= 1;
    disk::write_atomic(&path, |out| out.write_all(&damaged)).unwrap();
    let message = Model::load(&path).unwrap_err().to_string();
    assert!(message.contains("damaged.bin: it is damaged"), "{message}");
}

#[test]
fn headers_are_checked_whatever_the_checksum() {
    assert!(matches!(
        flaw(b"ELMANGRM".to_vec()),
        BinaryFlaw::Size {
            expected: 72,
            found: 8
        }
    ));
    let mut newer = bytes();
    newer[8] = 3;
    assert!(matches!(flaw(newer), BinaryFlaw::Version(3)));
    let mut reserved = bytes();
    reserved[13] = 1;
    assert!(flaw(reserved).to_string().contains("must be 0"));
    assert!(after(48, [7]).contains("no such kind"));
    assert!(after(48, [4]).contains("one 1-gram for each word"));
    assert!(after(48, [3]).contains("lists no tokens"));
    for order in [0u32, 33, u32::MAX] {
        assert!(after(52, order.to_le_bytes()).contains("no such order"));
    }
    assert!(after(52, 32u32.to_le_bytes()).contains("bytes"));
    assert!(after(56, 3u32.to_le_bytes()).contains("one 1-gram for each word"));
    assert!(after(60, u32::MAX.to_le_bytes()).contains("one 1-gram for each word"));
    for huge in [u64::MAX, 1 << 40, 1 << 32] {
        for at in [64, 80, 88] {
            assert!(
                after(at, huge.to_le_bytes()).contains("bytes where"),
                "{at} {huge}"
            );
        }
    }
}

/// Where the names begin.
const NAMES: usize = COUNTS_AT + 3 * 8;

#[test]
fn words_are_checked_whatever_the_checksum() {
    // a, b, then the hidden <eos>: a length and the bytes of each.
    assert_eq!(
        &bytes()[NAMES..NAMES + 19],
        b"\x01\0\0\0a\x01\0\0\0b\x05\0\0\0<eos>"
    );
    assert!(after(NAMES, [0]).contains("word 0 of its list is empty"));
    assert!(after(NAMES, [200]).contains("word 0 of its list reaches beyond"));
    assert!(after(NAMES + 4, [0xFF]).contains("word 0 of its list is not UTF-8"));
    assert!(after(NAMES + 9, *b"a").contains("word 1 of its list is listed there twice"));
    assert!(after(NAMES + 10, [4]).contains("word 3 of its list does not end it"));
    assert!(after(NAMES + 14, *b"<e s>").contains("word 2 of its list is no field"));
    assert!(after(NAMES + 14, *b"<unk>").contains("word 2 of its list is listed there twice"));
}

#[test]
fn tables_are_checked_whatever_the_checksum() {
    let model = model();
    let (layout, bytes) = (model.own().layout().clone(), model.as_bytes());
    let spoilt = |change: &dyn Fn(&mut TablesMut<'_>)| {
        let mut bytes = bytes.to_vec();
        change(&mut TablesMut::new(&layout, &mut bytes[..layout.end()]));
        flaw(summed(bytes)).to_string()
    };
    for p in [0.5, f32::NAN, f32::NEG_INFINITY, -1e31] {
        for node in 0..layout.nodes(3).end {
            assert!(spoilt(&|tables| tables.set_log10_p(node, p)).contains("no probability"));
        }
    }
    for weight in [f32::NAN, f32::INFINITY, 1e31] {
        for node in 0..layout.top() {
            assert!(spoilt(&|tables| tables.set_log10_backoff(node, weight)).contains("no weight"));
        }
    }
    for order in 0..=3 {
        for node in layout.nodes(order) {
            let longer = layout.nodes(order).start.max(1);
            assert!(spoilt(&|tables| tables.set_link(node, longer)).contains("not shorter"));
            assert!(spoilt(&|tables| tables.set_link(node, 255)).contains("not shorter"));
            let message = spoilt(&|tables| tables.set_word(node, 6 + node));
            assert!(message.contains("no such word") || message.contains("not sorted"));
        }
    }
    assert!(spoilt(&|tables| tables.set_word(2, 0)).contains("not sorted"));
    let first = layout.nodes(2).start;
    assert!(spoilt(&|tables| tables.set_word(first + 2, 0)).contains("not sorted"));
    for node in 0..=layout.top() {
        for wrong in [0, 255] {
            let message = spoilt(&|tables| tables.set_first_arc(node, wrong));
            assert!(
                message.contains("not in order"),
                "{node} {wrong}: {message}"
            );
        }
    }
    // The end of an order's last arcs: they would reach into the next order, or not to its beginning.
    for order in 1..=3 {
        let first = layout.nodes(order).start;
        let node = if order == 3 { layout.top() } else { first };
        let end = Tables::new(&layout, &bytes[..layout.end()]).first_arc(node);
        for wrong in [end - 1, end + 1] {
            assert!(
                spoilt(&|tables| tables.set_first_arc(node, wrong)).contains("not in order"),
                "{order} {wrong}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is let in under a right checksum answers everything.
    #[test]
    fn no_file_makes_a_query_fail(changes in prop::collection::vec((SUMMED_AT..10_000usize, any::<u8>()), 1..4)) {
        let mut bytes = bytes();
        for (at, to) in changes {
            let at = SUMMED_AT + at % (bytes.len() - SUMMED_AT);
            bytes[at] = to;
        }
        if let Ok(model) = Model::from_bytes("test", summed(bytes)) {
            ask(&model);
        }
    }
}
