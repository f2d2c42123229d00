//! What windows of one text have to do with each other, and with weights that are dropped.

use super::small::{dims, random_engine, random_window};
use crate::reference::program::CELLS;
use elman::net::layer::dropout::{Dropout, Rates};
use elman::net::params::Role;
use elman::text::Window;
use elman::train::bptt::LossNorm;
use elman_kernels::Isa;
use elman_kernels::rng::{Site, Stream, key};

/// The loss of a window with carried state is that of the same steps in one window over everything, bit for bit.
#[test]
fn a_window_with_carried_state_is_the_tail_of_the_full_one() {
    for cell in CELLS {
        let (steps, batch_size, tail) = (11, 1, 4);
        let mut draw = Stream::new(key(6, Site::Init, 0));
        let dims = dims(cell, 50, 19, 33, 2, false);
        let mut engine = random_engine(&dims, Isa::detect(), 2, steps, batch_size, &mut draw);
        let all = random_window(50, steps, batch_size, &mut draw);
        let part = |range: std::ops::Range<usize>| Window {
            steps: range.len(),
            inputs: all.inputs[range.clone()].to_vec(),
            targets: all.targets[range.clone()].to_vec(),
            weight: vec![1.0; range.len()],
            real: range.len(),
            carry: range.len(),
            ..all.clone()
        };
        let mut carried = engine.zero_state();
        engine.run_window(&part(0..steps - tail), LossNorm::Tokens, None, &mut carried);
        let begin = carried.clone();
        let ours = engine.run_window(
            &part(steps - tail..steps),
            LossNorm::Tokens,
            None,
            &mut carried,
        );
        // The full window, of which only the tail carries loss.
        let mut masked = all.clone();
        masked.mask(steps - tail);
        masked.carry = steps - tail;
        let mut state = engine.zero_state();
        let full = engine.run_window(&masked, LossNorm::Tokens, None, &mut state);
        assert_eq!(ours, full, "{cell:?}");
        assert_eq!(begin, state, "{cell:?}");
    }
}

/// In loss and state, a window of 2T is two windows of T with carried state, bit for bit.
#[test]
fn a_window_is_two_windows_in_loss_and_state() {
    for cell in CELLS {
        let (steps, batch_size) = (12, 3);
        let mut draw = Stream::new(key(5, Site::Init, 0));
        let dims = dims(cell, 50, 19, 33, 2, false);
        let mut engine = random_engine(&dims, Isa::detect(), 2, steps, batch_size, &mut draw);
        let all = random_window(50, steps, batch_size, &mut draw);
        let part = |from: usize, to: usize| Window {
            steps: to - from,
            batch_size,
            inputs: all.inputs[from * batch_size..to * batch_size].to_vec(),
            targets: all.targets[from * batch_size..to * batch_size].to_vec(),
            weight: vec![1.0; (to - from) * batch_size],
            real: (to - from) * batch_size,
            carry: to - from,
            begins: Vec::new(),
            parts: all.parts.clone(),
        };
        let mut whole_state = engine.zero_state();
        let whole = engine.score_window(&all, &mut whole_state);
        let whole_logits = engine.logits(steps * batch_size, false);
        let mut state = engine.zero_state();
        let first = engine.score_window(&part(0, 5), &mut state);
        let mut logits = engine.logits(5 * batch_size, false);
        let second = engine.score_window(&part(5, steps), &mut state);
        logits.extend(engine.logits((steps - 5) * batch_size, false));
        assert_eq!(state, whole_state, "{cell:?}");
        assert_eq!(logits, whole_logits, "{cell:?}");
        assert!(
            (first.nats + second.nats - whole.nats).abs() < 1e-9,
            "{cell:?}"
        );
    }
}
/// Windows whose gradients come together in one update have masks of their own, and what is validated has none.
#[test]
fn dropped_weights_come_back() {
    let (steps, batch_size) = (7, 4);
    let rates = Rates {
        weight: 0.5,
        ..Rates::default()
    };
    let dropout = |step| Dropout {
        rates,
        seed: 3,
        step,
        first: 0,
        first_sequence: 0,
    };
    for cell in CELLS {
        let dims = dims(cell, 30, 12, 17, 2, false);
        let gradient = |steps_of: &[u64]| {
            let mut draw = Stream::new(key(4, Site::Init, 0));
            let mut engine = random_engine(&dims, Isa::detect(), 2, steps, batch_size, &mut draw);
            let window = random_window(dims.vocab, steps, batch_size, &mut draw);
            let zero = engine.zero_state();
            let before = engine.score_window(&window, &mut zero.clone());
            for &step in steps_of {
                let dropout = Some(dropout(step));
                engine.run_window(&window, LossNorm::Tokens, dropout, &mut zero.clone());
            }
            let after = engine.score_window(&window, &mut zero.clone());
            assert_eq!(before, after, "{cell}: validation sees a mask");
            engine.grads().clone()
        };
        let (one, other, both) = (gradient(&[1]), gradient(&[2]), gradient(&[1, 2]));
        for (id, tensor) in both.layout().tensors() {
            if tensor.role == Role::RecurrentWeight {
                assert_ne!(one[id], other[id]);
                let sum: Vec<f32> = one[id].iter().zip(&other[id]).map(|(a, b)| a + b).collect();
                assert_eq!(both[id], sum[..], "{cell}, {}", tensor.name);
            }
        }
    }
}
