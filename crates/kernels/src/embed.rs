//! Embeddings: rows of a table by id, and their gradients back into the table.
//!
//! An id outside the table is a mistake of the caller and panics.

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::rows::{AddRow, share_in_vectors};
use crate::timer::Kernel;

/// Copies rows of a table by id: `out[m] = table[ids[m]]`. `table` (V, E), `ids` (M), `out` (M, E).
pub fn gather(cpu: &Cpu, table: &[f32], ids: &[u32], out: &mut [f32]) {
    let _time = cpu.time(Kernel::Embedding);
    let Some(cols) = columns(table.len(), ids, out.len()) else {
        return;
    };
    let out = Parts::new(out);
    cpu.parallel_from(SHARED_FROM, out.len(), &|worker| {
        for m in worker.share(ids.len()) {
            let row = ids[m] as usize * cols;
            // SAFETY: shares of rows are disjoint.
            let out = unsafe { out.part(m * cols..(m + 1) * cols) };
            out.copy_from_slice(&table[row..row + cols]);
        }
    });
}

/// Adds rows to a table by id: `dtable[ids[m]] += d[m]`, from the last m to the first.
///
/// `ids` (M), `d` (M, E), `dtable` (V, E).
///
/// Threads share the columns, so that equal ids never meet and the order stays.
pub fn scatter_add(cpu: &Cpu, ids: &[u32], d: &[f32], dtable: &mut [f32]) {
    let _time = cpu.time(Kernel::Embedding);
    let Some(cols) = columns(dtable.len(), ids, d.len()) else {
        return;
    };
    let dtable = Parts::new(dtable);
    cpu.parallel_from(SHARED_FROM, d.len(), &|worker| {
        let share = share_in_vectors(worker, cols);
        if share.is_empty() {
            return;
        }
        for (m, id) in ids.iter().enumerate().rev() {
            let row = *id as usize * cols;
            // SAFETY: shares of columns are disjoint, and one part lives at a time.
            let to = unsafe { dtable.part(row + share.start..row + share.end) };
            let from = &d[m * cols + share.start..m * cols + share.end];
            cpu.isa().run(AddRow { from, to });
        }
    });
}

/// E, after a check of all sizes and ids; `None` if there is nothing to do.
fn columns(table: usize, ids: &[u32], rows: usize) -> Option<usize> {
    if ids.is_empty() || rows == 0 {
        assert_eq!(rows, 0, "embedding rows without ids");
        return None;
    }
    let cols = rows / ids.len();
    assert_eq!(rows, ids.len() * cols, "embedding rows are not (M, E)");
    assert_eq!(table % cols, 0, "the embedding table is not (V, E)");
    let largest = ids.iter().max().map_or(0, |id| *id as usize);
    assert!(largest < table / cols, "id {largest} outside the table");
    Some(cols)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SIZES, bits, machines, numbers};

    const VOCABULARY: usize = 5;
    const IDS: [u32; 9] = [4, 0, 3, 3, 0, 1, 3, 4, 3];

    #[test]
    fn gathered_rows_are_the_rows_of_the_table() {
        for cpu in machines() {
            for cols in SIZES {
                let table = numbers(VOCABULARY * cols, 1);
                let mut out = vec![9.0; IDS.len() * cols];
                gather(&cpu, &table, &IDS, &mut out);
                for (m, id) in IDS.iter().enumerate() {
                    let row = *id as usize * cols;
                    assert_eq!(out[m * cols..(m + 1) * cols], table[row..row + cols]);
                }
            }
        }
    }

    #[test]
    fn rows_are_added_from_the_last_id_to_the_first() {
        for cpu in machines() {
            for cols in SIZES {
                let d = numbers(IDS.len() * cols, 2);
                let before = numbers(VOCABULARY * cols, 3);
                let mut expected = before.clone();
                for (m, id) in IDS.iter().enumerate().rev() {
                    for j in 0..cols {
                        expected[*id as usize * cols + j] += d[m * cols + j];
                    }
                }
                let mut dtable = before;
                scatter_add(&cpu, &IDS, &d, &mut dtable);
                assert_eq!(bits(&dtable), bits(&expected));
            }
        }
    }

    #[test]
    fn no_ids_change_nothing() {
        let cpu = Cpu::new(crate::Isa::detect(), 2);
        let mut table = vec![1.0; 6];
        scatter_add(&cpu, &[], &[], &mut table);
        gather(&cpu, &table, &[], &mut []);
        assert_eq!(table, [1.0; 6]);
    }

    #[test]
    #[should_panic(expected = "outside the table")]
    fn an_id_outside_the_table_panics() {
        let cpu = Cpu::new(crate::Isa::detect(), 1);
        gather(&cpu, &[0.0; 6], &[3], &mut [0.0; 2]);
    }
}
