//! Truncated backpropagation through time: the engine of a training step.
//!
//! A window of T steps starts from the carried state with teacher forcing (the input at t is the true token), the loss is
//! differentiated back to the window's first step and no further, and the state is carried to the next window. With windows as long
//! as the text it is full BPTT. Where windows overlap, the carried state is the one of the step at which the next window begins.
//!
//! Activations are in memory for a *segment* of a window, which is the whole of it or, recomputed,
//! about √T of its steps (Chen et al. 2016; Gruslys et al. 2016). Then a first pass over the text
//! keeps only the states between segments; after that each segment, the last one first, is read
//! again from its state and differentiated. The bits do not show it: gradients are chains of sums from
//! the last row to the first, wherever a segment interrupts them.

mod active_rows;
mod drawn;
mod reading;

use self::active_rows::ActiveRows;
use self::drawn::Draws;
use super::objective::{BatchPart, LossCounts, Objective};
use super::optim::{OptimizerState, RowGradients, Update};
use elman_kernels::{Cpu, Format, sum_limited_squares};
use elman_net::dims::{Capacity, Dims, TrainingBuffers};
use elman_net::layer::dropout::Dropout;
use elman_net::layer::weight_drop::WeightDrop;
use elman_net::network::{BackwardPanels, ForwardPanels, Network, WeightPanels, WindowRef};
use elman_net::tape::Scratch;
use elman_net::{Gradients, Params, State, Tape};
use elman_text::Window;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// How the losses of a window's positions are combined into the loss that is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossNorm {
    /// The mean over the tokens that carry loss.
    Tokens,
    /// The sum over time, averaged over the batch (Zaremba et al. 2014).
    Sequences,
}

/// Loss and number of predicted tokens of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowStats {
    /// Total loss Σ −ln ŷ over the tokens that carry loss, in nats.
    pub nats: f64,
    /// Number of tokens that carry loss.
    pub tokens: usize,
}

/// The engine of training: weights, their gradient, and the memory for a segment of a window.
pub struct Engine {
    cpu: Cpu,
    network: Network,
    params: Params,
    grads: Gradients,
    forward: ForwardPanels,
    backward: BackwardPanels,
    /// Weight drop of the packed weights, if these are up to date: `Some(None)` is packed without weight drop.
    forward_holds: Option<Option<WeightDrop>>,
    backward_holds: Option<Option<WeightDrop>>,
    capacity: Capacity,
    /// Activations of the last forward pass over a segment.
    tape: Tape,
    scratch: Scratch,
    /// The state within a window.
    running: State,
    /// The states before all segments of a window but its last, one after the other.
    starts: Vec<f32>,
    /// (T, B): loss and loss factor of each position.
    nats: Vec<f64>,
    weight: Vec<f32>,
    /// The embedding rows that have a gradient. With tied weights every row has one, and this is used
    /// within a window only.
    active_rows: ActiveRows,
    /// Draws of scheduled sampling at one time step.
    draws: Draws,
    /// Whether the gradient is a sum of the gradients of parts of the batch, in which every row of the embedding may have one.
    summed: bool,
}

impl Engine {
    /// Allocates an engine for windows that fit into `capacity`, with matrix products in `format`; weights are zero.
    pub fn new(
        cpu: Cpu,
        dims: Dims,
        capacity: Capacity,
        buffers: TrainingBuffers,
        format: Format,
    ) -> Engine {
        let network = Network::new(dims.clone());
        let layout = network.layout();
        let gradients = match buffers.leaves_table_out(&dims) {
            true => Arc::new(layout.without(network.embedding().table)),
            false => layout.clone(),
        };
        let positions = capacity.window;
        let places = match capacity.own_rows(&dims, buffers) {
            0 => 0,
            _ => capacity.segment,
        };
        Engine {
            params: Params::zeros(layout.clone()),
            grads: Gradients::zeros(gradients),
            forward: network.forward_panels(format),
            backward: network.backward_panels(format),
            forward_holds: None,
            backward_holds: None,
            tape: Tape::training(&dims, capacity, buffers),
            scratch: Scratch::new(&dims, capacity, buffers, format),
            running: State::zeros(&dims, capacity.batch_size),
            starts: vec![0.0; capacity.starts * dims.state_len()],
            nats: vec![0.0; positions],
            weight: vec![0.0; positions],
            active_rows: ActiveRows::with_capacity(capacity.inputs, places),
            draws: Draws::default(),
            summed: false,
            capacity,
            network,
            cpu,
        }
    }

    /// Threads and instruction set of the computations.
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The network: its architecture and the layout of its parameters.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Weights of the network.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Mutable weights; packed weights are invalidated.
    pub fn params_mut(&mut self) -> &mut Params {
        self.forward_holds = None;
        self.backward_holds = None;
        &mut self.params
    }

    /// Exchanges the weights with others of the same layout.
    pub(crate) fn swap_params(&mut self, others: &mut Params) {
        std::mem::swap(self.params_mut(), others);
    }

