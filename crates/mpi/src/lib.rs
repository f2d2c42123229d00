//! The processes of one `mpirun` as the ranks of a training.
//!
//! Everything that is computed is in `elman-train`; here bytes are handed to MPI and nothing else. Errors of MPI end all processes, which is its
//! default.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use elman_train::Ranks;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};
use std::sync::{Mutex, PoisonError};

/// MPI, from its initialisation to its end.
static UNIVERSE: Mutex<Option<Universe>> = Mutex::new(None);

/// All processes of an `mpirun`.
pub struct World;

impl World {
    /// Initialises MPI; returns `None` if it was initialised before, or there is only one process.
    pub fn join() -> Option<World> {
        let universe = mpi::initialize()?;
        *UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner) = Some(universe);
        (World.count() > 1).then_some(World)
    }

    /// Waits for the other processes and ends MPI.
    pub fn leave() {
        UNIVERSE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// Ends all processes at once; this one has the exit code `code`.
    pub fn abort(code: i32) -> ! {
        SimpleCommunicator::world().abort(code)
    }
}

impl Ranks for World {
    fn rank(&self) -> usize {
        usize::try_from(SimpleCommunicator::world().rank()).unwrap_or(0)
    }

    fn count(&self) -> usize {
        usize::try_from(SimpleCommunicator::world().size()).unwrap_or(1)
    }

    fn exchange(&self, pieces: &[u8], received: &mut [u8]) {
        SimpleCommunicator::world().all_to_all_into(pieces, received);
    }

    fn gather(&self, piece: &[u8], all: &mut [u8]) {
        SimpleCommunicator::world().all_gather_into(piece, all);
    }

    fn broadcast(&self, bytes: &mut [u8]) {
        SimpleCommunicator::world()
            .process_at_rank(0)
            .broadcast_into(bytes);
    }
}
