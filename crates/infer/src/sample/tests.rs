use super::filter::nucleus;
use super::*;
use elman_kernels::rng::{Site, key};
use proptest::prelude::*;

fn stream(seed: u64) -> Stream {
    Stream::new(key(seed, Site::Sample, 0))
}

fn sampler(sampling: &Sampling, vocab: usize) -> Sampler {
    Sampler::new(sampling, vocab, stream(3)).unwrap()
}

/// The distribution that `sampling` draws from, by the definitions and in f64.
fn oracle(
    logits: &[f32],
    sampling: &Sampling,
    history: &[u32],
    allowed: Option<&[u32]>,
) -> Vec<f64> {
    let start = history.len()
        - sampling
            .repetition_window
            .unwrap_or(history.len())
            .min(history.len());
    let penalty = f64::from(sampling.repetition_penalty);
    let mut z: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
    for (id, z) in z.iter_mut().enumerate() {
        if history[start..].contains(&(id as u32)) {
            *z = if *z > 0.0 { *z / penalty } else { *z * penalty };
        }
        let allowed = allowed.is_none_or(|allowed| allowed.contains(&(id as u32)));
        if sampling.banned.contains(&(id as u32)) || !allowed {
            *z = f64::NEG_INFINITY;
        }
    }
    let mut order: Vec<usize> = (0..z.len()).collect();
    order.sort_by(|&a, &b| z[b].total_cmp(&z[a]).then(a.cmp(&b)));
    if sampling.temperature == 0.0 {
        let mut p = vec![0.0; z.len()];
        p[order[0]] = 1.0;
        return p;
    }
    let most = z[order[0]];
    let mut p: Vec<f64> = z
        .iter()
        .map(|z| ((z - most) / f64::from(sampling.temperature)).exp())
        .collect();
    let normalise = |p: &mut Vec<f64>| {
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
    };
    normalise(&mut p);
    for &id in order.iter().skip(sampling.top_k.unwrap_or(z.len())) {
        p[id] = 0.0;
    }
    normalise(&mut p);
    let mut above = 0.0;
    let whole = p.clone();
    for &id in &order {
        if sampling.top_p < 1.0 && above >= f64::from(sampling.top_p) {
            p[id] = 0.0;
        }
        above += whole[id];
    }
    normalise(&mut p);
    let least = f64::from(sampling.min_p) * p[order[0]];
    p.iter_mut().filter(|p| **p < least).for_each(|p| *p = 0.0);
    normalise(&mut p);
    if sampling.typical < 1.0 {
        let information = |p: f64| if p > 0.0 { -p.ln() } else { 0.0 };
        let entropy: f64 = p.iter().map(|&p| p * information(p)).sum();
        let far = |id: usize| (information(p[id]) - entropy).abs();
        order.retain(|&id| p[id] > 0.0);
        // Equal probabilities are as far in exact arithmetic only if they are the same number, and these are.
        let place: Vec<usize> = order.clone();
        let rank = |id: usize| place.iter().position(|&other| other == id);
        order.sort_by(|&a, &b| far(a).total_cmp(&far(b)).then(rank(a).cmp(&rank(b))));
        let (whole, mut above) = (p.clone(), 0.0);
        for &id in &order {
            if above >= f64::from(sampling.typical) {
                p[id] = 0.0;
            }
            above += whole[id];
        }
        normalise(&mut p);
    }
    p
}

/// The distribution of a sampler, from its own weights.
fn distribution(
    sampling: &Sampling,
    logits: &[f32],
    history: &[u32],
    allowed: Option<&[u32]>,
) -> Vec<f64> {
    let mut sampler = sampler(sampling, logits.len());
    history.iter().for_each(|&id| sampler.observe(id));
    let chosen = sampler.choose(Isa::detect(), logits, allowed).unwrap();
    let mut p = vec![0.0; logits.len()];
    if sampling.temperature == 0.0 {
        p[chosen as usize] = 1.0;
        return p;
    }
    // Where nothing is filtered, `choose` needs no list.
    let scores = match sampler.changes_scores() || allowed.is_some() {
        true => sampler.scores.clone(),
        false => logits.to_vec(),
    };
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let Sampler {
        filters, weights, ..
    } = &mut sampler;
    let kept = filters.keep(sampling, &scores, weights, most);
    let weight = |id: u32| f64::from(weights[id as usize]);
    let sum: f64 = kept.iter().map(|&id| weight(id)).sum();
    for &id in kept {
        p[id as usize] = weight(id) / sum;
    }
    p
}

