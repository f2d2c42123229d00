//! Reading `metrics.jsonl` while a run may be writing it.
//!
//! The file grows, its last line may be half written, and when the run is resumed its end is cut off and written again. A
//! [`Follower`] continues where it was if the last line that it knows is still there, and starts from the beginning if not. Lines
//! that it cannot parse are passed over: they are damage, or from a later version.

use super::line::Line;
use elman_store::{StoreError, disk};
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A reader of the metrics of a run that may still be writing them.
pub struct Follower {
    path: PathBuf,
    lines: Vec<Line>,
    /// Offset after the last complete line.
    offset: u64,
    /// The last complete line with its newline, or only the newline if it is too long.
    last: Vec<u8>,
}

impl Follower {
    /// Reads the file at `path`, which need not exist yet.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn open(path: &Path) -> Result<Follower, StoreError> {
        let mut follower = Follower {
            path: path.to_path_buf(),
            lines: Vec::new(),
            offset: 0,
            last: Vec::new(),
        };
        follower.poll()?;
        Ok(follower)
    }

    /// All lines read so far, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Reads what has changed in the file; returns whether anything has.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub(crate) fn poll(&mut self) -> Result<bool, StoreError> {
        match self.read_on() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let had_some = self.offset > 0;
                self.forget();
                Ok(had_some)
            }
            read => read.map_err(|error| StoreError::io(&self.path, "read", error)),
        }
    }

    fn read_on(&mut self) -> io::Result<bool> {
        let mut file = File::open(&self.path)?;
        let mut changed = false;
        if !self.continues(&mut file)? {
            self.forget();
            file.seek(SeekFrom::Start(0))?;
            changed = true;
        }
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            let read = disk::read_line(&mut reader, &mut line)?;
            if !read.ended {
                return Ok(changed);
            }
            if read.whole {
                let read = serde_json::from_slice::<Line>(&line);
                self.lines.extend(read.map(Line::with_perplexity));
            } else {
                line.clear();
            }
            line.push(b'\n');
            self.offset += read.bytes;
            self.last.clone_from(&line);
            changed = true;
        }
    }

    /// Whether the last line is still where it was; if so, the file's position is after it.
    fn continues(&self, file: &mut File) -> io::Result<bool> {
        if file.metadata()?.len() < self.offset {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.offset - self.last.len() as u64))?;
        let mut there = vec![0; self.last.len()];
        file.read_exact(&mut there)?;
        Ok(there == self.last)
    }

    fn forget(&mut self) {
        self.lines.clear();
        self.last.clear();
        self.offset = 0;
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a test plays the run that writes"
)]
mod tests {
    use super::*;
    use std::fs;

    fn line(step: u64, loss: &str) -> String {
        format!(
            "{{\"kind\":\"train\",\"step\":{step},\"epoch\":0.1,\"loss_nats\":{loss},\"perplexity\":{loss},\"grad_norm\":1.0,\"lr\":0.1,\"clipped\":0,\"skipped\":0,\"tokens_per_s\":9.5}}\n"
        )
    }

    fn steps(follower: &Follower) -> Vec<u64> {
        follower.lines().iter().map(Line::step).collect()
    }

    #[test]
    fn half_a_line_waits_for_its_other_half() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("metrics.jsonl");
        let mut follower = Follower::open(&path).unwrap();
        assert!(!follower.poll().unwrap() && follower.lines().is_empty());
        let (first, second) = (line(10, "2.5"), line(20, "null"));
        fs::write(&path, format!("{first}{}", &second[..30])).unwrap();
        assert!(follower.poll().unwrap());
        assert_eq!(steps(&follower), [10]);
        assert!(!follower.poll().unwrap());
        fs::write(&path, format!("{first}{second}")).unwrap();
        assert!(follower.poll().unwrap());
        assert_eq!(steps(&follower), [10, 20]);
        let Line::Train(last) = &follower.lines()[1] else {
            panic!("a line of training");
        };
        assert!(last.loss_nats.is_nan(), "all skipped");
    }

    #[test]
    fn a_file_that_was_cut_and_written_anew_is_read_anew() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("metrics.jsonl");
        let all = |steps: &[u64], loss: &str| -> String {
            steps.iter().map(|step| line(*step, loss)).collect()
        };
        fs::write(&path, all(&[10, 20, 30], "2.5")).unwrap();
        let mut follower = Follower::open(&path).unwrap();
        fs::write(&path, all(&[10], "2.5")).unwrap();
        follower.poll().unwrap();
        assert_eq!(steps(&follower), [10]);
        // As long as before, or longer, but another file.
        fs::write(&path, all(&[11, 12], "3.5")).unwrap();
        follower.poll().unwrap();
        assert_eq!(steps(&follower), [11, 12]);
        fs::remove_file(&path).unwrap();
        assert!(follower.poll().unwrap() && follower.lines().is_empty());
    }

    #[test]
    fn what_is_no_line_is_passed_over() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("metrics.jsonl");
        let later = "{\"kind\":\"moon\",\"step\":5}\n";
        let long = "x".repeat(3 << 20);
        fs::write(&path, format!("\0\0\n{later}\n{long}\n{}", line(7, "1"))).unwrap();
        assert_eq!(steps(&Follower::open(&path).unwrap()), [7]);
    }
}
