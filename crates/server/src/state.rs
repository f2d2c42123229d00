//! States as values: what a model remembers of a text, as a string that a client keeps and sends back.
//!
//! ```text
//! magic (4) "ELST"   version (1)   authentication code (32)   position (8)   n (1)   the last n token ids (4 each)   Session::save
//! ```
//! in base64, with little-endian numbers. The authentication code is BLAKE3 with the server's key over all that follows it, the version included, so only a server with
//! that key makes states, and none can be changed. The bytes of [`Session::save`] hold the hash of the model: a state of another model is
//! refused although its code is right. The last tokens are for the text that continues it: a space before a word, the rest of a character.
//!
//! A server without a key file draws its key when it starts. Servers with the same key file, also after a restart, accept each other's states.

use elman_infer::{Model, ModelError, Session, StateFlaw};
use elman_store::StoreError;
use elman_text::{Decoder, TokenId, Vocab};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 4] = b"ELST";
/// Version of the layout above.
const VERSION: u8 = 1;
const CODE: std::ops::Range<usize> = 5..37;
/// Largest number of tokens that the text of a continuation depends on: a foreign tokenizer holds back at most 32.
pub(crate) const TAIL: usize = 32;
/// Largest length of a state in base64 that is decoded.
const MOST_TEXT: usize = 64 << 20;

/// Key with which a server authenticates states.
#[derive(Clone)]
pub struct StateKey([u8; 32]);

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StateKey(…)")
    }
}

/// State of a text under a model: a session with what the text after it depends on.
#[derive(Clone, Debug)]
pub(crate) struct TextState {
    pub session: Session,
    /// Number of tokens of the text.
    pub position: u64,
    /// The last [`TAIL`] tokens, or all of them.
    tail: Vec<TokenId>,
}

/// Reason why a state is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The string is no base64, or its bytes do not begin as a state does.
    #[error("`state` is no state of elman: it must be the string that an answer had as `state`")]
    NotAState,
    /// The state has a version that this server does not know.
    #[error(
        "`state` has version {found}, and this server knows version {VERSION}: read the text again"
    )]
    Version {
        /// Version of the state.
        found: u8,
    },
    /// The authentication code does not fit the key of this server.
    #[error(
        "`state` was changed, or made by a server with another key; servers share states if they have the same --state-key"
    )]
    NotAuthentic,
    /// The state belongs to another model.
    #[error("`state` belongs to another model than {model:?}")]
    OtherModel {
        /// Name of the model that was asked.
        model: String,
    },
    /// The bytes of the session are refused for another reason.
    #[error("`state` cannot be used: {reason}")]
    Session {
        /// Reason in words.
        reason: String,
    },
}

