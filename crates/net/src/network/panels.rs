//! Weights in panels: the forms of the matrices that products read.

use super::Network;
use crate::layer::weight_drop::WeightDrop;
use crate::layer::{BackPanels, Layer, Panels};
use crate::params::{Params, TensorId};
use crate::tape::Scratch;
use elman_kernels::{Cpu, Format, Packed, PanelPair};

/// Weights of a network, packed for the products of the forward pass.
pub struct ForwardPanels {
    pub(super) layers: Vec<Panels>,
    pub(super) projection: Option<Packed>,
    pub(super) output: Packed,
}

/// Transposed weights of a network, packed for the products of the backward pass.
pub struct BackwardPanels {
    pub(super) layers: Vec<BackPanels>,
    pub(super) projection: Option<Packed>,
    pub(super) output: Packed,
}

/// Packed weights of a network, forward and backward, which an optimiser updates together with the parameters.
pub struct WeightPanels<'a> {
    /// Architecture that the weights belong to.
    pub network: &'a Network,
    /// Weights packed for the forward pass.
    pub forward: &'a mut ForwardPanels,
    /// Weights packed for the backward pass.
    pub backward: &'a mut BackwardPanels,
}

impl WeightPanels<'_> {
    /// Packed form of the matrix `id` in both directions; `None` for parameters that are not packed.
    pub fn of(&mut self, id: TensorId) -> Option<PanelPair<'_>> {
        let WeightPanels {
            network,
            forward,
            backward,
        } = self;
        if id == network.output.w_s {
            return Some(PanelPair::new(&mut forward.output, &mut backward.output));
        }
        if network.projection.is_some_and(|p| p.weight == id) {
            let (forward, backward) = (&mut forward.projection, &mut backward.projection);
            let pair = forward.as_mut().zip(backward.as_mut());
            return pair.map(|(forward, backward)| PanelPair::new(forward, backward));
        }
        let panels = forward.layers.iter_mut().zip(&mut backward.layers);
        let mut layers = network.layers.iter().zip(panels);
        layers.find_map(|(layer, (forward, backward))| layer.panels_of(id, forward, backward))
    }
}

impl Network {
    /// Allocates packed weights for the forward pass, in `format`.
    pub fn forward_panels(&self, format: Format) -> ForwardPanels {
        ForwardPanels {
            layers: self
                .layers
                .iter()
                .map(|layer| layer.panels(format))
                .collect(),
            projection: self.projection.map(|p| p.panels(format)),
            output: Packed::new(format, self.dims.output(), 1, self.dims.vocab),
        }
    }

    /// Allocates packed weights for the backward pass, in `format`.
    pub fn backward_panels(&self, format: Format) -> BackwardPanels {
        BackwardPanels {
            layers: self
                .layers
                .iter()
                .map(|layer| layer.back_panels(format))
                .collect(),
            projection: self.projection.map(|p| p.back_panels(format)),
            output: Packed::new(format, self.dims.vocab, 1, self.dims.output()),
        }
    }

    /// Packs the weights for the forward pass.
    ///
    /// Call it after an update of `params` and, with weight drop (`drop`), for every new mask.
    pub fn pack_forward(
        &self,
        cpu: &Cpu,
        params: &Params,
        mut drop: Option<(WeightDrop, &mut Scratch)>,
        panels: &mut ForwardPanels,
    ) {
        for (k, panels) in panels.layers.iter_mut().enumerate() {
            self.with_recurrent(cpu, params, k, &mut drop, |layer, w_h| {
                layer.pack(cpu, params, w_h, panels);
            });
        }
        if let (Some(projection), Some(panels)) = (&self.projection, &mut panels.projection) {
            panels.pack_transposed(cpu, &params[projection.weight]);
        }
        panels.output.pack_transposed(cpu, &params[self.output.w_s]);
    }

    /// Packs the weights for the backward pass, as [`Network::pack_forward`] does for the forward pass.
    pub fn pack_backward(
        &self,
        cpu: &Cpu,
        params: &Params,
        mut drop: Option<(WeightDrop, &mut Scratch)>,
        panels: &mut BackwardPanels,
    ) {
        for (k, panels) in panels.layers.iter_mut().enumerate() {
            self.with_recurrent(cpu, params, k, &mut drop, |layer, w_h| {
                layer.pack_back(cpu, params, w_h, panels);
            });
        }
        if let (Some(projection), Some(panels)) = (&self.projection, &mut panels.projection) {
            panels.pack(cpu, &params[projection.weight]);
        }
        panels.output.pack(cpu, &params[self.output.w_s]);
    }

    /// Calls `pack` with layer `k` and its recurrent weights, those of `params` or what `drop` leaves of them.
    fn with_recurrent(
        &self,
        cpu: &Cpu,
        params: &Params,
        k: usize,
        drop: &mut Option<(WeightDrop, &mut Scratch)>,
        pack: impl FnOnce(&Layer, &[f32]),
    ) {
        let layer = &self.layers[k];
        let w_h = &params[layer.w_h()];
        let Some((drop, scratch)) = drop else {
            return pack(layer, w_h);
        };
        let left = &mut scratch.recurrent[k];
        left.copy_from_slice(w_h);
        drop.apply(cpu, k, self.dims.hidden[k], left);
        pack(layer, left);
        // The buffer is that of their gradient.
        left.fill(0.0);
    }
}
