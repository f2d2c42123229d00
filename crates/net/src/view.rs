//! A network together with its packed weights, and the working memory of forward passes.
//!
//! A step is a window of T = 1 through the same kernels as training, so reading a text token by token, in windows, or beside
//! other streams gives the same bits.

use super::network::ForwardPanels;
use super::{Network, Params, State, Tape};
use crate::dims::Dims;
use elman_kernels::Cpu;

/// Network with its weights, packed for forward passes: those of a model, or of a run in training.
#[derive(Clone, Copy)]
pub struct NetworkView<'a> {
    /// Architecture.
    pub network: &'a Network,
    /// Weights.
    pub params: &'a Params,
    /// Packed form of the weights.
    pub panels: &'a ForwardPanels,
}

impl NetworkView<'_> {
    /// Sizes of the network.
    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    /// Forward pass over `tokens` (T, B) with any T; advances `state`. Ids must be below V.
    ///
    /// A text begins with `<eos>` read from the zero state.
    pub fn advance(&self, cpu: &Cpu, tokens: &[u32], state: &mut State, workspace: &mut Workspace) {
        let rows = workspace.rows(state.batch_size);
        for window in tokens.chunks(rows) {
            self.forward(cpu, window, state, workspace);
        }
    }

    /// Forward pass over `inputs` (T, B) that also computes the loss of each target: `nats` (T, B) = −ln ŷ.
    ///
    /// `right` (T, B), if given, receives whether each target is the most likely token. A loss is not finite only if
    /// the hidden states overflow.
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
        let rows = workspace.rows(state.batch_size);
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

    /// Computes the logits of the next token in `state`, (B, V) into `out`.
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

    /// Computes the natural log-probabilities of the token after the last window, (B, V) into `out`.
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

/// Working memory of forward passes: the activations of one window, reused from window to window.
pub struct Workspace {
    tape: Tape,
    /// T·B of the last window; 0 before the first.
    rows: usize,
}

impl Workspace {
    /// Allocates memory for windows of at most `max_steps` steps and `batch` streams, or more steps of fewer streams.
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

    /// Whether windows of `steps` steps and `batch` streams fit into the memory.
    pub fn fits(&self, steps: usize, batch: usize) -> bool {
        batch <= self.tape.max_batch_size() && steps * batch <= self.tape.max_rows()
    }

    /// Rows of the longest window of `batch` streams.
    fn rows(&self, batch: usize) -> usize {
        self.tape.max_rows() / batch * batch
    }

    /// Activations of the last window.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }
}