/// Reason why there is no key for states.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system has no random numbers.
    #[error("cannot draw a key: {0}")]
    Random(#[source] std::io::Error),
    /// The file holds something else.
    #[error("{}: is no key: 64 hexadecimal digits are expected", path.display())]
    NotAKey {
        /// Path of the file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StateKey {
    /// Draws a key.
    ///
    /// # Errors
    /// The system's if it has no random numbers.
    pub fn draw() -> std::io::Result<StateKey> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(StateKey(key))
    }

    /// Reads the key in the file at `path`, 64 hexadecimal digits, or draws one and writes it there if there is no file.
    ///
    /// # Errors
    /// [`KeyError`] if the file cannot be read or written, or holds something else.
    pub fn in_file(path: &Path) -> Result<StateKey, KeyError> {
        if !path.exists() {
            let key = StateKey::draw().map_err(KeyError::Random)?;
            let digits = blake3::Hash::from_bytes(key.0).to_hex();
            elman_store::disk::write_private(path, format!("{digits}\n").as_bytes())?;
            return Ok(key);
        }
        let text = elman_store::disk::read_text(path, 1024)?;
        match blake3::Hash::from_hex(text.trim()) {
            Ok(hash) => Ok(StateKey(*hash.as_bytes())),
            Err(_) => Err(KeyError::NotAKey { path: path.into() }),
        }
    }

    /// Writes a state as the string that [`StateKey::open`] takes.
    pub(crate) fn seal(&self, state: &mut TextState) -> String {
        base64::encode(self.seal_bytes(state))
    }

    fn seal_bytes(&self, state: &mut TextState) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.resize(CODE.end, 0);
        bytes.extend(state.position.to_le_bytes());
        bytes.push(state.tail.len() as u8);
        bytes.extend(state.tail.iter().flat_map(|id| id.to_le_bytes()));
        bytes.extend(state.session.save());
        let code = self.code(&bytes);
        bytes[CODE].copy_from_slice(code.as_bytes());
        bytes
    }

    /// Reads a state of `model`, whose name is `name`.
    ///
    /// # Errors
    /// [`StateError`]; nothing is made of bytes that are not authentic.
    pub(crate) fn open(
        &self,
        model: &Model,
        name: &str,
        text: &str,
    ) -> Result<TextState, StateError> {
        if text.len() > MOST_TEXT {
            return Err(StateError::NotAState);
        }
        let bytes = base64::decode(text).map_err(|_| StateError::NotAState)?;
        self.open_bytes(model, name, &bytes)
    }

    fn open_bytes(&self, model: &Model, name: &str, bytes: &[u8]) -> Result<TextState, StateError> {
        let (Some(magic), Some(&version)) = (bytes.get(..4), bytes.get(4)) else {
            return Err(StateError::NotAState);
        };
        if magic != MAGIC {
            return Err(StateError::NotAState);
        }
        if version != VERSION {
            return Err(StateError::Version { found: version });
        }
        let Some(code) = bytes.get(CODE).and_then(|code| code.try_into().ok()) else {
            return Err(StateError::NotAState);
        };
        // Compared in constant time.
        if self.code(bytes) != blake3::Hash::from_bytes(code) {
            return Err(StateError::NotAuthentic);
        }
        let rest = &bytes[CODE.end..];
        let Some((position, rest)) = rest.split_first_chunk() else {
            return Err(StateError::NotAState);
        };
        let Some((&count, rest)) = rest.split_first() else {
            return Err(StateError::NotAState);
        };
        let Some((tail, saved)) = rest.split_at_checked(4 * usize::from(count)) else {
            return Err(StateError::NotAState);
        };
        let session = model.restore(saved).map_err(|error| match error {
            elman_infer::Error::Model(ModelError::State(StateFlaw::OtherModel)) => {
                StateError::OtherModel {
                    model: name.to_owned(),
                }
            }
            other => StateError::Session {
                reason: other.to_string(),
            },
        })?;
        let (ids, _) = tail.as_chunks::<4>();
        let vocab = model.vocab().len();
        let tail: Vec<TokenId> = ids.iter().map(|&id| TokenId::from_le_bytes(id)).collect();
        if tail.iter().any(|&id| id as usize >= vocab) {
            return Err(StateError::NotAState);
        }
        Ok(TextState {
            session,
            position: u64::from_le_bytes(*position),
            tail,
        })
    }

    /// The authentication code of a state: over its magic and version, and what follows the code.
    fn code(&self, bytes: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&bytes[..CODE.start]);
        hasher.update(&bytes[CODE.end..]);
        hasher.finalize()
    }
}

impl TextState {
    /// The state before any text.
    pub fn beginning(model: &Model) -> TextState {
        TextState {
            session: model.session(),
            position: 0,
            tail: Vec::new(),
        }
    }

    /// Notes that the session was fed `ids`.
    pub fn passed(&mut self, ids: &[TokenId]) {
        self.position += ids.len() as u64;
        let new = &ids[ids.len().saturating_sub(TAIL)..];
        let kept = TAIL.saturating_sub(new.len()).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        self.tail.extend_from_slice(new);
    }

    /// The last tokens of the text, at most [`TAIL`].
    pub fn tail(&self) -> &[TokenId] {
        &self.tail
    }

