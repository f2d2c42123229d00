//! A network that is ready to read, and the memory that reading takes.

use crate::dims::Dims;
use crate::net::network::ForwardPanels;
use crate::net::{Network, Params, State, Tape};
use elman_kernels::Cpu;

/// A network and its weights, packed: a model's, or those that training has at the moment.
#[derive(Clone, Copy)]
pub struct Ready<'a> {
    pub(crate) network: &'a Network,
    pub(crate) params: &'a Params,
    pub(crate) panels: &'a ForwardPanels,
}

impl Ready<'_> {
    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    /// As [`super::NetworkModel::advance`].
    pub fn advance(&self, cpu: &Cpu, tokens: &[u32], state: &mut State, workspace: &mut Workspace) {
        let rows = workspace.rows(state.lanes);
        for window in tokens.chunks(rows) {
            self.read(cpu, window, state, workspace);
        }
    }

    /// As [`super::NetworkModel::next_logits`].
    pub fn next_logits(&self, cpu: &Cpu, workspace: &Workspace, out: &mut [f32]) {
        assert!(workspace.rows > 0, "no token has been read");
        self.network.last_logits(
            cpu,
            self.params,
            self.panels,
            &workspace.tape,
            workspace.rows,
            out,
        );
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

    /// One window.
    pub(super) fn read(
        &self,
        cpu: &Cpu,
        inputs: &[u32],
        state: &mut State,
        workspace: &mut Workspace,
    ) {
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

/// Memory for the activations of one window; reused from window to window.
pub struct Workspace {
    pub(super) tape: Tape,
    /// T·B of the last window; 0 before the first.
    pub(super) rows: usize,
}

impl Workspace {
    /// For `lanes` lanes at most, read in windows of at most `max_steps` steps, or more where lanes are fewer.
    pub fn new(dims: &Dims, max_steps: usize, lanes: usize) -> Workspace {
        assert!(
            max_steps > 0 && lanes > 0,
            "a workspace has at least one step and one lane"
        );
        Workspace {
            tape: Tape::forward_only(dims, max_steps, lanes),
            rows: 0,
        }
    }

    /// Rows of the longest window of `lanes` lanes.
    pub(super) fn rows(&self, lanes: usize) -> usize {
        self.tape.max_rows() / lanes * lanes
    }

    /// The activations of the last window.
    pub(crate) fn tape(&self) -> &Tape {
        &self.tape
    }
}
