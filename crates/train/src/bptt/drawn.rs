//! Inputs sampled from the model's own predictions: the first pass over a window under scheduled sampling.

use super::Engine;
use crate::scheduled::Coins;
use elman_net::State;
use elman_net::layer::dropout::Dropout;
use elman_text::Window;

/// The draws of one time step.
#[derive(Default)]
pub(super) struct Draws {
    /// Rows of the batch whose input is drawn, and below the numbers to draw with.
    sequences: Vec<usize>,
    uniforms: Vec<f64>,
    /// Their rows of the top layer.
    h: Vec<f32>,
    ids: Vec<u32>,
}

impl Draws {
    /// Reserves memory for all rows of the batch, as planned.
    fn reserve(&mut self, batch_size: usize, width: usize) {
        self.sequences.reserve_exact(batch_size);
        self.uniforms.reserve_exact(batch_size);
        self.h.reserve_exact(batch_size * width);
        self.ids.reserve_exact(batch_size);
    }

    fn clear(&mut self) {
        self.sequences.clear();
        self.uniforms.clear();
        self.h.clear();
        self.ids.clear();
    }
}

impl Engine {
    /// Replaces inputs of `window`, chosen by `coins`, by samples from the model's predictions (scheduled sampling); returns how
    /// many.
    ///
    /// The window starts from the rows of `carried` at the first sequence of `coins`; they do not change. Where that state is zero, or a text begins within
    /// the window, the input is not replaced, because nothing has predicted it. The prediction for a window's first input is
    /// computed from the carried state, without the output dropout that the window before had.
    pub fn draw_inputs(
        &mut self,
        window: &mut Window,
        coins: Coins,
        dropout: Option<Dropout>,
        carried: &State,
    ) -> usize {
        self.refresh(dropout.and_then(|dropout| dropout.weight_drop()));
        let dropped = dropout.is_some_and(|dropout| dropout.copies());
        let batch_size = window.batch_size;
        let piece_steps = self.capacity.segment / batch_size;
        let mut running = std::mem::take(&mut self.running);
        let mut draws = std::mem::take(&mut self.draws);
        draws.clear();
        draws.reserve(self.capacity.batch_size, self.network.dims().top());
        let first = coins.first_sequence();
        running.copy_sequences(carried, first..first + batch_size);
        let ends: Vec<usize> = (0..batch_size)
            .map(|sequence| end_of(window, sequence))
            .collect();
        let (mut read, mut rows, mut count) = (0, 0, 0);
        for t in usize::from(running.is_zero())..window.steps {
            draws.clear();
            for sequence in (0..batch_size)
                .filter(|&sequence| t < ends[sequence] && !window.begins_at(t, sequence))
            {
                if let Some(uniform) = coins.toss(t, sequence) {
                    draws.sequences.push(sequence);
                    draws.uniforms.push(uniform);
                }
            }
            if draws.sequences.is_empty() {
                continue;
            }
            // In pieces that there is room for; the last one ends with step t − 1.
            while read < t {
                let piece = read..t.min(read + piece_steps);
                (read, rows) = (piece.end, piece.len() * batch_size);
                let dropout = dropout.map(|dropout| Dropout {
                    first: piece.start,
                    ..dropout
                });
                self.read(window, piece, dropout.as_ref(), &mut running);
            }
            self.draw(rows, dropped, &running, &mut draws);
            for (&sequence, &id) in draws.sequences.iter().zip(&draws.ids) {
                window.inputs[t * batch_size + sequence] = id;
            }
            count += draws.sequences.len();
        }
        (self.running, self.draws) = (running, draws);
        count
    }

    /// Draws for the chosen sequences after the last of the `rows` rows that were read last; if that is none, after `state`.
    fn draw(&mut self, rows: usize, dropped: bool, state: &State, draws: &mut Draws) {
        let h = match rows {
            0 => &state.layers[state.layers.len() - 1].h[..],
            _ => self.network.above_layers(&self.tape, rows, dropped),
        };
        let width = h.len() / rows.max(state.batch_size);
        let last = &h[h.len() - state.batch_size * width..];
        for &sequence in &draws.sequences {
            draws
                .h
                .extend_from_slice(&last[sequence * width..(sequence + 1) * width]);
        }
        draws.ids.resize(draws.sequences.len(), 0);
        self.network.draw(
            &self.cpu,
            &self.params,
            &self.forward,
            &draws.h,
            &draws.uniforms,
            &mut self.tape,
            &mut draws.ids,
        );
    }
}

/// One past the last step of `sequence` that counts.
fn end_of(window: &Window, sequence: usize) -> usize {
    let counts = |t: &usize| window.weight[t * window.batch_size + sequence] > 0.0;
    (0..window.steps).rev().find(counts).map_or(0, |t| t + 1)
}
