use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::NamedTempFile;
use unicode_general_category::get_general_category;

use super::scan::Token;
use super::*;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn source(bytes: &[u8]) -> Source {
    Source::Reader {
        name: "test".to_owned(),
        reader: Box::new(std::io::Cursor::new(bytes.to_vec())),
    }
}

fn plain() -> ReadOptions {
    ReadOptions::default()
}

fn vocab_of(text: &[u8], kind: Kind) -> Vocab {
    count([source(text)], kind, &plain(), 1 << 30)
        .unwrap()
        .0
        .into_vocab(1, None)
        .unwrap()
}

fn ids_of(
    sources: Vec<Source>,
    vocab: &Vocab,
    options: &ReadOptions,
) -> Result<(Vec<u32>, TextStats), TextError> {
    let mut ids = Vec::new();
    let stats = encode(sources, vocab, options, &mut |symbol| {
        ids.push(symbol.id);
        Ok::<(), TextError>(())
    })?;
    Ok((ids, stats))
}

/// The tokens of a text under its own vocabulary, and what was measured.
fn tokens(text: &[u8], kind: Kind) -> (Vec<String>, TextStats) {
    let vocab = vocab_of(text, kind);
    let (ids, stats) = ids_of(vec![source(text)], &vocab, &plain()).unwrap();
    assert_eq!(stats.tokens, ids.len() as u64);
    (
        ids.iter().map(|&id| vocab.token(id).into_owned()).collect(),
        stats,
    )
}

fn joined(text: &str, kind: Kind) -> String {
    tokens(text.as_bytes(), kind).0.join("|")
}

/// The pattern of kind `words`, alternative by alternative, as a backtracking matcher would try them.
fn words_by_pattern(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let category = |c: char| get_general_category(c).abbreviation().as_bytes()[0];
    let letter = |c: char| matches!(category(c), b'L' | b'M');
    let number = |c: char| category(c) == b'N';
    let mark = |c: char| !c.is_whitespace() && !letter(c) && !number(c);
    let other_space = |c: char| c.is_whitespace() && c != '\n';
    let run = |from: usize, class: &dyn Fn(char) -> bool| {
        chars[from..].iter().take_while(|&&c| class(c)).count()
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let lead = usize::from(chars[at] == ' ');
        let classes: [&dyn Fn(char) -> bool; 3] = [&letter, &number, &mark];
        let spaced = classes
            .iter()
            .map(|class| run(at + lead, class))
            .find(|&n| n > 0)
            .map(|n| n + lead);
        let spaces = run(at, &other_space);
        let length = spaced.unwrap_or_else(|| {
            if chars[at] == '\n' {
                return 1;
            }
            let before_space = |&n: &usize| {
                let next = |i: usize| chars.get(at + n + i).copied();
                next(0) == Some(' ') && next(1).is_some_and(|c| !c.is_whitespace())
            };
            (1..=spaces).rev().find(before_space).unwrap_or(spaces)
        });
        found.push(chars[at..at + length].iter().collect());
        at += length;
    }
    found
}

fn scanned(kind: Kind, pieces: &[&str]) -> Vec<String> {
    let mut scanner = Scanner::new(kind);
    let mut found = Vec::new();
    let mut emit = |token: Token<'_>| {
        match token {
            Token::Text(text) => found.push(text.to_owned()),
            other => found.push(format!("{other:?}")),
        }
        Ok::<(), TextError>(())
    };
    for piece in pieces {
        scanner.push(lines::Chunk::Text(piece), &mut emit).unwrap();
    }
    scanner.flush(&mut emit).unwrap();
    found
}

