//! Every optimiser and schedule against PyTorch's, for fifty steps on the same gradients.

#![allow(clippy::unwrap_used)] // as in tests/run

use elman::net::Network;
use elman::net::dims::{Activation, Cell, Dims};
use elman::net::params::Params;
use elman::train::Config;
use elman::train::config::{Choices, Value as Choice};
use elman::train::guard::{Guard, UpdateDecision};
use elman::train::optim::{OptimizerState, Update};
use elman::train::schedule::{Place, Plateau, Schedule};
use elman_kernels::{Cpu, Isa, sum_limited_squares};
use safetensors::SafeTensors;
use serde_json::{Map, Value};
use std::path::Path;

const TOLERANCE: f64 = 1e-5;

/// The sizes of `make_updates.py`.
fn dims() -> Dims {
    Dims {
        cell: Cell::elman(Activation::Tanh),
        vocab: 5,
        embed: 4,
        hidden: vec![4],
        tied: false,
    }
}

#[test]
fn fifty_updates_agree_with_pytorch() {
    let goldens = Goldens::read();
    let cases = goldens.settings["optimisers"].as_object().unwrap();
    assert_eq!(cases.len(), 22);
    for (case, settings) in cases {
        let config = config(settings.as_object().unwrap());
        let (mut rows, mut largest, found) = (0, 0.0f64, updates(&goldens, &config));
        for (name, params) in [("", &found.0), ("average/", &found.1)] {
            for (row, params) in params.iter().enumerate() {
                for (id, tensor) in params.layout().tensors() {
                    let theirs = goldens.f32s(&format!("{case}/{name}{}", tensor.name));
                    let size = params[id].len();
                    let theirs = &theirs[row * size..(row + 1) * size];
                    let what = format!("{case}, {name}{}, row {row}", tensor.name);
                    largest = largest.max(close(&what, &params[id], theirs));
                    rows += 1;
                }
            }
        }
        let averages = if config.average_from.is_some() { 2 } else { 1 };
        let expected = (50 / config.accumulate as usize).div_ceil(10) * averages * 6;
        assert_eq!(rows, expected, "{case}");
        println!("{case}: at most {largest:.1e}");
    }
}

/// The weights, and the average where there is one, after every tenth update and the last.
fn updates(goldens: &Goldens, config: &Config) -> (Vec<Params>, Vec<Params>) {
    let cpu = Cpu::new(Isa::detect(), 2);
    let layout = Network::new(dims()).layout().clone();
    let (mut params, mut grads) = (Params::zeros(layout.clone()), Params::zeros(layout.clone()));
    for (tensor, values) in params.tensors_mut() {
        values.copy_from_slice(&goldens.f32s(&format!("initial/{}", tensor.name)));
    }
    let mut optimiser = OptimizerState::new(config.method(), &layout);
    let mut guard = Guard::default();
    let windows = config.accumulate as usize;
    let updates = 50 / windows;
    let (mut weights, mut averages) = (Vec::new(), Vec::new());
    for update in 0..updates {
        for window in update * windows..(update + 1) * windows {
            for (tensor, values) in grads.tensors_mut() {
                let theirs = goldens.f32s(&format!("gradient/{}", tensor.name));
                let theirs = &theirs[window * values.len()..(window + 1) * values.len()];
                values.iter_mut().zip(theirs).for_each(|(to, g)| *to += g);
            }
        }
        // As `train::step` has it.
        let norm = |limit: f32| {
            let squares = layout.tensors().map(|(id, _)| {
                let g = &grads[id];
                sum_limited_squares(&cpu, g, limit)
            });
            squares.sum::<f64>().sqrt() / windows as f64
        };
        let limit = config
            .clip_value
            .map_or(f32::INFINITY, |most| (most * windows as f64) as f32);
        let verdict = guard.judge(1.0, norm(f32::INFINITY), norm(limit), config.clip);
        let UpdateDecision::Apply(scale) = verdict else {
            panic!("{verdict:?}");
        };
        let step = Update {
            limit,
            scale: scale / windows as f32,
            ..Update::at(config.lr)
        };
        optimiser.update(&cpu, &mut params, &grads, &step, None, None);
        grads.fill(0.0);
        if (update + 1) % 10 == 0 || update + 1 == updates {
            weights.push(params.clone());
            if let Some(average) = &optimiser.average {
                averages.push(match optimiser.averaged() {
                    // PyTorch's is a copy of the weights until it begins.
                    0 => params.clone(),
                    _ => average.weights.clone(),
                });
            }
        }
    }
    (weights, averages)
}

