//! Files as they come: damaged, too long, cut short, no text at all.

use super::*;

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
        for kind in [Kind::Words, Kind::Whitespace, Kind::Chars, Kind::Bpe] {
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
            assert!(error.to_string().contains("byte "));
        }
        let lossy = ReadOptions {
            lossy: true,
            ..ReadOptions::default()
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
        range: Some(split.valid()),
        ..plain()
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

/// Gives one byte at a time, as a slow pipe does.
struct ByteByByte(std::io::Cursor<Vec<u8>>);

impl std::io::Read for ByteByByte {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_beginning_that_comes_in_pieces_is_looked_at_as_a_whole() {
    let slow = |bytes: &[u8]| Source::Reader {
        name: "test".to_owned(),
        reader: Box::new(ByteByByte(std::io::Cursor::new(bytes.to_vec()))),
    };
    let utf16: Vec<u8> = "In the beginning\n"
        .repeat(9)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for bytes in [
        &b",\r\r\n"[..],
        b"one\rtwo\rthree\r",
        b"\r\r",
        b"\xEF\xBB\xBFone\r\ntwo",
        b"a",
        &utf16,
    ] {
        for kind in [Kind::Words, Kind::Whitespace, Kind::Chars] {
            let whole = measure([source(bytes)], kind, &plain());
            let pieces = measure([slow(bytes)], kind, &plain());
            let said = |found: Result<TextStats, TextError>| found.map_err(|e| e.to_string());
            assert_eq!(said(pieces), said(whole), "{kind} {bytes:?}");
        }
    }
    let found = measure([slow(b",\r\r\n")], Kind::Chars, &plain()).unwrap();
    assert_eq!((found.line_ends, found.chars), (1, 4));
    let error = measure([slow(&utf16)], Kind::Words, &plain()).unwrap_err();
    assert!(error.to_string().contains("UTF-16"), "{error}");
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
            found[1] == format!("TooLong {{ chars: {} }}", spaces - 1),
            spaces - 1 > LONGEST_TOKEN,
            "{spaces}"
        );
        let halves = text.split_at(text.len() - 1);
        assert_eq!(scanned(Kind::Words, &[halves.0, halves.1]), found);
    }
}

#[test]
fn unknown_tokens_are_measured_however_long() {
    let long = "\u{e9}".repeat(LONGEST_TOKEN);
    let text = format!("a b\n{long} \u{e9}a\n\nb");
    let vocab = vocab_of(b"a b", Kind::Whitespace);
    let mut found = Vec::new();
    let place = &mut |token: Placed| {
        found.push((token.begins_line, token.unknown_chars));
        Ok::<(), TextError>(())
    };
    encode_placed([source(text.as_bytes())], &vocab, &plain(), place).unwrap();
    let long = LONGEST_TOKEN as u64;
    let lines: [&[_]; 4] = [&[0, 0, 0], &[long, 2, 0], &[0], &[0, 0]];
    let expected = lines.iter().flat_map(|line| {
        let first = |(i, &chars): (usize, &u64)| (i == 0, chars);
        line.iter().enumerate().map(first)
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
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

/// The corpus has the very tokens that other programs count. It is not part of the repository.
#[test]
#[ignore = "needs WikiText-2: ELMAN_WIKITEXT2=FOLDER cargo test -p elman --lib wikitext -- --ignored"]
fn wikitext_2_has_the_published_counts() {
    let directory = std::env::var_os("ELMAN_WIKITEXT2").expect("ELMAN_WIKITEXT2 names its folder");
    let directory = std::path::PathBuf::from(directory);
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