/// Text in which the traps are frequent.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        Just("\t".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{a0}\u{3000}".to_owned()),
        Just("e\u{301}".to_owned()),
        Just("<eos>".to_owned()),
        Just("<unk>".to_owned()),
        Just("\0".to_owned()),
        Just("٣४Ⅷ½".to_owned()),
        "[a-zé一]{1,3}",
        "[0-9]{1,2}",
        "[.,'!-]{1,2}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn words_are_the_matches_of_the_pattern(text in tricky(), cuts in prop::collection::vec(0usize..200, 0..4)) {
        let expected = words_by_pattern(&text);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&i| i <= text.len() && text.is_char_boundary(i)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        prop_assert_eq!(scanned(Kind::Words, &pieces), expected);
    }

    #[test]
    fn decoding_restores_the_text(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        for kind in [Kind::Words, Kind::Chars, Kind::Bytes] {
            let vocab = vocab_of(text.as_bytes(), kind);
            let (ids, stats) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
            prop_assert_eq!(stats.oov, 0);
            prop_assert_eq!(ids.last(), Some(&vocab.eos()));
            prop_assert_eq!(ids.iter().filter(|&&id| id == vocab.eos()).count(), 1);
            prop_assert_eq!(String::from_utf8(vocab.decode(&ids)).unwrap(), text.as_str());
            // The prompt is the text without the end of its document.
            prop_assert_eq!(&vocab.tokenize(text.as_bytes()).unwrap().ids, &ids[..ids.len() - 1]);
        }
    }

    #[test]
    fn bytes_take_anything(data in prop::collection::vec(any::<u8>(), 1..300)) {
        prop_assume!(!data.starts_with(&[0x1F, 0x8B, 0x08]));
        let vocab = Vocab::bytes();
        let (ids, stats) = ids_of(vec![source(&data)], &vocab, &plain()).unwrap();
        prop_assert_eq!(&vocab.decode(&ids), &data);
        prop_assert_eq!(stats.bytes, data.len() as u64);
        prop_assert!(ids[..data.len()].iter().zip(&data).all(|(&id, &byte)| id == u32::from(byte)));
    }

    #[test]
    fn whitespace_is_python_split_by_lines(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        let mut expected = Vec::new();
        for line in text.split_terminator('\n') {
            expected.extend(line.split_whitespace().map(|word| word.replace("<eos>", "<\\eos>")));
            expected.push("<eos>".to_owned());
        }
        let (found, stats) = tokens(text.as_bytes(), Kind::Whitespace);
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(stats.fields + stats.line_ends, stats.tokens);
    }

    #[test]
    fn what_is_measured_does_not_depend_on_the_kind(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        let of = |kind| TextStats { tokens: 0, notes: Vec::new(), ..tokens(text.as_bytes(), kind).1 };
        let words = of(Kind::Words);
        prop_assert!([Kind::Whitespace, Kind::Chars, Kind::Bytes].into_iter().all(|kind| of(kind) == words));
        prop_assert_eq!(words.chars, text.chars().count() as u64);
        prop_assert_eq!(words.bytes, text.len() as u64);
        prop_assert_eq!(words.hash, blake3::hash(text.as_bytes()).to_hex().to_string());
    }

    #[test]
    fn the_parts_of_a_split_are_the_text(pieces in prop::collection::vec(tricky(), 1..4), compress in any::<bool>()) {
        let texts: Vec<String> = pieces.into_iter().map(|piece| format!("x{piece}yé")).collect();
        let files: Vec<NamedTempFile> =
            texts.iter().map(|text| if compress { file(&gzip(text.as_bytes())) } else { file(text.as_bytes()) }).collect();
        let split = Split::plan(&files, 0.3).unwrap();
        prop_assert!(0 < split.at && split.at < split.total);
        prop_assert_eq!(split.total, texts.iter().map(|text| text.len() as u64).sum::<u64>());
        let vocab = Vocab::bytes();
        let part = |range| ids_of(Source::files(&files), &vocab, &ReadOptions { range: Some(range), lossy: false }).unwrap().0;
        let (train, valid) = (part(split.train()), part(split.valid()));
        let whole = texts.concat();
        prop_assert_eq!(vocab.decode(&train), &whole.as_bytes()[..split.at as usize]);
        prop_assert_eq!(vocab.decode(&valid), &whole.as_bytes()[split.at as usize..]);
        prop_assert!(whole.is_char_boundary(split.at as usize));
        // Each file that gives something to a part is a document there.
        let mut ends = Vec::new();
        let mut at = 0;
        for text in &texts {
            at += text.len() as u64;
            ends.push(at);
        }
        let documents = ends.iter().filter(|&&end| end < split.at).count() + 1;
        prop_assert_eq!(train.iter().filter(|&&id| id == 256).count(), documents);
    }
}

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
    for kind in [Kind::Words, Kind::Whitespace, Kind::Chars] {
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

#[test]
fn nul_is_an_ordinary_character() {
    assert_eq!(joined("a\0b \0", Kind::Words), "a|\0|b| \0|<eos>");
    assert_eq!(joined("a\0b \0", Kind::Whitespace), "a\0b|\0|<eos>");
}

#[test]
fn invalid_utf8_is_an_error_with_its_offset() {
    // Beyond the first chunk, so that offsets are counted across chunks.
    for (front, bad, offset) in [
        (0, &b"\xFF"[..], 0),
        (3, b"\xC3", 3),
        (70_000, b"\xE2\x82", 70_000),
        (65_535, b"\xC3(", 65_535),
    ] {
        let text = [vec![b'a'; front], bad.to_vec()].concat();
        let file = file(&text);
        for kind in [Kind::Words, Kind::Whitespace, Kind::Chars] {
            let error = count(Source::files(&[file.path()]), kind, &plain(), 1 << 30)
                .err()
                .unwrap();
            let TextError::InvalidUtf8 {
                name,
                offset: found,
            } = &error
            else {
                panic!("{error}")
            };
            assert_eq!(
                (name.as_str(), *found),
                (file.path().to_str().unwrap(), offset)
            );
            assert!(error.to_string().contains("--lossy"));
        }
        let lossy = ReadOptions {
            lossy: true,
            range: None,
        };
        let (counts, stats) =
            count(Source::files(&[file.path()]), Kind::Chars, &lossy, 1 << 30).unwrap();
        assert_eq!(
            counts.total(),
            String::from_utf8_lossy(&text).chars().count() as u64 + 1
        );
        assert_eq!(stats.bytes, text.len() as u64);
        assert!(stats.notes[0].contains("U+FFFD"));
        assert!(
            count(
                Source::files(&[file.path()]),
                Kind::Bytes,
                &plain(),
                1 << 30
            )
            .is_ok()
        );
    }
}

#[test]
fn files_that_are_no_text_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.txt");
    let empty = file(b"");
    let only_bom = file(b"\xEF\xBB\xBF");
    let empty_gzip = file(&gzip(b""));
    let read = |path: &std::path::Path| {
        measure(Source::files(&[path]), Kind::Words, &plain())
            .err()
            .unwrap()
    };
    assert!(matches!(read(directory.path()), TextError::Directory(_)));
    assert!(matches!(read(&missing), TextError::Missing(_)));
    for path in [empty.path(), only_bom.path(), empty_gzip.path()] {
        assert!(matches!(read(path), TextError::Empty(_)));
    }
    for path in [directory.path(), &missing, empty.path(), empty_gzip.path()] {
        let error = Split::plan(&[path], 0.05).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
    assert!(matches!(
        measure([], Kind::Words, &plain()),
        Err(TextError::NoSource)
    ));
    assert!(matches!(
        Split::plan::<&str>(&[], 0.05),
        Err(TextError::NoSource)
    ));
    assert!(matches!(
        Split::plan(&[file(b"x")], 0.05),
        Err(TextError::TooShort { bytes: 1 })
    ));
}

#[test]
fn a_file_that_shrinks_between_passes_is_noticed() {
    let file = file(&[b'x'; 1000]);
    let split = Split::plan(&[file.path()], 0.1).unwrap();
    file.as_file().set_len(950).unwrap();
    let options = ReadOptions {
        lossy: false,
        range: Some(split.valid()),
    };
    let error = measure(Source::files(&[file.path()]), Kind::Bytes, &options).unwrap_err();
    assert!(
        matches!(
            error,
            TextError::Changed {
                expected: 1000,
                found: 950
            }
        ),
        "{error}"
    );
    let path = file.path().to_owned();
    drop(file);
    assert!(matches!(
        measure(Source::files(&[path]), Kind::Bytes, &options),
        Err(TextError::Missing(_))
    ));
}

#[test]
fn every_truncation_of_a_gzip_file_is_an_error() {
    let whole = gzip(
        "And God said, Let there be light: and there was light.\n"
            .repeat(9)
            .as_bytes(),
    );
    for length in 3..whole.len() {
        let error = measure([source(&whole[..length])], Kind::Words, &plain()).unwrap_err();
        assert!(matches!(error, TextError::Gzip { .. }), "{length}: {error}");
    }
    assert!(measure([source(&whole)], Kind::Words, &plain()).is_ok());
}

#[test]
fn a_long_token_is_one_unknown() {
    for length in [
        LONGEST_TOKEN - 1,
        LONGEST_TOKEN,
        LONGEST_TOKEN + 1,
        3 * LONGEST_TOKEN + 5,
    ] {
        for kind in [Kind::Words, Kind::Whitespace] {
            let text = format!("x {} x", "é".repeat(length / 2) + &"e".repeat(length % 2));
            let word_length = length + usize::from(kind == Kind::Words);
            let vocab = vocab_of(text.as_bytes(), kind);
            let (ids, stats) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
            assert_eq!(ids.len(), 4, "{kind} {length}");
            assert_eq!(
                stats.oov,
                u64::from(word_length > LONGEST_TOKEN),
                "{kind} {length}"
            );
        }
    }
    // The last space of a long run still belongs to the word after it.
    for spaces in [
        LONGEST_TOKEN,
        LONGEST_TOKEN + 1,
        LONGEST_TOKEN + 2,
        3 * LONGEST_TOKEN,
    ] {
        let text = format!("a{}b", " ".repeat(spaces));
        let found = scanned(Kind::Words, &[&text]);
        assert_eq!((found.len(), found[2].as_str()), (3, " b"), "{spaces}");
        assert_eq!(
            found[1] == "TooLong",
            spaces - 1 > LONGEST_TOKEN,
            "{spaces}"
        );
        let halves = text.split_at(text.len() - 1);
        assert_eq!(scanned(Kind::Words, &[halves.0, halves.1]), found);
    }
}

#[test]
fn counting_is_bounded() {
    let text: String = (0..10_000).map(|i| format!("w{i} ")).collect();
    let error = count(
        [source(text.as_bytes())],
        Kind::Whitespace,
        &plain(),
        100_000,
    )
    .err()
    .unwrap();
    assert!(matches!(error, TextError::TooManyTokens { .. }), "{error}");
}

#[test]
fn a_split_prefers_line_ends() {
    let text = "0123456789\n".repeat(100);
    let split = Split::plan(&[file(text.as_bytes())], 0.05).unwrap();
    assert_eq!((split.at, split.total), (1045, 1100));
    // The end of a file ends a line.
    let split = Split::plan(&[file(&[b'a'; 94]), file(b"bcdefg")], 0.08).unwrap();
    assert_eq!(split, Split { at: 94, total: 100 });
    // No line end in reach: the next character.
    let text = "é".repeat(200_000);
    let split = Split::plan(&[file(text.as_bytes())], 0.500001).unwrap();
    assert_eq!((split.at, split.total), (200_000, 400_000));
    // A newline at the very end is no cut.
    let split = Split::plan(&[file(b"abcdefghij\n")], 0.2).unwrap();
    assert_eq!(split.at, 8);
}

#[test]
fn a_sink_can_end_the_pass() {
    let vocab = Vocab::bytes();
    let mut seen = 0;
    let result = encode([source(b"abcdef")], &vocab, &plain(), &mut |_| {
        seen += 1;
        if seen == 3 {
            Err(TextError::MaxVocab { max: 3 })
        } else {
            Ok(())
        }
    });
    assert!(matches!(result, Err(TextError::MaxVocab { max: 3 })));
    assert_eq!(seen, 3);
}

/// The corpus has the very tokens that other programs count. Not part of the repository, so the test runs where it lies.
#[test]
fn wikitext_2_has_the_published_counts() {
    let Some(directory) = std::env::var_os("ELMAN_WIKITEXT2").map(PathBuf::from) else {
        return;
    };
    let part = |name: &str| Source::files(&[directory.join(format!("wiki.{name}.tokens"))]);
    let (counts, stats) = count(part("train"), Kind::Whitespace, &plain(), 1 << 30).unwrap();
    let vocab = counts.into_vocab(1, None).unwrap();
    assert_eq!((stats.tokens, vocab.len()), (2_088_628, 33_278));
    for (name, expected) in [("train", 2_088_628), ("valid", 217_646), ("test", 245_569)] {
        let (ids, stats) = ids_of(part(name), &vocab, &plain()).unwrap();
        assert_eq!(
            (ids.len(), stats.tokens, stats.oov),
            (expected, expected as u64, 0)
        );
        assert_eq!(stats.fields + stats.line_ends, stats.tokens);
    }
}
