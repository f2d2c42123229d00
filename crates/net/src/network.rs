//! The whole network: embedding → layers → projection, if there is one → output, forward and backward over one window.

mod panels;
mod predict;

use super::gradients::Gradients;
use super::layer::begins::Begins;
use super::layer::dropout::Dropout;
use super::layer::embedding::Embedding;
use super::layer::output::Output;
use super::layer::penalty::Penalties;
use super::layer::projection::Projection;
use super::layer::weight_drop::WeightDrop;
use super::layer::{Backward, Layer, State, outputs};
use super::params::{ParamLayout, Params};
use super::tape::{LayerTape, Scratch, Tape};
use crate::dims::Dims;
use elman_kernels::{Buffer, Cpu};
pub use panels::{BackwardPanels, ForwardPanels, WeightPanels};
use std::sync::Arc;

/// Architecture of a network: its layers and the layout of their parameters. It holds no weights.
#[derive(Clone, Debug)]
pub struct Network {
    dims: Dims,
    layout: Arc<ParamLayout>,
    embedding: Embedding,
    layers: Vec<Layer>,
    projection: Option<Projection>,
    output: Output,
}

/// Window of a training text: T steps of B sequences, time-major.
#[derive(Clone, Copy)]
pub struct WindowRef<'a> {
    /// Input tokens, (T, B).
    pub inputs: &'a [u32],
    /// Row of the embedding's gradient that each input adds to, (T, B).
    ///
    /// It is a row of [`Scratch::d_table`] if that is not empty, otherwise the input itself.
    pub rows: &'a [u32],
    /// Whether a text begins at each position, (T, B); empty if none does.
    pub begins: &'a [bool],
    /// Target tokens, (T, B).
    pub targets: &'a [u32],
    /// Factor of each position in the loss, (T, B); 0 masks it.
    pub weight: &'a [f32],
    /// Label smoothing ε in [0, 1): the share of the target distribution that is spread over the vocabulary.
    pub smoothing: f32,
    /// Penalties on the top layer's activations.
    pub penalties: Penalties<'a>,
}

impl Network {
    /// Builds the architecture for the given sizes.
    pub fn new(dims: Dims) -> Network {
        let layout = ParamLayout::new(&dims);
        let table = layout.find("encoder.weight");
        let projection = |weight| Projection {
            weight,
            hidden: dims.top(),
            output: dims.output(),
        };
        Network {
            embedding: Embedding {
                table: table.expect("the layout has an embedding"),
            },
            layers: (0..dims.layers())
                .map(|k| Layer::new(&dims, &layout, k))
                .collect(),
            projection: layout.find("projection.weight").map(projection),
            output: Output::new(&dims, &layout),
            layout: Arc::new(layout),
            dims,
        }
    }

    /// Sizes of the network.
    pub fn dims(&self) -> &Dims {
        &self.dims
    }

    /// ParamLayout of the parameters in their arena.
    pub fn layout(&self) -> &Arc<ParamLayout> {
        &self.layout
    }

