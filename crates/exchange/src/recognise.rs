//! Which network a state dict of PyTorch holds, from the names and shapes of its tensors alone.
//!
//! Names of recurrent layers are those of `nn.RNN`, `nn.LSTM` and `nn.GRU` behind any prefix, `P`:
//!
//! ```text
//! P.weight_ih_l{k} (G·H, in)   P.weight_hh_l{k} (G·H, H)   P.bias_ih_l{k}, P.bias_hh_l{k} (G·H)
//! ```
//! G = 1 is an RNN, 4 an LSTM, 3 a GRU. Layers of several modules (`rnns.0.weight_ih_l0`, `rnns.1.weight_ih_l0`) follow each
//! other in the order of their numbers. Matrices with V rows are the embedding and the output layer; which is which says,
//! in this order: the user, a bias beside it, its width, its name. One such matrix alone is both: tied weights; or, where the first
//! layer reads V numbers, the output layer of a network whose inputs are one-hot.
//!
//! Not known here: the tensors' values.

mod layers;
mod tables;

use elman_infer::files::config::LARGEST;
use elman_net::dims::{Activation, Cell};
use elman_store::Described;
use elman_text::Layout;
use layers::{Part, stack};
pub(super) use tables::Ends;
use tables::tables;

use crate::error::{Refusal, Unclear};

type Result<T> = std::result::Result<T, Refusal>;

/// Answers to what the names and shapes of a state dict leave open.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Activation of a plain RNN; required for one, an error for an LSTM or a GRU.
    pub activation: Option<Activation>,
    /// Name of the embedding's tensor or of its module: `emb.weight` or `emb`.
    pub embedding: Option<String>,
    /// Name of the output layer's weight or of its module: `fc.weight` or `fc`.
    pub output: Option<String>,
    /// How the training texts were laid out; a stream if neither this nor the file says so.
    pub layout: Option<Layout>,
}

/// A network, and where its tensors are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recognised {
    pub cell: Cell,
    pub embed: usize,
    /// H of every layer, from below.
    pub hidden: Vec<usize>,
    pub ends: Ends,
    /// Our name and the file's, for every tensor of the file.
    pub names: Vec<(String, String)>,
    /// Our names and the lengths of biases that the modules were made without.
    pub no_biases: Vec<(String, usize)>,
}

/// Finds the network of `rows` tokens in `arrays`.
///
/// Errors: whatever is missing, too much, of another shape than its neighbours ask for, or ambiguous.
pub(super) fn recognise(arrays: &[Described], rows: usize, hints: &Hints) -> Result<Recognised> {
    for array in arrays {
        if !matches!(array.dtype, "F32" | "F64" | "F16" | "BF16") {
            return Err(format!(
                "`{}` has the element type {}, and weights are F32, F64, F16 or BF16: leave it out of the file if it is no weight",
                array.name, array.dtype
            ).into());
        }
    }
    let (recurrent, others): (Vec<_>, Vec<_>) = arrays
        .iter()
        .map(|array| (Part::of(&array.name), array))
        .partition(|(part, _)| part.is_some());
    let mut found = Found::default();
    let layers = stack(
        recurrent
            .into_iter()
            .filter_map(|(part, array)| Some((part?, array))),
    )?;
    let gates = layers[0].gates()?;
    let cell = cell(gates, hints.activation, layers[0].weight_hh)?;
    let embed = layers[0].input()?;
    let (mut hidden, mut width) = (Vec::new(), embed);
    let with_bias = layers
        .iter()
        .any(|layer| layer.biases.iter().any(Option::is_some));
    for (k, layer) in layers.iter().enumerate() {
        width = layer.place(k, gates, width, with_bias, &mut found)?;
        hidden.push(width);
    }
    let others: Vec<&Described> = others.into_iter().map(|(_, array)| array).collect();
    let ends = tables(&others, rows, embed, width, hints, &mut found)?;
    Ok(Recognised {
        cell,
        embed,
        hidden,
        ends,
        names: found.names,
        no_biases: found.no_biases,
    })
}

/// Tensors whose place in the network has been found.
#[derive(Default)]
struct Found {
    names: Vec<(String, String)>,
    no_biases: Vec<(String, usize)>,
}

impl Found {
    fn take(&mut self, ours: impl Into<String>, array: &Described) {
        self.names.push((ours.into(), array.name.clone()));
    }
}

fn cell(gates: usize, activation: Option<Activation>, array: &Described) -> Result<Cell> {
    let (cell, name) = match (gates, activation) {
        (1, Some(activation)) => return Ok(Cell::elman(activation)),
        (1, None) => {
            return Err(Unclear::Activation(shape(array)).into());
        }
        (3, activation) => ((Cell::GRU, activation), "a GRU"),
        (_, activation) => ((Cell::LSTM, activation), "an LSTM"),
    };
    match cell {
        (cell, None) => Ok(cell),
        _ => {
            let said = format!("{}, so the cell is {name}", shape(array));
            Err(Unclear::NotPlain(said).into())
        }
    }
}

fn shape(array: &Described) -> String {
    format!("`{}` has the shape {:?}", array.name, array.shape)
}

/// The two sizes of a matrix.
fn matrix(array: &Described) -> Result<[usize; 2]> {
    match array.shape[..] {
        [rows, width]
            if rows > 0 && width > 0 && width as u64 <= LARGEST && rows as u64 <= 4 * LARGEST =>
        {
            Ok([rows, width])
        }
        _ => Err(format!(
            "`{}` has the shape {:?}, and a matrix of at most {LARGEST} columns is needed",
            array.name, array.shape
        )
        .into()),
    }
}

fn has_shape(array: &Described, wanted: &[usize]) -> Result<()> {
    match array.shape == wanted {
        true => Ok(()),
        false => Err(format!(
            "`{}` has the shape {:?} where {wanted:?} is needed",
            array.name, array.shape
        )
        .into()),
    }
}

fn list(arrays: &[&Described]) -> String {
    let one = |array: &&Described| format!("`{}` {:?}", array.name, array.shape);
    match arrays {
        [] => "none".into(),
        _ => arrays.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests;
