use super::*;
use elman_infer::mix;
use elman_kernels::rng::{Site, Stream, key};

/// Losses of `models` models on `tokens` tokens; model m is good at every token t with t mod (m + 2) = 0.
fn losses(models: usize, tokens: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(key(seed, Site::Init, 0));
    let row = |t: usize, stream: &mut Stream| {
        let nats = |m: usize| match t.is_multiple_of(m + 2) {
            true => stream.uniform_f64(),
            false => 1.0 + 7.0 * stream.uniform_f64(),
        };
        (0..models).map(nats).collect()
    };
    (0..tokens).map(|t| row(t, &mut stream)).collect()
}

fn likelihoods(rows: &[Vec<f64>]) -> Likelihoods {
    let mut all = Likelihoods::new(rows[0].len());
    for row in rows {
        all.push(row.iter().copied()).unwrap();
    }
    all
}

fn loss(rows: &[Vec<f64>], weights: &[f64]) -> f64 {
    let p = |row: &Vec<f64>| -> f64 {
        row.iter()
            .zip(weights)
            .map(|(nats, weight)| weight * (-nats).exp())
            .sum()
    };
    -rows.iter().map(|row| p(row).ln()).sum::<f64>() / rows.len() as f64
}

#[test]
fn em_finds_what_a_search_finds() {
    for seed in 0..5 {
        let rows = losses(2, 400, seed);
        let fit = likelihoods(&rows).fit();
        assert!(fit.converged && fit.rounds > 3);
        let grid = (0..=100_000).map(|i| f64::from(i) / 100_000.0);
        let (best, at) = grid
            .map(|weight| (loss(&rows, &[weight, 1.0 - weight]), weight))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap();
        assert!(
            (fit.weights[0] - at).abs() < 2e-3,
            "{} {at}",
            fit.weights[0]
        );
        assert!(fit.loss_nats < best + 1e-6, "{} {best}", fit.loss_nats);
        assert!((fit.loss_nats - loss(&rows, &fit.weights)).abs() < 1e-8);
        assert!((fit.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn the_mixture_is_never_worse_than_the_best_model_where_it_was_fitted() {
    for models in [1, 3, 5] {
        let rows = losses(models, 300, 7);
        let fit = likelihoods(&rows).fit();
        for m in 0..models {
            let alone = rows.iter().map(|row| row[m]).sum::<f64>() / 300.0;
            assert!(fit.loss_nats <= alone + 1e-8, "{models} {m}");
        }
    }
    // A model that is better at every token takes all the weight.
    let rows: Vec<Vec<f64>> = losses(1, 200, 8)
        .iter()
        .map(|row| vec![row[0], row[0] + 1.0])
        .collect();
    assert!(likelihoods(&rows).fit().weights[0] > 0.999_999);
}

#[test]
fn the_order_of_models_and_tokens_does_not_matter() {
    let rows = losses(3, 500, 9);
    let fit = likelihoods(&rows).fit();
    let turned: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| vec![row[2], row[0], row[1]])
        .collect();
    let other = likelihoods(&turned).fit();
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        assert!((fit.weights[a] - other.weights[b]).abs() < 1e-9);
    }
    let backwards: Vec<Vec<f64>> = rows.iter().rev().cloned().collect();
    let other = likelihoods(&backwards).fit();
    for (a, b) in fit.weights.iter().zip(&other.weights) {
        assert!((a - b).abs() < 1e-9);
    }
    assert_eq!(likelihoods(&rows).fit(), fit, "the same bits");
}

#[test]
fn impossible_tokens_are_carried_by_whoever_can() {
    let infinite = f64::INFINITY;
    let rows = [vec![infinite, 2.0], vec![1.0, infinite], vec![1.0, 5.0]];
    let fit = likelihoods(&rows).fit();
    assert!(fit.weights.iter().all(|&weight| weight > 0.1), "{fit:?}");
    assert!(fit.loss_nats.is_finite());
    let mut all = likelihoods(&rows);
    let error = all.push([infinite, infinite].into_iter()).unwrap_err();
    assert!(error.to_string().contains("token 4"), "{error}");
    assert_eq!(mix([infinite, infinite].into_iter(), &[0.5, 0.5]), infinite);
    assert_eq!(mix([infinite, 1.0].into_iter(), &[1.0, 0.0]), infinite);
}

#[test]
fn mixing_is_the_definition_and_does_not_underflow() {
    for row in losses(3, 50, 10) {
        let weights = [0.2, 0.5, 0.3];
        let p: f64 = row
            .iter()
            .zip(weights)
            .map(|(nats, weight)| weight * (-nats).exp())
            .sum();
        assert!((mix(row.into_iter(), &weights) + p.ln()).abs() < 1e-12);
    }
    let deep = mix([5000.0, 5000.0].into_iter(), &[0.5, 0.5]);
    assert!((deep - 5000.0).abs() < 1e-9);
    // Alone with all the weight a model says the same as without a mixture, to the bit.
    assert_eq!(mix([3.7, 9.1].into_iter(), &[1.0, 0.0]), 3.7);
}
