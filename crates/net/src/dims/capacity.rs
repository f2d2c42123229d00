//! How much of a window is in memory at a time, and how windows are cut into segments for recomputation.

use super::{Dims, TrainingBuffers};
use std::ops::Range;

/// Capacity for windows: the largest number of rows, sequences and kept states of any window.
///
/// A row is a pair (time step, sequence). All windows may have one shape (T, B), or each its own, as sentences do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Most rows of a window, T·B.
    pub window: usize,
    /// Most rows whose activations are in memory together, a *segment*; fewer than a window's with recomputation.
    pub segment: usize,
    /// Largest batch size, B.
    pub batch_size: usize,
    /// Largest number of sequences whose state is carried from window to window; more than a window has where windows hold parts of a batch.
    pub carried: usize,
    /// Most states that are kept between the segments of a window, counted in sequences.
    pub starts: usize,
    /// Most rows whose inputs are listed together: those of a window, and the distinct ones before it in an update.
    pub inputs: usize,
}

impl Capacity {
    /// Capacity for windows of `steps` steps and batch size `batch_size` that are in memory as a whole.
    pub fn whole(steps: usize, batch_size: usize) -> Capacity {
        Capacity::for_all([(steps, batch_size)], false)
    }

    /// Capacity for windows of each of the `shapes` (T, B), in memory as a whole or, with `recompute`, in segments.
    pub fn for_all(
        shapes: impl IntoIterator<Item = (usize, usize), IntoIter: Clone>,
        recompute: bool,
    ) -> Capacity {
        let shapes = shapes.into_iter();
        let most =
            |size: &dyn Fn((usize, usize)) -> usize| shapes.clone().map(size).max().unwrap_or(0);
        let mut capacity = Capacity {
            window: most(&|(steps, batch_size)| steps.saturating_mul(batch_size)),
            segment: most(&|(steps, batch_size)| match recompute {
                true => recomputed_steps(steps, batch_size).saturating_mul(batch_size),
                false => steps.saturating_mul(batch_size),
            }),
            batch_size: most(&|(_, batch_size)| batch_size),
            carried: most(&|(_, batch_size)| batch_size),
            starts: 0,
            inputs: 0,
        };
        capacity.inputs = capacity.window;
        capacity.starts = most(&|(steps, batch_size)| {
            (capacity.segments(steps, batch_size).len() - 1) * batch_size
        });
        capacity
    }

    /// Adapts the capacity to updates that accumulate the gradients of `windows` windows.
    ///
    /// With tied weights every row of the table has a gradient, and inputs are listed for one window at a time.
    pub fn accumulating(self, windows: u64, dims: &Dims) -> Capacity {
        let before = (windows - 1).saturating_mul(self.window as u64);
        let different = match dims.tied {
            true => 0,
            false => before.min(dims.vocab as u64) as usize,
        };
        Capacity {
            inputs: self.window.saturating_add(different),
            ..self
        }
    }

    /// Number of embedding rows whose gradient is kept outside the gradient arena; 0 if the arena holds the whole
    /// table.
    ///
    /// With a tied table these are the rows that a window reads; otherwise, with [`TrainingBuffers::rows_read`], the rows that
    /// an update's windows read.
    pub fn own_rows(&self, dims: &Dims, buffers: TrainingBuffers) -> usize {
        let read = match buffers.leaves_table_out(dims) {
            true => self.inputs,
            false if dims.tied => self.window,
            false => 0,
        };
        read.min(dims.vocab)
    }

    /// Cuts a window of `steps` steps and batch size `batch_size` into segments, as ranges of steps in order of time.
    ///
    /// Each has as many steps as fit and an even number of rows, because bf16 multiplies rows in pairs. Segments are
    /// counted from the window's end, so only the first may be shorter.
    pub fn segments(
        &self,
        steps: usize,
        batch_size: usize,
    ) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator + Clone + use<> {
        let most = self.segment / batch_size;
        let segment = match steps <= most {
            true => steps,
            false => most - most * batch_size % 2,
        };
        let count = steps.div_ceil(segment);
        (0..count).map(move |i| {
            let end = steps - (count - 1 - i) * segment;
            end.saturating_sub(segment)..end
        })
    }
}

/// Steps of a segment where activations are recomputed: √T, so that there are as many states between segments as steps in
/// one, with an even number of rows.
fn recomputed_steps(steps: usize, batch_size: usize) -> usize {
    let root = steps.isqrt() + usize::from(steps.isqrt().pow(2) < steps);
    root.next_multiple_of(1 + batch_size % 2).min(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_the_window_and_are_whole_from_its_end() {
        for batch_size in [1, 2, 3, 4, 20, 32, 64, 256, 300] {
            for window in (1..200).chain([9_999, 10_000, 123_457]) {
                let capacity = Capacity::for_all([(window, batch_size)], true);
                let segment = capacity.segment / batch_size;
                for length in [1, window / 2, window].into_iter().filter(|n| *n > 0) {
                    let segments: Vec<_> = capacity.segments(length, batch_size).collect();
                    assert_eq!(segments[0].start, 0);
                    assert_eq!(segments[segments.len() - 1].end, length);
                    assert!(segments.windows(2).all(|two| two[0].end == two[1].start));
                    for whole in &segments[1..] {
                        assert_eq!(whole.len(), segment);
                        assert_eq!(
                            whole.len() * batch_size % 2,
                            0,
                            "{window} steps, batch size {batch_size}"
                        );
                    }
                }
                let root = (window as f64).sqrt();
                assert!(segment as f64 <= root.ceil() + 1.0);
                assert!(segment as f64 >= root.floor().min(window as f64));
            }
        }
        let whole = Capacity::whole(35, 32);
        assert!(whole.segments(20, 32).eq(std::iter::once(0..20)));
    }

    #[test]
    fn room_for_many_shapes_is_room_for_each() {
        let shapes = [(1, 32), (10_000, 1), (35, 32), (999, 3), (400, 7), (2, 31)];
        for recompute in [false, true] {
            let capacity = Capacity::for_all(shapes, recompute);
            for (steps, batch_size) in shapes {
                let segments: Vec<_> = capacity.segments(steps, batch_size).collect();
                assert!(steps * batch_size <= capacity.window && batch_size <= capacity.batch_size);
                assert!((segments.len() - 1) * batch_size <= capacity.starts);
                assert!(
                    segments
                        .iter()
                        .all(|s| s.len() * batch_size <= capacity.segment)
                );
                assert!(segments[1..].iter().all(|s| s.len() * batch_size % 2 == 0));
                assert_eq!(
                    (segments[0].start, segments[segments.len() - 1].end),
                    (0, steps)
                );
            }
            // Short batches are read at once in the capacity that the long ones need.
            assert_eq!(capacity.segments(2, 31).len(), 1);
        }
    }
}
