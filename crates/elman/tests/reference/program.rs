//! The program's sizes and weights, as the reference takes them.

use super::{Cell, Network, State, Tensors};
use elman::net;
use elman::net::dims::{self, Activation, Dims};
use elman::net::params::{Params, Role};

/// Every cell of the program.
pub const CELLS: [dims::Cell; dims::Cell::ALL.len()] = dims::Cell::ALL;

/// The reference's network of these sizes.
pub fn network(dims: &Dims) -> Network {
    Network {
        cell: match (dims.cell.name(), dims.cell.activation()) {
            (_, Some(Activation::Sigmoid)) => Cell::Sigmoid,
            (_, Some(Activation::Tanh)) => Cell::Tanh,
            (_, Some(Activation::Relu)) => Cell::Relu,
            ("lstm", _) => Cell::Lstm,
            ("gru", _) => Cell::Gru,
            (other, _) => panic!("the reference has no cell {other}"),
        },
        vocab: dims.vocab,
        embed: dims.embed,
        hidden: dims.hidden.clone(),
        tied: dims.tied,
    }
}

/// An arena's tensors as they are on disk: with a full `bias_hh`, zero except GRU's n part.
pub fn on_disk(params: &Params) -> Tensors {
    let mut out = Tensors::new();
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

/// The state of all sequences.
pub fn state(state: &net::State) -> State {
    let c = state.layers.iter().map(|layer| widen(&layer.c));
    State {
        h: state.layers.iter().map(|layer| widen(&layer.h)).collect(),
        c: c.filter(|c| !c.is_empty()).collect(),
    }
}