    /// A decoder at the place of the state.
    pub fn decoder(&self, vocab: &Vocab) -> Decoder {
        let mut decoder = Decoder::default();
        for &id in &self.tail {
            decoder.push(vocab, id);
        }
        decoder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::{bigrams, model, tokens, vocab};
    use elman_infer::{Cache, Mixture};
    use elman_net::dims::Cell;
    use elman_text::Kind;

    fn key(byte: u8) -> StateKey {
        StateKey([byte; 32])
    }

    fn after(model: &Model, ids: &[TokenId]) -> TextState {
        let mut state = TextState::beginning(model);
        state.session.feed_tokens(ids).unwrap();
        state.passed(ids);
        state
    }

    fn models() -> Vec<Model> {
        let letters = || vocab(Kind::Chars, "abcdefghij klmnopqr\n");
        let lstm = Model::from(model(Cell::LSTM, false));
        let cache = Model::from(Cache::new(letters(), 7).unwrap());
        let members = [(lstm.clone(), 0.5), (cache.clone(), 0.5)];
        let mixture = Mixture::new(members.to_vec()).unwrap().into();
        vec![lstm, bigrams(letters()).into(), cache, mixture]
    }

    #[test]
    fn a_state_comes_back_as_it_was() {
        for model in models() {
            for length in [0, 1, 31, 32, 33, 100] {
                let ids = tokens(model.vocab().len(), length);
                let mut state = after(&model, &ids);
                let text = key(1).seal(&mut state);
                let mut opened = key(1).open(&model, "m", &text).unwrap();
                assert_eq!(opened.position, length as u64);
                assert_eq!(opened.tail, ids[length.saturating_sub(TAIL)..]);
                assert_eq!(opened.session.save(), state.session.save());
                assert_eq!(key(1).seal(&mut opened), text);
            }
        }
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let model = &models()[0];
        let bytes = key(1).seal_bytes(&mut after(model, &tokens(22, 40)));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let error = key(1).open_bytes(model, "m", &changed).unwrap_err();
            let expected = match at {
                0..4 => StateError::NotAState,
                4 => StateError::Version { found: 0 },
                _ => StateError::NotAuthentic,
            };
            assert_eq!(error, expected, "{at}");
        }
        for length in 0..bytes.len() {
            let error = key(1).open_bytes(model, "m", &bytes[..length]).unwrap_err();
            assert!(
                matches!(error, StateError::NotAState | StateError::NotAuthentic),
                "{error}"
            );
        }
    }

    #[test]
    fn states_of_others_are_refused() {
        let models = models();
        let text = key(1).seal(&mut after(&models[0], &[1, 2]));
        assert_eq!(
            key(2).open(&models[0], "m", &text).unwrap_err(),
            StateError::NotAuthentic
        );
        for other in &models[1..] {
            let error = key(1).open(other, "b", &text).unwrap_err();
            assert_eq!(error, StateError::OtherModel { model: "b".into() });
        }
        for text in ["", "A", "AAAA", "RUxTVA==", "not base64!", "\u{1f980}"] {
            let error = key(1).open(&models[0], "m", text).unwrap_err();
            assert_eq!(error, StateError::NotAState, "{text:?}");
        }
    }

    #[test]
    fn what_is_authentic_but_no_state_is_refused() {
        // Whoever has the key could make such bytes; nothing may go wrong with them either.
        let model = &models()[0];
        let whole = key(1).seal_bytes(&mut after(model, &tokens(22, 3)));
        let sealed = |mut bytes: Vec<u8>| {
            let code = key(1).code(&bytes);
            bytes[CODE].copy_from_slice(code.as_bytes());
            key(1).open_bytes(model, "m", &bytes).map(drop)
        };
        assert_eq!(sealed(whole.clone()), Ok(()));
        for length in CODE.end..whole.len() {
            assert!(sealed(whole[..length].to_vec()).is_err(), "{length}");
        }
        let mut unknown_token = whole.clone();
        unknown_token[CODE.end + 9] = 22;
        assert_eq!(sealed(unknown_token), Err(StateError::NotAState));
    }

    #[test]
    fn a_key_file_is_drawn_once_and_read_afterwards() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("key");
        let first = StateKey::in_file(&path).unwrap();
        assert_eq!(StateKey::in_file(&path).unwrap().0, first.0);
        assert_ne!(
            StateKey::in_file(&room.path().join("other")).unwrap().0,
            first.0
        );
        for wrong in ["", "12", &"g".repeat(64), &"0".repeat(66)] {
            elman_store::disk::write_private(&path, wrong.as_bytes()).unwrap();
            assert!(
                matches!(StateKey::in_file(&path), Err(KeyError::NotAKey { .. })),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_text_goes_on_after_a_state_as_without_one() {
        let words = vocab(Kind::Fields, "the cat sat\n");
        let model = Model::from(bigrams(words));
        let ids = model.vocab().tokenize(b"the cat").unwrap().ids;
        let next = |state: &TextState| {
            let mut decoder = state.decoder(model.vocab());
            String::from_utf8(decoder.push(model.vocab(), ids[1]).to_vec()).unwrap()
        };
        assert_eq!(next(&TextState::beginning(&model)), "cat");
        assert_eq!(next(&after(&model, &ids)), " cat");
        assert_eq!(next(&after(&model, &[ids[0], model.vocab().eos()])), "cat");
    }
}