    /// Gradient accumulated since the last update, by at least one window; the embedding's part is empty with [`TrainingBuffers::rows_read`].
    pub fn grads(&self) -> &Params {
        self.grads.values()
    }

    /// Makes an empty window with capacity for every window that fits.
    pub fn window(&self) -> Window {
        Window::with_room(self.capacity.window, self.capacity.batch_size)
    }

    /// The zero state for the largest batch.
    pub fn zero_state(&self) -> State {
        State::zeros(self.network.dims(), self.capacity.batch_size)
    }

    /// Runs forward and backward over one window and adds to the gradient.
    ///
    /// The window's rows start from the first rows of `carried`, which become the state from which the next window begins.
    pub fn run_window(
        &mut self,
        window: &Window,
        objective: impl Into<Objective>,
        dropout: Option<Dropout>,
        carried: &mut State,
    ) -> WindowStats {
        let objective = objective.into();
        let whole = objective.whole(window);
        self.run_part(window, objective, whole, dropout, carried)
    }

    /// Runs forward and backward over the part of a batch in `window` and adds to the gradient.
    ///
    /// Its rows start from those of `carried` from the part's first sequence on, and `dropout` begins there too.
    pub fn run_part(
        &mut self,
        window: &Window,
        objective: Objective,
        part: BatchPart,
        dropout: Option<Dropout>,
        carried: &mut State,
    ) -> WindowStats {
        let weight_drop = dropout.and_then(|dropout| dropout.weight_drop());
        if self.backward_holds != Some(weight_drop) {
            let drop = weight_drop.map(|drop| (drop, &mut self.scratch));
            self.network
                .pack_backward(&self.cpu, &self.params, drop, &mut self.backward);
            self.backward_holds = Some(weight_drop);
        }
        let divisor = objective.divisor(part.counts);
        assert!(
            (1..=window.steps).contains(&window.carry),
            "a window carries a state on"
        );
        for (weight, mask) in self.weight.iter_mut().zip(&window.weight) {
            *weight = mask / divisor as f32;
        }
        let width = self.network.dims().embed;
        self.active_rows
            .add(&window.inputs, width, &mut self.scratch.d_table);
        let dropout_at = |first| dropout.map(|dropout| Dropout { first, ..dropout });

        let segments = self.capacity.segments(window.steps, window.batch_size);
        let last = segments.len() - 1;
        let mut running = std::mem::take(&mut self.running);
        let mut starts = std::mem::take(&mut self.starts);
        running.copy_sequences(carried, part.first..part.first + window.batch_size);
        let size = running.size();
        for (i, segment) in segments.clone().enumerate() {
            if i < last {
                running.save(&mut starts[i * size..(i + 1) * size]);
            }
            self.read(
                window,
                segment.clone(),
                dropout_at(segment.start).as_ref(),
                &mut running,
            );
            if (segment.start + 1..=segment.end).contains(&window.carry) {
                let steps = window.carry - segment.start;
                self.network
                    .state_after(&self.tape, steps, part.first, carried);
            }
        }
        self.scratch.d_state.reset(window.batch_size);
        self.scratch.before.reset(window.batch_size);
        for (i, segment) in segments.enumerate().rev() {
            let dropout = dropout_at(segment.start);
            if i < last {
                running.load(&starts[i * size..(i + 1) * size]);
                self.read(window, segment.clone(), dropout.as_ref(), &mut running);
            }
            self.differentiate(window, segment, &objective, part.counts, dropout.as_ref());
        }
        (self.running, self.starts) = (running, starts);
        if let Some(drop) = weight_drop {
            self.network
                .add_dropped_weights(&self.cpu, &drop, &mut self.scratch, &mut self.grads);
        }
        if self.network.dims().tied {
            self.network.add_tied_rows(
                &self.cpu,
                self.active_rows.rows(),
                &mut self.scratch,
                &mut self.grads,
            );
            self.active_rows.clear();
        }
        self.stats(window)
    }

    /// Whether the gradients of the active embedding rows are kept apart from the gradient of the table.
    fn has_own_rows(&self) -> bool {
        !self.scratch.d_table.is_empty()
    }

    /// Whether only the active rows of the embedding have a gradient.
    fn has_active_rows(&self) -> bool {
        !self.network.dims().tied && !self.summed
    }

    /// From now on the gradient of an update is a sum of gradients that are exchanged and added here; the embedding's is whole.
    pub(crate) fn sum_parts(&mut self) {
        assert!(
            !self.has_own_rows() || self.network.dims().tied,
            "the gradient of the embedding is whole"
        );
        self.summed = true;
    }

    /// Exchanges the gradient for `other` and begins a new one.
    pub(crate) fn swap_gradient(&mut self, other: &mut Params) {
        self.grads.swap(other);
        self.active_rows.clear();
    }

    /// The gradient, where every tensor counts.
    pub(crate) fn settled_gradient(&mut self) -> &mut Params {
        self.grads.settled()
    }

