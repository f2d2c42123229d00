//! The plan of a run's bytes, and refusing one that does not fit before anything is allocated.

use crate::dims::{Dims, Room, TrainPlan, drawing_bytes};
use crate::error::{Error, Result};
use crate::net::Network;
use crate::train::config::{Bptt, Config};

/// The bytes that a run of `config` needs for windows that fit into `room`.
pub fn plan(config: &Config, dims: &Dims, room: Room) -> TrainPlan {
    let arena_len = Network::new(dims.clone()).layout().arena_len();
    let mut plan = TrainPlan::new(
        dims,
        arena_len,
        config.rule().moments(),
        config.dropout > 0.0,
        config.precision.format(),
        room,
    );
    if config.scheduled_sampling.is_some() {
        plan.fixed_bytes += drawing_bytes(dims, room.lanes);
    }
    plan
}

/// Refuses a plan of more bytes than `budget`, or than the machine has available.
pub(super) fn check_memory(plan: &TrainPlan, budget: Option<u64>, config: &Config) -> Result<()> {
    let (limit, whose) = match budget {
        Some(bytes) => (bytes, "--memory allows"),
        None => (available_bytes(), "this machine has free"),
    };
    if plan.total_bytes() <= limit {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let remedy = match config.bptt {
        // The whole text is in one window, however many lanes it is cut into.
        Bptt::Full => "give --bptt a number of steps, or train on a shorter text",
        Bptt::Steps(_) => "choose a smaller --hidden, --max-vocab, --lanes or --bptt",
    };
    // It shortens what the window takes, and nothing else.
    let rest = plan.total_bytes().saturating_sub(plan.window_bytes);
    let recompute = match !config.recompute && rest < limit {
        true => ", or give --recompute",
        false => "",
    };
    Err(Error::Config(format!(
        "training needs {} MiB (weights {}, gradients {}, moments {}, packed copies {}, activations {}, other {}), but {whose} {} MiB: {remedy}{recompute}",
        mib(plan.total_bytes()),
        mib(plan.weights_bytes),
        mib(plan.gradients_bytes),
        mib(plan.moments_bytes),
        mib(plan.packed_bytes),
        mib(plan.window_bytes),
        mib(plan.fixed_bytes),
        limit >> 20,
    )))
}

/// Memory that can be had without swapping, where the system says so; no limit elsewhere.
fn available_bytes() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib.saturating_mul(1024))
}
