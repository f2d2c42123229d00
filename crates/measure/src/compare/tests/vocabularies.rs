//! Models whose vocabularies differ.

use super::*;

#[test]
fn the_order_of_ids_is_no_other_vocabulary() {
    let text = prose(60, 4);
    let turned: String = LETTERS.chars().rev().collect();
    let (a, b) = (letters(), vocab(Kind::Chars, &turned));
    assert_ne!(a.hash(), b.hash());
    let models = [&a, &b].map(|vocab| NamedModel::cache(20, vocab).unwrap());
    let found = run(&models, source(&text), Mixing::No, &options()).unwrap();
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
    let models = [
        network("chars", Cell::LSTM, letters()),
        network("words", Cell::GRU, words),
        network("bytes", Cell::GRU, Vocab::bytes()),
        network("fields", Cell::LSTM, fields),
        NamedModel::cache(9, &letters()).unwrap(),
    ];
    let on_disk = file(&text);
    let found = run(
        &models,
        Source::files(&[on_disk.path()]),
        Mixing::No,
        &options(),
    )
    .unwrap();
    assert_eq!(found.measure, Measure::Word);
    assert_eq!(found.units.as_ref().unwrap().count, 80);
    for (named, entry) in models.iter().zip(&found.models) {
        assert_eq!(
            timeless(entry.evaluation.clone()),
            timeless(alone(named, &text))
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
    assert!(notes.contains("vocabularies differ"), "{notes}");
    // Single spaces and line ends are all the white space of this text: `fields` restores it.
    let fields = &found.models[3].evaluation;
    assert!(fields.lost_chars == 0 && fields.bits_per_char.is_some());

    let error = run(&models, source(&text), Mixing::No, &options()).unwrap_err();
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
    let models = [
        network("large", Cell::GRU, vocab(Kind::Whitespace, "a bc def")),
        network("small", Cell::GRU, vocab(Kind::Whitespace, "a bc")),
    ];
    let text = "a bc def\n".repeat(40);
    let on_disk = file(&text);
    let sources = || Source::files(&[on_disk.path()]);
    let error = run(&models, sources(), Mixing::No, &options())
        .unwrap_err()
        .to_string();
    for part in [
        "small lacks 40 of 160 tokens",
        "with the vocabulary of the other",
        "or charge the",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("large lacks"), "{error}");

    let charged = Options {
        charge_oov_bits: Some(2.0),
        ..options()
    };
    let found = run(&models, sources(), Mixing::No, &charged).unwrap();
    let (large, small) = (&found.models[0], &found.models[1]);
    let expected = [&models[0], &models[1]].map(|named| alone(named, &text));
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
        &models,
        Source::files(&[known.path()]),
        Mixing::No,
        &options(),
    )
    .unwrap();
    // Models of one vocabulary share what they do not know.
    let shared = [
        network("a", Cell::GRU, vocab(Kind::Whitespace, "a")),
        network("b", Cell::LSTM, vocab(Kind::Whitespace, "a")),
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

#[test]
fn white_space_that_a_model_does_not_predict_is_refused_or_charged() {
    let text = "  a\n    bc  def\n".repeat(30);
    let chars = Vocab::from_file(list_of(&text, Kind::Chars).path(), Kind::Chars).unwrap();
    let models = [
        network("chars", Cell::GRU, chars),
        network("fields", Cell::GRU, vocab(Kind::Whitespace, "a bc def")),
    ];
    let on_disk = file(&text);
    let sources = || Source::files(&[on_disk.path()]);
    let error = run(&models, sources(), Mixing::No, &options())
        .unwrap_err()
        .to_string();
    for part in [
        "fields: decoding does not restore 210 of 480 characters",
        "any run of white space as one",
        "with the vocabulary of the other",
        "or charge the",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("chars: decoding"), "{error}");

    let charged = Options {
        charge_oov_bits: Some(3.0),
        ..options()
    };
    let found = run(&models, sources(), Mixing::No, &charged).unwrap();
    let fields = &found.models[1];
    let alone = alone(&models[1], &text);
    assert_eq!(alone.lost_chars, 210);
    assert_eq!(alone.bits_per_char, None);
    assert!(
        alone
            .no_bits_because
            .unwrap()
            .contains("does not restore 210 of 480")
    );
    let nats = 210.0 * 3.0 * LN_2;
    assert!((fields.spelling_nats.unwrap() - nats).abs() < 1e-9);
    assert_eq!(found.models[0].spelling_nats, Some(0.0));
    let e = &fields.evaluation;
    let all = alone.total_nats + nats;
    assert!((e.perplexity_per_word.ln() - all / (e.fields + e.line_ends) as f64).abs() < 1e-12);
    assert!((e.bits_per_char.unwrap() - all / LN_2 / 480.0).abs() < 1e-12);
    // The charge is in the lines: the interval is about the same figure.
    let interval = fields.interval.unwrap();
    assert!(interval.low <= e.perplexity_per_word && e.perplexity_per_word <= interval.high);
    let notes = found.notes.join("\n");
    assert!(notes.contains("3 bits (2.079 nats)"), "{notes}");
}

#[test]
fn vocabularies_that_leave_the_same_out_need_no_charge() {
    let text = "  a  bc\n".repeat(40);
    let models = [
        network("large", Cell::GRU, vocab(Kind::Whitespace, "a bc def")),
        network("small", Cell::GRU, vocab(Kind::Whitespace, "a bc")),
    ];
    let on_disk = file(&text);
    let mixing = || Mixing::On(source(&text));
    let found = run(
        &models,
        Source::files(&[on_disk.path()]),
        mixing(),
        &options(),
    )
    .unwrap();
    assert_eq!(found.measure, Measure::Word);
    assert!(
        found
            .models
            .iter()
            .all(|model| model.evaluation.lost_chars == 120)
    );
    assert_eq!(found.mixture.unwrap().entry.evaluation.lost_chars, 120);
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("120 of 320 characters") && notes.contains("the same ones"),
        "{notes}"
    );
}

#[test]
fn text_that_a_tokenizer_folds_or_drops_is_refused_or_charged() {
    let token = |id: u32, content: &str| {
        serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    // Lower-cases words.
    let folding = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [token(1, "</s>")],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "</s>": 1, "a": 2, "bc": 3}},
    });
    // Has no token for `c` and the space, nor one for the unknown.
    let dropping = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [token(0, "<eos>")],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "vocab": {"<eos>": 0, "a": 1, "b": 2, "\n": 3, "A": 4}, "merges": []},
    });
    let text = "A bc\na bc\n".repeat(20);
    for (name, tokenizer, lost) in [("folding", folding, 20), ("dropping", dropping, 80)] {
        let vocab = Vocab::from_tokenizer_json("test", tokenizer.to_string().as_bytes()).unwrap();
        let chars = Vocab::from_file(list_of(&text, Kind::Chars).path(), Kind::Chars).unwrap();
        let models = [
            network(name, Cell::GRU, vocab),
            network("chars", Cell::GRU, chars),
        ];
        let on_disk = file(&text);
        let sources = || Source::files(&[on_disk.path()]);
        let error = run(&models, sources(), Mixing::No, &options()).unwrap_err();
        let part = format!("{name}: decoding does not restore {lost} of 200 characters");
        assert!(error.to_string().contains(&part), "{error}");
        let charged = Options {
            charge_oov_bits: Some(7.0),
            ..options()
        };
        let found = run(&models, sources(), Mixing::No, &charged).unwrap();
        let spelling = found.models[0].spelling_nats.unwrap();
        assert!(
            (spelling - 7.0 * LN_2 * f64::from(lost)).abs() < 1e-9,
            "{name} {spelling}"
        );
    }
}
