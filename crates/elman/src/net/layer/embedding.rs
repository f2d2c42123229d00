//! The embedding: token id → its row x_t of a table (V, E).

use crate::net::params::{Params, TensorId};
use elman_kernels::{Cpu, gather, scatter_add};

#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    pub(crate) table: TensorId,
}

impl Embedding {
    /// `ids` (T, B) → `x` (T, B, E).
    pub(crate) fn forward(&self, cpu: &Cpu, params: &Params, ids: &[u32], x: &mut [f32]) {
        gather(cpu, &params[self.table], ids, x);
    }

    /// Moves the gradients of the rows `before` apart, so that those of the rows `new`, which become zero, come between them in
    /// ascending order; both lists are ascending.
    pub(crate) fn make_room(&self, before: &[u32], new: &[u32], width: usize, drows: &mut [f32]) {
        let (mut old, mut new) = (before, new);
        // From the last: no row is overwritten before it has moved.
        while let Some((last, rest)) = new.split_last() {
            let place = (old.len() + rest.len()) * width;
            match old.split_last() {
                Some((moved, rest)) if moved > last => {
                    drows.copy_within(rest.len() * width..old.len() * width, place);
                    old = rest;
                }
                _ => {
                    drows[place..place + width].fill(0.0);
                    new = rest;
                }
            }
        }
    }

    /// Adds `dx` (T, B, E) to the rows `rows` (T, B) of `dtable` (·, E), from the last (t, lane) to the
    /// first: a word that occurs twice gets its sum in the same order at every thread count.
    pub(crate) fn backward(&self, cpu: &Cpu, rows: &[u32], dx: &[f32], dtable: &mut [f32]) {
        scatter_add(cpu, rows, dx, dtable);
    }
}

#[cfg(test)]
mod tests {
    use crate::dims::{Cell, Dims};
    use crate::net::Network;

    #[test]
    fn rows_keep_their_gradients_when_others_come_between_them() {
        let network = Network::new(Dims {
            cell: Cell::Gru,
            vocab: 9,
            embed: 2,
            hidden: vec![2],
            tied: false,
        });
        let mut drows = [1.0, 1.5, 4.0, 4.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let table = network.embedding();
        table.make_room(&[1, 4], &[0, 3, 8], 2, &mut drows);
        assert_eq!(drows, [0.0, 0.0, 1.0, 1.5, 0.0, 0.0, 4.0, 4.5, 0.0, 0.0]);
        table.make_room(&[1], &[], 2, &mut drows[2..]);
        table.make_room(&[], &[2, 5], 2, &mut drows[6..]);
        assert_eq!(drows, [0.0, 0.0, 1.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
