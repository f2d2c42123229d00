//! The reference's own backward pass against central differences of its forward pass.
//!
//! What is differentiated is `objective + ⟨d_final, s_T⟩` with a random `d_final`, so what arrives from after the
//! window is checked too. Every element of every tensor is moved by ±ε; tensors are compared by
//! ‖a − n‖ / max(‖a‖, ‖n‖). A rectifier has no derivative at zero: for ReLU the point is drawn
//! again until no pre-activation is nearer to zero than a hundred times ε.

use crate::reference::{Cell, Network, Norm, Outcome, Regularisers, State, Tensors, Window};

const EPSILON: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;
const CELLS: [Cell; 5] = [Cell::Sigmoid, Cell::Tanh, Cell::Relu, Cell::Lstm, Cell::Gru];

#[test]
fn one_layer() {
    for cell in CELLS {
        check(&Case {
            network: network(cell, 1, 4, false),
            ..Case::default()
        });
    }
}

#[test]
fn three_layers_with_carried_state() {
    for cell in CELLS {
        check(&Case {
            network: network(cell, 3, 4, false),
            carried: true,
            ..Case::default()
        });
    }
}

#[test]
fn masked_positions_in_both_norms() {
    for cell in CELLS {
        for norm in [Norm::Tokens, Norm::Sequences] {
            check(&Case {
                network: network(cell, 1, 4, false),
                masked: true,
                norm,
                ..Case::default()
            });
        }
    }
}

#[test]
fn dropout_at_every_site() {
    for cell in CELLS {
        check(&Case {
            network: network(cell, 3, 4, false),
            dropout: true,
            ..Case::default()
        });
    }
}

#[test]
fn tied_weights_and_all_at_once() {
    for cell in CELLS {
        for embed in [5, 4] {
            let network = network(cell, 3, embed, true);
            check(&Case {
                network,
                carried: true,
                masked: true,
                dropout: true,
                norm: Norm::Sequences,
                ..Case::default()
            });
        }
    }
}

#[test]
fn layers_of_different_sizes() {
    for cell in CELLS {
        for tied in [false, true] {
            let network = Network {
                hidden: vec![6, 3, 4],
                ..network(cell, 3, 5, tied)
            };
            check(&Case {
                network,
                carried: true,
                masked: true,
                dropout: true,
                norm: Norm::Tokens,
                ..Case::default()
            });
        }
    }
}

#[test]
fn smoothed_labels_and_penalties() {
    for cell in CELLS {
        for norm in [Norm::Tokens, Norm::Sequences] {
            check(&Case {
                network: network(cell, 2, 4, true),
                carried: true,
                masked: true,
                dropout: true,
                norm,
                regularisers: Regularisers {
                    smoothing: 0.2,
                    ar: 0.7,
                    tar: 1.3,
                },
            });
        }
    }
}

/// Cutting a window in two and sending the state's gradient back over the cut changes nothing.
#[test]
fn two_windows_are_one() {
    for cell in CELLS {
        let case = Case {
            network: network(cell, 2, 4, false),
            norm: Norm::Sequences,
            ..Case::default()
        };
        let point = Point::draw(&case, 1);
        let whole = point.run(&point.weights, &point.initial);
        let cut = 2;
        let zero = case.network.zero_state(BATCH_SIZE);
        let part = |from: usize, to: usize, initial: &State, d_final: &State| {
            let range = from * BATCH_SIZE..to * BATCH_SIZE;
            case.network.run(
                &point.weights,
                &Window {
                    steps: to - from,
                    batch_size: BATCH_SIZE,
                    inputs: &point.inputs[range.clone()],
                    targets: &point.targets[range.clone()],
                    weights: &point.mask[range],
                    multipliers: &[],
                    norm: case.norm,
                    regularisers: case.regularisers,
                    initial,
                    d_final,
                },
            )
        };
        let middle = part(0, cut, &point.initial, &zero).last;
        let second = part(cut, STEPS, &middle, &point.d_final);
        let first = part(0, cut, &point.initial, &second.d_initial);
        assert!((first.loss + second.loss - whole.loss).abs() < 1e-13);
        assert_eq!(second.last, whole.last);
        for (name, (_, gradient)) in &whole.gradients {
            let sum: Vec<f64> = (first.gradients[name]
                .1
                .iter()
                .zip(&second.gradients[name].1))
            .map(|(a, b)| a + b)
            .collect();
            compare(&format!("{cell:?} {name}"), gradient, &sum, 1e-13);
        }
    }
}

const STEPS: usize = 5;
const BATCH_SIZE: usize = 3;

fn network(cell: Cell, layers: usize, embed: usize, tied: bool) -> Network {
    Network {
        cell,
        vocab: 7,
        embed,
        hidden: vec![5; layers],
        tied,
    }
}

struct Case {
    network: Network,
    norm: Norm,
    carried: bool,
    masked: bool,
    dropout: bool,
    regularisers: Regularisers,
}

impl Default for Case {
    fn default() -> Case {
        let network = network(Cell::Tanh, 1, 4, false);
        Case {
            network,
            norm: Norm::Tokens,
            carried: false,
            masked: false,
            dropout: false,
            regularisers: Regularisers::default(),
        }
    }
}

/// A point at which the gradient is taken.
struct Point<'a> {
    case: &'a Case,
    weights: Tensors,
    inputs: Vec<usize>,
    targets: Vec<usize>,
    mask: Vec<f64>,
    multipliers: Vec<Vec<f64>>,
    initial: State,
    d_final: State,
}

