//! Padding changes nothing.

use super::*;
use crate::optim::{Method, Optimizer, Sgd};
use elman_kernels::Isa;
use elman_kernels::rng::{Site, Stream, key};
use elman_net::dims::{Activation, Cell};
use elman_net::layer::dropout::Rates;
use elman_net::layer::penalty::Penalties;

const CELLS: [Cell; 3] = [Cell::elman(Activation::Tanh), Cell::LSTM, Cell::GRU];
const VOCAB: usize = 50;
/// Longest first, so that the sequences that are not padded yet are the first ones.
const LENGTHS: [usize; 6] = [23, 9, 9, 4, 1, 1];

fn dims(cell: Cell, tied: bool) -> Dims {
    Dims {
        cell,
        vocab: VOCAB,
        embed: if tied { 33 } else { 19 },
        hidden: vec![33; 2],
        tied,
    }
}

fn engine(dims: Dims, capacity: Capacity) -> Engine {
    engine_with(dims, capacity, dropout().rates.buffers())
}

fn engine_with(dims: Dims, capacity: Capacity, buffers: TrainingBuffers) -> Engine {
    let cpu = Cpu::new(Isa::detect(), 2);
    let mut engine = Engine::new(cpu, dims, capacity, buffers, Format::F32);
    let mut draw = Stream::new(key(4, Site::Init, 0));
    for (_, values) in engine.params_mut().tensors_mut() {
        values.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    engine
}

/// The tokens of each sentence.
fn sentences() -> Vec<Vec<u32>> {
    let mut draw = Stream::new(key(5, Site::Init, 0));
    let mut tokens = |n: &usize| (0..*n).map(|_| draw.below(VOCAB as u32)).collect();
    LENGTHS.iter().map(&mut tokens).collect()
}

/// The sentences side by side in `steps` steps, from `<eos>` = 0; padding reads `pad`.
fn batch(sentences: &[Vec<u32>], steps: usize, pad: u32) -> Window {
    let batch_size = sentences.len();
    let mut window = Window {
        steps,
        batch_size,
        inputs: vec![pad; steps * batch_size],
        targets: vec![pad; steps * batch_size],
        weight: vec![0.0; steps * batch_size],
        real: sentences.iter().map(Vec::len).sum(),
        carry: steps,
        begins: Vec::new(),
        parts: (0..batch_size as u32).collect(),
    };
    for (sequence, tokens) in sentences.iter().enumerate() {
        let inputs = std::iter::once(&0).chain(tokens);
        for (t, (input, target)) in inputs.zip(tokens).enumerate() {
            let cell = t * batch_size + sequence;
            (
                window.inputs[cell],
                window.targets[cell],
                window.weight[cell],
            ) = (*input, *target, 1.0);
        }
    }
    window
}

fn dropout() -> Dropout {
    Dropout {
        rates: Rates::same(0.3),
        seed: 2,
        step: 3,
        first: 0,
        first_sequence: 0,
    }
}

fn bits(params: &Params) -> Vec<u32> {
    let tensors = params.layout().tensors();
    let values = tensors.flat_map(|(id, _)| params[id].iter());
    values.map(|x| x.to_bits()).collect()
}

/// Loss of each sentence and the gradient of the batch.
fn run(engine: &mut Engine, window: &Window) -> (Vec<f64>, Vec<u32>) {
    let mut carried = engine.zero_state();
    engine.run_window(window, LossNorm::Tokens, Some(dropout()), &mut carried);
    let mut nats = vec![0.0; window.batch_size];
    engine.add_part_nats(window, &mut nats);
    let gradient = bits(engine.grads());
    engine.discard_gradient();
    (nats, gradient)
}

/// The next window's gradient takes the place of the one that an update used, wherever it lies.
#[test]
fn an_update_leaves_nothing_of_its_gradient() {
    for (tied, rows_read) in [(false, false), (false, true), (true, false)] {
        let buffers = TrainingBuffers {
            rows_read,
            ..dropout().rates.buffers()
        };
        let dims = dims(Cell::GRU, tied);
        let mut engine = engine_with(dims, Capacity::whole(LENGTHS[0], LENGTHS.len()), buffers);
        let window = batch(&sentences(), LENGTHS[0], 0);
        let mut gradient = |window: &Window| {
            let mut carried = engine.zero_state();
            engine.run_window(window, LossNorm::Tokens, Some(dropout()), &mut carried);
            let found = (bits(engine.grads()), engine.gradient_norm(f32::INFINITY));
            let method = Method::plain(Optimizer::Sgd(Sgd::default()));
            let mut optimiser = OptimizerState::new(method, engine.network().layout());
            engine.apply(&mut optimiser, &Update::at(0.0));
            found
        };
        let expected = gradient(&window);
        gradient(&batch(&sentences()[1..], LENGTHS[1], 0));
        assert!(
            gradient(&window) == expected,
            "tied {tied}, rows {rows_read}"
        );
    }
}

#[test]
fn more_padding_and_what_stands_in_it_change_no_bit() {
    for (cell, tied) in CELLS
        .into_iter()
        .flat_map(|cell| [(cell, false), (cell, true)])
    {
        let sentences = sentences();
        let mut engine = engine(dims(cell, tied), Capacity::whole(40, 8));
        let expected = run(&mut engine, &batch(&sentences, LENGTHS[0], 0));
        for (steps, pad) in [(LENGTHS[0], 7), (LENGTHS[0] + 1, 0), (40, 31)] {
            let found = run(&mut engine, &batch(&sentences, steps, pad));
            assert!(
                found == expected,
                "{cell:?}, tied {tied}: {steps} steps, padded with {pad}"
            );
        }
    }
}

/// Every sentence's losses, and its hidden states after each of its steps.
#[test]
fn a_sentence_in_a_batch_has_the_numbers_that_it_has_alone() {
    for cell in CELLS {
        let sentences = sentences();
        let mut engine = engine(
            dims(cell, false),
            Capacity::whole(LENGTHS[0], LENGTHS.len()),
        );
        let mut state_after = |window: &mut Window, steps: usize| {
            window.carry = steps;
            let mut state = engine.zero_state();
            engine.run_window(window, LossNorm::Tokens, None, &mut state);
            engine.discard_gradient();
            let mut nats = vec![0.0; window.batch_size];
            engine.add_part_nats(window, &mut nats);
            (nats, state)
        };
        let mut all = batch(&sentences, LENGTHS[0], 0);
        for (sequence, sentence) in sentences.iter().enumerate() {
            let mut alone = batch(std::slice::from_ref(sentence), sentence.len(), 0);
            for steps in 1..=sentence.len() {
                let (all_nats, all_states) = state_after(&mut all, steps);
                let (nats, state) = state_after(&mut alone, steps);
                assert_eq!(all_nats[sequence], nats[0], "{cell:?}, sentence {sequence}");
                for (ours, theirs) in all_states.layers.iter().zip(&state.layers) {
                    let of = |all: &[f32], sequence: usize| {
                        let width = all.len() / LENGTHS.len();
                        all[sequence * width..(sequence + 1) * width].to_vec()
                    };
                    assert_eq!(
                        of(&ours.h, sequence),
                        of(&theirs.h, 0),
                        "{cell:?}, sentence {sequence}"
                    );
                    assert_eq!(
                        of(&ours.c, sequence),
                        of(&theirs.c, 0),
                        "{cell:?}, sentence {sequence}"
                    );
                }
            }
        }
    }
}

/// The gradient of a padded batch is, to the bit, that of the same sums without the padded terms: of a computation that
/// leaves a sequence out from where its sentence ends, so that its rows are the real ones, in the same order.
#[test]
fn the_gradient_of_a_padded_batch_is_that_without_the_padding() {
    for (cell, tied) in CELLS
        .into_iter()
        .flat_map(|cell| [(cell, false), (cell, true)])
    {
        let sentences = sentences();
        let capacity = Capacity::whole(LENGTHS[0], LENGTHS.len());
        let mut engine = engine(dims(cell, tied), capacity);
        let window = batch(&sentences, LENGTHS[0], 0);
        let expected = run(&mut engine, &window);
        let found = without_padding(&mut engine, &window);
        assert_eq!(found.0, expected.0, "{cell:?}, tied {tied}: losses");
        assert!(found.1 == expected.1, "{cell:?}, tied {tied}: gradients");
    }
}

/// As [`run`], with as many sequences at each step as have a token there.
fn without_padding(engine: &mut Engine, window: &Window) -> (Vec<f64>, Vec<u32>) {
    let real = |t: usize| {
        let step = &window.weight[t * window.batch_size..(t + 1) * window.batch_size];
        step.iter().filter(|weight| **weight > 0.0).count()
    };
    // Stretches of steps with the same sequences.
    let mut stretches: Vec<(Range<usize>, usize)> = Vec::new();
    for t in 0..window.steps {
        match stretches.last_mut() {
            Some((range, batch_size)) if *batch_size == real(t) => range.end = t + 1,
            _ => stretches.push((t..t + 1, real(t))),
        }
    }
    let part = |range: &Range<usize>, batch_size: usize, of: &[u32]| -> Vec<u32> {
        let step = |t: usize| {
            of[t * window.batch_size..t * window.batch_size + batch_size]
                .iter()
                .copied()
        };
        range.clone().flat_map(step).collect()
    };
    let mut read: Vec<u32> = window.inputs.clone();
    read.sort_unstable();
    read.dedup();

    let Engine {
        cpu,
        network,
        params,
        grads,
        forward,
        backward,
        tape,
        scratch,
        ..
    } = engine;
    let mut state = State::zeros(network.dims(), window.batch_size);
    let mut starts = Vec::new();
    let pass = |range: &Range<usize>, batch_size, state: &mut State, tape: &mut Tape| {
        let dropout = Dropout {
            first: range.start,
            ..dropout()
        };
        let inputs = part(range, batch_size, &window.inputs);
        network.forward(
            cpu,
            params,
            forward,
            &inputs,
            &[],
            Some(&dropout),
            state,
            tape,
        );
    };
    for (range, batch_size) in &stretches {
        let mut start = state.clone();
        start.copy_sequences(&state, 0..*batch_size);
        starts.push(start.clone());
        pass(range, *batch_size, &mut start, tape);
        state = start;
    }
    let mut sentence_nats = vec![0.0; window.batch_size];
    let mut nats = vec![0.0; window.steps * window.batch_size];
    scratch.d_state.reset(1);
    for ((range, batch_size), start) in stretches.iter().zip(&mut starts).rev() {
        pass(range, *batch_size, start, tape);
        // A sequence that begins here from the end has no gradient from later steps.
        let before = scratch.d_state.batch_size;
        for layer in &mut scratch.d_state.layers {
            for numbers in [&mut layer.h, &mut layer.c] {
                let width = numbers.len() / before;
                numbers.resize(batch_size * width, 0.0);
            }
        }
        scratch.d_state.batch_size = *batch_size;
        scratch.before.reset(*batch_size);
        let inputs = part(range, *batch_size, &window.inputs);
        let place = |id: &u32| read.partition_point(|touched| touched < id) as u32;
        let rows = match network.dims().tied {
            true => inputs.iter().map(place).collect(),
            false => inputs.clone(),
        };
        let dropout = Dropout {
            first: range.start,
            ..dropout()
        };
        let here = &mut nats[range.start * window.batch_size..][..inputs.len()];
        network.loss_backward(
            cpu,
            params,
            forward,
            backward,
            WindowRef {
                inputs: &inputs,
                rows: &rows,
                begins: &[],
                targets: &part(range, *batch_size, &window.targets),
                weight: &vec![1.0 / window.real as f32; inputs.len()],
                smoothing: 0.0,
                penalties: Penalties {
                    ar: 0.0,
                    tar: 0.0,
                    weight: &[],
                    begins: &[],
                    start: 0,
                },
            },
            Some(&dropout),
            tape,
            scratch,
            here,
            grads,
        );
    }
    // In the order of time, as a sentence's losses are summed.
    for (range, batch_size) in &stretches {
        let here = &nats[range.start * window.batch_size..][..range.len() * batch_size];
        for (row, nats) in here.iter().enumerate() {
            sentence_nats[row % batch_size] += nats;
        }
    }
    if network.dims().tied {
        network.add_tied_rows(cpu, &read, scratch, grads);
    }
    let gradient = bits(grads.values());
    engine.discard_gradient();
    (sentence_nats, gradient)
}
