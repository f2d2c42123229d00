//! Memory plan of a run; a plan that does not fit is refused before anything is allocated, with options that would fit.

use super::watching::sample_bytes;
use crate::config::{Bptt, Config};
use crate::error::{MemoryRemedy, Result, RunError};
use crate::groups::{most_sequences, waiting};
use crate::job::Job;
use crate::windows::Order;
use elman_net::Network;
use elman_net::dims::{Capacity, Dims, Sizes, TrainPlan, drawing_bytes, largest, probe_bytes};
use elman_text::{Layout, Vocab};

/// Input, target, mask and whether a text begins there, of a position of a window.
const WINDOW_BYTES: u64 = 13;

/// Plans the bytes that a run of `config` needs for windows that fit into `capacity`.
pub fn plan(config: &Config, dims: &Dims, capacity: Capacity) -> TrainPlan {
    let arena_len = Network::new(dims.clone()).layout().arena_len();
    let mut plan = TrainPlan::new(
        dims,
        arena_len,
        config.method().buffers(),
        config.buffers(),
        config.precision.format(),
        capacity,
    );
    plan.vocabulary_bytes = Vocab::usual_bytes(dims.vocab);
    if config.scheduled_sampling.is_some() {
        plan.fixed_bytes += drawing_bytes(dims, capacity.batch_size);
    }
    if config.sample_every.is_some() {
        plan.fixed_bytes += sample_bytes(dims);
    }
    plan
}

/// Plans a run for training and validation windows of any of these shapes (T, B): their capacity, and the bytes beside the text.
pub fn plan_shapes(
    config: &Config,
    dims: &Dims,
    train: &[(usize, usize)],
    valid: &[(usize, usize)],
) -> (Capacity, TrainPlan) {
    let groups = config.groups;
    let whole = train.iter().chain(valid).copied();
    let parts = whole
        .clone()
        .map(|(steps, batch_size)| (steps, most_sequences(groups, batch_size)));
    let capacity = Capacity {
        carried: whole.map(|(_, batch_size)| batch_size).max().unwrap_or(0),
        ..Capacity::for_all(parts, config.recompute).accumulating(config.accumulate, dims)
    };
    let mut plan = plan(config, dims, capacity);
    // Gradients of groups that wait for others; and whole windows, of which the engine has a part.
    let gradients = 1 + waiting(0..groups) as u64;
    plan.gradients_bytes = plan.gradients_bytes.saturating_mul(gradients);
    for shapes in [train, valid].iter().filter(|_| groups > 1) {
        let positions = shapes.iter().map(|(steps, b)| steps.saturating_mul(*b));
        let positions = positions.max().unwrap_or(0) as u64;
        let bytes = &mut plan.window.positions_bytes;
        *bytes = bytes.saturating_add(WINDOW_BYTES.saturating_mul(positions));
    }
    if config.loss_after.is_some() {
        // Which targets of a window are the most likely tokens.
        plan.fixed_bytes += capacity.window as u64;
    }
    if config.watch_gradients.is_some() {
        let longest = train.iter().map(|(steps, _)| *steps).max();
        let widest = train
            .iter()
            .map(|(_, batch)| most_sequences(groups, *batch));
        let (steps, sequences) = (longest.unwrap_or(0), widest.max().unwrap_or(0));
        plan.fixed_bytes += probe_bytes(dims, steps, sequences);
    }
    (capacity, plan)
}

/// Sizes of a run's texts and vocabulary on which its memory depends.
#[derive(Clone, Copy)]
pub struct TextSizes<'a> {
    /// V, the size of the vocabulary.
    pub vocab: usize,
    /// Bytes of the vocabulary in the run.
    pub vocabulary_bytes: u64,
    /// Peak bytes while the vocabulary was made or loaded.
    pub preparation_bytes: u64,
    pub train: &'a Order,
    pub valid: Option<&'a Order>,
}

/// Which options may be changed if a plan does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    All,
    /// Windows only: the network is the one of a model.
    Windows,
    /// None: the run has begun.
    Nothing,
}

impl Open {
    /// The options that are open for a run that is to begin.
    pub fn of(job: &Job) -> Open {
        match job.init_from {
            Some(_) => Open::Windows,
            None => Open::All,
        }
    }
}

