//! All parameters of a network in one flat arena, with named views.
//!
//! The optimiser, clipping and checkpoints are then loops over one slice. Gradients and moments
//! have the same layout. Every tensor starts on a cache line.

use crate::dims::{Dims, TENSOR_ALIGN};
use elman_kernels::Buffer;
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

/// Index of a tensor in a [`ParamLayout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorId(usize);

impl TensorId {
    /// Which of all, from 0.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// Purpose of a tensor, which decides its initialisation and its updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Embedding table, (V, E); its rows are the x_t.
    Embed,
    /// Input weights W_hx, (G·H, in).
    InputWeight,
    /// Recurrent weights W_hh, (G·H, H).
    RecurrentWeight,
    /// Bias b_1, (G·H).
    Bias,
    /// Bias of the recurrent product that a separate cell keeps apart (GRU: b_hn), (H).
    ResetBias,
    /// Projection P from the top layer to a tied table of another width, (E, H of the top layer).
    Projection,
    /// Output weights W_S, (V, H).
    OutputWeight,
    /// Output bias b_2, (V).
    OutputBias,
}

/// Description of one tensor: its name on disk, shape and range in the arena.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Name in files, as in PyTorch, such as `rnn.weight_ih_l0`.
    pub name: String,
    /// Purpose of the tensor.
    pub role: Role,
    /// Number of gates stacked along the first axis: 1, 3 or 4.
    pub gates: usize,
    /// Size of every dimension.
    pub shape: Vec<usize>,
    /// Range of its numbers in the arena.
    pub range: Range<usize>,
}

/// Tensors of a network, in the order of the arena.
#[derive(Clone, Debug)]
pub struct ParamLayout {
    tensors: Vec<Tensor>,
    len: usize,
}

impl ParamLayout {
    /// Makes the layout of a network: embedding, the layers from below, projection, output layer.
    pub fn new(dims: &Dims) -> ParamLayout {
        let mut layout = ParamLayout {
            tensors: Vec::new(),
            len: 0,
        };
        let (gates, vocab) = (dims.cell.gates(), dims.vocab);
        layout.push(
            "encoder.weight".into(),
            Role::Embed,
            1,
            &[vocab, dims.embed],
        );
        for (k, &hidden) in dims.hidden.iter().enumerate() {
            let rows = gates * hidden;
            let mut push = |name: &str, role, gates, shape: &[usize]| {
                layout.push(format!("rnn.{name}_l{k}"), role, gates, shape);
            };
            push(
                "weight_ih",
                Role::InputWeight,
                gates,
                &[rows, dims.input(k)],
            );
            push("weight_hh", Role::RecurrentWeight, gates, &[rows, hidden]);
            push("bias_ih", Role::Bias, gates, &[rows]);
            if dims.cell.is_separate() {
                push("bias_hh", Role::ResetBias, 1, &[hidden]);
            }
        }
        if dims.projected() {
            let shape = [dims.output(), dims.top()];
            layout.push("projection.weight".into(), Role::Projection, 1, &shape);
        }
        if !dims.tied {
            let shape = [vocab, dims.output()];
            layout.push("decoder.weight".into(), Role::OutputWeight, 1, &shape);
        }
        layout.push("decoder.bias".into(), Role::OutputBias, 1, &[vocab]);
        layout
    }

    /// Copy of the layout in which the tensor `left_out` has no rows; all ids remain valid.
    pub fn without(&self, left_out: TensorId) -> ParamLayout {
        let mut layout = ParamLayout {
            tensors: Vec::new(),
            len: 0,
        };
        for (id, tensor) in self.tensors() {
            let mut shape = tensor.shape.clone();
            if id == left_out {
                shape[0] = 0;
            }
            layout.push(tensor.name.clone(), tensor.role, tensor.gates, &shape);
        }
        layout
    }

