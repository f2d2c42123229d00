//! What it costs that a network reads in order: the speed of training on the same number of positions, cut into few long lanes or many short ones
//! (`inspect::sequential`).

use super::nets::Net;
use super::{Lab, Verdict};
use crate::error::Result;
use crate::inspect::sequential::{Options, sequential};
use serde::{Deserialize, Serialize};

/// One T/B.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Row {
    pub lanes: usize,
    pub steps: usize,
    /// With one thread, and with all of them.
    pub one_tokens_per_s: f64,
    pub many_tokens_per_s: Option<f64>,
    pub speedup: Option<f64>,
    pub serial_share: Option<f64>,
    /// Part of a step, with one thread, that has an order in time.
    pub ordered_share: f64,
}

/// All of them, few lanes first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub network: String,
    pub entries: usize,
    pub positions: usize,
    pub threads: usize,
    pub rows: Vec<Row>,
}

pub fn order(lab: &mut Lab) -> Result<Order> {
    let run = lab.net(Net::Lstm)?.run;
    let entries = elman_infer::NetworkModel::load(&run)?.dims().vocab;
    lab.measured("order in time", |lab| {
        let options = Options {
            positions: 2048,
            lanes: vec![1, 4, 16, 64, 256],
            seconds: lab.scale().seconds,
            ..Options::new(lab.machine.isa, lab.machine.threads)
        };
        let found = sequential(&lab.config(Net::Lstm), entries, &options, &mut |_, _| ())?;
        let rows = found.rows.iter().map(|row| Row {
            lanes: row.lanes,
            steps: row.steps,
            one_tokens_per_s: row.one.tokens_per_s,
            many_tokens_per_s: row.many.as_ref().map(|many| many.tokens_per_s),
            speedup: row.speedup,
            serial_share: row.serial_share,
            ordered_share: row.one.ordered_share,
        });
        Ok(Order {
            network: found.network.clone(),
            entries: found.vocabulary,
            positions: found.positions,
            threads: found.threads,
            rows: rows.collect(),
        })
    })
}

impl Order {
    /// Few long lanes are slower than many short ones by half at least, and, where there are several threads, gain less from them.
    pub fn verdict(&self) -> Verdict {
        let (Some(few), Some(many)) = (self.rows.first(), self.rows.last()) else {
            return Verdict::Fails;
        };
        let mut parts = vec![many.one_tokens_per_s > 1.5 * few.one_tokens_per_s];
        parts.extend(few.speedup.zip(many.speedup).map(|(few, many)| few < many));
        Verdict::of(&parts)
    }
}
