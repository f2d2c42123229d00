//! Where things of a sweep are that belong to no single run.

use std::path::{Path, PathBuf};

/// The directory `sweep` in that of a sweep; all else there are runs.
///
/// ```text
/// SWEEP/NAME/                 a run
/// SWEEP/sweep/tasks/NAME/     who trained it, and how it ended
///             results.csv     the figures of all runs, without times
///             report.html     a page of tables and curves
///             array.sbatch    a job array for Slurm, and its logs in log/
///             cache/          encoded texts that the tasks share
/// ```
#[derive(Clone, Debug)]
pub struct Places {
    sweep: PathBuf,
    own: PathBuf,
}

impl Places {
    pub fn new(sweep: &Path) -> Places {
        Places {
            sweep: sweep.to_path_buf(),
            own: sweep.join("sweep"),
        }
    }

    /// The directory of the sweep.
    pub fn sweep(&self) -> &Path {
        &self.sweep
    }

    /// What is known of the combination `name` beside its run.
    pub fn task(&self, name: &str) -> PathBuf {
        self.own.join("tasks").join(name)
    }

    pub fn results(&self) -> PathBuf {
        self.own.join("results.csv")
    }

    pub fn page(&self) -> PathBuf {
        self.own.join("report.html")
    }

    pub fn script(&self) -> PathBuf {
        self.own.join("array.sbatch")
    }

    pub fn logs(&self) -> PathBuf {
        self.own.join("log")
    }

    pub fn cache(&self) -> PathBuf {
        self.own.join("cache")
    }
}
