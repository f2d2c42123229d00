//! Named sessions: texts that the server keeps for its clients, bounded in number and in memory, and saved on disk when asked.
//!
//! ```text
//! name      names as checked types: no request reaches a path
//! history   what a session remembers of its past, to be rewound
//! file      a session on disk
//! ```
//! A session takes the memory of a few dozen states, whatever the length of its text ([`history`]). One request works on a session at a
//! time; another that comes meanwhile is refused and not queued, because its meaning would depend on the order.

mod file;
mod history;
mod name;
#[cfg(test)]
mod tests;

pub(crate) use history::{History, MOST_APPENDED};
pub use history::{HistoryError, MOST_MARKS, REACH};
pub use name::{NotAName, SessionName};

use crate::state::{StateError, StateKey, TextState};
use elman_infer::Model;
use elman_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Limits and place of named sessions.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Largest number of sessions in memory.
    pub most: usize,
    /// Directory in which sessions are saved; without one they are not.
    pub directory: Option<PathBuf>,
}

impl Default for SessionOptions {
    fn default() -> SessionOptions {
        SessionOptions {
            most: 256,
            directory: None,
        }
    }
}

/// Reason why a request about a session is refused.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no session of the name.
    #[error("there is no session {0:?} in memory; `restore` brings back one that was saved")]
    None(String),
    /// There is a session of the name already.
    #[error("there is a session {0:?} already; delete it first, or choose another name")]
    Exists(String),
    /// Another request works on the session.
    #[error("session {0:?} is busy with another request")]
    Busy(String),
    /// As many sessions are in memory as may be.
    #[error("there are {0} sessions, as many as this server keeps; delete one")]
    Full(usize),
    /// The server has no directory for sessions.
    #[error("this server saves no sessions: it was started without --session-dir")]
    NoDirectory,
    /// The session was not saved.
    #[error("session {0:?} was not saved")]
    NotSaved(String),
    /// The saved session belongs to a model that this server does not have.
    #[error(
        "session {name:?} was saved with the model {model:?}, which this server does not serve"
    )]
    NoModel {
        /// Name of the session.
        name: String,
        /// Name of the model.
        model: String,
    },
    /// The file of a session is damaged.
    #[error("the file of session {name:?} is damaged: {reason}")]
    Damaged {
        /// Name of the session.
        name: String,
        /// Reason in words.
        reason: String,
    },
    /// A state is refused.
    #[error(transparent)]
    State(#[from] StateError),
    /// A position is refused.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The disk fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A session in memory.
pub(crate) struct Named {
    /// Name of its model.
    pub model: String,
    pub history: History,
    /// Whether it has changed since it was saved.
    pub changed: bool,
}

/// A session while a request works on it.
pub(crate) type Held = OwnedMutexGuard<Named>;

/// A session as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Listed {
    pub name: SessionName,
    /// Whether it is in memory; otherwise it is only on disk, and `restore` brings it back.
    pub in_memory: bool,
    /// Whether it is on disk.
    pub saved: bool,
}

/// All named sessions of a server.
pub(crate) struct Sessions {
    options: SessionOptions,
    key: StateKey,
    named: Mutex<BTreeMap<SessionName, Arc<tokio::sync::Mutex<Named>>>>,
}

