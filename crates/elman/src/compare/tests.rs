use super::*;
use crate::dims::Cell;
use crate::infer::testing::{cpu, model_of, vocab};
use crate::infer::{self, AnyModel, EvalOptions, evaluate, evaluate_reader};
use crate::text::Vocab;
use std::io::Write;
use tempfile::NamedTempFile;

const LETTERS: &str = "abcdefghij klmnopqr\n";

fn source(text: &str) -> Vec<Source> {
    vec![Source::Reader {
        name: "test".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }]
}

/// A text that can be read again.
fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// `lines` lines of words over the letters, none like the other.
fn prose(lines: usize, seed: usize) -> String {
    let letter = |i: usize| char::from(b'a' + (i * i + seed * i + i / 7) as u8 % 18);
    let line = |i: usize| {
        let words = (0..2 + i % 4).map(|j| {
            (0..1 + (i + j) % 5)
                .map(|k| letter(i * 31 + j * 5 + k))
                .collect()
        });
        let words: Vec<String> = words.collect();
        format!("{}\n", words.join(" "))
    };
    (0..lines).map(line).collect()
}

fn network(name: &str, cell: Cell, vocab: Vocab) -> Entrant {
    Entrant {
        name: name.into(),
        player: Player::Model(AnyModel::Network(Box::new(model_of(cell, false, vocab)))),
        disk_bytes: 1000,
        load_seconds: 0.5,
    }
}

fn letters() -> Vocab {
    vocab(Kind::Chars, LETTERS)
}

fn options() -> Options {
    Options {
        resamples: 199,
        ..Options::default()
    }
}

fn run(
    entrants: &[Entrant],
    sources: Vec<Source>,
    mixing: Mixing,
    options: &Options,
) -> Result<Comparison> {
    compare(entrants, &cpu(), sources, mixing, options, &mut |_| {})
}

/// What `elman eval` says.
fn alone(entrant: &Entrant, text: &str) -> infer::Evaluation {
    let (cpu, read) = (cpu(), ReadOptions::default());
    match &entrant.player {
        Player::Model(AnyModel::Network(model)) => evaluate(
            model,
            &cpu,
            source(text),
            &read,
            &EvalOptions::default(),
            &mut |_| {},
        ),
        _ => evaluate_reader(&mut *entrant.reader(&cpu), source(text), &read, &mut |_| {}),
    }
    .unwrap()
}

/// The same but for time.
fn timeless(mut evaluation: infer::Evaluation) -> infer::Evaluation {
    (evaluation.seconds, evaluation.tokens_per_second) = (0.0, 0.0);
    evaluation
}

#[test]
fn figures_are_those_of_evaluation_to_the_bit() {
    // More tokens than are read at once.
    let text = prose(400, 3);
    let entrants = [
        network("gru", Cell::Gru, letters()),
        network("lstm", Cell::Lstm, letters()),
        Entrant::cache(50, &letters()).unwrap(),
    ];
    let together = run(&entrants, source(&text), Mixing::No, &options()).unwrap();
    assert_eq!(together.measure, Measure::Token);
    for (entrant, entry) in entrants.iter().zip(&together.models) {
        let expected = timeless(alone(entrant, &text));
        assert_eq!(
            timeless(entry.evaluation.clone()),
            expected,
            "{}",
            entrant.name
        );
        let single = run(
            std::slice::from_ref(entrant),
            source(&text),
            Mixing::No,
            &options(),
        );
        let single = single.unwrap();
        assert_eq!(timeless(single.models[0].evaluation.clone()), expected);
        assert_eq!(
            single.models[0].interval, entry.interval,
            "company does not matter"
        );
        assert!(single.pairs.is_empty() && single.mixture.is_none());
        let interval = entry.interval.unwrap();
        assert!(interval.low < expected.perplexity && expected.perplexity < interval.high);
    }
    assert!(together.models[0].evaluation.tokens > 4096);
    let units = together.units.unwrap();
    assert_eq!((units.of, units.each, units.count), (UnitOf::Lines, 1, 400));
    let pairs: Vec<_> = together.pairs.iter().map(|pair| (pair.a, pair.b)).collect();
    assert_eq!(pairs, [(0, 1), (0, 2), (1, 2)]);
    for pair in &together.pairs {
        let loss = |m: usize| together.models[m].evaluation.loss_nats;
        let found = &pair.difference;
        assert_eq!(found.difference_nats, loss(pair.a) - loss(pair.b));
        let interval = found.difference_interval.unwrap();
        assert!(interval.low < found.difference_nats && found.difference_nats < interval.high);
        assert!(found.p_value.unwrap() >= 1.0 / 200.0);
    }
}

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

