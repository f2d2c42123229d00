//! Optimisers: SGD with momentum, Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019),
//! with PyTorch's order of operations.
//!
//! Clipping, the update and clearing the gradient are one pass over the arena. Plain SGD touches
//! only the embedding rows that occurred in the window: the others have no gradient.

use crate::net::TensorId;
use crate::net::params::{Layout, Params};
use elman_kernels::{Adam, Cpu, adam, sgd};
use std::sync::Arc;

/// An update rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// buf ← μ·buf + g; w ← w − lr·buf. Weight decay is added to g.
    Sgd { momentum: f32, weight_decay: f32 },
    /// With `decoupled` weight decay: AdamW.
    Adam {
        beta1: f64,
        beta2: f64,
        eps: f64,
        weight_decay: f64,
        decoupled: bool,
    },
}

impl Rule {
    /// Numbers that the rule keeps for each parameter.
    pub fn moments(&self) -> usize {
        match self {
            Rule::Sgd { momentum, .. } if *momentum == 0.0 => 0,
            Rule::Sgd { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }
}

/// A rule and the moments it keeps.
#[derive(Clone)]
pub struct Optimiser {
    pub rule: Rule,
    /// As many as [`Rule::moments`] says, laid out like the parameters.
    pub moments: Vec<Params>,
    /// Updates applied so far; Adam's bias correction counts them.
    pub updates: u64,
}

/// The rows of a table that have a gradient, in ascending order.
#[derive(Clone, Copy)]
pub struct TouchedRows<'a> {
    pub table: TensorId,
    pub width: usize,
    pub rows: &'a [u32],
}

impl Optimiser {
    pub fn new(rule: Rule, layout: &Arc<Layout>) -> Optimiser {
        // `vec![x; n]` would make an x even where n is 0, and the plan has no room for it.
        let moments = (0..rule.moments()).map(|_| Params::zeros(layout.clone()));
        Optimiser {
            rule,
            moments: moments.collect(),
            updates: 0,
        }
    }

    /// One update of `params` by `scale · grads`; `grads` are zero afterwards.
    pub fn update(
        &mut self,
        cpu: &Cpu,
        params: &mut Params,
        grads: &mut Params,
        scale: f32,
        lr: f64,
        touched: Option<TouchedRows>,
    ) {
        self.updates += 1;
        let layout = params.layout().clone();
        for (id, _) in layout.tensors() {
            let (w, g) = (&mut params[id], &mut grads[id]);
            match (self.rule, &mut self.moments[..]) {
                (Rule::Sgd { weight_decay, .. }, []) => match touched {
                    Some(touched) if touched.table == id && weight_decay == 0.0 => {
                        for row in touched.rows.iter().map(|&row| row as usize) {
                            let row = row * touched.width..(row + 1) * touched.width;
                            sgd(
                                cpu,
                                &mut w[row.clone()],
                                &mut g[row],
                                scale,
                                lr as f32,
                                0.0,
                                None,
                            );
                        }
                    }
                    _ => sgd(cpu, w, g, scale, lr as f32, weight_decay, None),
                },
                (
                    Rule::Sgd {
                        momentum,
                        weight_decay,
                    },
                    [buf],
                ) => {
                    let buf = Some((momentum, &mut buf[id]));
                    sgd(cpu, w, g, scale, lr as f32, weight_decay, buf);
                }
                (
                    Rule::Adam {
                        beta1,
                        beta2,
                        eps,
                        weight_decay,
                        decoupled,
                    },
                    [m, v],
                ) => {
                    let step = Adam {
                        scale,
                        lr,
                        beta1,
                        beta2,
                        eps,
                        weight_decay,
                        decoupled,
                        bias1: Adam::bias(beta1, self.updates),
                        bias2: Adam::bias(beta2, self.updates),
                    };
                    adam(cpu, w, g, &mut m[id], &mut v[id], step);
                }
                _ => unreachable!("an optimiser keeps the moments of its rule"),
            }
        }
    }
}
