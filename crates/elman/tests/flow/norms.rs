//! Spectral norms of products of Jacobians.

use super::dense::{Dense, step};
use super::small::{Small, dims};
use crate::reference::program::CELLS;
use elman::net::dims::{Activation, Cell};
use elman::net::flow::bound::Bound;
use elman::net::flow::jacobian::Slopes;
use elman::net::flow::norms::{Chain, chain_norms, matrix_norm};
use elman::net::init::{Init, Recurrent, Scheme};
use elman::net::{Network, Params, State};
use elman_kernels::{Cpu, Isa};
use std::slice::from_ref;

fn all_lags(steps: usize, batch_size: usize) -> Vec<Chain> {
    let sequence = |sequence| {
        (1..=steps).map(move |lag| Chain {
            sequence,
            end: steps,
            lag,
        })
    };
    (0..batch_size).flat_map(sequence).collect()
}

/// At H = 32, for every cell, lag, sequence and layer: the norm of the dense product in f64, to 1e-6; never above the bound, nor above the
/// product of the norms of the single steps.
#[test]
fn norms_agree_with_dense_products_and_keep_to_their_bounds() {
    const STEPS: usize = 40;
    const BATCH_SIZE: usize = 2;
    let mut worst: f64 = 0.0;
    for cell in CELLS {
        let small = Small::random(dims(cell, &[32, 32]), 0.4, STEPS, BATCH_SIZE, 3);
        for (k, jacobians) in small.jacobians().iter().enumerate() {
            let chains = all_lags(STEPS, BATCH_SIZE);
            let norms = chain_norms(&small.cpu, jacobians, &chains);
            let bounds =
                Bound::of(&small.cpu, jacobians.weights, from_ref(jacobians)).curve_log10(STEPS);
            for sequence in 0..BATCH_SIZE {
                let mut product = Dense::identity(small.weights[k].state());
                let mut steps_log10 = 0.0;
                for lag in 1..=STEPS {
                    let one = step(&small.weights[k], &small.trace, k, STEPS - lag, sequence);
                    steps_log10 += one.norm_log10();
                    product = product.times(&one);
                    let found = norms[sequence * STEPS + lag - 1];
                    let expected = product.norm_log10();
                    let error = (found - expected).abs() * std::f64::consts::LN_10;
                    worst = worst.max(error);
                    assert!(
                        error <= 1e-6,
                        "{cell}, layer {k}, lag {lag}: {found}, not {expected}"
                    );
                    let most = bounds[lag - 1].min(steps_log10);
                    assert!(found <= most + 1e-6 / std::f64::consts::LN_10);
                }
            }
        }
    }
    println!("largest relative error against dense products: {worst:.1e}");
}

/// Where relu is linear, with a scaled orthogonal W_hh, the chapter's bound is the norm: to 1e-5 at every lag, from 10⁻³ to 10³.
#[test]
fn the_bound_is_reached_by_a_linear_cell() {
    for scale in [0.93, 1.0, 1.07] {
        let steps = 100;
        let dims = dims(Cell::elman(Activation::Relu), &[32]);
        let network = Network::new(dims);
        let mut params = Params::zeros(network.layout().clone());
        let init = Init {
            scheme: Scheme::Xavier,
            range: None,
            recurrent: Recurrent::Orthogonal,
            recurrent_scale: scale,
            forget_bias: 0.0,
            seed: 2,
        };
        init.fill(network.dims(), &mut params);
        let find = |name: &str| network.layout().find(name).unwrap();
        // No input, and a bias that holds every unit at about 1.
        params[find("rnn.weight_ih_l0")].fill(0.0);
        let w_h = params[find("rnn.weight_hh_l0")].to_vec();
        for (b, row) in params[find("rnn.bias_ih_l0")]
            .iter_mut()
            .zip(w_h.chunks_exact(32))
        {
            *b = 1.0 - row.iter().sum::<f32>();
        }
        let mut initial = State::zeros(network.dims(), 1);
        initial.layers[0].h.fill(1.0);
        let ids = vec![0; steps];
        let small = Small::reading(network, params, initial, ids.clone(), ids, steps);
        let jacobians = &small.jacobians()[0];
        let mut slopes = Slopes::default();
        for at in 0..steps {
            jacobians.slopes(at, 0, &mut slopes);
            assert!(slopes.gain.iter().all(|slope| *slope == 1.0));
        }
        let bounds =
            Bound::of(&small.cpu, jacobians.weights, from_ref(jacobians)).curve_log10(steps);
        let norms = chain_norms(&small.cpu, jacobians, &all_lags(steps, 1));
        for (lag, (norm, bound)) in (1..).zip(norms.iter().zip(&bounds)) {
            let error = (norm - bound).abs() * std::f64::consts::LN_10;
            assert!(error <= 1e-5, "{scale}, lag {lag}: {norm}, bound {bound}");
            assert!(norm - bound <= 1e-6);
            let known = lag as f64 * f64::from(scale).log10();
            assert!((norm - known).abs() <= 1e-5);
        }
    }
}

/// The result of a chain depends neither on others, nor on threads, nor on the instruction set; long chains leave the range of f64.
#[test]
fn norms_are_the_same_everywhere_and_may_be_tiny() {
    let cell = Cell::elman(Activation::Sigmoid);
    let small = Small::random(dims(cell, &[24]), 0.05, 700, 1, 4);
    let jacobians = &small.jacobians()[0];
    let chains = all_lags(700, 1);
    let norms = chain_norms(&small.cpu, jacobians, &chains);
    assert!(norms[699] < -400.0, "{}", norms[699]);
    for isa in Isa::supported() {
        for threads in [1, 3] {
            let cpu = Cpu::new(isa, threads);
            for i in [0, 1, 57, 699] {
                let alone = chain_norms(&cpu, jacobians, &chains[i..=i]);
                assert_eq!(alone[0].to_bits(), norms[i].to_bits(), "{}", isa.name());
            }
        }
    }
}

#[test]
fn the_norm_of_a_matrix_that_is_not_square() {
    let cpu = Cpu::new(Isa::detect(), 1);
    // Rows (3, 0, 0) and (0, 4, 0).
    let w = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0];
    assert!((matrix_norm(&cpu, &w, 3) - 4.0).abs() < 1e-9);
    assert_eq!(matrix_norm(&cpu, &[0.0; 6], 3), 0.0);
}
