//! Every rule against a plain loop, bit by bit, with everything that an update may do beside it.
//! PyTorch's numbers for the rules are held where they are put together, in `elman`'s tests.

use super::noise::tests::normal_at;
use super::*;
use crate::testing::{SIZES, bits, machines, numbers};
use crate::{Format, Isa, Packed};

const LR: f32 = 0.2;

const ADAM: Adam = Adam {
    lr: 0.2,
    beta1: 0.8,
    beta2: 0.99,
    eps: 1e-8,
    bias1: 0.36,
    bias2: 0.0199,
};

const RMS: RmsProp = RmsProp {
    lr: 0.2,
    alpha: 0.9,
    eps: 1e-6,
    momentum: 0.7,
};

/// The rules, each with its plain loop's body: the weight after a step from weight, gradient and
/// moments.
type Body = fn(f32, f32, &mut [f32; 3]) -> f32;

fn rms(centred: bool, momentum: bool, w: f32, g: f32, m: &mut [f32; 3]) -> f32 {
    let rate = (1.0 - RMS.alpha) as f32;
    let [square, mean, buffer] = m;
    *square = (g * g).mul_add(rate, *square * RMS.alpha as f32);
    let mut variance = *square;
    if centred {
        *mean = (g - *mean).mul_add(rate, *mean);
        variance = (-*mean).mul_add(*mean, *square).max(0.0);
    }
    let mut step = g / (variance.sqrt() + RMS.eps as f32);
    if momentum {
        *buffer = *buffer * RMS.momentum + step;
        step = *buffer;
    }
    (-step).mul_add(LR, w)
}

const RULES: [(&str, Body); 9] = [
    ("sgd", |w, g, _| (-g).mul_add(LR, w)),
    ("momentum", |w, g, m| {
        m[0] = m[0] * 0.9 + g;
        (-m[0]).mul_add(LR, w)
    }),
    ("nesterov", |w, g, m| {
        m[0] = m[0] * 0.9 + g;
        (-m[0].mul_add(0.9, g)).mul_add(LR, w)
    }),
    ("adam", |w, g, m| {
        m[0] = (g - m[0]).mul_add((1.0 - ADAM.beta1) as f32, m[0]);
        m[1] = (g * g).mul_add((1.0 - ADAM.beta2) as f32, m[1] * ADAM.beta2 as f32);
        let root = m[1].sqrt() / ADAM.bias2.sqrt() as f32;
        let step = m[0] / (root + ADAM.eps as f32);
        (-step).mul_add((ADAM.lr / ADAM.bias1) as f32, w)
    }),
    ("rmsprop", |w, g, m| rms(false, false, w, g, m)),
    ("rmsprop, centred", |w, g, m| rms(true, false, w, g, m)),
    ("rmsprop, momentum", |w, g, m| rms(false, true, w, g, m)),
    ("rmsprop, both", |w, g, m| rms(true, true, w, g, m)),
    ("adagrad", |w, g, m| {
        m[0] = g.mul_add(g, m[0]);
        (-(g / (m[0].sqrt() + 1e-10))).mul_add(LR, w)
    }),
];

/// One step of the rule that has this name.
fn step(cpu: &Cpu, name: &str, operands: Operands, prepare: Prepare, moments: [&mut [f32]; 3]) {
    let [a, b, c] = moments;
    let momentum = |nesterov| Momentum {
        lr: LR,
        mu: 0.9,
        nesterov,
    };
    let (centred, heavy) = match name {
        "rmsprop, centred" => (true, false),
        "rmsprop, momentum" => (false, true),
        "rmsprop, both" => (true, true),
        _ => (false, false),
    };
    match name {
        "sgd" => sgd(cpu, operands, prepare, LR),
        "momentum" => sgd_momentum(cpu, operands, prepare, momentum(false), a),
        "nesterov" => sgd_momentum(cpu, operands, prepare, momentum(true), a),
        "adam" => adam(cpu, operands, prepare, ADAM, a, b),
        "adagrad" => adagrad(cpu, operands, prepare, Adagrad { lr: LR, eps: 1e-10 }, a),
        _ => {
            let moments = RmsMoments {
                square: a,
                mean: centred.then_some(b),
                buffer: heavy.then_some(c),
            };
            rmsprop(cpu, operands, prepare, RMS, moments);
        }
    }
}