#[test]
fn a_mixture_is_fitted_on_one_text_and_judged_on_another() {
    let (dev, text) = (prose(90, 6), prose(70, 7));
    let entrants = [
        network("gru", Cell::Gru, letters()),
        network("lstm", Cell::Lstm, letters()),
        Entrant::cache(100, &letters()).unwrap(),
    ];
    let found = run(
        &entrants,
        source(&text),
        Mixing::On(source(&dev)),
        &options(),
    )
    .unwrap();
    let mixture = found.mixture.unwrap();
    assert!(!mixture.fit.optimistic && mixture.fit.fit_converged);
    assert_eq!(found.models.len(), 3);
    assert_eq!(found.pairs.len(), 3);

    // By hand: the same weights from the models' own losses, and the loss from the weights.
    let losses = |text: &str| -> Vec<Vec<f64>> {
        let mut ids = letters().tokenize(text.as_bytes()).unwrap().ids;
        ids.push(letters().eos());
        let read = |entrant: &Entrant| {
            let (cpu, mut nats) = (cpu(), vec![0.0; ids.len()]);
            entrant.reader(&cpu).read(&ids, &mut nats).unwrap();
            nats
        };
        entrants.iter().map(read).collect()
    };
    let mixed = |weights: &[f64], losses: &[Vec<f64>]| -> f64 {
        let p = |t: usize| -> f64 {
            weights
                .iter()
                .zip(losses)
                .map(|(w, nats)| w * (-nats[t]).exp())
                .sum()
        };
        (0..losses[0].len()).map(|t| -p(t).ln()).sum::<f64>() / losses[0].len() as f64
    };
    let (on_dev, on_text) = (losses(&dev), losses(&text));
    let best = mixed(&mixture.fit.weights, &on_dev);
    assert!((mixture.fit.fit_perplexity.ln() - best).abs() < 1e-9);
    for (m, step) in [(0, 0.01), (1, 0.01), (2, 0.01), (0, -0.01), (1, -0.01)] {
        let mut moved = mixture.fit.weights.clone();
        moved[m] = (moved[m] + step).max(0.0);
        let sum: f64 = moved.iter().sum();
        moved.iter_mut().for_each(|weight| *weight /= sum);
        assert!(mixed(&moved, &on_dev) > best - 1e-7, "{m} {step}");
    }
    let e = &mixture.entry.evaluation;
    assert!((e.loss_nats - mixed(&mixture.fit.weights, &on_text)).abs() < 1e-9);
    assert!(mixture.entry.interval.is_some());
    let alone: Vec<f64> = found
        .models
        .iter()
        .map(|model| model.evaluation.loss_nats)
        .collect();
    let least = alone.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(alone[mixture.best], least);
    assert_eq!(mixture.against_best.difference_nats, e.loss_nats - least);
    assert!(mixture.against_best.p_value.is_some());
    let parameters: u64 = found.models.iter().map(|model| model.parameters).sum();
    assert_eq!(
        (mixture.entry.parameters, mixture.entry.disk_bytes),
        (parameters + 3, 2000)
    );

    // On the text itself: never worse than the best model, and marked.
    let on_disk = file(&text);
    let own = run(
        &entrants,
        Source::files(&[on_disk.path()]),
        Mixing::OnText,
        &options(),
    )
    .unwrap();
    let own = own.mixture.unwrap();
    assert!(own.fit.optimistic && own.entry.evaluation.loss_nats <= least + 1e-9);
    assert!(own.entry.evaluation.loss_nats <= e.loss_nats + 1e-9);
    let same = run(
        &entrants,
        source(&text),
        Mixing::On(source(&text)),
        &options(),
    )
    .unwrap();
    assert!(
        same.mixture.unwrap().fit.optimistic,
        "another name for the same text"
    );
}

