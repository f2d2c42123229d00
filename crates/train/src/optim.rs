//! The optimiser of a run: an update rule, decay and rates for groups of parameters, the moments,
//! and perhaps an average of the weights.
//!
//! Everything that an update does to a tensor is one pass over its memory, see the kernels' `update`.
//! Plain SGD touches only the embedding rows that occurred in the window, where nothing but a gradient
//! moves the others; then these rows may be all that there is of the table's gradient.

pub mod adagrad;
pub mod adam;
pub mod average;
pub mod groups;
pub mod rmsprop;
pub mod rule;
pub mod sgd;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use average::{Average, AverageProgress, Start};
pub use groups::{Group, Scales};
pub use rmsprop::RmsProp;
pub use rule::{Optimizer, Rule, Step};
pub use sgd::Sgd;

use elman_kernels::{Average as AveragePart, Cpu, Noise, Operands, Prepare};
use elman_net::TensorId;
use elman_net::dims::OptimizerBuffers;
use elman_net::network::WeightPanels;
use elman_net::params::{ParamLayout, Params, Tensor};
use std::sync::Arc;

/// How weights are updated from gradients throughout a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// The update rule with its constants.
    pub optimizer: Optimizer,
    /// Weight decay per update.
    pub weight_decay: f64,
    /// Factors of the learning rate by group of parameters.
    pub lr_scale: Scales,
    /// Factors of the weight decay by group of parameters.
    pub decay_scale: Scales,
    /// When an average of the weights begins, if one is kept.
    pub average: Option<Start>,
}

impl Method {
    /// Makes a method with `optimizer`, without decay, factors for groups and averaging.
    pub fn plain(optimizer: Optimizer) -> Method {
        Method {
            optimizer,
            weight_decay: 0.0,
            lr_scale: Scales::default(),
            decay_scale: Scales::default(),
            average: None,
        }
    }

    /// Whether a weight without a gradient does not change in an update without noise.
    pub fn moves_by_gradient_only(&self) -> bool {
        self.optimizer.rule().moments() == 0 && self.weight_decay == 0.0 && self.average.is_none()
    }

    /// Numbers that are kept for each parameter beside its weight and gradient.
    pub fn buffers(&self) -> OptimizerBuffers {
        OptimizerBuffers {
            moments: self.optimizer.rule().moments(),
            averages: usize::from(self.average.is_some()),
        }
    }
}

/// Changes to the gradient in one update, and the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Limit to which the gradient's elements are clipped; infinity: no limit.
    pub limit: f32,
    /// Factor of the gradient after clipping of elements: clipping of the norm and averaging.
    pub scale: f32,
    /// Key and standard deviation of Gaussian noise that is added after that.
    pub noise: Option<([u32; 2], f32)>,
    /// Learning rate.
    pub lr: f64,
}

impl Update {
    /// An update with the unchanged gradient at the learning rate `lr`.
    pub fn at(lr: f64) -> Update {
        Update {
            limit: f32::INFINITY,
            scale: 1.0,
            noise: None,
            lr,
        }
    }
}

/// An optimiser: its method, and the state that it keeps for the parameters.
#[derive(Clone)]
pub struct OptimizerState {
    /// The update rule, decay and rates.
    pub method: Method,
    /// Moments of the rule, each laid out like the parameters; their number is [`Rule::moments`].
    pub moments: Vec<Params>,
    /// Number of updates that have been applied.
    pub updates: u64,
    /// Average of the weights, if one is kept; it may not have begun.
    pub average: Option<Average>,
}

/// The active rows of a table, those that have a gradient, in ascending order.
#[derive(Clone, Copy)]
pub struct RowGradients<'a> {
    /// The table: the embedding.
    pub table: TensorId,
    /// Number of columns of the table.
    pub width: usize,
    /// Indices of the rows.
    pub rows: &'a [u32],
    /// Gradients of the rows (rows, width), if the table itself has none.
    pub own: Option<&'a [f32]>,
}

impl OptimizerState {
    /// Makes an optimiser for parameters of the layout `layout`, with its state before the first update.
    pub fn new(method: Method, layout: &Arc<ParamLayout>) -> OptimizerState {
        // `vec![x; n]` would make an x even where n is 0, and the plan has no room for it.
        let moments = (0..method.optimizer.rule().moments()).map(|_| Params::zeros(layout.clone()));
        let mut optimiser = OptimizerState {
            method,
            moments: moments.collect(),
            updates: 0,
            average: method.average.map(|start| Average::new(start, layout)),
        };
        if method.optimizer.rule().initial() != 0.0 {
            optimiser.reset();
        }
        optimiser
    }

