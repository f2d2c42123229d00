//! The conventions of each kind, one by one.

use super::*;

#[test]
fn words_keep_the_space_before_them() {
    assert_eq!(
        joined("In the beginning, 12 days.", Kind::Words),
        "In| the| beginning|,| 12| days|.|<eos>"
    );
    assert_eq!(
        joined("a  b \t c\t\td  \n x\r\n", Kind::Words),
        "a| | b| \t| c|\t\t|d|  |\n| x|\r|\n|<eos>"
    );
    assert_eq!(
        joined("e\u{301}t 3½ ..  ?  ", Kind::Words),
        "e\u{301}t| 3½| ..| | ?|  |<eos>"
    );
}

#[test]
fn the_control_token_cannot_be_written() {
    for kind in Kind::ALL {
        let text = "a <eos> <unk> b<eos>c\n";
        let vocab = vocab_of(text.as_bytes(), kind);
        let (ids, stats) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
        assert_eq!(
            ids.iter().filter(|&&id| id == vocab.eos()).count(),
            1,
            "{kind}"
        );
        assert_eq!(stats.oov, 0, "{kind}");
    }
    assert_eq!(
        joined("a <eos> b<eos>c", Kind::Whitespace),
        "a|<\\eos>|b<\\eos>c|<eos>"
    );
}

#[test]
fn a_literal_unk_is_no_oov() {
    let vocab = vocab_of(b"a <unk> b <unk>", Kind::Whitespace);
    assert_eq!(vocab.len(), 4);
    let mut symbols = Vec::new();
    let stats = encode([source(b"<unk> c")], &vocab, &plain(), &mut |symbol| {
        symbols.push(symbol);
        Ok::<(), TextError>(())
    });
    assert_eq!(stats.unwrap().oov, 1);
    let unk = vocab.unk().unwrap();
    assert_eq!(
        symbols[..2],
        [
            Symbol {
                id: unk,
                oov: false
            },
            Symbol { id: unk, oov: true }
        ]
    );
}

#[test]
fn whitespace_ends_every_line() {
    for (text, expected) in [
        ("a", "a|<eos>"),
        ("a\n", "a|<eos>"),
        ("\n", "<eos>"),
        ("\n\na", "<eos>|<eos>|a|<eos>"),
        ("a\n \nb\n ", "a|<eos>|<eos>|b|<eos>|<eos>"),
        ("a\r\n\r\nb\rc\r\n", "a|<eos>|<eos>|b|c|<eos>"),
        ("a\u{85}b\u{2028}c", "a|b|c|<eos>"),
    ] {
        assert_eq!(joined(text, Kind::Whitespace), expected, "{text:?}");
    }
}

#[test]
fn fields_are_cut_at_ascii_spaces_only() {
    for (text, expected) in [
        ("a\tb  c\n", "a|b|c|<eos>"),
        ("a\r\n\r\nb\rc\r\n", "a|<eos>|<eos>|b|c|<eos>"),
        ("a\u{a0}b \u{3000}\n", "a\u{a0}b|\u{3000}|<eos>"),
        ("a\u{85}b\u{2028}c", "a\u{85}b\u{2028}c|<eos>"),
        ("\u{b} a\u{c}b", "\u{b}|a\u{c}b|<eos>"),
        ("é <eos>", "é|<\\eos>|<eos>"),
    ] {
        assert_eq!(joined(text, Kind::Fields), expected, "{text:?}");
    }
}

#[test]
fn files_are_read_in_order_and_end_documents() {
    let (a, b) = (
        file(b"one two"),
        file(&[gzip(b" th"), gzip(b"ree\n")].concat()),
    );
    for kind in Kind::ALL {
        let vocab = vocab_of(b"one two three\n", kind);
        let (ids, stats) = ids_of(Source::files(&[a.path(), b.path()]), &vocab, &plain()).unwrap();
        assert_eq!(
            ids.iter().filter(|&&id| id == vocab.eos()).count(),
            2,
            "{kind}"
        );
        assert_eq!(
            (stats.fields, stats.line_ends, stats.bytes),
            (3, 2, 14),
            "{kind}"
        );
        assert_eq!(
            stats.hash,
            blake3::hash(b"one two three\n").to_hex().to_string()
        );
    }
}

#[test]
fn a_byte_order_mark_is_dropped_and_noted() {
    let text = b"\xEF\xBB\xBFone\n";
    for kind in [Kind::Words, Kind::Whitespace, Kind::Chars, Kind::Bpe] {
        let (found, stats) = tokens(text, kind);
        assert!(!found.concat().contains('\u{feff}'));
        assert_eq!((stats.chars, stats.bytes), (4, 4));
        assert!(
            stats.notes[0].contains("byte order mark"),
            "{:?}",
            stats.notes
        );
    }
    assert_eq!(tokens(text, Kind::Bytes).0.len(), 8);
    assert_eq!(joined("a\u{feff}", Kind::Chars), "a|\u{feff}|<eos>");
}

#[test]
fn carriage_returns_are_noted() {
    let (found, stats) = tokens(b"a b\r\nc\r\n", Kind::Whitespace);
    assert_eq!(found.join("|"), "a|b|<eos>|c|<eos>");
    assert!(
        stats.notes[0].contains("2 CR LF line ends read as line ends"),
        "{:?}",
        stats.notes
    );
    let (_, stats) = tokens(b"a b\r\nc\r\n", Kind::Words);
    assert!(stats.notes[0].contains("kept"), "{:?}", stats.notes);
}