impl Point<'_> {
    fn draw(case: &Case, seed: u64) -> Point<'_> {
        let mut random = Random(seed);
        let network = &case.network;
        let positions = STEPS * BATCH_SIZE;
        let weights = (network.tensors().into_iter())
            .map(|(name, shape)| {
                let values = random.uniform(shape.iter().product(), 0.8);
                (name, (shape, values))
            })
            .collect();
        let mut state = |size: f64| {
            let mut state = network.zero_state(BATCH_SIZE);
            for layer in state.h.iter_mut().chain(&mut state.c) {
                *layer = random.uniform(layer.len(), size);
            }
            state
        };
        let initial = state(if case.carried { 0.9 } else { 0.0 });
        let d_final = state(1.0);
        let mut ids = || {
            (0..positions)
                .map(|_| random.below(network.vocab))
                .collect()
        };
        let (inputs, targets) = (ids(), ids());
        // The end of the last sequence is padding, and one position elsewhere.
        let real = |at: usize| {
            !(at == 4 || at % BATCH_SIZE == BATCH_SIZE - 1 && at / BATCH_SIZE >= STEPS - 2)
        };
        let mask = (0..positions)
            .map(|at| f64::from(!case.masked || real(at)))
            .collect();
        let mut multipliers = Vec::new();
        if case.dropout {
            for site in 0..=network.hidden.len() {
                let width = network.width(site);
                let kept = (0..positions * width).map(|_| f64::from(random.below(10) >= 3) / 0.7);
                multipliers.push(kept.collect());
            }
        }
        Point {
            case,
            weights,
            inputs,
            targets,
            mask,
            multipliers,
            initial,
            d_final,
        }
    }

    fn run(&self, weights: &Tensors, initial: &State) -> Outcome {
        self.case.network.run(
            weights,
            &Window {
                steps: STEPS,
                batch_size: BATCH_SIZE,
                inputs: &self.inputs,
                targets: &self.targets,
                weights: &self.mask,
                multipliers: &self.multipliers,
                norm: self.case.norm,
                regularisers: self.case.regularisers,
                initial,
                d_final: &self.d_final,
            },
        )
    }

    fn objective(&self, weights: &Tensors, initial: &State) -> f64 {
        let outcome = self.run(weights, initial);
        let last = outcome.last.h.iter().chain(&outcome.last.c);
        let arriving = self.d_final.h.iter().chain(&self.d_final.c);
        outcome.objective
            + last
                .flatten()
                .zip(arriving.flatten())
                .map(|(s, d)| s * d)
                .sum::<f64>()
    }
}

fn check(case: &Case) {
    let (point, analytic) = (1..)
        .map(|seed| {
            let point = Point::draw(case, seed);
            let outcome = point.run(&point.weights, &point.initial);
            (point, outcome)
        })
        .find(|(_, outcome)| outcome.kink_distance > 100.0 * EPSILON)
        .expect("an endless search");
    let what = format!(
        "{:?} H {:?} tied {} E {} {:?}",
        case.network.cell, case.network.hidden, case.network.tied, case.network.embed, case.norm
    );

    let mut weights = point.weights.clone();
    for (name, (shape, gradient)) in &analytic.gradients {
        assert_eq!(*shape, weights[name].0);
        let numeric: Vec<f64> = (0..gradient.len())
            .map(|i| {
                let moved = |by: f64, weights: &mut Tensors| {
                    weights.get_mut(name).expect("same names").1[i] = point.weights[name].1[i] + by;
                    point.objective(weights, &point.initial)
                };
                let (plus, minus) = (moved(EPSILON, &mut weights), moved(-EPSILON, &mut weights));
                moved(0.0, &mut weights);
                (plus - minus) / (2.0 * EPSILON)
            })
            .collect();
        // A second bias without effect has the gradient zero, exactly.
        let frozen = name.contains("bias_hh") && case.network.cell != Cell::Gru;
        assert_eq!(frozen, gradient.iter().all(|&d| d == 0.0), "{what} {name}");
        compare(&format!("{what} {name}"), gradient, &numeric, TOLERANCE);
    }

    let mut initial = point.initial.clone();
    let parts: [(&str, Part); 2] = [("h", |state| &mut state.h), ("c", |state| &mut state.c)];
    let mut d_initial = analytic.d_initial.clone();
    for (part, of) in parts {
        for k in 0..of(&mut initial).len() {
            let numeric: Vec<f64> = (0..of(&mut initial)[k].len())
                .map(|i| {
                    let start = of(&mut initial)[k][i];
                    of(&mut initial)[k][i] = start + EPSILON;
                    let plus = point.objective(&point.weights, &initial);
                    of(&mut initial)[k][i] = start - EPSILON;
                    let minus = point.objective(&point.weights, &initial);
                    of(&mut initial)[k][i] = start;
                    (plus - minus) / (2.0 * EPSILON)
                })
                .collect();
            let gradient = &of(&mut d_initial)[k];
            compare(
                &format!("{what} initial {part} of layer {k}"),
                gradient,
                &numeric,
                TOLERANCE,
            );
        }
    }
}

type Part = fn(&mut State) -> &mut Vec<Vec<f64>>;

fn compare(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let difference: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let scale = norm(a).max(norm(b));
    let error = if scale == 0.0 {
        0.0
    } else {
        norm(&difference) / scale
    };
    assert!(error <= tolerance, "{what}: {error:.2e} > {tolerance:.0e}");
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// `count` numbers in ±`size`.
    fn uniform(&mut self, count: usize, size: f64) -> Vec<f64> {
        let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        (0..count)
            .map(|_| (2.0 * unit(self.next()) - 1.0) * size)
            .collect()
    }
}
