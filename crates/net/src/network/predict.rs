//! Predictions of the next token from a window or a state: logits, probabilities, draws and losses.

use super::{ForwardPanels, Network};
use crate::layer::State;
use crate::params::Params;
use crate::tape::Tape;
use elman_kernels::{Cpu, log_softmax};

impl Network {
    /// Computes the logits of the next token in `state`, (B, V) into `out`.
    ///
    /// The bits are those of [`Network::logits`] after the step that led to the state. The tape, of at least B
    /// rows, serves as working memory.
    pub fn state_logits(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        state: &State,
        tape: &mut Tape,
        out: &mut [f32],
    ) {
        let mut top = &state.layers[self.dims.layers() - 1].h[..];
        if let (Some(projection), Some(panels)) = (&self.projection, &panels.projection) {
            let y = &mut tape.projected[..state.batch_size * self.dims.output()];
            projection.forward(cpu, panels, top, y);
            top = y;
        }
        self.output.logits(cpu, params, &panels.output, top, out);
    }

    /// Computes the logits of the next token after the last step of a window of `rows` rows, (B, V) into `out`.
    pub(crate) fn last_logits(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        tape: &Tape,
        rows: usize,
        out: &mut [f32],
    ) {
        let h = self.top(tape, rows, false);
        let last = &h[(rows - tape.batch_size) * self.dims.output()..];
        self.output.logits(cpu, params, &panels.output, last, out);
    }

    /// Computes the natural log-probabilities of the next token after the last step of a window, (B, V) into `out`.
    pub(crate) fn last_log_probs(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        tape: &Tape,
        rows: usize,
        out: &mut [f32],
    ) {
        self.last_logits(cpu, params, panels, tape, rows, out);
        log_softmax(cpu, self.dims.vocab, out);
    }

    /// Computes the logits of every position of the last forward window, (T, B, V) into `out`.
    pub fn logits(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        tape: &Tape,
        dropped: bool,
        out: &mut [f32],
    ) {
        let h = self.top(tape, out.len() / self.dims.vocab, dropped);
        self.output.logits(cpu, params, &panels.output, h, out);
    }

    /// Output of the top layer in the last forward window of `rows` rows, (T, B, H), before any projection.
    ///
    /// With `dropped` it is the output after dropout.
    pub fn above_layers<'a>(&self, tape: &'a Tape, rows: usize, dropped: bool) -> &'a [f32] {
        let (layers, dropped) = (self.layers.len(), dropped.then_some(&tape.dropped[..]));
        self.read_by(
            layers,
            rows,
            tape.batch_size,
            &tape.x,
            &tape.layers,
            dropped,
        )
    }

    /// Draws a token after each row of `h` (R, H), which comes from [`Network::above_layers`], into `ids` (R).
    ///
    /// `uniforms` (R) are the random numbers in [0, 1). The tape's projected rows and logits are overwritten.
    pub fn draw(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        h: &[f32],
        uniforms: &[f64],
        tape: &mut Tape,
        ids: &mut [u32],
    ) {
        let h = match (&self.projection, &panels.projection) {
            (Some(projection), Some(panels)) => {
                let y = &mut tape.projected[..ids.len() * self.dims.output()];
                projection.forward(cpu, panels, h, y);
                y
            }
            _ => h,
        };
        let block = &mut tape.logits;
        self.output
            .draw(cpu, params, &panels.output, h, uniforms, block, ids);
    }

    /// Computes the loss −ln ŷ of every target of the last forward window, into `nats` (T, B).
    ///
    /// `right`, if given, receives whether each target is the most likely token.
    pub fn loss(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        targets: &[u32],
        tape: &mut Tape,
        nats: &mut [f64],
        right: Option<&mut [bool]>,
    ) {
        // The logits are lent out beside what the output layer reads.
        let mut logits = std::mem::take(&mut tape.logits);
        let h = self.top(tape, targets.len(), false);
        let panels = &panels.output;
        self.output
            .loss(cpu, params, panels, h, targets, &mut logits, nats, right);
        tape.logits = logits;
    }
}
