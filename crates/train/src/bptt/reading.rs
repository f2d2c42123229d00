//! Uses of the engine beside training: losses of a text, activations for inspection, and the network for forward passes.

use super::{Engine, WindowStats};
use elman_infer::scoring::WindowScorer;
use elman_kernels::Cpu;
use elman_net::flow::trace::{LayerWeights, Overflow, Trace};
use elman_net::{NetworkView, State};
use elman_text::Window;

impl Engine {
    /// Computes the loss of one window without dropout and gradient, from `state`, which has the window's batch size and becomes
    /// the state after it.
    pub fn score_window(&mut self, window: &Window, state: &mut State) -> WindowStats {
        self.score(window, state, None)
    }

    fn score(
        &mut self,
        window: &Window,
        state: &mut State,
        mut right: Option<&mut [bool]>,
    ) -> WindowStats {
        for segment in self.capacity.segments(window.steps, window.batch_size) {
            let rows = segment.start * window.batch_size..segment.end * window.batch_size;
            self.read(window, segment, None, state);
            self.network.loss(
                &self.cpu,
                &self.params,
                &self.forward,
                &window.targets[rows.clone()],
                &mut self.tape,
                &mut self.nats[rows.clone()],
                right.as_mut().map(|right| &mut right[rows]),
            );
        }
        self.stats(window)
    }

    /// Records the activations of the first `batch_size` rows of `window` over its first steps, without dropout.
    ///
    /// At most `most_steps` steps, or as many as a segment holds, are recorded, from `state`, which does not change. Training is
    /// unaffected: the next window overwrites the tape.
    ///
    /// # Errors
    /// [`Overflow`] if hidden states overflow.
    pub fn trace(
        &mut self,
        window: &Window,
        batch_size: usize,
        most_steps: usize,
        state: &State,
        layers: &[LayerWeights],
    ) -> Result<Trace, Overflow> {
        let steps = window
            .steps
            .min(most_steps)
            .min(self.capacity.segment / batch_size);
        let inputs = window.inputs.chunks_exact(window.batch_size).take(steps);
        let begins = window.begins.chunks_exact(window.batch_size).take(steps);
        let few = Window {
            steps,
            batch_size,
            inputs: inputs.flat_map(|row| &row[..batch_size]).copied().collect(),
            begins: begins.flat_map(|row| &row[..batch_size]).copied().collect(),
            ..Window::default()
        };
        let mut from = State::zeros(self.network.dims(), batch_size);
        from.copy_sequences(state, 0..batch_size);
        self.read(&few, 0..steps, None, &mut from);
        Trace::record(layers, &self.tape, steps)
    }

    /// A view of the network with its present weights for forward passes, and the [`Cpu`] to run them on.
    pub fn view(&mut self) -> (NetworkView<'_>, &Cpu) {
        self.refresh(None);
        let view = NetworkView {
            network: &self.network,
            params: &self.params,
            panels: &self.forward,
        };
        (view, &self.cpu)
    }

    /// Logits of the last segment (T, B, V) for tests and inspection; training never holds them all.
    pub fn logits(&self, rows: usize, dropped: bool) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.network.dims().vocab];
        self.network.logits(
            &self.cpu,
            &self.params,
            &self.forward,
            &self.tape,
            dropped,
            &mut out,
        );
        out
    }

    /// Adds the losses of the last window, which is `window`, to those of the parts of the text that its streams belong to.
    #[cfg(test)]
    pub(super) fn add_part_nats(&self, window: &Window, part_nats: &mut [f64]) {
        let cells = self.nats.iter().zip(&window.weight).enumerate();
        for (cell, (nats, _)) in cells.filter(|(_, (_, mask))| **mask > 0.0) {
            part_nats[window.parts[cell % window.batch_size] as usize] += nats;
        }
    }

    pub(super) fn stats(&self, window: &Window) -> WindowStats {
        let real = self
            .nats
            .iter()
            .zip(&window.weight)
            .filter(|(_, mask)| **mask > 0.0);
        WindowStats {
            nats: real.map(|(nats, _)| nats).sum(),
            tokens: window.real,
        }
    }
}

/// Lets the scoring loop of evaluation use the memory of training, so that validation allocates nothing.
impl WindowScorer for Engine {
    fn zero_state(&self) -> State {
        Engine::zero_state(self)
    }

    fn score(&mut self, window: &Window, state: &mut State, right: Option<&mut [bool]>) -> &[f64] {
        Engine::score(self, window, state, right);
        &self.nats[..window.targets.len()]
    }
}
