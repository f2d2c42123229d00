//! What holds for every text.

use super::*;

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

/// Text in which the traps are frequent.
pub fn tricky() -> impl Strategy<Value = String> {
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
    let text = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![
        4 => text.clone(),
        1 => text.prop_map(|text| text.replace("\r\n", "\r").replace('\n', "\r")),
    ]
}

/// What is read of a text: carriage returns that alone end its lines are newlines.
fn with_newlines(text: &str) -> String {
    let returns = text.matches('\r').count();
    if returns > 1 && !text.contains('\n') {
        text.replace('\r', "\n")
    } else {
        text.to_owned()
    }
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
    fn every_kind_sees_the_same_lines(texts in prop::collection::vec(tricky().prop_filter("not empty", |text| text.chars().any(|c| c != '\u{feff}')), 1..4)) {
        let sources = || texts.iter().map(|text| source(text.as_bytes()));
        for kind in Kind::ALL {
            // Half of the tokens are unknown, newlines among them.
            let vocab = vocab_of(texts[0].as_bytes(), kind);
            let mut placed = Vec::new();
            let (stats, lost) = encode_placed(sources(), &vocab, &plain(), &mut |token| {
                placed.push(token);
                Ok::<(), TextError>(())
            }).unwrap();
            let symbols: Vec<Symbol> = placed.iter().map(|token| token.symbol).collect();
            let mut expected = Vec::new();
            let same = encode(sources(), &vocab, &plain(), &mut |symbol| {
                expected.push(symbol);
                Ok::<(), TextError>(())
            }).unwrap();
            prop_assert_eq!(symbols, expected);
            prop_assert_eq!(&stats, &same);
            prop_assert!(placed[0].begins_line);
            prop_assert_eq!(placed.iter().filter(|token| token.begins_line).count() as u64, stats.line_ends);
            prop_assert!(placed.iter().all(|token| (token.unknown_chars > 0) == token.symbol.oov));

            let mut lines = Vec::new();
            let (measured, losses) = measure_lines(sources(), kind, &plain(), &[&vocab], &mut |line| {
                lines.push((line.fields, line.chars, line.lost[0]));
                Ok::<(), TextError>(())
            }).unwrap();
            prop_assert_eq!(lines.len() as u64, stats.line_ends);
            prop_assert_eq!(lines.iter().map(|line| line.0).sum::<u64>(), stats.fields);
            prop_assert_eq!(lines.iter().map(|line| line.1).sum::<u64>(), stats.chars);
            prop_assert_eq!(lines.iter().map(|line| line.2).sum::<u64>(), lost.chars);
            prop_assert_eq!(&losses[..], &[lost]);
            prop_assert_eq!((measured.hash, measured.line_ends), (stats.hash, stats.line_ends));
        }
    }

    #[test]
    fn decoding_restores_the_text(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        for kind in [Kind::Words, Kind::Chars, Kind::Bytes, Kind::Bpe] {
            let vocab = vocab_of(text.as_bytes(), kind);
            let (ids, stats) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
            prop_assert_eq!(stats.oov, 0);
            prop_assert_eq!(ids.last(), Some(&vocab.eos()));
            prop_assert_eq!(ids.iter().filter(|&&id| id == vocab.eos()).count(), 1);
            let read = if kind == Kind::Bytes { text.clone() } else { with_newlines(&text) };
            prop_assert_eq!(String::from_utf8(vocab.decode(&ids)).unwrap(), read.as_str());
            // The prompt is the text without the end of its document.
            prop_assert_eq!(&vocab.tokenize(read.as_bytes()).unwrap().ids, &ids[..ids.len() - 1]);
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
        for line in with_newlines(&text).split_terminator('\n') {
            expected.extend(line.split_whitespace().map(|word| word.replace("<eos>", "<\\eos>")));
            expected.push("<eos>".to_owned());
        }
        let (found, stats) = tokens(text.as_bytes(), Kind::Whitespace);
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(stats.fields + stats.line_ends, stats.tokens);
    }

    #[test]
    fn fields_are_cut_at_ascii_spaces_by_lines(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        let mut expected = Vec::new();
        for line in with_newlines(&text).split_terminator('\n') {
            let words = line.split([' ', '\t', '\r']).filter(|word| !word.is_empty());
            expected.extend(words.map(|word| word.replace("<eos>", "<\\eos>")));
            expected.push("<eos>".to_owned());
        }
        prop_assert_eq!(tokens(text.as_bytes(), Kind::Fields).0, expected);
    }

    #[test]
    fn what_is_measured_does_not_depend_on_the_kind(text in tricky().prop_filter("not empty", |text| !text.is_empty() && !text.starts_with('\u{feff}'))) {
        let of = |kind| TextStats { tokens: 0, notes: Vec::new(), ..tokens(text.as_bytes(), kind).1 };
        let words = of(Kind::Words);
        prop_assert!([Kind::Whitespace, Kind::Fields, Kind::Chars, Kind::Bpe].into_iter().all(|kind| of(kind) == words));
        // To kind `bytes` a carriage return is a byte like others.
        let bytes = of(Kind::Bytes);
        prop_assert_eq!(bytes.line_ends, text.split_terminator('\n').count() as u64);
        prop_assert_eq!(TextStats { line_ends: words.line_ends, ..bytes }, words.clone());
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
        let part = |range| ids_of(Source::files(&files), &vocab, &ReadOptions { range: Some(range), ..plain() }).unwrap().0;
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
