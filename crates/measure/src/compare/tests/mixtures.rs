//! Mixtures of models.

use super::*;

#[test]
fn a_mixture_is_fitted_on_one_text_and_judged_on_another() {
    let (dev, text) = (prose(90, 6), prose(70, 7));
    let models = [
        network("gru", Cell::GRU, letters()),
        network("lstm", Cell::LSTM, letters()),
        NamedModel::cache(100, &letters()).unwrap(),
    ];
    let found = run(&models, source(&text), Mixing::On(source(&dev)), &options()).unwrap();
    let mixture = found.mixture.unwrap();
    assert!(!mixture.fit.optimistic && mixture.fit.fit_converged);
    assert_eq!(found.models.len(), 3);
    assert_eq!(found.pairs.len(), 3);

    // By hand: the same weights from the models' own losses, and the loss from the weights.
    let losses = |text: &str| -> Vec<Vec<f64>> {
        let mut ids = letters().tokenize(text.as_bytes()).unwrap().ids;
        ids.push(letters().eos());
        let read = |named: &NamedModel| {
            let mut nats = vec![0.0; ids.len()];
            let mut session = named.model.session();
            session.nats(&ids, &mut nats).unwrap();
            nats
        };
        models.iter().map(read).collect()
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
        &models,
        Source::files(&[on_disk.path()]),
        Mixing::OnText,
        &options(),
    )
    .unwrap();
    let own = own.mixture.unwrap();
    assert!(own.fit.optimistic && own.entry.evaluation.loss_nats <= least + 1e-9);
    assert!(own.entry.evaluation.loss_nats <= e.loss_nats + 1e-9);
    let same = run(
        &models,
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
    let models = [
        network("chars", Cell::GRU, letters()),
        network("bytes", Cell::GRU, Vocab::bytes()),
    ];
    let mix = || Mixing::On(source(&text));
    let error = run(&models, source(&text), mix(), &options())
        .unwrap_err()
        .to_string();
    for part in [
        "cannot be mixed",
        "chars (kind chars, 22 entries)",
        "bytes (kind bytes, 257 entries)",
        "with the vocabulary of the other",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = run(&models[..1], source(&text), mix(), &options()).unwrap_err();
    assert!(error.to_string().contains("two models"), "{error}");
}
