//! Models whose vocabularies differ.

use super::*;

#[test]
fn the_order_of_ids_is_no_other_vocabulary() {
    let text = prose(60, 4);
    let turned: String = LETTERS.chars().rev().collect();
    let (a, b) = (letters(), vocab(Kind::Chars, &turned));
    assert_ne!(a.hash(), b.hash());
    let entrants = [&a, &b].map(|vocab| Entrant::cache(20, vocab).unwrap());
    let found = run(&entrants, source(&text), Mixing::No, &options()).unwrap();
    assert_eq!(found.measure, Measure::Token);
    let [first, second] = [0, 1].map(|m| found.models[m].evaluation.clone());
    assert_eq!(first.total_nats, second.total_nats);
    assert_ne!(first.vocab_hash, second.vocab_hash);
    let pair = &found.pairs[0].difference;
    assert_eq!((pair.difference_nats, pair.p_value), (0.0, Some(1.0)));
    assert_eq!(
        pair.difference_interval,
        Some(Interval {
            low: 0.0,
            high: 0.0
        })
    );
}

#[test]
fn other_vocabularies_are_compared_by_word() {
    let text = prose(80, 5);
    let words = Vocab::from_file(list_of(&text, Kind::Words).path(), Kind::Words).unwrap();
    let fields =
        Vocab::from_file(list_of(&text, Kind::Whitespace).path(), Kind::Whitespace).unwrap();
    let entrants = [
        network("chars", Cell::Lstm, letters()),
        network("words", Cell::Gru, words),
        network("bytes", Cell::Gru, Vocab::bytes()),
        network("fields", Cell::Lstm, fields),
        Entrant::cache(9, &letters()).unwrap(),
    ];
    let on_disk = file(&text);
    let found = run(
        &entrants,
        Source::files(&[on_disk.path()]),
        Mixing::No,
        &options(),
    )
    .unwrap();
    assert_eq!(found.measure, Measure::Word);
    assert_eq!(found.units.as_ref().unwrap().count, 80);
    for (entrant, entry) in entrants.iter().zip(&found.models) {
        assert_eq!(
            timeless(entry.evaluation.clone()),
            timeless(alone(entrant, &text))
        );
        let interval = entry.interval.unwrap();
        let perplexity = entry.evaluation.perplexity_per_word;
        assert!(
            interval.low < perplexity && perplexity < interval.high,
            "{}",
            entry.name
        );
    }
    for pair in &found.pairs {
        let loss = |m: usize| found.models[m].evaluation.perplexity_per_word.ln();
        let expected = loss(pair.a) - loss(pair.b);
        assert!((pair.difference.difference_nats - expected).abs() < 1e-9);
        assert!(pair.difference.p_value.is_some());
    }
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("vocabularies differ") && notes.contains("white space"),
        "{notes}"
    );

    let error = run(&entrants, source(&text), Mixing::No, &options()).unwrap_err();
    assert!(error.to_string().contains("only once"), "{error}");
}

/// A file with a vocabulary list of all tokens of `text`.
fn list_of(text: &str, kind: Kind) -> NamedTempFile {
    let read = ReadOptions::default();
    let (counts, _) = text::count(source(text), kind, &read, 1 << 30).unwrap();
    let vocab = counts.into_vocab(1, None).unwrap();
    let mut json = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    json.write_all(vocab.to_tokenizer_json().as_bytes())
        .unwrap();
    json
}

#[test]
fn unknown_tokens_in_one_of_two_vocabularies_are_refused_or_charged() {
    let entrants = [
        network("large", Cell::Gru, vocab(Kind::Whitespace, "a bc def")),
        network("small", Cell::Gru, vocab(Kind::Whitespace, "a bc")),
    ];
    let text = "a bc def\n".repeat(40);
    let on_disk = file(&text);
    let sources = || Source::files(&[on_disk.path()]);
    let error = run(&entrants, sources(), Mixing::No, &options())
        .unwrap_err()
        .to_string();
    for part in [
        "small lacks 40 of 160 tokens",
        "--vocab-from",
        "--charge-oov",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("large lacks"), "{error}");

    let charged = Options {
        charge_oov_bits: Some(2.0),
        ..options()
    };
    let found = run(&entrants, sources(), Mixing::No, &charged).unwrap();
    let (large, small) = (&found.models[0], &found.models[1]);
    let expected = [&entrants[0], &entrants[1]].map(|entrant| alone(entrant, &text));
    assert_eq!(large.spelling_nats, Some(0.0));
    assert_eq!(large.evaluation.bits_per_char, expected[0].bits_per_char);
    assert_eq!(
        large.evaluation.perplexity_per_word,
        expected[0].perplexity_per_word
    );
    assert_eq!(small.evaluation.perplexity, expected[1].perplexity);
    let nats = expected[1].total_nats + 240.0 * LN_2;
    assert!((small.spelling_nats.unwrap() - 240.0 * LN_2).abs() < 1e-9);
    let e = &small.evaluation;
    assert!((e.perplexity_per_word.ln() - nats / 160.0).abs() < 1e-12);
    assert!((e.bits_per_char.unwrap() - nats / LN_2 / text.len() as f64).abs() < 1e-12);
    let difference = found.pairs[0].difference.difference_nats;
    assert!((difference - (expected[0].total_nats - nats) / 160.0).abs() < 1e-12);
    let interval = found.pairs[0].difference.difference_interval.unwrap();
    assert!(
        interval.low <= difference && difference <= interval.high,
        "the charge is in the lines"
    );

    // Without unknown tokens the same two may be compared.
    let known = file(&"a bc a\n".repeat(40));
    run(
        &entrants,
        Source::files(&[known.path()]),
        Mixing::No,
        &options(),
    )
    .unwrap();
    // Models of one vocabulary share what they do not know.
    let shared = [
        network("a", Cell::Gru, vocab(Kind::Whitespace, "a")),
        network("b", Cell::Lstm, vocab(Kind::Whitespace, "a")),
    ];
    let found = run(&shared, source(&text), Mixing::No, &options()).unwrap();
    assert_eq!(found.models[0].evaluation.oov, 80);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("80 of 160 tokens"))
    );
}
