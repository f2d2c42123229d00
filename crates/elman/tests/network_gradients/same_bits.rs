//! Bits that do not depend on who computes them, and the count of parameters.

use super::small::{dims, random_engine, random_window};
use elman::net::Network;
use elman::net::dims::{Activation, Cell, Dims};
use elman::net::layer::dropout::{Dropout, Rates};
use elman::train::bptt::LossNorm;
use elman::train::objective::Objective;
use elman::train::optim::{Adam, Method, Optimizer, OptimizerState, Update};
use elman_kernels::Isa;
use elman_kernels::rng::{Site, Stream, key};

/// One thread or three, AVX-512 or plain scalar: the same bits after several updates.
#[test]
fn training_bits_do_not_depend_on_threads_or_instruction_set() {
    for cell in [Cell::elman(Activation::Tanh), Cell::LSTM, Cell::GRU] {
        let dims = Dims {
            hidden: vec![40, 27],
            ..dims(cell, 130, 24, 0, 0, true)
        };
        let expected = trained_bits(&dims, Isa::detect(), 1);
        for isa in Isa::supported() {
            for threads in [1, 2, 3] {
                let same = trained_bits(&dims, isa, threads) == expected;
                assert!(same, "{cell:?} on {} with {threads} threads", isa.name());
            }
        }
    }
}

fn trained_bits(dims: &Dims, isa: Isa, threads: usize) -> Vec<u32> {
    let (steps, batch_size) = (7, 6);
    let mut draw = Stream::new(key(9, Site::Init, 0));
    let mut engine = random_engine(dims, isa, threads, steps, batch_size, &mut draw);
    let mut carried = engine.zero_state();
    let method = Method {
        weight_decay: 0.01,
        ..Method::plain(Optimizer::Adamw(Adam::default()))
    };
    let mut optimiser = OptimizerState::new(method, engine.network().layout());
    let rates = Rates {
        embed: 0.1,
        weight: 0.4,
        ..Rates::same(0.3)
    };
    let objective = Objective {
        norm: LossNorm::Tokens,
        smoothing: 0.1,
        ar: 2.0,
        tar: 1.0,
    };
    for step in 0..4 {
        let window = random_window(dims.vocab, steps, batch_size, &mut draw);
        let dropout = Some(Dropout {
            rates,
            seed: 2,
            step,
            first: 0,
            first_sequence: 0,
        });
        engine.run_window(&window, objective, dropout, &mut carried);
        let norm = engine.gradient_norm(f32::INFINITY);
        let update = Update {
            scale: (0.5 / norm) as f32,
            ..Update::at(0.01)
        };
        engine.apply(&mut optimiser, &update);
    }
    let weights = engine.params_mut().tensors_mut();
    let numbers = weights.into_iter().flat_map(|(_, values)| values.to_vec());
    numbers.map(f32::to_bits).collect()
}
/// The layout has every tensor once.
#[test]
fn parameters_are_counted_once() {
    let network = Network::new(dims(Cell::GRU, 11, 5, 7, 2, false));
    let layer = |input: usize| 21 * input + 21 * 7 + 21 + 7;
    let expected = 11 * 5 + layer(5) + layer(7) + 11 * 7 + 11;
    assert_eq!(network.layout().parameter_count(), expected);
}
