//! A network together with its packed weights, and the memory that forward passes take.
//!
//! A step is a window of T = 1 through the same kernels as training, so reading a text token by token, in windows, or beside
//! other streams gives the same bits.

use super::network::ForwardPanels;
use super::{Network, Params, State, Tape};
use crate::dims::Dims;
use elman_kernels::Cpu;

/// A network and its weights, packed for forward passes: a model's, or those that training has at the moment.
#[derive(Clone, Copy)]
pub struct NetworkView<'a> {
    pub network: &'a Network,
    pub params: &'a Params,
    pub panels: &'a ForwardPanels,
}

impl NetworkView<'_> {
    /// The sizes.
    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    /// Reads `tokens` (T, B), any T; `state` becomes the state after them. Ids are below V.
    ///
    /// A text begins with `<eos>` read from the zero state.
    pub fn advance(&self, cpu: &Cpu, tokens: &[u32], state: &mut State, workspace: &mut Workspace) {
        let rows = workspace.rows(state.lanes);
        for window in tokens.chunks(rows) {
            self.forward(cpu, window, state, workspace);
        }
    }

    /// As [`NetworkView::advance`] over `inputs` (T, B), and the loss of each target: `nats` (T, B) = −ln ŷ; and if asked for, whether
    /// it is the most likely token: `right` (T, B). A position's number is not finite only if the hidden states overflow.
    pub fn score(
        &self,
        cpu: &Cpu,
        inputs: &[u32],
        targets: &[u32],
        state: &mut State,
        workspace: &mut Workspace,
        nats: &mut [f64],
        mut right: Option<&mut [bool]>,
    ) {
        assert!(inputs.len() == targets.len() && inputs.len() == nats.len());
        let rows = workspace.rows(state.lanes);
        let windows = inputs.chunks(rows).zip(targets.chunks(rows));
        for (number, ((inputs, targets), nats)) in windows.zip(nats.chunks_mut(rows)).enumerate() {
            self.forward(cpu, inputs, state, workspace);
            let right = right.as_mut();
            let right = right.map(|right| &mut right[number * rows..][..targets.len()]);
            let tape = &mut workspace.tape;
            self.network
                .loss(cpu, self.params, self.panels, targets, tape, nats, right);
        }
    }

    /// Logits of what follows in `state`, (B, V) into `out`: once a token has been read, a state says by itself what may come next.
    pub fn state_logits(
        &self,
        cpu: &Cpu,
        state: &State,
        workspace: &mut Workspace,
        out: &mut [f32],
    ) {
        let tape = &mut workspace.tape;
        self.network
            .state_logits(cpu, self.params, self.panels, state, tape, out);
    }

    /// Natural log-probabilities of what follows the last tokens read: (B, V) into `out`.
    pub fn next_log_probs(&self, cpu: &Cpu, workspace: &Workspace, out: &mut [f32]) {
        assert!(workspace.rows > 0, "no token has been read");
        let (tape, rows) = (&workspace.tape, workspace.rows);
        self.network
            .last_log_probs(cpu, self.params, self.panels, tape, rows, out);
    }

    /// One window.
    fn forward(&self, cpu: &Cpu, inputs: &[u32], state: &mut State, workspace: &mut Workspace) {
        self.network.forward(
            cpu,
            self.params,
            self.panels,
            inputs,
            &[],
            None,
            state,
            &mut workspace.tape,
        );
        workspace.rows = inputs.len();
    }
}

/// The activations of one window; reused from window to window.
pub struct Workspace {
    tape: Tape,
    /// T·B of the last window; 0 before the first.
    rows: usize,
}

impl Workspace {
    /// For at most `batch` streams, read in windows of at most `max_steps` steps, or more where streams are fewer.
    pub fn new(dims: &Dims, max_steps: usize, batch: usize) -> Workspace {
        assert!(
            max_steps > 0 && batch > 0,
            "a workspace has at least one step and one stream"
        );
        Workspace {
            tape: Tape::forward_only(dims, max_steps, batch),
            rows: 0,
        }
    }

    /// Whether windows of so many steps and streams fit into it.
    pub fn fits(&self, steps: usize, batch: usize) -> bool {
        batch <= self.tape.max_lanes() && steps * batch <= self.tape.max_rows()
    }

    /// Rows of the longest window of `batch` streams.
    fn rows(&self, batch: usize) -> usize {
        self.tape.max_rows() / batch * batch
    }

    /// The activations of the last window.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }
}