#[test]
fn fifty_rates_agree_with_pytorch() {
    let goldens = Goldens::read();
    let losses = goldens.f64s("losses");
    let cases = goldens.settings["schedules"].as_object().unwrap();
    assert_eq!(cases.len(), 8);
    for (case, settings) in cases {
        let mut settings = settings.as_object().unwrap().clone();
        let per_epoch = settings
            .remove("per_epoch")
            .map_or(50, |n| n.as_u64().unwrap());
        if !settings.contains_key("warmup") {
            settings.insert("warmup".into(), 0.into());
        }
        settings.insert("lr".into(), goldens.settings["full_rate"].clone());
        let schedule = config(&settings).learning_rate();
        let theirs = goldens.f64s(&format!("rates/{case}"));
        let mut plateau = Plateau::default();
        let (mut seen, mut largest) = (Vec::new(), 0.0f64);
        for (step, theirs) in theirs.iter().enumerate() {
            let rate = schedule.at(Place {
                step: step as u64,
                epoch: step as u64 / per_epoch,
                total_steps: 50,
                plateau: &plateau,
            });
            let error = (rate - theirs).abs() / theirs;
            assert!(
                error <= TOLERANCE,
                "{case}, step {step}: {rate}, PyTorch has {theirs}"
            );
            largest = largest.max(error);
            seen.push(rate);
            if let Schedule::Plateau(on_plateau) = &schedule.schedule {
                plateau.observe(losses[step], on_plateau);
            }
        }
        seen.dedup();
        assert!(seen.len() > 2, "{case}: nothing was tested");
        println!("{case}: at most {largest:.1e}");
    }
}

/// The default configuration with these settings, by their names with underscores.
fn config(settings: &Map<String, Value>) -> Config {
    let named = |(name, value): (&String, &Value)| (name.replace('_', "-"), value.clone());
    let table: Map<String, Value> = settings.iter().map(named).collect();
    let mut choices: Choices = serde_json::from_value(table.into()).unwrap();
    choices.set("tied", Choice::Flag(false)).unwrap();
    let config = Config::default().with(&choices).unwrap();
    config.check().unwrap();
    config
}

/// The largest error, element by element, against the largest of the tensor: some are as good as zero.
fn close(what: &str, ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let errors = ours.iter().zip(theirs).map(|(a, b)| {
        let error = f64::from((a - b).abs() / largest);
        assert!(error <= TOLERANCE, "{what}: {a}, PyTorch has {b}");
        error
    });
    errors.fold(0.0, f64::max)
}

struct Goldens {
    bytes: Vec<u8>,
    settings: Value,
}

impl Goldens {
    fn read() -> Goldens {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/updates");
        let bytes = std::fs::read(folder.join("updates.safetensors")).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        let settings = serde_json::from_str(&metadata["updates"]).unwrap();
        Goldens { bytes, settings }
    }

    fn data<const N: usize>(&self, name: &str) -> Vec<[u8; N]> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors
            .tensor(name)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        view.data().as_chunks().0.to_vec()
    }

    fn f32s(&self, name: &str) -> Vec<f32> {
        self.data(name)
            .into_iter()
            .map(f32::from_le_bytes)
            .collect()
    }

    fn f64s(&self, name: &str) -> Vec<f64> {
        self.data(name)
            .into_iter()
            .map(f64::from_le_bytes)
            .collect()
    }
}