impl Sessions {
    /// Makes the directory of the sessions, if there is to be one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be made.
    pub fn new(options: SessionOptions, key: StateKey) -> Result<Sessions, StoreError> {
        if let Some(directory) = &options.directory {
            elman_store::disk::create_dir_all(directory)?;
            elman_store::disk::sweep_temporaries(directory)?;
        }
        Ok(Sessions {
            options,
            key,
            named: Mutex::default(),
        })
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<SessionName, Arc<tokio::sync::Mutex<Named>>>> {
        // A panic elsewhere leaves the map whole: it changes by single insertions.
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session and takes it for the request.
    ///
    /// # Errors
    /// [`SessionError::Exists`] or [`SessionError::Full`].
    pub fn insert(
        &self,
        name: SessionName,
        model: String,
        history: History,
    ) -> Result<Held, SessionError> {
        let mut named = self.named();
        if named.contains_key(&name) {
            return Err(SessionError::Exists(name.to_string()));
        }
        if named.len() >= self.options.most {
            return Err(SessionError::Full(named.len()));
        }
        let session = Named {
            model,
            history,
            changed: true,
        };
        let session = Arc::new(tokio::sync::Mutex::new(session));
        let held = session.clone().try_lock_owned();
        named.insert(name.clone(), session);
        held.map_err(|_| SessionError::Busy(name.to_string()))
    }

    /// Takes a session for a request.
    ///
    /// # Errors
    /// [`SessionError::None`] or [`SessionError::Busy`].
    pub fn hold(&self, name: &SessionName) -> Result<Held, SessionError> {
        // Taken while the map is locked: nobody can delete it meanwhile, and work on a session that is gone.
        let named = self.named();
        let session = named.get(name).cloned();
        let session = session.ok_or_else(|| SessionError::None(name.to_string()))?;
        session
            .try_lock_owned()
            .map_err(|_| SessionError::Busy(name.to_string()))
    }

    /// Removes a session from memory and from disk.
    ///
    /// # Errors
    /// [`SessionError::Busy`]; [`SessionError::None`] if there is none in either place.
    pub fn delete(&self, name: &SessionName) -> Result<(), SessionError> {
        let mut named = self.named();
        let saved = self.path(name).filter(|path| path.exists());
        match named.get(name) {
            None if saved.is_none() => return Err(SessionError::None(name.to_string())),
            Some(session) if session.try_lock().is_err() => {
                return Err(SessionError::Busy(name.to_string()));
            }
            _ => {}
        }
        if let Some(path) = saved {
            elman_store::disk::remove_file(&path)?;
        }
        named.remove(name);
        Ok(())
    }

    /// Lists all sessions by name, those on disk among them.
    ///
    /// # Errors
    /// [`SessionError::Store`] if the directory cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, SessionError> {
        let mut all: BTreeMap<SessionName, Listed> = BTreeMap::new();
        let entry = |name: &SessionName| Listed {
            name: name.clone(),
            in_memory: false,
            saved: false,
        };
        for name in self.saved()? {
            all.entry(name.clone())
                .or_insert_with(|| entry(&name))
                .saved = true;
        }
        for name in self.named().keys() {
            all.entry(name.clone())
                .or_insert_with(|| entry(name))
                .in_memory = true;
        }
        Ok(all.into_values().collect())
    }

    /// Number of sessions in memory.
    pub fn len(&self) -> usize {
        self.named().len()
    }

    /// Saves a session on disk.
    ///
    /// # Errors
    /// [`SessionError::NoDirectory`] or [`SessionError::Store`].
    pub fn save(&self, name: &SessionName, session: &mut Named) -> Result<(), SessionError> {
        let path = self.path(name).ok_or(SessionError::NoDirectory)?;
        file::write(&path, &self.key, session)?;
        session.changed = false;
        Ok(())
    }

    /// Saves all sessions that have changed, when the server ends; those in use are passed over. Returns how many were saved.
    ///
    /// # Errors
    /// The first error of [`Sessions::save`], after all were tried.
    pub fn save_all(&self) -> Result<usize, SessionError> {
        if self.options.directory.is_none() {
            return Ok(0);
        }
        let all: Vec<_> = self
            .named()
            .iter()
            .map(|(name, session)| (name.clone(), session.clone()))
            .collect();
        let (mut saved, mut failed) = (0, Ok(()));
        for (name, session) in all {
            let Ok(mut session) = session.try_lock() else {
                continue;
            };
            if session.changed {
                match self.save(&name, &mut session) {
                    Ok(()) => saved += 1,
                    Err(error) => failed = failed.and(Err(error)),
                }
            }
        }
        failed.map(|()| saved)
    }

    /// Reads a saved session into memory, in the place of one of its name, and takes it for the request; `model` finds a model by its name.
    ///
    /// # Errors
    /// [`SessionError`] if there is none, or it is refused: it has another model, was changed, or there are too many sessions.
    pub fn restore(
        &self,
        name: &SessionName,
        model: impl Fn(&str) -> Option<Model>,
    ) -> Result<Held, SessionError> {
        let path = self.path(name).ok_or(SessionError::NoDirectory)?;
        if !path.exists() {
            return Err(SessionError::NotSaved(name.to_string()));
        }
        let restored = file::read(&path, name, &self.key, model)?;
        let mut named = self.named();
        if !named.contains_key(name) && named.len() >= self.options.most {
            return Err(SessionError::Full(named.len()));
        }
        match named.entry(name.clone()) {
            Entry::Occupied(entry) => {
                let session = entry.get().clone().try_lock_owned();
                let mut session = session.map_err(|_| SessionError::Busy(name.to_string()))?;
                *session = restored;
                Ok(session)
            }
            Entry::Vacant(entry) => {
                let session = Arc::new(tokio::sync::Mutex::new(restored));
                let held = entry.insert(session).clone().try_lock_owned();
                held.map_err(|_| SessionError::Busy(name.to_string()))
            }
        }
    }

    fn path(&self, name: &SessionName) -> Option<PathBuf> {
        let directory = self.options.directory.as_ref()?;
        Some(directory.join(name.file_name()))
    }

    fn saved(&self) -> Result<Vec<SessionName>, SessionError> {
        let Some(directory) = &self.options.directory else {
            return Ok(Vec::new());
        };
        let failed = |error| StoreError::io(directory, "list", error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let file = entry.map_err(failed)?.file_name();
            names.extend(file.to_str().and_then(SessionName::of_file));
        }
        Ok(names)
    }
}

impl Named {
    /// Takes the state after `ids` were appended to the session's text.
    pub fn append(&mut self, ids: &[elman_text::TokenId], head: TextState) {
        self.history.append(ids, head);
        self.changed = true;
    }
}