    /// Embedding layer.
    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// Forward pass over a window: reads `inputs` (T, B) and advances `state`, whose batch size is B.
    ///
    /// Sequences restart from the zero state where `begins` (T, B) is set; it may be empty. The activations remain in
    /// `tape`. Panics if the window exceeds the tape.
    pub fn forward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        inputs: &[u32],
        begins: &[bool],
        dropout: Option<&Dropout>,
        state: &mut State,
        tape: &mut Tape,
    ) {
        let (rows, batch_size) = (inputs.len(), state.batch_size);
        assert!(
            rows.is_multiple_of(batch_size),
            "a window has T rows for each sequence"
        );
        assert!(rows <= tape.max_rows() && batch_size <= tape.max_batch_size());
        tape.batch_size = batch_size;
        let begins = Begins::new(begins, rows, batch_size);
        let x = &mut tape.x[..rows * self.dims.embed];
        self.embedding.forward(cpu, params, inputs, x);
        let layers = self.layers.len();
        if let Some(dropout) = dropout {
            dropout.apply_to_words(cpu, inputs, x);
            dropout.apply(cpu, (0, layers), batch_size, self.dims.embed, x);
        }
        let copying = dropout.filter(|dropout| dropout.copies());
        for (k, layer) in self.layers.iter().enumerate() {
            let (below, here) = tape.layers.split_at_mut(k);
            let dropped = copying.map(|_| &tape.dropped[..]);
            let x = self.read_by(k, rows, batch_size, &tape.x, below, dropped);
            layer.forward(
                cpu,
                params,
                &panels.layers[k],
                x,
                begins,
                &mut state.layers[k],
                &mut here[0],
            );
            if let Some(dropout) = copying {
                let hidden = self.dims.hidden[k];
                let h = outputs(&here[0], rows, hidden, batch_size * hidden);
                let dropped = &mut tape.dropped[k][..h.len()];
                dropped.copy_from_slice(h);
                dropout.apply(cpu, (k + 1, layers), batch_size, hidden, dropped);
            }
        }
        if let (Some(projection), Some(panels)) = (&self.projection, &panels.projection) {
            let dropped = copying.map(|_| &tape.dropped[..]);
            let h = self.read_by(layers, rows, batch_size, &tape.x, &tape.layers, dropped);
            let y = &mut tape.projected[..rows * self.dims.output()];
            projection.forward(cpu, panels, h, y);
        }
    }

    /// Copies the state after `steps` steps of the last forward window into the sequences of `state` from `first` on.
    pub fn state_after(&self, tape: &Tape, steps: usize, first: usize, state: &mut State) {
        let batch_size = tape.batch_size;
        let layers = state.layers.iter_mut().zip(&tape.layers);
        for ((layer, tape), hidden) in layers.zip(&self.dims.hidden) {
            let size = batch_size * hidden;
            let at = steps * size..(steps + 1) * size;
            let to = first * hidden..first * hidden + size;
            layer.h[to.clone()].copy_from_slice(&tape.h[at.clone()]);
            if !layer.c.is_empty() {
                layer.c[to].copy_from_slice(&tape.c[at]);
            }
        }
    }

    /// (T, B, in): what layer `k` reads, from `x` or the layers `below` it, or from `dropped` where their outputs are dropped
    /// out. For k = L: what leaves the top layer.
    fn read_by<'a>(
        &self,
        k: usize,
        rows: usize,
        batch_size: usize,
        x: &'a [f32],
        below: &'a [LayerTape],
        dropped: Option<&'a [Buffer]>,
    ) -> &'a [f32] {
        let width = self.dims.input(k);
        match (k, dropped) {
            (0, _) => &x[..rows * width],
            (_, Some(dropped)) => &dropped[k - 1][..rows * width],
            (_, None) => outputs(&below[k - 1], rows, width, batch_size * width),
        }
    }

    /// (T, B, H), or (T, B, E) with a projection: what the output layer reads of the last forward window.
    fn top<'a>(&self, tape: &'a Tape, rows: usize, dropped: bool) -> &'a [f32] {
        if self.projection.is_some() {
            return &tape.projected[..rows * self.dims.output()];
        }
        self.above_layers(tape, rows, dropped)
    }

    /// Backward pass over the last forward window: adds the gradient of Σ weight · nats to `grads`.
    ///
    /// On entry `scratch.d_state` holds the gradient at the final state (zero for truncated BPTT), on return the
    /// gradient at the initial state.
    pub fn loss_backward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &ForwardPanels,
        back: &BackwardPanels,
        window: WindowRef,
        dropout: Option<&Dropout>,
        tape: &mut Tape,
        scratch: &mut Scratch,
        nats: &mut [f64],
        grads: &mut Gradients,
    ) {
        let (rows, batch_size, layers) = (window.inputs.len(), tape.batch_size, self.layers.len());
        let begins = Begins::new(window.begins, rows, batch_size);
        let copying = dropout.filter(|dropout| dropout.copies());
        let weight_drop = dropout.and_then(Dropout::weight_drop);
        let mut logits = std::mem::take(&mut tape.logits);
        let h = self.top(tape, rows, copying.is_some());
        self.output.loss_backward(
            cpu,
            params,
            &panels.output,
            &back.output,
            h,
            window.targets,
            window.weight,
            window.smoothing,
            &mut logits,
            &mut scratch.data_block,
            nats,
            &mut scratch.d_above[..h.len()],
            grads,
        );
        tape.logits = logits;
        let dropped = copying.map(|_| &tape.dropped[..]);
        if let (Some(projection), Some(panels)) = (&self.projection, &back.projection) {
            let h = self.read_by(layers, rows, batch_size, &tape.x, &tape.layers, dropped);
            let dy = &scratch.d_above[..rows * self.dims.output()];
            let dh = &mut scratch.d_below[..h.len()];
            projection.backward(cpu, panels, h, dy, &mut scratch.data, dh, grads);
            std::mem::swap(&mut scratch.d_above, &mut scratch.d_below);
        }
        let top = self.dims.top();
        let h = self.read_by(layers, rows, batch_size, &tape.x, &tape.layers, dropped);
        let dh = &mut scratch.d_above[..rows * top];
        window.penalties.add_ar(top, h, dh);
        for (k, layer) in self.layers.iter().enumerate().rev() {
            let hidden = self.dims.hidden[k];
            let dh = &mut scratch.d_above[..rows * hidden];
            if let Some(dropout) = dropout {
                dropout.apply(cpu, (k + 1, layers), batch_size, hidden, dh);
            }
            let (below, here) = tape.layers.split_at_mut(k);
            if k + 1 == layers {
                let h = &here[0].h[..(rows + batch_size) * hidden];
                let after = &mut scratch.after;
                window.penalties.add_tar((batch_size, hidden), h, after, dh);
            }
            let x = self.read_by(k, rows, batch_size, &tape.x, below, dropped);
            layer.backward(Backward {
                cpu,
                panels: &back.layers[k],
                x,
                begins,
                dh,
                d_state: &mut scratch.d_state.layers[k],
                before: &mut scratch.before.layers[k],
                tape: &mut here[0],
                data: &mut scratch.data,
                dparams: grads,
                dw_h: weight_drop.map(|_| &mut scratch.recurrent[k][..]),
                dx: &mut scratch.d_below[..x.len()],
            });
            std::mem::swap(&mut scratch.d_above, &mut scratch.d_below);
        }
        let dx = &mut scratch.d_above[..rows * self.dims.embed];
        if let Some(dropout) = dropout {
            dropout.apply(cpu, (0, layers), batch_size, self.dims.embed, dx);
            dropout.apply_to_words(cpu, window.inputs, dx);
        }
        let dtable = match scratch.d_table.is_empty() {
            true => grads.sums(self.embedding.table),
            false => &mut scratch.d_table[..],
        };
        self.embedding.backward(cpu, window.rows, dx, dtable);
    }

    /// Adds the masked gradient of the recurrent weights to `grads` and clears it; call it after a window with weight
    /// drop.
    pub fn add_dropped_weights(
        &self,
        cpu: &Cpu,
        drop: &WeightDrop,
        scratch: &mut Scratch,
        grads: &mut Gradients,
    ) {
        for (k, layer) in self.layers.iter().enumerate() {
            let left = &mut scratch.recurrent[k];
            drop.apply(cpu, k, self.dims.hidden[k], left);
            let dw_h = grads.sums(layer.w_h()).iter_mut();
            dw_h.zip(&left[..]).for_each(|(sum, d)| *sum += d);
            left.fill(0.0);
        }
    }

    /// Adds the separately summed embedding gradient of a window to that of the tied table, and clears it.
    ///
    /// Row i belongs to token `ids[i]`. The addition is made once, at the end of a window, so that the sum does not
    /// depend on how the output layer's part was divided into segments.
    pub fn add_tied_rows(
        &self,
        cpu: &Cpu,
        ids: &[u32],
        scratch: &mut Scratch,
        grads: &mut Gradients,
    ) {
        let rows = &mut scratch.d_table[..ids.len() * self.dims.embed];
        let dtable = grads.sums(self.embedding.table);
        self.embedding.backward(cpu, ids, rows, dtable);
        rows.fill(0.0);
    }
}
