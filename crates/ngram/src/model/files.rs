//! Models from files and to files: the first bytes of a file decide its format.

use super::{Engine, Model};
use crate::automaton::Automaton;
use crate::block::Block;
use crate::kenlm::Kenlm;
use crate::{NgramError, arpa, binary, kenlm, other};
use elman_kernels::Mapped;
use elman_store::disk;
use elman_text::Source;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

impl Model {
    /// Loads a model from a file: ARPA text, ARPA text compressed with gzip or zstd, or a binary file of elman or KenLM.
    ///
    /// The contents of the file decide its format, not its name. Binary files are mapped and must not change while the model is used.
    pub fn load(path: &Path) -> Result<Model, NgramError> {
        Model::load_as(path, arpa::ArpaOptions::default())
    }

    /// Loads a model as [`Model::load`] does, with options for reading ARPA text.
    pub fn load_as(path: &Path, how: arpa::ArpaOptions) -> Result<Model, NgramError> {
        Model::load_block(path, how, Block::Mapped)
    }

    /// Loads a model as [`Model::load_as`] does, for one pass over its n-grams: of a binary of elman about `memory_bytes` are kept
    /// in memory at a time, and queries are slow.
    pub fn load_for_pass(
        path: &Path,
        how: arpa::ArpaOptions,
        memory_bytes: u64,
    ) -> Result<Model, NgramError> {
        Model::load_block(path, how, |bytes| Block::passing(bytes, memory_bytes))
    }

    fn load_block(
        path: &Path,
        how: arpa::ArpaOptions,
        block: impl FnOnce(Mapped) -> Block,
    ) -> Result<Model, NgramError> {
        let first = first_bytes(path);
        let map = || {
            let (file, _) = disk::open_regular(path)?;
            Ok::<_, NgramError>(Mapped::open(&file))
        };
        let name = || path.display().to_string();
        if binary::is_binary(&first) {
            let mapped = map()?.map_err(binary::BinaryFlaw::Read);
            let loaded = mapped.and_then(|bytes| binary::load(block(bytes)));
            return of_binary(name, loaded);
        }
        if kenlm::is_kenlm(&first) {
            let mapped = map()?.map_err(kenlm::KenlmFlaw::Read);
            let loaded = mapped.and_then(|bytes| Kenlm::open(name(), Block::Mapped(bytes)));
            return of_kenlm(name, loaded);
        }
        other::refuse(path)?;
        arpa::read(Source::File(path.to_owned()), how).map_err(other::of_text)
    }

    /// Opens a binary file of elman or KenLM that is in memory; `name` is the file's name in messages.
    ///
    /// Error: [`NgramError::Binary`] or [`NgramError::Kenlm`] if the bytes are no such file.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Model, NgramError> {
        let name = || name.to_owned();
        match kenlm::is_kenlm(&bytes) {
            true => of_kenlm(name, Kenlm::open(name(), Block::Owned(bytes))),
            false => of_binary(name, binary::load(Block::Owned(bytes))),
        }
    }

    /// Whether the beginning of a file looks like an n-gram model; `false` for a file that cannot be read.
    pub fn is_file(path: &Path) -> bool {
        let first = first_bytes(path);
        binary::is_binary(&first) || kenlm::is_kenlm(&first) || arpa::is_arpa(path)
    }

    /// Writes the model as a binary file, atomically: a model that was loaded from a file of KenLM as that file.
    pub fn save(&self, path: &Path) -> Result<(), NgramError> {
        disk::write_atomic(path, |out| {
            for piece in self.as_bytes().chunks(1 << 20) {
                out.write_all(piece)?;
                if let Engine::Own(own) = &self.engine {
                    own.used(piece.len() as u64);
                }
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// The first bytes of a regular file; none of any other.
fn first_bytes(path: &Path) -> Vec<u8> {
    const LOOKED_AT: u64 = 64;
    let mut first = Vec::new();
    let regular = path.metadata().is_ok_and(|meta| meta.is_file());
    let mut read = || File::open(path)?.take(LOOKED_AT).read_to_end(&mut first);
    match regular && read().is_ok() {
        true => first,
        false => Vec::new(),
    }
}

fn of_binary(
    name: impl Fn() -> String,
    loaded: Result<Automaton, binary::BinaryFlaw>,
) -> Result<Model, NgramError> {
    let error = |flaw| NgramError::Binary { name: name(), flaw };
    loaded.map(Model::from).map_err(error)
}

fn of_kenlm(
    name: impl Fn() -> String,
    loaded: Result<Kenlm, kenlm::KenlmFlaw>,
) -> Result<Model, NgramError> {
    let error = |flaw| NgramError::Kenlm { name: name(), flaw };
    loaded.map(Model::from).map_err(error)
}
