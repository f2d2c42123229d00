//! All parameters of a network in one flat arena, with named views.
//!
//! The optimiser, clipping and checkpoints are then loops over one slice. Gradients and moments
//! have the same layout. Every tensor starts on a cache line.

use crate::dims::{Dims, TENSOR_ALIGN};
use elman_kernels::Buffer;
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

/// Which tensor of a [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorId(usize);

impl TensorId {
    /// Which of all, from 0.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// What a tensor is for; initialisation and updates depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// (V, E): rows are the x_t.
    Embed,
    /// (G·H, in): W_hx.
    InputWeight,
    /// (G·H, H): W_hh.
    RecurrentWeight,
    /// (G·H): b_1.
    Bias,
    /// (H): the bias in the recurrent product that a separate cell keeps apart (GRU: b_hn).
    ResetBias,
    /// (E, H of the top layer): P, between that layer and a tied table of another width.
    Projection,
    /// (V, H): W_S.
    OutputWeight,
    /// (V): b_2.
    OutputBias,
}

/// One tensor: its place in the arena and its name on disk.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub name: String,
    pub role: Role,
    /// Gates stacked along the first axis (1, 3 or 4).
    pub gates: usize,
    pub shape: Vec<usize>,
    pub range: Range<usize>,
}

/// The tensors of a network, in the order of the arena.
#[derive(Clone, Debug)]
pub struct Layout {
    tensors: Vec<Tensor>,
    len: usize,
}

impl Layout {
    /// Lays out: embedding, then each layer from below, then projection and output layer.
    pub fn new(dims: &Dims) -> Layout {
        let mut layout = Layout {
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

    /// The same tensors by the same ids, `left_out` (rows, columns) without rows.
    pub fn without(&self, left_out: TensorId) -> Layout {
        let mut layout = Layout {
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

    pub fn tensors(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        let ids = (0..self.tensors.len()).map(TensorId);
        ids.zip(&self.tensors)
    }

    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// The tensor with this name on disk.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        let index = self.tensors.iter().position(|t| t.name == name)?;
        Some(TensorId(index))
    }

    /// Numbers in the arena, the padding between tensors included.
    pub fn arena_len(&self) -> usize {
        self.len
    }

    /// Trainable numbers.
    pub fn parameter_count(&self) -> usize {
        self.tensors.iter().map(|t| t.range.len()).sum()
    }
}

/// Whether every value is a number. Without a branch for each this runs at the speed of memory.
pub fn all_finite(values: &[f32]) -> bool {
    const INFINITY: u32 = f32::INFINITY.to_bits();
    let largest = |chunk: &[f32]| chunk.iter().fold(0, |most, x| x.abs().to_bits().max(most));
    values.chunks(4096).all(|chunk| largest(chunk) < INFINITY)
}

/// An arena laid out by a [`Layout`]: weights, gradients or moments.
#[derive(Clone)]
pub struct Params {
    layout: Arc<Layout>,
    arena: Buffer,
}

impl Params {
    pub fn zeros(layout: Arc<Layout>) -> Params {
        let arena = Buffer::zeros(layout.arena_len());
        Params { layout, arena }
    }

    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Gives every parameter this value.
    pub fn fill(&mut self, value: f32) {
        self.arena.fill(value);
    }

    /// Takes the values of `other`, which has the same layout.
    pub fn copy_from(&mut self, other: &Params) {
        self.arena.copy_from_slice(&other.arena);
    }

    /// Whether every value is a number.
    pub fn is_finite(&self) -> bool {
        all_finite(&self.arena)
    }

    /// The values of two different tensors.
    pub fn pair_mut(&mut self, a: TensorId, b: TensorId) -> [&mut [f32]; 2] {
        let range = |id| self.layout.tensor(id).range.clone();
        let pair = self.arena.get_disjoint_mut([range(a), range(b)]);
        pair.expect("tensors do not overlap")
    }

    /// Every tensor with its values, in the order of the arena.
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