    /// Resets the state to what it is before the first update.
    pub fn reset(&mut self) {
        self.updates = 0;
        for moment in &mut self.moments {
            moment.fill(self.method.optimizer.rule().initial());
        }
        if let Some(average) = &mut self.average {
            average.weights.fill(0.0);
            average.progress = AverageProgress::default();
        }
    }

    /// The average of the weights, if it has begun.
    pub fn average(&self) -> Option<&Average> {
        self.average.as_ref().filter(|average| average.is_on())
    }

    /// Number of weights in the average; 0 if there is none or it has not begun.
    pub fn averaged(&self) -> u64 {
        self.average().map_or(0, |average| average.progress.count)
    }

    /// The state that is kept for the parameters, each part with the prefix of its names in a checkpoint.
    pub(crate) fn arenas(&self) -> impl Iterator<Item = (String, &Params)> {
        let moments = self.moments.iter().enumerate();
        let moments = moments.map(|(i, moment)| (format!("moment{i}."), moment));
        let average = self.average.as_ref();
        moments.chain(average.map(|average| (AVERAGE.to_string(), &average.weights)))
    }

    /// The mutable state that is kept for the parameters, each part with the prefix of its names in a checkpoint.
    pub(crate) fn arenas_mut(&mut self) -> impl Iterator<Item = (String, &mut Params)> {
        let moments = self.moments.iter_mut().enumerate();
        let moments = moments.map(|(i, moment)| (format!("moment{i}."), moment));
        let average = self.average.as_mut();
        moments.chain(average.map(|average| (AVERAGE.to_string(), &mut average.weights)))
    }

    /// Updates `params` by `grads`; `panels`, if given, then hold the new weights.
    pub fn update(
        &mut self,
        cpu: &Cpu,
        params: &mut Params,
        grads: &Params,
        update: &Update,
        active: Option<RowGradients>,
        mut panels: Option<WeightPanels>,
    ) {
        self.updates += 1;
        let updates = self.updates;
        let rate = self.average.as_mut().and_then(|a| a.next_rate(updates));
        let layout = params.layout().clone();
        let optimizer = self.method.optimizer;
        let rule = optimizer.rule();
        for (id, tensor) in layout.tensors() {
            let (prepare, lr) = self.prepare(tensor, update);
            let plain = self.moments.is_empty()
                && (prepare.join, prepare.keep, prepare.noise) == (0.0, 1.0, None);
            let (w, g) = (&mut params[id], &grads[id]);
            match active.filter(|active| active.table == id) {
                Some(active) if plain && rate.is_none() => {
                    for (place, &row) in active.rows.iter().enumerate() {
                        let range = |row| row * active.width..(row + 1) * active.width;
                        let row = range(row as usize);
                        let operands = Operands {
                            w: &mut w[row.clone()],
                            g: match active.own {
                                Some(own) => &own[range(place)],
                                None => &g[row],
                            },
                            average: None,
                            panels: None,
                        };
                        rule.step(Step {
                            cpu,
                            operands,
                            prepare,
                            lr,
                            update: updates,
                            moments: &mut std::iter::empty(),
                        });
                    }
                }
                _ => {
                    let average = self.average.as_mut().zip(rate);
                    let operands = Operands {
                        w,
                        g,
                        average: average.map(|(average, rate)| AveragePart {
                            values: &mut average.weights[id],
                            rate,
                        }),
                        panels: panels.as_mut().and_then(|panels| panels.of(id)),
                    };
                    rule.step(Step {
                        cpu,
                        operands,
                        prepare,
                        lr,
                        update: updates,
                        moments: &mut self.moments.iter_mut().map(|moment| &mut moment[id]),
                    });
                }
            }
        }
    }

    /// What happens to a tensor before the rule, and its learning rate.
    fn prepare(&self, tensor: &Tensor, update: &Update) -> (Prepare, f64) {
        let Method {
            optimizer,
            weight_decay,
            lr_scale,
            decay_scale,
            ..
        } = self.method;
        let group = Group::of(tensor.role);
        let lr = update.lr * lr_scale.of(group);
        let decay = weight_decay * decay_scale.of(group);
        let (keep, join) = match optimizer.decouples_decay() {
            true => (1.0 - lr * decay, 0.0),
            false => (1.0, decay),
        };
        let prepare = Prepare {
            limit: update.limit,
            scale: update.scale,
            noise: update.noise.map(|(key, sigma)| Noise {
                key,
                sigma,
                first: tensor.range.start,
            }),
            keep: keep as f32,
            join: join as f32,
        };
        (prepare, lr)
    }
}

/// Prefix of the average's names in a checkpoint.
const AVERAGE: &str = "average.";