impl TextSizes<'_> {
    /// Plans the capacity for the windows of a run, and its bytes.
    pub fn plan(&self, config: &Config) -> (Capacity, TrainPlan) {
        let (train, valid) = (self.train, self.valid);
        let valid_shapes = valid.map_or(Vec::new(), Order::shapes);
        let dims = config.dims(self.vocab);
        let (capacity, mut plan) = plan_shapes(config, &dims, &train.shapes(), &valid_shapes);
        plan.vocabulary_bytes = self.vocabulary_bytes;
        plan.preparation_bytes = self.preparation_bytes;
        // Of the validation text, the losses of its parts too.
        let valid_bytes = valid.map_or(0, |valid| valid.index_bytes() + 8 * valid.parts() as u64);
        plan.fixed_bytes += train.index_bytes() + valid_bytes;
        (capacity, plan)
    }

    /// The bytes under another configuration of the same layout.
    fn bytes_under(&self, config: &Config) -> Result<u64> {
        config.check()?;
        let train = Order::training(self.train.extent(), config)?;
        let valid = self
            .valid
            .map(|valid| train.validation(valid.extent(), config));
        let valid = valid.transpose()?;
        let other = TextSizes {
            train: &train,
            valid: valid.as_ref(),
            ..*self
        };
        Ok(other.plan(config).1.total_bytes())
    }

    /// Refuses a plan of more bytes than `budget`, or than the machine has free, with options under which it would fit, each of
    /// them tried.
    pub fn check_memory(
        &self,
        plan: &TrainPlan,
        budget: Option<u64>,
        config: &Config,
        open: Open,
    ) -> Result<()> {
        let limit = budget.unwrap_or_else(available_bytes);
        if plan.total_bytes() <= limit {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let parts = plan.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
        let mut parts: Vec<String> = parts
            .map(|(part, bytes)| format!("{part} {}", mib(bytes)))
            .collect();
        if plan.preparation_bytes == plan.total_bytes() {
            parts.push(format!(
                "before that, the vocabulary {}",
                mib(plan.preparation_bytes)
            ));
        }
        let fits = |other: &Config| self.bytes_under(other).is_ok_and(|bytes| bytes <= limit);
        let remedy = if plan.preparation_bytes > limit {
            MemoryRemedy::SmallerVocabulary
        } else if open == Open::Nothing {
            MemoryRemedy::None
        } else {
            match remedies(config, self.train, open, &fits) {
                none if none.is_empty() => MemoryRemedy::SmallerNetwork,
                some => MemoryRemedy::Options(some),
            }
        };
        Err(RunError::Memory {
            needed_mib: mib(plan.total_bytes()),
            limit_mib: limit >> 20,
            is_budget: budget.is_some(),
            parts,
            remedy,
        }
        .into())
    }
}

/// Options, by name and value, that are chosen together.
type Settings = Vec<(&'static str, usize)>;

/// Options each of which makes a run fit, the largest that do.
fn remedies(
    config: &Config,
    train: &Order,
    open: Open,
    fits: &dyn Fn(&Config) -> bool,
) -> Vec<Settings> {
    let mut found = windows(config, train, fits);
    if !config.recompute {
        let recomputed = Config {
            recompute: true,
            ..config.clone()
        };
        let recompute = ("recompute", 1);
        if fits(&recomputed) {
            found.push(vec![recompute]);
        } else if found.is_empty() {
            let both = windows(&recomputed, train, fits).into_iter();
            found.extend(both.map(|settings| [vec![recompute], settings].concat()));
        }
    }
    // Smaller windows cost nothing that a smaller network would give.
    if found.is_empty() && open == Open::All {
        found.extend(network(config, fits));
    }
    found
}

/// Smaller batches, shorter windows.
fn windows(config: &Config, train: &Order, fits: &dyn Fn(&Config) -> bool) -> Vec<Settings> {
    let mut found = Vec::new();
    let mut try_sizes = |option: &'static str, now: usize, with: &dyn Fn(usize) -> Config| {
        let most = largest(now.saturating_sub(1), |size| fits(&with(size)));
        found.extend(most.map(|size| vec![(option, size)]));
    };
    match config.layout {
        Layout::Sentences => {
            try_sizes("batch-tokens", config.batch_positions(), &|tokens| Config {
                batch_tokens: Some(tokens),
                ..config.clone()
            })
        }
        Layout::Stream => {
            try_sizes("batch-size", config.batch_size, &|batch_size| Config {
                batch_size,
                ..config.clone()
            });
            let now = match config.bptt {
                Bptt::Steps(steps) => steps.min(train.length()),
                Bptt::Full => train.length(),
            };
            try_sizes("bptt", now, &|steps| Config {
                bptt: Bptt::Steps(steps),
                ..config.clone()
            });
        }
    }
    found
}

/// A smaller network.
fn network(config: &Config, fits: &dyn Fn(&Config) -> bool) -> Option<Settings> {
    let Sizes::Same(hidden) = config.hidden else {
        return None;
    };
    // As on the command line, where the embedding of a tied network follows.
    let with = |size: usize| Config {
        hidden: Sizes::Same(size),
        embed: if config.tied && config.embed == hidden {
            size
        } else {
            config.embed
        },
        ..config.clone()
    };
    let most = largest(hidden - 1, |size| fits(&with(size)))?;
    let with = with(most);
    let embed = (with.embed != config.embed).then_some(("embed", most));
    Some([("hidden", most)].into_iter().chain(embed).collect())
}

/// Free memory in bytes that can be used without swapping, on Linux; elsewhere `u64::MAX`.
pub fn available_bytes() -> u64 {
    system_bytes("MemAvailable:").unwrap_or(u64::MAX)
}

/// Memory of the machine in bytes, on Linux.
pub fn total_bytes() -> Option<u64> {
    system_bytes("MemTotal:")
}

fn system_bytes(name: &str) -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let value = info.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// Peak memory of this process so far in bytes, on Linux.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
