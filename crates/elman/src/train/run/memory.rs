//! The plan of a run's bytes, and refusing one that does not fit before anything is allocated.

use super::watching::sample_bytes;
use crate::dims::{Dims, Room, TrainPlan, drawing_bytes, look_bytes};
use crate::error::{Error, Result};
use crate::net::Network;
use crate::text::Layout;
use crate::train::config::{Bptt, Config};
use crate::train::windows::Windows;

/// The bytes that a run of `config` needs for windows that fit into `room`.
pub fn plan(config: &Config, dims: &Dims, room: Room) -> TrainPlan {
    let arena_len = Network::new(dims.clone()).layout().arena_len();
    let mut plan = TrainPlan::new(
        dims,
        arena_len,
        config.method().kept(),
        config.rates().slots(),
        config.precision.format(),
        room,
    );
    if config.scheduled_sampling.is_some() {
        plan.fixed_bytes += drawing_bytes(dims, room.lanes);
    }
    if config.sample_every.is_some() {
        plan.fixed_bytes += sample_bytes(dims);
    }
    plan
}

/// The room for windows of any of these shapes (T, B), of training and of validation, and the plan of a run's bytes beside its text.
pub fn plan_shapes(
    config: &Config,
    dims: &Dims,
    train: &[(usize, usize)],
    valid: &[(usize, usize)],
) -> (Room, TrainPlan) {
    let shapes = train.iter().chain(valid).copied();
    let room = Room::for_all(shapes, config.recompute).accumulating(config.accumulate, dims);
    let mut plan = plan(config, dims, room);
    if config.loss_after.is_some() {
        // Which targets of a window are the most likely tokens.
        plan.fixed_bytes += room.window as u64;
    }
    if config.watch_gradients.is_some() {
        let longest = train.iter().map(|(steps, _)| *steps).max();
        plan.fixed_bytes += look_bytes(dims, longest.unwrap_or(0));
    }
    (room, plan)
}

/// The room that the windows of a run need, and the plan of its bytes.
pub(super) fn plan_windows(
    config: &Config,
    dims: &Dims,
    train: &Windows,
    valid: Option<&Windows>,
) -> (Room, TrainPlan) {
    let valid_shapes = valid.map_or(Vec::new(), Windows::shapes);
    let (room, mut plan) = plan_shapes(config, dims, &train.shapes(), &valid_shapes);
    // Of the validation text, the losses of its parts too.
    let valid_bytes = valid.map_or(0, |valid| valid.index_bytes() + 8 * valid.parts() as u64);
    plan.fixed_bytes += train.index_bytes() + valid_bytes;
    (room, plan)
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
        _ if config.layout == Layout::Sentences => {
            "choose a smaller --hidden, --max-vocab or --batch-tokens, or leave out the longest lines"
        }
        // The whole text is in one window, however many lanes it is cut into.
        Bptt::Full => "give --bptt a number of steps, or train on a shorter text",
        Bptt::Steps(_) => "choose a smaller --hidden, --max-vocab, --lanes or --bptt",
    };
    // It shortens what the window takes, and nothing else.
    let rest = plan.total_bytes().saturating_sub(plan.window.total_bytes());
    let recompute = match !config.recompute && rest < limit {
        true => ", or give --recompute",
        false => "",
    };
    let parts = plan.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts
        .map(|(part, bytes)| format!("{part} {}", mib(bytes)))
        .collect();
    Err(Error::Config(format!(
        "training needs {} MiB ({}), but {whose} {} MiB: {remedy}{recompute}",
        mib(plan.total_bytes()),
        parts.join(", "),
        limit >> 20,
    )))
}

/// Memory that can be had without swapping, where the system says so; no limit elsewhere.
pub fn available_bytes() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib.saturating_mul(1024))
}

/// The most memory that this process has had at once so far, where the system says so.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
