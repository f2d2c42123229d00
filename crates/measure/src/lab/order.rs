//! Cost of the order in time: the speed of training on the same number of positions, as few long sequences or many short ones
//! (`inspect::sequential`).

use super::nets::Net;
use super::{Lab, Verdict};
use crate::error::Result;
use crate::inspect::sequential::{Options, sequential};
use serde::{Deserialize, Serialize};

/// Speed of training with windows of one shape.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Batch size B.
    pub batch_size: usize,
    /// Window length T in steps.
    pub steps: usize,
    /// Tokens per second with one thread.
    pub one_tokens_per_s: f64,
    /// Tokens per second with all threads, if there are several.
    pub many_tokens_per_s: Option<f64>,
    /// Speedup by all threads over one.
    pub speedup: Option<f64>,
    /// Serial share of Amdahl's law, from the speedup.
    pub serial_share: Option<f64>,
    /// Share of a step, with one thread, that has an order in time.
    pub ordered_share: f64,
}

/// Speed of training by the shape of the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Short name of the network.
    pub network: String,
    /// V, the size of the vocabulary.
    pub entries: usize,
    /// Number of positions T·B of a window.
    pub positions: usize,
    /// Number of threads of the parallel measurements.
    pub threads: usize,
    /// Measurements from small to large batches.
    pub rows: Vec<Row>,
}

/// Measures training steps with windows of several shapes, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training and of [`sequential`](crate::inspect::sequential()).
pub fn order(lab: &mut Lab) -> Result<Order> {
    let run = lab.net(Net::Lstm)?.run;
    let entries = elman_infer::NetworkModel::load(&run)?.dims().vocab;
    lab.measured("order in time", |lab| {
        let options = Options {
            positions: 2048,
            batch_sizes: vec![1, 4, 16, 64, 256],
            seconds: lab.scale().seconds,
            ..Options::new(lab.machine.isa, lab.machine.threads)
        };
        let found = sequential(&lab.config(Net::Lstm), entries, &options, &mut |_, _| ())?;
        let rows = found.rows.iter().map(|row| Row {
            batch_size: row.batch_size,
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
    /// Verdict on the claim that few long sequences are slower than many short ones, by half at least, and gain less from threads.
    pub fn verdict(&self) -> Verdict {
        let (Some(few), Some(many)) = (self.rows.first(), self.rows.last()) else {
            return Verdict::Fails;
        };
        let mut parts = vec![many.one_tokens_per_s > 1.5 * few.one_tokens_per_s];
        parts.extend(few.speedup.zip(many.speedup).map(|(few, many)| few < many));
        Verdict::of(&parts)
    }
}
