//! The training states of a run: `<directory>/<step, 12 digits>.safetensors`, of which the two newest
//! valid ones are kept. A damaged state costs the work since the previous one, not the run.
//!
//! Saving needs disk space for a third state while it is written. The caller of [`Generations::save`] holds the run's
//! [`super::Lock`]; loading needs none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{
    Integrity, Snapshot, StoreError, disk, read_snapshot, verify_snapshot, write_snapshot,
};

/// Valid states that stay on disk.
const KEPT: usize = 2;
const EXTENSION: &str = ".safetensors";

/// Training states in one directory, named by their steps.
#[derive(Clone, Debug)]
pub struct Generations {
    directory: PathBuf,
}

/// Training state that [`Generations::load_latest`] found, and its step.
#[derive(Debug)]
pub struct Loaded {
    /// Number of steps after which the state was saved.
    pub step: u64,
    /// The state itself: its arrays and its header.
    pub snapshot: Snapshot<'static>,
    /// Message for the user about newer states that are damaged and were skipped; `None` if there are none.
    pub note: Option<String>,
}

impl Generations {
    /// Whether a file of this name is a training state.
    pub fn is_state(name: &str) -> bool {
        step_of(Path::new(name)).is_some()
    }

    /// Describes the states in `directory` without touching the disk; [`Generations::save`] creates the directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Path of the state after `step` steps.
    pub fn path(&self, step: u64) -> PathBuf {
        self.directory.join(format!("{step:012}{EXTENSION}"))
    }

    /// Writes the state after `step` steps, then removes states that are no longer needed.
    ///
    /// The two newest valid states are kept. States newer than `step` are removed too: they exist only if the run
    /// continued from an earlier state because they could not be read. On error the states written before are intact.
    pub fn save(&self, step: u64, snapshot: &Snapshot) -> Result<PathBuf, StoreError> {
        disk::create_dir_all(&self.directory)?;
        disk::sweep_temporaries(&self.directory)?;
        let path = self.path(step);
        write_snapshot(&path, snapshot)?;
        self.prune(step)?;
        Ok(path)
    }

    /// Loads the newest undamaged state; `None` if the directory holds no states.
    ///
    /// Error: [`StoreError::NoValidGeneration`] if there are states and all of them are damaged.
    pub fn load_latest(&self) -> Result<Option<Loaded>, StoreError> {
        let mut reasons = Vec::new();
        for (step, path) in self.list()?.into_iter().rev() {
            match read_snapshot(&path, Integrity::Required) {
                Ok(snapshot) => {
                    let note = (!reasons.is_empty()).then(|| {
                        format!(
                            "{}; continuing from the state before it, after step {step}",
                            reasons.join("; ")
                        )
                    });
                    return Ok(Some(Loaded {
                        step,
                        snapshot,
                        note,
                    }));
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        if reasons.is_empty() {
            return Ok(None);
        }
        Err(StoreError::NoValidGeneration {
            directory: self.directory.clone(),
            reasons: reasons.join("; "),
        })
    }

    /// The state after step `saved` has just been written and is valid.
    fn prune(&self, saved: u64) -> Result<(), StoreError> {
        let mut valid = 0;
        for (step, path) in self.list()?.into_iter().rev() {
            if step > saved || valid == KEPT {
                disk::remove_file(&path)?;
            } else if step == saved || verify_snapshot(&path).is_ok() {
                valid += 1;
            }
        }
        Ok(())
    }

    /// Steps and files, ascending. Other files in the directory are left alone.
    fn list(&self) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let list_error = |error| StoreError::io(&self.directory, "list", error);
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(list_error(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(list_error)?.path();
            if let Some(step) = step_of(&path) {
                found.push((step, path));
            }
        }
        found.sort();
        Ok(found)
    }
}

fn step_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?;
    let is_ours = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, AtomicFile, write_atomic};
    use serde_json::{Map, json};
    use std::io::Write;

    fn state(step: u64) -> Snapshot<'static> {
        let header = Map::from_iter([("step".to_owned(), json!(step))]);
        let arrays = vec![Array::u64("step", &[1], vec![step])];
        Snapshot { header, arrays }
    }

    /// The steps of the states on disk, ascending, valid or not.
    fn steps(states: &Generations) -> Vec<u64> {
        let list = states.list().unwrap();
        list.into_iter().map(|(step, _)| step).collect()
    }

