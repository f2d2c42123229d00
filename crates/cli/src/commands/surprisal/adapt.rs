//! `--adapt`: a network that learns from each sentence after its surprisals were computed.

use crate::args::{finite, positive};
use crate::commands::scorer::ModelArgs;
use crate::output::{count, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::Weights;
use elman::text::Layout;
use elman::train::{AdaptOptions, AdaptiveNetwork};
use elman_kernels::Cpu;
use std::path::PathBuf;

#[derive(Args)]
pub struct AdaptArgs {
    /// Let a network learn while it reads: after each sentence it makes one step of gradient descent on it (van Schijndel and Linzen 2018)
    #[arg(long, help_heading = "Adaptation", conflicts_with = "mix")]
    pub adapt: bool,
    /// Learning rate of --adapt
    #[arg(
        long,
        value_name = "RATE",
        default_value = "2",
        help_heading = "Adaptation",
        requires = "adapt",
        value_parser = positive
    )]
    adapt_rate: f64,
    /// Largest norm of the gradient of a sentence in --adapt: a longer one is shortened to it; 0 is no limit
    #[arg(
        long,
        value_name = "NORM",
        default_value = "0.25",
        help_heading = "Adaptation",
        requires = "adapt",
        value_parser = norm
    )]
    adapt_clip: f64,
    /// Save the network that --adapt has made as a model in this directory
    #[arg(long, value_name = "DIR", help_heading = "Adaptation", requires = "adapt", value_hint = ValueHint::DirPath)]
    save_adapted: Option<PathBuf>,
}

fn norm(text: &str) -> Result<f64, String> {
    match finite(text)? {
        norm if norm >= 0.0 => Ok(norm),
        _ => Err("the norm is at least 0".into()),
    }
}

impl AdaptArgs {
    /// The network that learns, if one is to.
    ///
    /// Errors: a model that is no network, or whose matrices are rounded; a directory for the adapted model that exists, or from which `read` has the model.
    pub fn network(
        &self,
        model: &Model,
        read: &ModelArgs,
        layout: Layout,
        force: bool,
    ) -> Result<Option<AdaptiveNetwork>> {
        if !self.adapt {
            return Ok(None);
        }
        let Some(network) = model.as_network() else {
            return Err(usage(format!(
                "--adapt is for networks, which learn by gradient descent: MODEL is a {}",
                model.architecture()
            )));
        };
        if network.weights() != Weights::F32 {
            return Err(usage(format!(
                "--adapt changes the weights, which --weights {} has rounded: leave --weights out",
                network.weights().name()
            )));
        }
        if let Some(path) = &self.save_adapted {
            refuse_inputs(path, read.paths())?;
            refuse_existing(path, Making::Model, force)?;
        }
        let options = AdaptOptions {
            layout,
            rate: self.adapt_rate,
            clip: (self.adapt_clip > 0.0).then_some(self.adapt_clip),
        };
        let cpu = Cpu::new(model.cpu().isa(), model.cpu().threads());
        Ok(Some(AdaptiveNetwork::new(network, options, cpu)))
    }

    /// Saves the adapted network if that was asked for.
    pub fn save(&self, network: &AdaptiveNetwork) -> Result<()> {
        match &self.save_adapted {
            Some(path) => Ok(network.model().save(path)?),
            None => Ok(()),
        }
    }

    /// Notes about what was learned.
    pub fn notes(&self, network: &AdaptiveNetwork) -> Vec<String> {
        let learned = format!(
            "the network learned from each sentence after its surprisals were computed: gradient descent with rate {}, {}",
            self.adapt_rate,
            match self.adapt_clip > 0.0 {
                true => format!("norm of the gradient at most {}", self.adapt_clip),
                false => "norm of the gradient not limited".to_owned(),
            }
        );
        let skipped = (network.skipped() > 0).then(|| {
            format!(
                "{} left out, because loss or gradient was not finite: use a lower --adapt-rate",
                count(network.skipped() as usize, "update")
            )
        });
        [learned].into_iter().chain(skipped).collect()
    }
}
