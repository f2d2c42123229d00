//! Files mapped into memory, read-only.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// Bytes of a file, which the system pages in as they are used.
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps the whole of `file`, which may be closed afterwards. An empty file gives no bytes.
    ///
    /// The file must stay as it is while it is mapped. elman maps token files, weights and n-gram models,
    /// which it has written, each under its final name once it is complete, and binary n-gram models of KenLM,
    /// which that program maps as well. If another program cuts such a file short, the system ends the process
    /// with SIGBUS.
    pub fn open(file: &File) -> io::Result<Mapped> {
        // SAFETY: the bytes must not change while they are borrowed. Token files, weights and n-gram
        // models are written once, by us, before they get their name, and never written to or truncated afterwards:
        // a new one replaces the name and leaves the old file to those who have it mapped. KenLM's files are complete
        // before KenLM or anybody reads them, and documentation says that they must not change while they are used;
        // their reader checks bounds at every access, whatever the bytes are.
        unsafe { memmap2::Mmap::map(file) }.map(Mapped)
    }
}

impl Mapped {
    /// Gives back the memory of all pages that were used. Those that are used again come from the file, as the first time.
    ///
    /// For passes over a file that is larger than the memory they may take. A system that cannot do it keeps the pages.
    pub fn release(&self) {
        #[cfg(unix)]
        {
            // SAFETY: the mapping is read-only and of a file that stays as it is (see `open`), so pages that are dropped come back
            // with the same bytes.
            let released = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // It is a hint, and nothing depends on it.
            let _ = released;
        }
    }
}

impl Deref for Mapped {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_has_the_bytes_of_the_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mapped.rs");
        let mapped = Mapped::open(&File::open(path).unwrap()).unwrap();
        assert_eq!(*mapped, std::fs::read(path).unwrap());
        mapped.release();
        assert_eq!(*mapped, std::fs::read(path).unwrap());
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // a file made for this test, not one of elman's
    fn an_empty_file_is_no_error() {
        let path = std::env::temp_dir().join(format!("elman-empty-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let mapped = Mapped::open(&File::open(&path).unwrap()).unwrap();
        assert_eq!(mapped.len(), 0);
        drop(mapped);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_directory_is_an_error() {
        let directory = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        assert!(Mapped::open(&directory).is_err());
    }
}