proptest! {
    #[test]
    fn filters_keep_what_their_definitions_say(
        // Multiples of 1/8, so that ties are common and no sum falls on a threshold by rounding alone.
        logits in prop::collection::vec((-40i32..40).prop_map(|z| z as f32 / 8.0), 3..300),
        temperature in prop::sample::select(vec![0.0f32, 0.3, 0.7, 1.0, 2.5]),
        top_k in prop::option::of(1usize..40),
        top_p in prop::sample::select(vec![0.013f32, 0.31, 0.57, 0.9137, 0.999, 1.0]),
        min_p in prop::sample::select(vec![0.0f32, 0.0213, 0.3, 1.0]),
        typical in prop::sample::select(vec![0.0137f32, 0.2713, 0.6173, 0.9537, 1.0]),
        penalty in prop::sample::select(vec![0.5f32, 1.0, 1.25, 3.0]),
        window in prop::option::of(1usize..6),
        history in prop::collection::vec(0u32..3, 0..12),
        banned in prop::collection::vec(0u32..2, 0..3),
        allowed in prop::option::of(prop::collection::btree_set(0u32..300, 1..100)),
    ) {
        let allowed = allowed.map(|ids| {
            let ids = ids.into_iter().filter(|&id| (id as usize) < logits.len());
            // The last one is not banned.
            ids.chain([logits.len() as u32 - 1]).collect::<std::collections::BTreeSet<u32>>()
        });
        let allowed = allowed.map(|ids| ids.into_iter().collect::<Vec<u32>>());
        let sampling = Sampling {
            temperature, top_k, top_p, min_p, typical,
            repetition_penalty: penalty,
            repetition_window: window,
            banned,
            ..Sampling::default()
        };
        let found = distribution(&sampling, &logits, &history, allowed.as_deref());
        let expected = oracle(&logits, &sampling, &history, allowed.as_deref());
        for (id, (p, q)) in found.iter().zip(&expected).enumerate() {
            prop_assert!((p - q).abs() < 1e-6, "token {}: {} and {}", id, p, q);
        }
    }

    #[test]
    fn a_nucleus_is_found_however_large(weights in prop::collection::vec(1u32..1000, 1..2000), share in 0.01f64..1.0) {
        let total: u32 = weights.iter().sum();
        let wanted = share * f64::from(total);
        let mut ids: Vec<u32> = (0..weights.len() as u32).collect();
        let weight = |id: u32| f64::from(weights[id as usize]);
        let rank = |a: &u32, b: &u32| weights[*b as usize].cmp(&weights[*a as usize]).then(a.cmp(b));
        let enough = nucleus(&mut ids, wanted, weight, rank);
        let mut sorted: Vec<u32> = (0..weights.len() as u32).collect();
        sorted.sort_by(rank);
        prop_assert_eq!(&ids[..enough], &sorted[..enough]);
        let sum = |n: usize| sorted[..n].iter().map(|&id| weight(id)).sum::<f64>();
        prop_assert!(sum(enough) >= wanted);
        prop_assert!(sum(enough - 1) < wanted);
    }
}

#[test]
fn greedy_takes_the_largest_and_the_lowest_id_of_equals() {
    let logits = [0.5, 2.0, -1.0, 2.0];
    let mut greedy = sampler(&Sampling::greedy(), 4);
    assert_eq!(greedy.choose(Isa::detect(), &logits, None).unwrap(), 1);
    let one = Sampling {
        top_k: Some(1),
        ..Sampling::default()
    };
    assert_eq!(
        sampler(&one, 4)
            .choose(Isa::detect(), &logits, None)
            .unwrap(),
        1
    );
    let cold = Sampling {
        temperature: f32::MIN_POSITIVE,
        banned: vec![1],
        ..Sampling::default()
    };
    assert_eq!(
        sampler(&cold, 4)
            .choose(Isa::detect(), &logits, None)
            .unwrap(),
        3
    );
}

#[test]
fn frequencies_are_the_probabilities() {
    let logits = [1.0, 0.0, -1.0, 0.5, 2.0, -3.0, 1.5];
    let cases = [
        Sampling::default(),
        Sampling {
            temperature: 1.7,
            ..Sampling::default()
        },
        Sampling {
            top_k: Some(3),
            ..Sampling::default()
        },
        Sampling {
            top_p: 0.8,
            ..Sampling::default()
        },
        Sampling {
            min_p: 0.2,
            ..Sampling::default()
        },
        Sampling {
            typical: 0.7,
            ..Sampling::default()
        },
        Sampling {
            top_k: Some(5),
            top_p: 0.9,
            min_p: 0.1,
            temperature: 0.8,
            ..Sampling::default()
        },
    ];
    for sampling in cases {
        let expected = oracle(&logits, &sampling, &[], None);
        let mut sampler = sampler(&sampling, logits.len());
        let n = 40_000;
        let mut counts = [0u32; 7];
        for _ in 0..n {
            counts[sampler.choose(Isa::detect(), &logits, None).unwrap() as usize] += 1;
        }
        let mut chi_square = 0.0;
        for (&count, &p) in counts.iter().zip(&expected) {
            let mean = p * f64::from(n);
            if mean == 0.0 {
                assert_eq!(count, 0, "{sampling:?}");
            } else {
                chi_square += (f64::from(count) - mean).powi(2) / mean;
            }
        }
        // Six degrees of freedom at most: one seed in a thousand is above 22.5, and this seed is fixed.
        assert!(chi_square < 22.5, "{sampling:?}: {chi_square}");
    }
}