/// With nothing beside the rule, with everything, and each alone where they might hide each other.
fn preparations() -> [Prepare; 4] {
    let noise = Noise {
        key: [3, 4],
        sigma: 0.01,
        first: 160,
    };
    [
        Prepare::NOTHING,
        Prepare {
            limit: 0.5,
            scale: 0.3,
            ..Prepare::NOTHING
        },
        Prepare {
            noise: Some(noise),
            keep: 0.99,
            ..Prepare::NOTHING
        },
        Prepare {
            limit: 0.4,
            scale: 1.5,
            noise: Some(noise),
            keep: 1.0,
            join: 0.01,
        },
    ]
}

#[test]
fn every_rule_is_its_plain_loop_on_every_machine() {
    for (name, body) in RULES {
        for (case, prepare) in preparations().into_iter().enumerate() {
            for n in SIZES.into_iter().chain([30_003]) {
                let before = |seed| numbers(n, seed);
                // Squares and means such that every variance is positive, and some are not.
                let square: Vec<f32> = before(3).iter().map(|x| x.abs()).collect();
                let rate = [None, Some(1.0), Some(0.25)][case % 3];

                let (mut w, gradient, mut average) = (before(1), before(2), before(6));
                let (mut first, mut second, mut third) = (square.clone(), before(4), before(5));
                if name == "adam" {
                    (first, second) = (before(4), square);
                }
                let moments = [first.clone(), second.clone(), third.clone()];
                for i in 0..n {
                    let g = gradient[i].clamp(-prepare.limit, prepare.limit);
                    let mut g = g * prepare.scale;
                    if let Some(noise) = prepare.noise {
                        g = normal_at(noise.first + i, noise.key).mul_add(noise.sigma, g);
                    }
                    let weight = w[i] * prepare.keep;
                    let g = weight.mul_add(prepare.join, g);
                    let mut m = [first[i], second[i], third[i]];
                    w[i] = body(weight, g, &mut m);
                    [first[i], second[i], third[i]] = m;
                    average[i] = match rate {
                        None => average[i],
                        Some(1.0) => w[i],
                        Some(rate) => (w[i] - average[i]).mul_add(rate, average[i]),
                    };
                }
                let expected = [w, average, first, second, third].map(|x| bits(&x));

                for cpu in machines() {
                    let (mut w, g, mut average) = (before(1), before(2), before(6));
                    let [mut a, mut b, mut c] = moments.clone();
                    let operands = Operands {
                        w: &mut w,
                        g: &g,
                        average: rate.map(|rate| Average {
                            values: &mut average,
                            rate,
                        }),
                        panels: None,
                    };
                    step(&cpu, name, operands, prepare, [&mut a, &mut b, &mut c]);
                    let found = [w, average, a, b, c].map(|x| bits(&x));
                    assert!(found == expected, "{name}, case {case}, {n} elements");
                }
            }
        }
    }
}

/// A part of an arena gets its part of the noise.
#[test]
fn noise_belongs_to_the_place() {
    let cpu = Cpu::new(Isa::detect(), 2);
    let noisy = |first, n: usize| {
        let (mut w, g) = (vec![0.0; n], vec![0.0; n]);
        let operands = Operands {
            w: &mut w,
            g: &g,
            average: None,
            panels: None,
        };
        let noise = Some(Noise {
            key: [1, 2],
            sigma: 1.0,
            first,
        });
        let prepare = Prepare {
            noise,
            ..Prepare::NOTHING
        };
        sgd(&cpu, operands, prepare, 1.0);
        w
    };
    let whole = noisy(0, 200);
    assert_eq!(noisy(48, 100), whole[48..148]);
    assert!(whole.iter().all(|x| *x != 0.0));
}

/// Rounding makes the variance of equal gradients negative now and then.
#[test]
fn centred_rmsprop_survives_a_variance_of_nothing() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let n = 64;
    let (mut w, mut square, mut mean) = (vec![0.0f32; n], vec![0.0; n], vec![0.0; n]);
    let gradient: Vec<f32> = (1..=n).map(|i| i as f32 / 7.0).collect();
    for _ in 0..2000 {
        let operands = Operands {
            w: &mut w,
            g: &gradient,
            average: None,
            panels: None,
        };
        let moments = RmsMoments {
            square: &mut square,
            mean: Some(&mut mean),
            buffer: None,
        };
        rmsprop(&cpu, operands, Prepare::NOTHING, RMS, moments);
    }
    let negative = |(s, m): (&f32, &f32)| (-m).mul_add(*m, *s) < 0.0;
    assert!(square.iter().zip(&mean).any(negative), "nothing was tested");
    assert!(w.iter().all(|w| w.is_finite()));
}

