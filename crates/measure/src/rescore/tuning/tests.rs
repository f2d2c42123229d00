use super::*;

fn errors(total: u32) -> WordErrors {
    WordErrors {
        substitutions: total,
        words: 10,
        ..WordErrors::default()
    }
}

/// Development lists in which the best weights are near lm 0.5, words −1: hypotheses with larger totals by these have fewer errors.
fn lists(n: usize, noise: f64) -> Vec<DevList> {
    let hidden = Weights {
        lm_weight: 0.5,
        word_penalty: -1.0,
        ..Weights::default()
    };
    let list = |number: usize| {
        let mut stream = Stream::new(key(5, Site::Laboratory, number as u64));
        let mut features: Vec<Features> = Vec::new();
        for _ in 0..20 {
            let words = f64::from(8 + stream.below(5));
            let list = 10.0 * stream.normal() - words;
            let lm = 10.0 * stream.normal() - 2.0 * words;
            features.push([list, 0.0, lm, words, 0.0]);
        }
        let totals = features.iter().map(|features| hidden.total(features));
        let totals: Vec<f64> = totals
            .map(|total| total + noise * stream.normal())
            .collect();
        let rank = |i: usize| totals.iter().filter(|total| **total > totals[i]).count();
        let errors: Vec<WordErrors> = (0..20).map(|i| errors(rank(i) as u32 / 2)).collect();
        DevList::new(&features, &errors)
    };
    (0..n).map(list).collect()
}

fn options() -> TuneOptions {
    TuneOptions {
        start: Weights::default(),
        restarts: 5,
        seed: 1,
    }
}

#[test]
fn an_envelope_is_the_best_hypothesis_everywhere() {
    for list in &lists(30, 1.0) {
        for direction in [
            [0.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.3, -2.0, 0.0],
        ] {
            let start = Weights::default();
            let envelope = envelope(list, start, direction);
            assert!(envelope.windows(2).all(|pair| pair[0].0 < pair[1].0));
            for (i, &(from, hypothesis)) in envelope.iter().enumerate() {
                let to = envelope
                    .get(i + 1)
                    .map_or(from.max(-50.0) + 2.0, |next| next.0);
                let gamma = (from.max(to - 2.0) + to) / 2.0;
                let array = start.to_array();
                let there = std::array::from_fn(|i| array[i] + gamma * direction[i]);
                let best = Weights::from_array(there).best(&list.features);
                assert_eq!(best, hypothesis);
            }
        }
    }
}

#[test]
fn the_errors_of_every_interval_are_those_of_its_weights() {
    let lists = lists(30, 5.0);
    let mut search = Search::new(&lists, &options());
    let direction = search.direction(|i| f64::from(i == LM));
    let start = Weights::default();
    let plateaus = search.plateaus(start, direction);
    assert!(plateaus.len() > 20, "{}", plateaus.len());
    for plateau in &plateaus {
        let weights = moved(start, direction, (plateau.from + plateau.to) / 2.0);
        assert!(weights.lm_weight >= 0.0);
        assert_eq!(i64::from(search.errors(weights).total()), plateau.errors);
    }
    let joined = |pair: &[Plateau]| pair[0].to == pair[1].from && pair[0].errors != pair[1].errors;
    assert!(plateaus.windows(2).all(joined));
}

#[test]
fn no_grid_finds_fewer_errors() {
    for noise in [0.0, 5.0] {
        let lists = lists(40, noise);
        let found = tune(&lists, &options(), &mut |_| {}).unwrap();
        assert_eq!(found.tuned, [false, false, true, true, false]);
        let search = Search::new(&lists, &options());
        let mut least = u32::MAX;
        for lm in 0..60 {
            for words in -60..60 {
                let weights = Weights {
                    lm_weight: f64::from(lm) / 20.0,
                    word_penalty: f64::from(words) / 10.0,
                    ..Weights::default()
                };
                least = least.min(search.errors(weights).total());
            }
        }
        let here = found.errors.total();
        assert!(here <= least, "{here} for {least}");
        assert!(here < search.errors(Weights::default()).total());
        if noise == 0.0 {
            assert_eq!(here, 0);
            assert!((found.weights.lm_weight - 0.5).abs() < 0.1, "{found:?}");
        }
        // The same every time.
        assert_eq!(tune(&lists, &options(), &mut |_| {}).unwrap(), found);
    }
}

#[test]
fn without_scores_of_the_list_the_model_s_weight_stays() {
    let mut lists = lists(20, 1.0);
    for list in &mut lists {
        list.features
            .iter_mut()
            .for_each(|features| features[LIST] = 0.0);
    }
    let found = tune(&lists, &options(), &mut |_| {}).unwrap();
    assert_eq!(found.tuned, [false, false, false, true, false]);
    assert_eq!(found.weights.lm_weight, 1.0);
    assert_ne!(found.weights.word_penalty, 0.0);
}

#[test]
fn hypotheses_that_the_model_excludes_do_not_count() {
    let excluded = [0.0, 0.0, f64::NEG_INFINITY, 1.0, 0.0];
    let list = DevList::new(&[excluded, [0.0; 5]], &[errors(0), errors(3)]);
    assert_eq!(list.errors_at(Weights::default()), errors(3));
    let list = DevList::new(&[excluded, excluded], &[errors(1), errors(0)]);
    assert_eq!(list.errors_at(Weights::default()), errors(1));
    let no_words = DevList::new(&[[0.0; 5]], &[WordErrors::default()]);
    assert!(tune(&[no_words], &options(), &mut |_| {}).is_err());
    // Nothing differs, so nothing is tuned.
    let found = tune(&[list], &options(), &mut |_| {}).unwrap();
    assert_eq!(
        (found.weights, found.tuned),
        (Weights::default(), [false; 5])
    );
}
