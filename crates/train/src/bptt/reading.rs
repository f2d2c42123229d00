//! What the engine does beside training: losses of a text, activations to be looked at, and the network for forward passes.

use super::{Engine, WindowStats};
use elman_infer::scoring::WindowScorer;
use elman_kernels::Cpu;
use elman_net::flow::trace::{LayerWeights, Overflow, Trace};
use elman_net::{NetworkView, State};
use elman_text::Window;

impl Engine {
    /// The loss of one window without dropout, gradient or memory of it, from `state`, which has the
    /// window's lanes and becomes that after it.
    pub fn score_window(&mut self, window: &Window, state: &mut State) -> WindowStats {
        self.score(window, state, None)
    }

    fn score(
        &mut self,
        window: &Window,
        state: &mut State,
        mut right: Option<&mut [bool]>,
    ) -> WindowStats {
        for segment in self.room.segments(window.steps, window.lanes) {
            let rows = segment.start * window.lanes..segment.end * window.lanes;
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

    /// The activations of the first `lanes` lanes of `window` over its first steps, at most `most_steps` of them or what a segment
    /// holds, without dropout and from `state`, which stays as it is. Training does not notice: the next window overwrites the tape.
    ///
    /// Errors: hidden states that overflow.
    pub fn trace(
        &mut self,
        window: &Window,
        lanes: usize,
        most_steps: usize,
        state: &State,
        layers: &[LayerWeights],
    ) -> Result<Trace, Overflow> {
        let steps = window.steps.min(most_steps).min(self.room.segment / lanes);
        let inputs = window.inputs.chunks_exact(window.lanes).take(steps);
        let begins = window.begins.chunks_exact(window.lanes).take(steps);
        let few = Window {
            steps,
            lanes,
            inputs: inputs.flat_map(|row| &row[..lanes]).copied().collect(),
            begins: begins.flat_map(|row| &row[..lanes]).copied().collect(),
            ..Window::default()
        };
        let mut from = State::zeros(self.network.dims(), lanes);
        from.copy_lanes(state, lanes);
        self.read(&few, 0..steps, None, &mut from);
        Trace::record(layers, &self.tape, steps)
    }

    /// The network with its present weights, and what computes with them: to write a text.
    pub fn view(&mut self) -> (NetworkView<'_>, &Cpu) {
        self.refresh(None);
        let view = NetworkView {
            network: &self.network,
            params: &self.params,
            panels: &self.forward,
        };
        (view, &self.cpu)
    }

    /// The logits of the last segment, (T, B, V); for tests and inspection, since training never
    /// holds them all.
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
            part_nats[window.parts[cell % window.lanes] as usize] += nats;
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

/// Lets the scoring loop of evaluation run on the memory of training: validation needs none of its own.
impl WindowScorer for Engine {
    fn zero_state(&self) -> State {
        Engine::zero_state(self)
    }

    fn score(&mut self, window: &Window, state: &mut State, right: Option<&mut [bool]>) -> &[f64] {
        Engine::score(self, window, state, right);
        &self.nats[..window.targets.len()]
    }
}
