//! The embedding: token id → its row x_t of a table (V, E).

use crate::params::{Params, TensorId};
use elman_kernels::{Cpu, gather, scatter_add};

/// Embedding layer, which looks up the row of each token in a table (V, E). It holds no weights.
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// Parameter that holds the table.
    pub table: TensorId,
}

impl Embedding {
    /// `ids` (T, B) → `x` (T, B, E).
    pub(crate) fn forward(&self, cpu: &Cpu, params: &Params, ids: &[u32], x: &mut [f32]) {
        gather(cpu, &params[self.table], ids, x);
    }

    /// Adds `dx` (T, B, E) to the rows `rows` (T, B) of `dtable` (·, E), from the last (t, sequence) to the
    /// first: a word that occurs twice gets its sum in the same order at every thread count.
    pub(crate) fn backward(&self, cpu: &Cpu, rows: &[u32], dx: &[f32], dtable: &mut [f32]) {
        scatter_add(cpu, rows, dx, dtable);
    }
}
