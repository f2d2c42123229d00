//! Initial weights are drawn from PyTorch's ranges, tensor by tensor.

use elman::net::dims::{Activation, Cell, Dims, Sizes};
use elman::net::{Network, Params};
use elman::train::Config;
use elman::train::config::CellName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `make_initial_ranges.py` writes.
#[derive(Deserialize)]
struct Found {
    vocab: usize,
    draws: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    cell: String,
    embed: usize,
    hidden: usize,
    layers: usize,
    /// The largest magnitude of all draws, by the names of a model file.
    ranges: BTreeMap<String, f32>,
}

/// The largest magnitude of each tensor over as many seeds as PyTorch drew.
fn largest(case: &Case, vocab: usize, draws: u64) -> BTreeMap<String, f32> {
    let config = Config {
        cell: CellName::named(&case.cell).unwrap(),
        activation: Activation::Tanh,
        embed: case.embed,
        hidden: Sizes::Same(case.hidden),
        layers: case.layers,
        tied: false,
        // PyTorch adds nothing to it.
        forget_bias: 0.0,
        ..Config::default()
    };
    let dims: Dims = config.dims(vocab);
    let mut params = Params::zeros(Network::new(dims.clone()).layout().clone());
    let mut found = BTreeMap::new();
    for seed in 0..draws {
        let config = Config {
            seed,
            ..config.clone()
        };
        config.init().fill(&dims, &mut params);
        for (tensor, values) in params.tensors_mut() {
            let largest = values.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            let so_far: &mut f32 = found.entry(tensor.name.clone()).or_default();
            *so_far = so_far.max(largest);
        }
    }
    found
}

#[test]
fn every_tensor_has_the_range_of_pytorch() {
    let found: Found =
        serde_json::from_str(include_str!("../goldens/initial_ranges.json")).unwrap();
    for case in &found.cases {
        let ours = largest(case, found.vocab, found.draws);
        let name = format!("{}, H = {}", case.cell, case.hidden);
        for (tensor, ours) in ours.iter().filter(|(name, _)| *name != "encoder.weight") {
            // Both come near the bound from below.
            let theirs = case.ranges[tensor];
            let ratio = ours / theirs;
            assert!(
                (0.98..1.02).contains(&ratio),
                "{name}, {tensor}: {ours} for {theirs}"
            );
        }
    }
}

/// The embedding's range is that of the first layer, as docs/TRAINING.md says.
#[test]
fn the_smallest_networks_start_with_numbers() {
    for cell in [Cell::GRU, Cell::LSTM, Cell::elman(Activation::Sigmoid)] {
        for hidden in [1, 2] {
            let mut config = Config {
                embed: hidden,
                hidden: Sizes::Same(hidden),
                layers: 2,
                ..Config::default()
            };
            let mut dims = config.dims(11);
            dims.cell = cell;
            config.set_dims(&dims);
            let mut params = Params::zeros(Network::new(dims.clone()).layout().clone());
            config.init().fill(&dims, &mut params);
            for (tensor, values) in params.tensors_mut() {
                // The forget gate's bias is 1 more.
                let bound = 1.0 / (hidden as f32).sqrt() + 1.0;
                assert!(
                    values.iter().all(|x| x.abs() <= bound),
                    "{cell:?}, {}",
                    tensor.name
                );
            }
        }
    }
}
