//! `mpirun -n R elman train …`: the processes that train one model together.
//!
//! Rank 0 is the command as it always is. The others read the same command line, assist, and say nothing unless they fail by themselves.

use crate::signals::Stop;
use anyhow::Result;
#[cfg(not(feature = "mpi"))]
use anyhow::bail;
use elman::train::{Event, Machine, RunError, Team, Watch, assist, compare, dismiss};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The processes of this `mpirun`, once `elman train` has joined them.
static TEAM: OnceLock<Team> = OnceLock::new();
/// Whether this process has failed while others may wait for it.
static IS_BROKEN: AtomicBool = AtomicBool::new(false);

/// The processes that this one trains with; itself alone until `elman train` has joined others.
pub fn team() -> Team {
    TEAM.get().cloned().unwrap_or_default()
}

/// Joins the other processes, if this one was started among several, and shares the threads of a host among its processes.
///
/// Errors: several processes, and a program without MPI; processes that differ, on all of them.
pub fn join(machine: &mut Machine, has_threads: bool) -> Result<Team> {
    let team = started()?;
    if team.is_several() {
        let team = TEAM.get_or_init(|| team.clone());
        let program = std::env::current_exe().and_then(std::fs::read);
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        compare(team, "program", &program.unwrap_or_default(), &host())?;
        let isa = machine.isa.name();
        compare(team, "instruction set", isa.as_bytes(), isa)?;
        let arguments = arguments.join("\0");
        compare(team, "command line", arguments.as_bytes(), &host())?;
        if !has_threads {
            let here = team
                .tell(&host())
                .iter()
                .filter(|other| **other == host())
                .count();
            machine.threads = (machine.threads / here.max(1)).max(1);
        }
    }
    Ok(team)
}

/// Whether this process speaks for all.
pub fn is_rank_0() -> bool {
    TEAM.get().is_none_or(Team::writes)
}

/// Number of processes that `mpirun` or `srun` has started, by the variables that it sets.
fn processes() -> usize {
    let counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
    let count = counts.iter().find_map(|name| std::env::var(name).ok());
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

#[cfg(feature = "mpi")]
fn started() -> Result<Team> {
    let world = match processes() {
        1 => None,
        _ => elman_mpi::World::join(),
    };
    Ok(world.map_or_else(Team::default, |world| Team::new(std::sync::Arc::new(world))))
}

/// Without MPI each process of an `mpirun` would train a model of its own in the same directory.
#[cfg(not(feature = "mpi"))]
fn started() -> Result<Team> {
    if processes() > 1 {
        bail!(
            "mpirun has started several processes, and this elman was built without MPI; build it with `cargo build --release --features mpi`"
        );
    }
    Ok(Team::default())
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown host".into(), |name| name.trim().to_owned())
}

/// Takes part in the training that rank 0 leads.
pub fn take_part(team: &Team, machine: &Machine) -> Result<()> {
    let stop = Stop::default();
    stop.on_signals()?;
    match assist(team, machine, &mut Silent { stop }) {
        // Rank 0 says it.
        Err(error) if error.is_divergence() => Ok(()),
        Err(error) => {
            IS_BROKEN.store(true, Ordering::Relaxed);
            Err(anyhow::Error::new(error).context(format!("rank {} on {}", team.rank(), host())))
        }
        Ok(()) => Ok(()),
    }
}

/// Lets the other processes know that rank 0 is done, however it ended.
pub fn settle(team: &Team, result: &Result<()>) {
    if !team.is_several() {
        return;
    }
    if !team.has_announced() {
        dismiss(team);
        return;
    }
    let Err(error) = result else { return };
    let agreed = error.chain().any(|cause| {
        let run = |error: &elman::train::Error| {
            let other = matches!(error, elman::train::Error::Run(RunError::OtherRank { .. }));
            other || error.is_divergence()
        };
        cause.downcast_ref().is_some_and(run) || cause.is::<crate::signals::Interrupted>()
    });
    IS_BROKEN.store(!agreed && !team.has_ended(), Ordering::Relaxed);
}

/// Ends what began with [`join`]; a process that has failed ends all others.
pub fn leave(code: ExitCode) -> ExitCode {
    #[cfg(feature = "mpi")]
    if TEAM.get().is_some() {
        if IS_BROKEN.load(Ordering::Relaxed) {
            elman_mpi::World::abort(1);
        }
        elman_mpi::World::leave();
    }
    code
}

struct Silent {
    stop: Stop,
}

impl Watch for Silent {
    fn event(&mut self, _: &Event) {}

    fn stop_requested(&self) -> bool {
        self.stop.is_wished()
    }
}
