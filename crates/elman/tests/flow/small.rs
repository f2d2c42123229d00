//! Small networks with random weights, read by the program itself.

use elman::net::dims::{Cell, Dims};
use elman::net::flow::jacobian::Jacobians;
use elman::net::flow::trace::{LayerWeights, Trace};
use elman::net::{Network, Params, State, Tape};
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Format, Isa};

/// A network, its weights and what it read.
pub struct Small {
    pub cpu: Cpu,
    pub network: Network,
    pub params: Params,
    pub weights: Vec<LayerWeights>,
    pub trace: Trace,
    /// (T, B)
    pub inputs: Vec<u32>,
    pub targets: Vec<u32>,
    pub initial: State,
}

impl Small {
    /// With weights from U(−a, a), a random state before, and random tokens.
    pub fn random(dims: Dims, a: f32, steps: usize, batch_size: usize, seed: u64) -> Small {
        let mut draw = Stream::new(key(seed, Site::Init, 0));
        let network = Network::new(dims);
        let mut params = Params::zeros(network.layout().clone());
        for (_, values) in params.tensors_mut() {
            let value = |x: &mut f32| *x = a * (2.0 * draw.uniform() - 1.0);
            values.iter_mut().for_each(value);
        }
        let vocab = network.dims().vocab as u32;
        let mut ids = || (0..steps * batch_size).map(|_| draw.below(vocab)).collect();
        let (inputs, targets) = (ids(), ids());
        let mut initial = State::zeros(network.dims(), batch_size);
        for layer in &mut initial.layers {
            let value = |x: &mut f32| *x = draw.uniform() - 0.5;
            layer.h.iter_mut().chain(&mut layer.c).for_each(value);
        }
        Small::reading(network, params, initial, inputs, targets, steps)
    }

    pub fn reading(
        network: Network,
        params: Params,
        initial: State,
        inputs: Vec<u32>,
        targets: Vec<u32>,
        steps: usize,
    ) -> Small {
        let cpu = Cpu::new(Isa::detect(), 2);
        let mut panels = network.forward_panels(Format::F32);
        network.pack_forward(&cpu, &params, None, &mut panels);
        let batch_size = inputs.len() / steps;
        let mut tape = Tape::forward_only(network.dims(), steps, batch_size);
        let mut state = initial.clone();
        network.forward(
            &cpu,
            &params,
            &panels,
            &inputs,
            &[],
            None,
            &mut state,
            &mut tape,
        );
        let weights = LayerWeights::of(&network, &params);
        let trace = Trace::record(&weights, &tape, steps).expect("small weights do not overflow");
        Small {
            cpu,
            network,
            params,
            weights,
            trace,
            inputs,
            targets,
            initial,
        }
    }

    pub fn jacobians(&self) -> Vec<Jacobians<'_>> {
        let layers = self.weights.iter().enumerate();
        layers
            .map(|(k, weights)| Jacobians::new(weights, &self.trace, k))
            .collect()
    }
}

/// With `hidden` units in each layer, from below.
pub fn dims(cell: Cell, hidden: &[usize]) -> Dims {
    Dims {
        cell,
        vocab: 23,
        embed: 11,
        hidden: hidden.to_vec(),
        tied: false,
    }
}
