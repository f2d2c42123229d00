//! Saved sessions: the memory of a stream as bytes.
//!
//! ```text
//! magic (8)  format (4)  BLAKE3 of the model (32)  what the session remembers  the first 8 bytes of BLAKE3 over all before
//! ```
//! Numbers are little-endian. A network's session is its states in f32, layer by layer, h before c; an n-gram model's the number
//! of its context; a cache's the last tokens, the oldest first. Equal sessions have equal bytes.
//!
//! Bytes of another model are refused, and the length is checked before anything is allocated.

use super::Session;
use crate::error::Result;
use crate::error::StateFlaw;
use crate::{Model, ModelError};

const MAGIC: &[u8; 8] = b"ELMANSES";
const FORMAT: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 32;
const CHECK_BYTES: usize = 8;

impl Session {
    /// Saves the session as bytes, which [`Model::restore`] takes. Equal sessions have equal bytes.
    pub fn save(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(digest(&self.model));
        self.streams.save(&mut bytes);
        let check = check(&bytes);
        bytes.extend(check);
        bytes
    }
}

impl Model {
    /// Restores a session from the bytes that [`Session::save`] returned.
    ///
    /// # Errors
    /// [`ModelError::State`] if the bytes are of another origin, of another model, of another length, or damaged.
    pub fn restore(&self, bytes: &[u8]) -> Result<Session> {
        Ok(restore(self, bytes).map_err(ModelError::State)?)
    }
}

fn restore(model: &Model, bytes: &[u8]) -> std::result::Result<Session, StateFlaw> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(StateFlaw::NotASession);
    };
    let mut session = model.session();
    let least = HEAD_BYTES + CHECK_BYTES;
    let expected = least + session.streams.saved_bytes().unwrap_or(0);
    let fits = match session.streams.saved_bytes() {
        Some(_) => bytes.len() == expected,
        None => bytes.len() >= expected,
    };
    let length = StateFlaw::Length {
        found: bytes.len(),
        expected,
    };
    let Some((format, rest)) = rest.split_first_chunk() else {
        return Err(length);
    };
    let found = u32::from_le_bytes(*format);
    if found != FORMAT {
        return Err(StateFlaw::Format {
            found,
            known: FORMAT,
        });
    }
    match rest.split_first_chunk::<32>() {
        Some((saved_by, _)) if *saved_by != digest(model) => return Err(StateFlaw::OtherModel),
        Some(_) if fits => {}
        _ => return Err(length),
    }
    let (all, sum) = bytes.split_at(bytes.len() - CHECK_BYTES);
    if check(all) != sum {
        return Err(StateFlaw::Damaged);
    }
    let restored = session.streams.restore(&all[HEAD_BYTES..]);
    restored.map(|()| session).ok_or(StateFlaw::Damaged)
}

/// The model's identity in as few bytes as its session deserves.
fn digest(model: &Model) -> [u8; 32] {
    *blake3::hash(model.id().as_bytes()).as_bytes()
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECK_BYTES]);
    check
}