    /// Adds `other` to the gradient.
    pub(crate) fn add_gradient(&mut self, other: &Params) {
        self.grads.add(other);
    }

    /// Forward pass over the steps `segment` of a window, from `state`, which becomes the state after them.
    fn read(
        &mut self,
        window: &Window,
        segment: Range<usize>,
        dropout: Option<&Dropout>,
        state: &mut State,
    ) {
        self.refresh(dropout.and_then(Dropout::weight_drop));
        let rows = segment.start * window.batch_size..segment.end * window.batch_size;
        self.network.forward(
            &self.cpu,
            &self.params,
            &self.forward,
            &window.inputs[rows.clone()],
            window.begins_of(rows),
            dropout,
            state,
            &mut self.tape,
        );
    }

    /// Packs the present weights, with weight drop if any, unless the packed ones are up to date.
    fn refresh(&mut self, weight_drop: Option<WeightDrop>) {
        if self.forward_holds != Some(weight_drop) {
            let drop = weight_drop.map(|drop| (drop, &mut self.scratch));
            self.network
                .pack_forward(&self.cpu, &self.params, drop, &mut self.forward);
            self.forward_holds = Some(weight_drop);
        }
    }

    /// Loss and gradient of the segment of the last forward pass. The gradient at its final state is the one that the segment after
    /// it left.
    fn differentiate(
        &mut self,
        window: &Window,
        segment: Range<usize>,
        objective: &Objective,
        counts: LossCounts,
        dropout: Option<&Dropout>,
    ) {
        let rows = segment.start * window.batch_size..segment.end * window.batch_size;
        let inputs = &window.inputs[rows.clone()];
        let table_rows = match self.has_own_rows() {
            true => self.active_rows.places(inputs),
            false => inputs,
        };
        let positions = &self.weight[..window.steps * window.batch_size];
        let units = self.network.dims().top();
        let penalties = objective.penalties(counts, window, positions, rows.start, units);
        self.network.loss_backward(
            &self.cpu,
            &self.params,
            &self.forward,
            &self.backward,
            WindowRef {
                inputs,
                rows: table_rows,
                begins: window.begins_of(rows.clone()),
                targets: &window.targets[rows.clone()],
                weight: &self.weight[rows.clone()],
                smoothing: objective.smoothing,
                penalties,
            },
            dropout,
            &mut self.tape,
            &mut self.scratch,
            &mut self.nats[rows],
            &mut self.grads,
        );
    }

    /// Global norm of the gradient with its elements clipped to ±`limit`, which may be infinite.
    ///
    /// Squares are summed tensor by tensor, in the embedding row by row over the active rows.
    pub fn gradient_norm(&self, limit: f32) -> f64 {
        let table = self.network.embedding().table;
        let mut sum = 0.0;
        for (id, _) in self.network.layout().tensors() {
            let g = &self.grads.values()[id];
            if id == table && self.has_active_rows() {
                let width = self.network.dims().embed;
                let own = self.has_own_rows();
                let rows = if own { &self.scratch.d_table[..] } else { g };
                for (place, &id) in self.active_rows.rows().iter().enumerate() {
                    let row = if own { place } else { id as usize };
                    let row = &rows[row * width..][..width];
                    sum += sum_limited_squares(&self.cpu, row, limit);
                }
            } else {
                sum += sum_limited_squares(&self.cpu, g, limit);
            }
        }
        sum.sqrt()
    }

    /// Updates the weights by the gradient and resets it.
    pub fn apply(&mut self, optimiser: &mut OptimizerState, update: &Update) {
        let own = self.has_own_rows();
        let row_gradients = self.has_active_rows().then_some(RowGradients {
            table: self.network.embedding().table,
            width: self.network.dims().embed,
            rows: self.active_rows.rows(),
            own: own.then_some(&self.scratch.d_table[..]),
        });
        // Where panels hold the weights as they are, they go with them.
        let whole = [self.forward_holds, self.backward_holds] == [Some(None); 2];
        let panels = whole.then_some(WeightPanels {
            network: &self.network,
            forward: &mut self.forward,
            backward: &mut self.backward,
        });
        optimiser.update(
            &self.cpu,
            &mut self.params,
            self.grads.values(),
            update,
            row_gradients,
            panels,
        );
        self.discard_gradient();
        if !whole {
            self.forward_holds = None;
            self.backward_holds = None;
        }
    }

    /// Resets the gradient without an update.
    pub fn discard_gradient(&mut self) {
        self.grads.begin_anew();
        if self.summed {
            self.active_rows.clear();
            return;
        }
        let (width, rows) = (self.network.dims().embed, self.active_rows.rows());
        if self.has_own_rows() {
            self.scratch.d_table[..rows.len() * width].fill(0.0);
        } else {
            let table = self.network.embedding().table;
            self.grads.begin_rows_anew(table, width, rows);
        }
        self.active_rows.clear();
    }
}

#[cfg(test)]
mod tests;