    fn damage(path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 4;
        write_atomic(path, |w| w.write_all(&bytes)).unwrap();
    }

    #[test]
    fn the_two_newest_states_stay() {
        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path().join("state"));
        assert!(states.load_latest().unwrap().is_none());
        for step in [0, 100, 200, 300] {
            let path = states.save(step, &state(step)).unwrap();
            assert_eq!(path, states.path(step));
        }
        assert!(room.path().join("state/000000000300.safetensors").is_file());
        assert_eq!(steps(&states), [200, 300]);
        states.save(300, &state(300)).unwrap();
        let loaded = states.load_latest().unwrap().unwrap();
        assert_eq!((loaded.step, loaded.note), (300, None));
        assert_eq!(loaded.snapshot.header["step"], 300);
    }

    #[test]
    fn a_damaged_state_is_passed_over_and_named() {
        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path());
        for step in [100, 200] {
            states.save(step, &state(step)).unwrap();
        }
        damage(&states.path(200));
        let loaded = states.load_latest().unwrap().unwrap();
        assert_eq!(loaded.step, 100);
        let note = loaded.note.unwrap();
        assert!(
            note.contains("000000000200.safetensors: its checksum"),
            "{note}"
        );
        assert!(note.contains("after step 100"), "{note}");

        // The run went back to 100 and saves on the way: the damaged state is of no more use.
        states.save(150, &state(150)).unwrap();
        assert_eq!(steps(&states), [100, 150]);
        assert_eq!(states.load_latest().unwrap().unwrap().step, 150);
    }

    #[test]
    fn a_damaged_state_does_not_push_out_a_valid_one() {
        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path());
        for step in [100, 200] {
            states.save(step, &state(step)).unwrap();
        }
        damage(&states.path(200));
        states.save(300, &state(300)).unwrap();
        assert_eq!(steps(&states), [100, 200, 300]);
        damage(&states.path(300));
        assert_eq!(states.load_latest().unwrap().unwrap().step, 100);
        states.save(400, &state(400)).unwrap();
        states.save(500, &state(500)).unwrap();
        assert_eq!(steps(&states), [400, 500]);
    }

    #[test]
    fn when_no_state_is_valid_every_reason_is_given() {
        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path());
        for step in [100, 200] {
            states.save(step, &state(step)).unwrap();
        }
        damage(&states.path(200));
        write_atomic(&states.path(100), |w| w.write_all(b"{")).unwrap();
        let message = states.load_latest().unwrap_err().to_string();
        for part in ["000000000200", "checksum", "000000000100", "too few"] {
            assert!(message.contains(part), "{message}");
        }
    }

    /// A disk that is full after any number of bytes.
    #[test]
    fn a_full_disk_costs_no_state() {
        struct Full<'a> {
            file: &'a mut io::BufWriter<fs::File>,
            left: usize,
        }
        impl Write for Full<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.left == 0 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let bytes = &bytes[..bytes.len().min(self.left)];
                self.left -= bytes.len();
                self.file.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                self.file.flush()
            }
        }
        impl io::Seek for Full<'_> {
            fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
                self.file.seek(position)
            }
        }

        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path());
        let path = states.save(100, &state(100)).unwrap();
        let whole = fs::metadata(&path).unwrap().len() as usize;
        let next = state(200);
        for target in [states.path(100), states.path(200)] {
            // The file and then, once more, its checksum.
            for left in 0..whole + 64 {
                let error = write_atomic(&target, |file| {
                    let mut full = Full { file, left };
                    crate::write::write_to(&mut full, &next.header, &next.arrays)
                })
                .unwrap_err();
                assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
                assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
            }
        }
        let loaded = states.load_latest().unwrap().unwrap();
        assert_eq!((loaded.step, loaded.note), (100, None));
    }

    #[test]
    fn what_a_kill_left_behind_is_swept_and_other_files_stay() {
        let room = tempfile::tempdir().unwrap();
        let states = Generations::new(room.path());
        for name in [
            ".9-0.elman-tmp",
            "notes.txt",
            "5.safetensors",
            "aaaaaaaaaaaa.safetensors",
        ] {
            let mut file = AtomicFile::create(&room.path().join(name)).unwrap();
            file.write_all(b"half a state").unwrap();
            file.commit().unwrap();
        }
        assert!(states.load_latest().unwrap().is_none());
        states.save(1, &state(1)).unwrap();
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 4);
        assert!(!room.path().join(".9-0.elman-tmp").exists());
    }
}
