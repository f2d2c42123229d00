//! Figures, their intervals and their JSON.

use super::*;

#[test]
fn figures_are_those_of_evaluation_to_the_bit() {
    // More tokens than are read at once.
    let text = prose(400, 3);
    let models = [
        network("gru", Cell::GRU, letters()),
        network("lstm", Cell::LSTM, letters()),
        NamedModel::cache(50, &letters()).unwrap(),
    ];
    let together = run(&models, source(&text), Mixing::No, &options()).unwrap();
    assert_eq!(together.measure, Measure::Token);
    for (named, entry) in models.iter().zip(&together.models) {
        let expected = timeless(alone(named, &text));
        assert_eq!(
            timeless(entry.evaluation.clone()),
            expected,
            "{}",
            named.name
        );
        let single = run(
            std::slice::from_ref(named),
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
fn short_texts_are_drawn_by_tokens_and_very_short_ones_not_at_all() {
    let models = [
        network("gru", Cell::GRU, letters()),
        NamedModel::cache(5, &letters()).unwrap(),
    ];
    let line = prose(400, 9).replace('\n', " ");
    let found = run(&models, source(&line), Mixing::No, &options()).unwrap();
    let units = found.units.unwrap();
    let tokens = found.models[0].evaluation.tokens;
    assert_eq!(units.of, UnitOf::Tokens);
    assert!(
        units.count <= 1000 && units.count as u64 == tokens.div_ceil(units.each) && units.each > 1
    );
    assert!(found.models[0].interval.is_some() && found.pairs[0].difference.p_value.is_some());
    assert!(found.notes.iter().any(|note| note.contains("only 1 line:")));

    let found = run(&models, source("abc"), Mixing::No, &options()).unwrap();
    assert!(found.units.is_none() && found.models[0].interval.is_none());
    assert!(found.no_intervals_because.unwrap().contains("only 1 line:"));
    assert_eq!(found.pairs[0].difference.p_value, None);
}

#[test]
fn results_are_repeatable_and_become_json() {
    let text = prose(50, 10);
    let models = [
        network("gru", Cell::GRU, letters()),
        NamedModel::cache(5, &letters()).unwrap(),
    ];
    let result = |seed, resamples| {
        let options = Options {
            seed,
            resamples,
            charge_oov_bits: Some(1.0),
            ..options()
        };
        let mut json = run(&models, source(&text), Mixing::On(source(&text)), &options)
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
        assert!(run(&models, source(&text), Mixing::No, &options).is_err());
    }
}