    fn push(&mut self, name: String, role: Role, gates: usize, shape: &[usize]) {
        let size: usize = shape.iter().product();
        let range = self.len..self.len + size;
        self.len = range.end.next_multiple_of(TENSOR_ALIGN);
        self.tensors.push(Tensor {
            name,
            role,
            gates,
            shape: shape.to_vec(),
            range,
        });
    }

    /// All tensors with their ids, in the order of the arena.
    pub fn tensors(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        let ids = (0..self.tensors.len()).map(TensorId);
        ids.zip(&self.tensors)
    }

    /// Description of the tensor `id`.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// Finds a tensor by its name on disk.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        let index = self.tensors.iter().position(|t| t.name == name)?;
        Some(TensorId(index))
    }

    /// Length of the arena in numbers, with the padding between tensors.
    pub fn arena_len(&self) -> usize {
        self.len
    }

    /// Number of trainable parameters.
    pub fn parameter_count(&self) -> usize {
        self.tensors.iter().map(|t| t.range.len()).sum()
    }
}

/// Whether every value is finite.
pub fn all_finite(values: &[f32]) -> bool {
    const INFINITY: u32 = f32::INFINITY.to_bits();
    let largest = |chunk: &[f32]| chunk.iter().fold(0, |most, x| x.abs().to_bits().max(most));
    values.chunks(4096).all(|chunk| largest(chunk) < INFINITY)
}

/// Adds `numbers` to `sums`, element by element.
pub fn add(sums: &mut [f32], numbers: &[f32]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += x);
}

/// Multiplies all numbers by `factor`.
pub fn scale(numbers: &mut [f32], factor: f32) {
    numbers.iter_mut().for_each(|x| *x *= factor);
}

/// Arena laid out by a [`ParamLayout`]: weights, gradients or moments.
#[derive(Clone)]
pub struct Params {
    layout: Arc<ParamLayout>,
    arena: Buffer,
}

impl Params {
    /// Makes an arena of zeros.
    pub fn zeros(layout: Arc<ParamLayout>) -> Params {
        let arena = Buffer::zeros(layout.arena_len());
        Params { layout, arena }
    }

    /// ParamLayout of the arena.
    pub fn layout(&self) -> &Arc<ParamLayout> {
        &self.layout
    }

    /// All numbers of the arena, with the padding between tensors.
    pub fn numbers(&self) -> &[f32] {
        &self.arena
    }

    /// All mutable numbers of the arena, with the padding between tensors.
    pub fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.arena
    }

    /// Sets every parameter to `value`.
    pub fn fill(&mut self, value: f32) {
        self.arena.fill(value);
    }

    /// Copies all values of `other`, which has the same layout.
    pub fn copy_from(&mut self, other: &Params) {
        self.arena.copy_from_slice(&other.arena);
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        all_finite(&self.arena)
    }

    /// Mutable values of two different tensors.
    pub(crate) fn pair_mut(&mut self, a: TensorId, b: TensorId) -> [&mut [f32]; 2] {
        let range = |id| self.layout.tensor(id).range.clone();
        let pair = self.arena.get_disjoint_mut([range(a), range(b)]);
        pair.expect("tensors do not overlap")
    }

    /// All tensors with their mutable values, in the order of the arena.
    pub fn tensors_mut(&mut self) -> Vec<(&Tensor, &mut [f32])> {
        let mut rest = &mut self.arena[..];
        let mut start = 0;
        let mut out = Vec::with_capacity(self.layout.tensors.len());
        for tensor in &self.layout.tensors {
            let (_, from) = rest.split_at_mut(tensor.range.start - start);
            let (values, after) = from.split_at_mut(tensor.range.len());
            out.push((tensor, values));
            rest = after;
            start = tensor.range.end;
        }
        out
    }
}

impl Index<TensorId> for Params {
    type Output = [f32];
    fn index(&self, id: TensorId) -> &[f32] {
        &self.arena[self.layout.tensor(id).range.clone()]
    }
}

impl IndexMut<TensorId> for Params {
    fn index_mut(&mut self, id: TensorId) -> &mut [f32] {
        &mut self.arena[self.layout.tensor(id).range.clone()]
    }
}