#[test]
fn adam_without_a_gradient_stands_still() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let mut w = [0.5f32; 3];
    let operands = Operands {
        w: &mut w,
        g: &[0.0; 3],
        average: None,
        panels: None,
    };
    let (mut m, mut v) = ([0.0; 3], [0.0; 3]);
    adam(&cpu, operands, Prepare::NOTHING, ADAM, &mut m, &mut v);
    assert_eq!(w, [0.5; 3]);
}

#[test]
fn bias_corrections_are_powers() {
    assert_eq!(Adam::bias(0.9, 0), 0.0);
    assert_eq!(Adam::bias(0.5, 3), 0.875);
    for step in [1, 2, 10, 1000, 123_456] {
        let exact = 1.0 - 0.999f64.powf(step as f64);
        assert!((Adam::bias(0.999, step) - exact).abs() <= 1e-12 * exact.max(1e-3));
    }
    assert_eq!(Adam::bias(0.999, u64::MAX), 1.0);
}

/// Weights of any shape are in their panels after an update, whether it goes by stripes or not.
#[test]
fn panels_hold_the_new_weights() {
    let noise = Noise {
        key: [1, 2],
        sigma: 0.1,
        first: 32,
    };
    for cpu in machines() {
        for (gates, cols, k) in [(1, 1, 1), (1, 37, 5), (4, 20, 33), (3, 19, 17), (1, 16, 64)] {
            for format in [Format::F32, Format::Bf16] {
                for noise in [None, Some(noise)] {
                    let n = gates * cols * k;
                    let (mut w, g) = (numbers(n, 1), numbers(n, 2));
                    let mut forward = Packed::new(format, k, gates, cols);
                    let mut backward = Packed::new(format, gates * cols, 1, k);
                    let operands = Operands {
                        w: &mut w,
                        g: &g,
                        average: None,
                        panels: Some(PanelPair::new(&mut forward, &mut backward)),
                    };
                    let prepare = Prepare {
                        noise,
                        ..Prepare::NOTHING
                    };
                    sgd(&cpu, operands, prepare, 0.1);

                    let (mut alone, g) = (numbers(n, 1), numbers(n, 2));
                    let operands = Operands {
                        w: &mut alone,
                        g: &g,
                        average: None,
                        panels: None,
                    };
                    sgd(&cpu, operands, prepare, 0.1);
                    assert_eq!(bits(&w), bits(&alone));
                    let (mut x, mut wt) = (forward.clone(), backward.clone());
                    x.pack_transposed(&cpu, &w);
                    wt.pack(&cpu, &w);
                    assert!(forward.holds_the_same_as(&x), "{gates}·{cols}×{k} forward");
                    assert!(
                        backward.holds_the_same_as(&wt),
                        "{gates}·{cols}×{k} backward"
                    );
                }
            }
        }
    }
}

/// Leaves the weights as they are.
#[derive(Clone, Copy)]
struct Idle;

impl Rule<1> for Idle {
    unsafe fn step<V: Vector>(&self, weight: V, _: V, _: &mut [V; 1]) -> V {
        weight
    }
}

#[test]
fn a_pass_refuses_slices_of_different_lengths() {
    for isa in Isa::supported() {
        for (gradient, moment, average) in [(20, 20, 20), (19, 20, 20), (20, 19, 20), (20, 20, 19)]
        {
            let outcome = std::panic::catch_unwind(|| {
                isa.run(Pass {
                    first: 0,
                    w: &mut [1.0; 20],
                    g: &vec![1.0; gradient],
                    average: Some(Average {
                        values: &mut vec![1.0; average],
                        rate: 0.5,
                    }),
                    moments: [&mut vec![1.0; moment]],
                    prepare: Prepare::NOTHING,
                    rule: Idle,
                });
            });
            let fit = [gradient, moment, average] == [20; 3];
            assert_eq!(outcome.is_ok(), fit, "{isa:?}");
        }
    }
}