#[test]
fn seeds_repeat_and_instruction_sets_agree() {
    let logits: Vec<f32> = (0..500)
        .map(|i| ((i * 37 % 101) as f32 / 20.0).sin() * 3.0)
        .collect();
    let sampling = Sampling {
        top_p: 0.95,
        temperature: 0.9,
        ..Sampling::default()
    };
    let run = |seed, isa| -> Vec<u32> {
        let mut sampler = Sampler::new(&sampling, 500, stream(seed)).unwrap();
        (0..100)
            .map(|_| sampler.choose(isa, &logits, None).unwrap())
            .collect()
    };
    let first = run(1, Isa::detect());
    assert_ne!(first, run(2, Isa::detect()));
    for isa in Isa::supported() {
        assert_eq!(first, run(1, isa), "{}", isa.name());
    }
}

#[test]
fn the_penalty_forgets_what_leaves_its_window() {
    let sampling = Sampling {
        repetition_penalty: 10.0,
        repetition_window: Some(2),
        ..Sampling::greedy()
    };
    let mut sampler = sampler(&sampling, 3);
    // 2.0 / 10 < 1.0 / 10 < 0.5 in turn: each token waits until two others have been chosen.
    let chosen: Vec<u32> = (0..6)
        .map(|_| {
            sampler
                .choose(Isa::detect(), &[2.0, 1.0, 0.5], None)
                .unwrap()
        })
        .collect();
    assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
    // A negative logit is multiplied.
    let mut sampler = Sampler::new(&sampling, 2, stream(1)).unwrap();
    let chosen: Vec<u32> = (0..3)
        .map(|_| sampler.choose(Isa::detect(), &[-1.0, -2.0], None).unwrap())
        .collect();
    assert_eq!(chosen, [0, 1, 0]);
}

#[test]
fn what_means_nothing_is_refused() {
    let defaults = Sampling::default;
    let wrong = [
        (
            Sampling {
                temperature: -1.0,
                ..defaults()
            },
            "temperature",
        ),
        (
            Sampling {
                temperature: f32::NAN,
                ..defaults()
            },
            "temperature",
        ),
        (
            Sampling {
                top_k: Some(0),
                ..defaults()
            },
            "top-k",
        ),
        (
            Sampling {
                top_p: 0.0,
                ..defaults()
            },
            "top-p",
        ),
        (
            Sampling {
                top_p: f32::NAN,
                ..defaults()
            },
            "top-p",
        ),
        (
            Sampling {
                min_p: 1.5,
                ..defaults()
            },
            "min-p",
        ),
        (
            Sampling {
                typical: 0.0,
                ..defaults()
            },
            "typical",
        ),
        (
            Sampling {
                repetition_penalty: 0.0,
                ..defaults()
            },
            "repetition-penalty",
        ),
        (
            Sampling {
                repetition_window: Some(0),
                ..defaults()
            },
            "repetition-window",
        ),
        (
            Sampling {
                banned: vec![0, 1, 2, 2, 9],
                ..defaults()
            },
            "banned",
        ),
    ];
    for (sampling, name) in wrong {
        let error = Sampler::new(&sampling, 3, stream(1))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(name), "{error}");
    }
    for bad in [f32::NAN, f32::INFINITY] {
        for at in 0..3 {
            let mut logits = [1.0, 2.0, 3.0];
            logits[at] = bad;
            assert!(
                sampler(&defaults(), 3)
                    .choose(Isa::detect(), &logits, None)
                    .is_err()
            );
        }
    }
    let none = [f32::NEG_INFINITY; 3];
    assert!(
        sampler(&defaults(), 3)
            .choose(Isa::detect(), &none, None)
            .is_err()
    );
}

/// More than a block, with zeros among the weights and whole blocks of them: the place is that of the plain running sum.
#[test]
fn a_place_is_picked_by_its_weight() {
    for (n, zeros) in [(1, 0..0), (17, 3..9), (300, 0..256), (1000, 256..768)] {
        let mut draws = stream(n as u64);
        let mut weights: Vec<f32> = (0..n).map(|_| draws.uniform_f64() as f32 + 0.01).collect();
        weights[zeros].fill(0.0);
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let mut sum = 0.0;
        for (place, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let middle = (sum + f64::from(weight) / 2.0) / total;
            assert_eq!(pick(middle, &weights), place, "of {n}");
            sum += f64::from(weight);
        }
        // The largest number below 1 that is drawn: the last weight that is not zero, whatever rounding does.
        let last = weights.iter().rposition(|w| *w > 0.0).unwrap();
        assert_eq!(pick(1.0 - f64::EPSILON / 2.0, &weights), last);
    }
}
