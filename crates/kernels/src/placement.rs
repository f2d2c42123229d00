//! Keeping threads off each other's CPU.
//!
//! Two threads that wait for each other by spinning are ten to a hundred times slower on one CPU
//! than on two, and a scheduler that sees both busy takes milliseconds to part them. So the workers
//! of a pool leave the CPU on which their caller runs to it; among the others the scheduler chooses,
//! which is polite to other programs. The caller is never moved: its thread is not ours.

/// Where a pool's caller runs, as far as the system tells.
pub(crate) fn here() -> usize {
    #[cfg(target_os = "linux")]
    return rustix::thread::sched_getcpu();
    #[cfg(not(target_os = "linux"))]
    0
}

/// A worker's place: any CPU that the process may use but the caller's.
pub(crate) struct Placement {
    #[cfg(target_os = "linux")]
    allowed: Option<rustix::thread::CpuSet>,
    #[cfg(target_os = "linux")]
    avoided: Option<usize>,
}

impl Placement {
    /// Of the calling thread, which may run anywhere so far.
    pub(crate) fn anywhere() -> Placement {
        Placement {
            #[cfg(target_os = "linux")]
            allowed: rustix::thread::sched_getaffinity(None).ok(),
            #[cfg(target_os = "linux")]
            avoided: None,
        }
    }

    /// Keeps the calling thread, whose place this is, off `cpu`, if that leaves it another one. The
    /// system may refuse; that costs speed only.
    pub(crate) fn avoid(&mut self, cpu: usize) {
        #[cfg(target_os = "linux")]
        {
            let Some(mut set) = self.allowed else { return };
            if self.avoided == Some(cpu) || cpu >= rustix::thread::CpuSet::MAX_CPU {
                return;
            }
            self.avoided = Some(cpu);
            set.unset(cpu);
            if set.count() > 0 {
                let _ = rustix::thread::sched_setaffinity(None, &set);
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = cpu;
    }
}
