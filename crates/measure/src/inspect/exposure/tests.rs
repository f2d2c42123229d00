//! Against enumeration of all prefixes in f64, and the laws of the meter.

use super::*;
use elman_infer::testing::{bigrams, cpu, model_of, tokens, vocab};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::Cell;
use elman_text::{Kind, Vocab};

/// Six tokens: `<eos>`, `<unk>` and four letters.
fn letters() -> Vocab {
    vocab(Kind::Chars, "abcd")
}

fn network() -> Model {
    Model::from(model_of(Cell::GRU, false, letters())).with_cpu(cpu())
}

fn source() -> Model {
    Model::from(bigrams(letters()))
}

fn measure(model: &Model, oracle: &Model, ids: Option<&[u32]>, options: &Options) -> Exposure {
    exposure(model, oracle, ids, options, &mut |_| ()).unwrap()
}

/// p(· | prefix) in f64, without `<unk>`, from a reader that has nothing but the prefix.
fn distribution(model: &Model, prefix: &[u32]) -> Vec<f64> {
    let never = model.vocab().unk().unwrap() as usize;
    let mut session = model.session();
    session.feed_tokens(prefix).unwrap();
    let logits = session.logits();
    let weights: Vec<f64> = logits.iter().map(|z| f64::from(*z).exp()).collect();
    let sum = weights.iter().sum::<f64>() - weights[never];
    let p = weights.iter().map(|w| w / sum);
    p.enumerate()
        .map(|(id, p)| if id == never { 0.0 } else { p })
        .collect()
}

/// KL(p ‖ q), KL(q ‖ p), TV.
fn plain(p: &[f64], q: &[f64]) -> [f64; 3] {
    let kl = |p: &[f64], q: &[f64]| -> f64 {
        let terms = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
        terms.map(|(p, q)| p * (p / q).ln()).sum()
    };
    let tv = p.iter().zip(q).map(|(p, q)| (p - q).abs() / 2.0).sum();
    [kl(p, q), kl(q, p), tv]
}

/// The exact expectations after prefixes of `length` tokens that `writer` writes: mean and variance of each measure.
fn enumerated(model: &Model, oracle: &Model, writer: &Model, length: usize) -> [(f64, f64); 3] {
    let mut prefixes = vec![(Vec::new(), 1.0)];
    for _ in 0..length {
        let longer = prefixes.iter().flat_map(|(prefix, probability)| {
            let next = distribution(writer, prefix).into_iter().zip(0..);
            let next = next.filter(|(p, _)| *p > 0.0);
            next.map(|(p, id)| ([&prefix[..], &[id]].concat(), probability * p))
                .collect::<Vec<_>>()
        });
        prefixes = longer.collect();
    }
    let mut moments = [(0.0, 0.0); 3];
    for (prefix, probability) in &prefixes {
        let values = plain(&distribution(oracle, prefix), &distribution(model, prefix));
        for ((mean, square), value) in moments.iter_mut().zip(values) {
            *mean += probability * value;
            *square += probability * value * value;
        }
    }
    moments.map(|(mean, square)| (mean, square - mean * mean))
}

#[test]
fn means_are_those_of_all_prefixes_by_their_probabilities() {
    let (model, oracle) = (network(), source());
    let options = Options {
        sequences: 4000,
        length: 4,
        resamples: 99,
        ..Options::default()
    };
    let found = measure(&model, &oracle, None, &options);
    assert_eq!(found.truth, Truth::Oracle);
    let near = |figure: Figure, (mean, variance): (f64, f64)| {
        let error = (variance.max(0.0) / options.sequences as f64).sqrt();
        let off = (figure.value - mean).abs();
        assert!(off <= 4.0 * error + 1e-6, "{} for {mean}", figure.value);
    };
    // Lengths 0, 1 and 2 are bands of their own.
    for (length, band) in found.bands[..3].iter().enumerate() {
        let on_true = enumerated(&model, &oracle, &oracle, length);
        let on_own = enumerated(&model, &oracle, &model, length);
        let measures = [band.kl, band.reverse_kl, band.total_variation];
        for (measure, (on_true, on_own)) in measures.iter().zip(on_true.into_iter().zip(on_own)) {
            near(measure.on_true, on_true);
            near(measure.on_own, on_own);
        }
    }
    // There is something to be seen: the two kinds differ by more than chance.
    let kl = found.bands[2].kl;
    let (on_true, on_own) = (
        enumerated(&model, &oracle, &oracle, 2)[0].0,
        enumerated(&model, &oracle, &model, 2)[0].0,
    );
    let Interval { low, high } = kl.difference.interval;
    assert!((on_own - on_true).abs() > 0.02, "{on_own} and {on_true}");
    assert!(low <= kl.difference.value && kl.difference.value <= high && low * high > 0.0);
}

