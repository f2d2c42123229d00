//! Scheduled sampling that draws every input is the network running freely.

use super::small::random_window;
use elman::net::State;
use elman::net::dims::{Activation, Capacity, Cell, Dims, TrainingBuffers};
use elman::text::Window;
use elman::train::bptt::Engine;
use elman::train::scheduled::Coins;
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Format, Isa};

const STEPS: usize = 12;
const BATCH_SIZE: usize = 3;
const VOCAB: usize = 60;

/// Every input but the text's first is what the softmax of the step before gives for the coin's number, found here by
/// reading one step at a time and adding up probabilities in f64.
#[test]
fn every_input_comes_from_the_prediction_before_it() {
    for cell in [Cell::elman(Activation::Tanh), Cell::LSTM, Cell::GRU] {
        for threads in [1, 3] {
            let coins = Coins::new(1.0, 4, 17);
            let (mut window, mut carried) = (window(), None);
            let mut engine = engine(cell, Capacity::whole(STEPS, BATCH_SIZE), threads);
            // From the zero state, then from where that led: the first inputs are drawn too.
            for _ in 0..2 {
                let start: State = carried.take().unwrap_or_else(|| engine.zero_state());
                let given = window.inputs.clone();
                let count = engine.draw_inputs(&mut window, coins, None, &start);
                let (drawn, end) = run_freely(cell, &start, &given[..BATCH_SIZE], coins);
                assert_eq!(window.inputs, drawn, "{cell}");
                let first_stand = usize::from(start.is_zero()) * BATCH_SIZE;
                assert_eq!(count, STEPS * BATCH_SIZE - first_stand, "{cell}");
                carried = Some(end);
            }
        }
    }
}

/// In pieces of a recomputed window too.
#[test]
fn pieces_do_not_show() {
    let coins = Coins::new(0.4, 4, 17);
    let mut whole = window();
    let mut engine_whole = engine(Cell::LSTM, Capacity::whole(STEPS, BATCH_SIZE), 1);
    let zero = engine_whole.zero_state();
    engine_whole.draw_inputs(&mut whole, coins, None, &zero);
    let capacity = Capacity::for_all([(STEPS, BATCH_SIZE)], true);
    assert!(capacity.segment < STEPS * BATCH_SIZE);
    let mut pieces = window();
    engine(Cell::LSTM, capacity, 1).draw_inputs(&mut pieces, coins, None, &zero);
    assert_eq!(whole, pieces);
}

/// Padding is not drawn.
#[test]
fn a_sequence_that_has_ended_stays_padding() {
    let mut window = window();
    for t in STEPS - 4..STEPS {
        window.weight[t * BATCH_SIZE + 1] = 0.0;
    }
    let given = window.inputs.clone();
    let mut engine = engine(Cell::LSTM, Capacity::whole(STEPS, BATCH_SIZE), 1);
    let zero = engine.zero_state();
    engine.draw_inputs(&mut window, Coins::new(1.0, 4, 17), None, &zero);
    for t in STEPS - 4..STEPS {
        assert_eq!(window.inputs[t * BATCH_SIZE + 1], given[t * BATCH_SIZE + 1]);
    }
}

/// The inputs of a window that `start` and `first` (B) begin, and the state after it.
fn run_freely(cell: Cell, start: &State, first: &[u32], coins: Coins) -> (Vec<u32>, State) {
    let mut engine = engine(cell, Capacity::whole(1, BATCH_SIZE), 1);
    let mut state = start.clone();
    let mut inputs: Vec<u32> = Vec::new();
    for t in 0..STEPS {
        let step: Vec<u32> = match (t, start.is_zero()) {
            (0, true) => first.to_vec(),
            // No step has been read by this engine: the carried state itself predicts.
            (0, false) => draws(&logits_of(&engine, start), t, coins),
            _ => draws(&engine.logits(BATCH_SIZE, false), t, coins),
        };
        let window = Window {
            steps: 1,
            carry: 1,
            inputs: step.clone(),
            targets: vec![0; BATCH_SIZE],
            weight: vec![1.0; BATCH_SIZE],
            real: BATCH_SIZE,
            ..window()
        };
        engine.score_window(&window, &mut state);
        inputs.extend(step);
    }
    (inputs, state)
}

/// W_S h + b_2 in plain sums.
fn logits_of(engine: &Engine, state: &State) -> Vec<f32> {
    let params = engine.params();
    let tensor = |name| &params[params.layout().find(name).unwrap()];
    let (w, b) = (tensor("decoder.weight"), tensor("decoder.bias"));
    let h = &state.layers[state.layers.len() - 1].h;
    let size = h.len() / BATCH_SIZE;
    let logit = |sequence: usize, word: usize| -> f32 {
        let products = (0..size).map(|j| w[word * size + j] * h[sequence * size + j]);
        products.sum::<f32>() + b[word]
    };
    (0..BATCH_SIZE)
        .flat_map(|sequence| (0..VOCAB).map(move |word| (sequence, word)))
        .map(|(sequence, word)| logit(sequence, word))
        .collect()
}

fn draws(logits: &[f32], t: usize, coins: Coins) -> Vec<u32> {
    let rows = logits.chunks(VOCAB).enumerate();
    let draw = |(sequence, logits): (usize, &[f32])| {
        let uniform = coins.toss(t, sequence).unwrap();
        let weights: Vec<f64> = logits.iter().map(|z| f64::from(*z).exp()).collect();
        let mut left = uniform * weights.iter().sum::<f64>();
        let taken = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        taken.unwrap() as u32
    };
    rows.map(draw).collect()
}

fn engine(cell: Cell, capacity: Capacity, threads: usize) -> Engine {
    let dims = Dims {
        cell,
        vocab: VOCAB,
        embed: 11,
        hidden: vec![19, 14],
        tied: false,
    };
    let cpu = Cpu::new(Isa::detect(), threads);
    let mut engine = Engine::new(cpu, dims, capacity, TrainingBuffers::default(), Format::F32);
    let mut draw = Stream::new(key(2, Site::Init, 0));
    for (_, values) in engine.params_mut().tensors_mut() {
        values.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    engine
}

fn window() -> Window {
    random_window(
        VOCAB,
        STEPS,
        BATCH_SIZE,
        &mut Stream::new(key(2, Site::Init, 1)),
    )
}