#[test]
fn false_mixtures_are_refused() {
    let text = prose(40, 8);
    let entrants = [
        network("chars", Cell::Gru, letters()),
        network("bytes", Cell::Gru, Vocab::bytes()),
    ];
    let mix = || Mixing::On(source(&text));
    let error = run(&entrants, source(&text), mix(), &options())
        .unwrap_err()
        .to_string();
    for part in [
        "cannot be mixed",
        "chars (kind chars, 22 entries)",
        "bytes (kind bytes, 257 entries)",
        "--vocab-from",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = run(&entrants[..1], source(&text), mix(), &options()).unwrap_err();
    assert!(error.to_string().contains("two models"), "{error}");
}

#[test]
fn short_texts_are_drawn_by_tokens_and_very_short_ones_not_at_all() {
    let entrants = [
        network("gru", Cell::Gru, letters()),
        Entrant::cache(5, &letters()).unwrap(),
    ];
    let line = prose(400, 9).replace('\n', " ");
    let found = run(&entrants, source(&line), Mixing::No, &options()).unwrap();
    let units = found.units.unwrap();
    let tokens = found.models[0].evaluation.tokens;
    assert_eq!(units.of, UnitOf::Tokens);
    assert!(
        units.count <= 1000 && units.count as u64 == tokens.div_ceil(units.each) && units.each > 1
    );
    assert!(found.models[0].interval.is_some() && found.pairs[0].difference.p_value.is_some());
    assert!(found.notes.iter().any(|note| note.contains("only 1 line:")));

    let found = run(&entrants, source("abc"), Mixing::No, &options()).unwrap();
    assert!(found.units.is_none() && found.models[0].interval.is_none());
    assert!(found.no_intervals_because.unwrap().contains("only 1 line:"));
    assert_eq!(found.pairs[0].difference.p_value, None);
}

#[test]
fn results_are_repeatable_and_become_json() {
    let text = prose(50, 10);
    let entrants = [
        network("gru", Cell::Gru, letters()),
        Entrant::cache(5, &letters()).unwrap(),
    ];
    let result = |seed, resamples| {
        let options = Options {
            seed,
            resamples,
            charge_oov_bits: Some(1.0),
            ..options()
        };
        let mut json = run(
            &entrants,
            source(&text),
            Mixing::On(source(&text)),
            &options,
        )
        .map(|found| serde_json::to_value(found).unwrap())
        .unwrap();
        for model in json["models"].as_array_mut().unwrap() {
            model["seconds"].take();
            model["tokens_per_second"].take();
        }
        json["mixture"]["seconds"].take();
        json["mixture"]["tokens_per_second"].take();
        json
    };
    let found = result(1, 199);
    assert_eq!(result(1, 199), found);
    assert_ne!(
        result(2, 199)["models"][0]["interval"],
        found["models"][0]["interval"]
    );
    assert_eq!(found["measure"], "token");
    assert_eq!(found["units"]["of"], "lines");
    assert_eq!(found["models"][0]["vocab_kind"], "chars");
    assert_eq!(found["models"][1]["spelling_nats"], 0.0);
    assert!(found["models"][1]["bytes_per_parameter"].is_null());
    assert!(found["pairs"][0]["p_value"].is_number());
    assert_eq!(found["mixture"]["weights"].as_array().unwrap().len(), 2);
    assert_eq!(found["mixture"]["optimistic"], true);
    for (resamples, charge) in [(98, 1.0), (1_000_001, 1.0), (199, -1.0), (199, f64::NAN)] {
        let options = Options {
            resamples,
            charge_oov_bits: Some(charge),
            ..Options::default()
        };
        assert!(run(&entrants, source(&text), Mixing::No, &options).is_err());
    }
}