#[test]
fn divergences_after_a_text_are_exact() {
    let (model, oracle) = (network(), source());
    let ids = tokens(6, 40);
    let options = Options {
        sequences: 5,
        length: 6,
        context: 3,
        resamples: 99,
        seed: 4,
    };
    let found = measure(&model, &oracle, Some(&ids), &options);
    assert_eq!((found.truth, found.context), (Truth::Text, 3));
    let text = Excerpts::draw(&ids, model.vocab().eos(), [3, 6, 5], 4).unwrap();
    for band in &found.bands {
        let mut sum = [0.0; 3];
        for sequence in 0..5 {
            for length in band.from..=band.to {
                let mut prefix = text.context_of(sequence);
                prefix.extend((0..length).map(|t| text.token(sequence, t)));
                let values = plain(
                    &distribution(&oracle, &prefix),
                    &distribution(&model, &prefix),
                );
                sum.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += value);
            }
        }
        let cells = (5 * (band.to - band.from + 1)) as f64;
        let measures = [band.kl, band.reverse_kl, band.total_variation];
        for (measure, sum) in measures.iter().zip(sum) {
            assert!((measure.on_true.value - sum / cells).abs() < 1e-6);
        }
    }
    // Both kinds begin with the same true text.
    assert_eq!(found.bands[0].kl.on_true, found.bands[0].kl.on_own);
}

#[test]
fn a_model_that_is_its_source_has_no_divergence() {
    for model in [network(), source()] {
        let found = measure(
            &model,
            &model,
            None,
            &Options {
                sequences: 40,
                ..Options::default()
            },
        );
        for band in found.bands.iter().chain([&found.overall]) {
            for measure in [band.kl, band.reverse_kl, band.total_variation] {
                let values = [measure.on_true, measure.on_own, measure.difference];
                assert!(values.iter().all(|figure| figure.value == 0.0));
                assert_eq!(measure.ratio, None);
            }
        }
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    let (model, oracle) = (network(), source());
    let options = Options {
        sequences: BATCH_SIZE + 3,
        length: 9,
        resamples: 99,
        ..Options::default()
    };
    let together = measure(&model, &oracle, None, &options);
    let model = model.with_cpu(Cpu::new(Isa::detect(), 1));
    let alone = exposure(&model, &oracle, None, &options, &mut |_| ()).unwrap();
    assert_eq!(together, alone);
    let pair = Pair {
        model: &model,
        oracle: &oracle,
        text: None,
        length: 9,
        seed: options.seed,
    };
    for writer in [Writer::Oracle, Writer::Model] {
        let all = pair.walk(writer, 0..BATCH_SIZE).unwrap();
        assert_eq!(pair.walk(writer, 7..8).unwrap()[0], all[7]);
    }
}

#[test]
fn bands_double_and_end_where_prefixes_do() {
    assert_eq!(bands(1), [0..=0, 1..=1]);
    assert_eq!(bands(7), [0..=0, 1..=1, 2..=2, 3..=4, 5..=7]);
    assert_eq!(bands(8), [0..=0, 1..=1, 2..=2, 3..=4, 5..=8]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let refused = |model: &Model, oracle: &Model, options: &Options| {
        let error = exposure(model, oracle, None, options, &mut |_| ()).unwrap_err();
        error.to_string()
    };
    let options = Options::default();
    let others = vocab(Kind::Chars, "abce");
    let other = Model::from(bigrams(others));
    assert!(refused(&network(), &other, &options).contains("with the vocabulary of the other"));
    let lines = model_of(Cell::GRU, false, letters()).with_layout(Layout::Sentences);
    let lines = Model::from(lines);
    assert!(refused(&lines, &source(), &options).contains("sentences"));
    let one = Options {
        sequences: 1,
        ..options
    };
    assert!(refused(&network(), &source(), &one).contains("sequences"));
}
