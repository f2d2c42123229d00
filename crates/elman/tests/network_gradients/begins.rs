//! Texts that begin within a window: what stands before the beginning, forward and backward, is as if it were not there.

use super::small::{ALL_BUFFERS, close, dims, random_engine, random_window};
use crate::reference::program::CELLS;
use elman::net::dims::{Capacity, Cell, Dims};
use elman::net::{Params, State};
use elman::text::Window;
use elman::train::bptt::{Engine, LossNorm, WindowStats};
use elman::train::objective::Objective;
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Format, Isa};

const STEPS: usize = 9;
const BATCH_SIZE: usize = 4;

/// Steps and sequences at which a text begins: at a window's first step, alone, together, and one step after the other.
const BEGINNINGS: [(usize, usize); 6] = [(0, 2), (3, 0), (4, 0), (4, 3), (7, 1), (8, 2)];

fn objective(tar: f64) -> Objective {
    Objective {
        tar,
        ..LossNorm::Sequences.into()
    }
}

fn with_beginnings(window: &Window) -> Window {
    let mut begins = vec![false; window.steps * window.batch_size];
    for (t, sequence) in BEGINNINGS {
        begins[t * window.batch_size + sequence] = true;
    }
    Window {
        begins,
        ..window.clone()
    }
}

fn network(cell: Cell) -> Dims {
    dims(cell, 40, 11, 13, 2, false)
}

/// The engine and its window, and the state before it.
fn case(cell: Cell, isa: Isa, threads: usize) -> (Engine, Window, State) {
    let mut draw = Stream::new(key(8, Site::Init, 0));
    let engine = random_engine(&network(cell), isa, threads, STEPS, BATCH_SIZE, &mut draw);
    let window = with_beginnings(&random_window(40, STEPS, BATCH_SIZE, &mut draw));
    let mut state = engine.zero_state();
    for numbers in state.layers.iter_mut().flat_map(|l| [&mut l.h, &mut l.c]) {
        numbers.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    (engine, window, state)
}

/// The steps `range` of `sequence` alone, whose loss counts as it does in the whole window.
fn piece(window: &Window, sequence: usize, range: std::ops::Range<usize>) -> Window {
    let of = |ids: &[u32]| {
        let cells = range.clone().map(|t| ids[t * BATCH_SIZE + sequence]);
        cells.collect::<Vec<u32>>()
    };
    Window {
        steps: range.len(),
        batch_size: 1,
        inputs: of(&window.inputs),
        targets: of(&window.targets),
        weight: vec![1.0; range.len()],
        real: range.len(),
        carry: range.len(),
        begins: Vec::new(),
        parts: vec![0],
    }
}

fn numbers(params: &Params) -> Vec<(String, Vec<f64>)> {
    let tensors = params.layout().tensors();
    let values = |id| params[id].iter().map(|x| f64::from(*x)).collect();
    tensors
        .map(|(id, tensor)| (tensor.name.clone(), values(id)))
        .collect()
}

/// Loss, gradient and final state are those of the pieces between beginnings, each read by itself.
#[test]
fn a_window_is_its_pieces() {
    for cell in CELLS {
        for tar in [0.0, 1.5] {
            let (mut engine, window, before) = case(cell, Isa::detect(), 2);
            let mut after = before.clone();
            let whole = engine.run_window(&window, objective(tar), None, &mut after);
            let gradient = numbers(engine.grads());

            let (mut apart, _, _) = case(cell, Isa::detect(), 1);
            let (mut nats, mut sum) = (0.0, Vec::new());
            for sequence in 0..BATCH_SIZE {
                let mut at: Vec<usize> = (1..STEPS)
                    .filter(|t| window.begins_at(*t, sequence))
                    .collect();
                at.insert(0, 0);
                at.push(STEPS);
                let mut state = before.select(&[sequence]);
                for (i, range) in at.windows(2).enumerate() {
                    if i > 0 || window.begins_at(0, sequence) {
                        state.set_zero();
                    }
                    let part = piece(&window, sequence, range[0]..range[1]);
                    // TAR is a mean over pairs: the factor of a piece is its share of them.
                    let pairs = (range[1] - range[0] - 1) as f64;
                    let share =
                        tar * pairs / all_pairs(&window) * whole.tokens as f64 / part.real as f64;
                    nats += apart
                        .run_window(&part, objective(share), None, &mut state)
                        .nats;
                    add(&mut sum, numbers(apart.grads()), BATCH_SIZE as f64);
                    apart.discard_gradient();
                }
                assert_eq!(
                    state,
                    after.select(&[sequence]),
                    "{cell:?}, sequence {sequence}"
                );
            }
            assert!((nats - whole.nats).abs() < 1e-9 * nats, "{cell:?}");
            for ((name, ours), (_, theirs)) in gradient.iter().zip(&sum) {
                close(&format!("{cell:?} TAR {tar}"), name, ours, theirs, 2e-6);
            }
        }
    }
}

/// Neighbours in one sequence of which the second begins no text.
fn all_pairs(window: &Window) -> f64 {
    let pair = |(t, sequence): &(usize, usize)| !window.begins_at(*t, *sequence);
    let places = (1..STEPS).flat_map(|t| (0..BATCH_SIZE).map(move |sequence| (t, sequence)));
    places.filter(pair).count() as f64
}

fn add(sum: &mut Vec<(String, Vec<f64>)>, part: Vec<(String, Vec<f64>)>, divisor: f64) {
    if sum.is_empty() {
        *sum = part
            .iter()
            .map(|(name, x)| (name.clone(), vec![0.0; x.len()]))
            .collect();
    }
    for ((_, sum), (_, part)) in sum.iter_mut().zip(part) {
        sum.iter_mut()
            .zip(part)
            .for_each(|(sum, x)| *sum += x / divisor);
    }
}

type Bits = (WindowStats, State, Vec<(String, Vec<f64>)>);

fn run(mut engine: Engine, window: &Window, before: &State) -> Bits {
    let mut state = before.clone();
    let stats = engine.run_window(window, objective(0.7), None, &mut state);
    (stats, state, numbers(engine.grads()))
}

/// Bit for bit, whatever computes.
#[test]
fn instruction_sets_and_threads_do_not_show() {
    for cell in CELLS {
        let (engine, window, before) = case(cell, Isa::named("scalar").unwrap(), 1);
        let scalar = run(engine, &window, &before);
        for threads in [1, 2, 3] {
            let (engine, window, before) = case(cell, Isa::detect(), threads);
            assert_eq!(
                run(engine, &window, &before),
                scalar,
                "{cell:?}, {threads} threads"
            );
        }
    }
}

/// Bit for bit, where activations are computed again segment by segment.
#[test]
fn recomputed_segments_do_not_show() {
    for cell in CELLS {
        let (whole, window, before) = case(cell, Isa::detect(), 2);
        let capacity = Capacity::for_all([(STEPS, BATCH_SIZE)], true);
        assert!(
            capacity.segment < STEPS * BATCH_SIZE,
            "one segment proves nothing"
        );
        let cpu = Cpu::new(Isa::detect(), 2);
        let mut engine = Engine::new(cpu, network(cell), capacity, ALL_BUFFERS, Format::F32);
        engine.params_mut().copy_from(whole.params());
        assert_eq!(
            run(engine, &window, &before),
            run(whole, &window, &before),
            "{cell:?}"
        );
    }
}
