//! Small networks with random weights, windows of random tokens, and how they are compared with other programs' numbers.

use crate::reference;
use elman::dims::{Activation, Cell, Dims, Room, Slots};
use elman::net::State;
use elman::net::params::{Params, Role};
use elman::rng::Stream;
use elman::text::Window;
use elman::train::bptt::{Engine, LossNorm};
use elman_kernels::{Cpu, Format, Isa};
use std::collections::BTreeMap;

pub const CELLS: [Cell; 5] = [
    Cell::Elman(Activation::Sigmoid),
    Cell::Elman(Activation::Tanh),
    Cell::Elman(Activation::Relu),
    Cell::Lstm,
    Cell::Gru,
];

pub const ALL_SLOTS: Slots = Slots {
    dropped: true,
    recurrent: true,
};

pub fn dims(
    cell: Cell,
    vocab: usize,
    embed: usize,
    hidden: usize,
    layers: usize,
    tied: bool,
) -> Dims {
    Dims {
        cell,
        vocab,
        embed,
        hidden: vec![hidden; layers],
        tied,
    }
}
pub fn reference_network(dims: &Dims) -> reference::Network {
    reference::Network {
        cell: match dims.cell {
            Cell::Elman(Activation::Sigmoid) => reference::Cell::Sigmoid,
            Cell::Elman(Activation::Tanh) => reference::Cell::Tanh,
            Cell::Elman(Activation::Relu) => reference::Cell::Relu,
            Cell::Lstm => reference::Cell::Lstm,
            Cell::Gru => reference::Cell::Gru,
        },
        vocab: dims.vocab,
        embed: dims.embed,
        hidden: dims.hidden.clone(),
        tied: dims.tied,
    }
}
pub fn random_engine(
    dims: &Dims,
    isa: Isa,
    threads: usize,
    steps: usize,
    lanes: usize,
    draw: &mut Stream,
) -> Engine {
    let mut engine = Engine::new(
        Cpu::new(isa, threads),
        dims.clone(),
        Room::whole(steps, lanes),
        ALL_SLOTS,
        Format::F32,
    );
    for (_, values) in engine.params_mut().tensors_mut() {
        values.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    engine
}

pub fn random_window(vocab: usize, steps: usize, lanes: usize, draw: &mut Stream) -> Window {
    let mut ids = || {
        let id = |_| (draw.uniform() * vocab as f32) as u32;
        (0..steps * lanes).map(id).collect()
    };
    Window {
        steps,
        lanes,
        inputs: ids(),
        targets: ids(),
        weight: vec![1.0; steps * lanes],
        real: steps * lanes,
        carry: steps,
        parts: (0..lanes as u32).collect(),
    }
}
pub fn divisor(norm: LossNorm, window: &Window) -> f64 {
    match norm {
        LossNorm::Tokens => window.real as f64,
        LossNorm::Lanes => window.lanes as f64,
    }
}
/// An arena's tensors as they are on disk: with a full `bias_hh`, zero except GRU's n part.
pub fn on_disk(params: &Params) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    let mut out = BTreeMap::new();
    for (id, tensor) in params.layout().tensors() {
        let mut values = widen(&params[id]);
        let mut shape = tensor.shape.clone();
        match tensor.role {
            Role::ResetBias => {
                values.splice(..0, vec![0.0; 2 * shape[0]]);
                shape = vec![3 * shape[0]];
            }
            Role::Bias => {
                let name = tensor.name.replace("bias_ih", "bias_hh");
                out.insert(name, (shape.clone(), vec![0.0; values.len()]));
            }
            _ => {}
        }
        // A GRU's own `bias_hh` comes after its `bias_ih` and replaces the zeros.
        out.insert(tensor.name.clone(), (shape, values));
    }
    out
}
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

pub fn widen_state(state: &State) -> reference::State {
    let c = state.layers.iter().map(|layer| widen(&layer.c));
    reference::State {
        h: state.layers.iter().map(|layer| widen(&layer.h)).collect(),
        c: c.filter(|c| !c.is_empty()).collect(),
    }
}
/// ‖a − b‖ ≤ tolerance · max(‖a‖, ‖b‖).
pub fn close(case: &str, what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{case}, {what}");
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(x, y)| x - y));
    let scale = norm(&mut a.iter().copied()).max(norm(&mut b.iter().copied()));
    assert!(
        difference <= tolerance * scale,
        "{case}, {what}: {difference:.3e} of {scale:.3e}"
    );
}
