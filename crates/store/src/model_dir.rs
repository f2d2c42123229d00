//! A model directory in the Hugging Face shape: `config.json`, `tokenizer.json`, `model.safetensors`, and
//! small files that others like to find.
//!
//! The weights' header binds the other two by their BLAKE3, so that a wrong byte in any of the three is
//! refused, and so are files of two different models. Small files are written first, and only where they
//! differ; the weights come last: a kill in between leaves either the old model or a mixture that says so.
//!
//! Directories of other programs (PyTorch exports) have no such binding and are read without it. The key `elman`
//! in `config.json` marks elman's own; with it the weights must carry the checksums, so that damage cannot make them
//! look foreign. The contents of the two JSON files have no meaning here.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use elman_kernels::Mapped;
use serde_json::Value;

use super::write::write_parts;
use super::{
    Flaw, Integrity, Snapshot, StoreError, borrow_snapshot, disk, read_snapshot, write_atomic,
};

/// File name of a model's configuration.
pub const CONFIG: &str = "config.json";
/// File name of a model's tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";
/// File name of a model's weights.
pub const WEIGHTS: &str = "model.safetensors";

/// The header keys under which the weights keep the hashes of the other files.
const BOUND: [(&str, &str); 2] = [(CONFIG, "config_blake3"), (TOKENIZER, "tokenizer_blake3")];
/// A tokenizer of a million long words has some hundred MB; nothing sensible has more.
const TEXT_MAX_BYTES: u64 = 1 << 29;

/// Whether `directory` holds the configuration of a model that elman wrote.
pub fn is_ours(directory: &Path) -> bool {
    let path = directory.join(CONFIG);
    read_text(directory, CONFIG).is_ok_and(|config| is_elman_s(&config, &path).unwrap_or(false))
}

/// Files of a model directory, opened: configuration, tokenizer and weights.
pub struct ModelFiles {
    /// Text of `config.json`, a JSON object.
    pub config: String,
    /// Text of `tokenizer.json`.
    pub tokenizer: String,
    directory: PathBuf,
    /// The file of weights in memory, if it is one of ours. Another program may write to its own while we look.
    weights: Option<Mapped>,
}

/// Writes a model into `directory`, which is created if it is missing.
///
/// The header of the weights gets the hashes of `config_json` and `tokenizer_json`. `extras` are further small files,
/// as pairs (file name, text). The weights are written last.
pub fn write_model_dir(
    directory: &Path,
    config_json: &str,
    tokenizer_json: &str,
    extras: &[(&str, &str)],
    weights: &Snapshot,
) -> Result<(), StoreError> {
    disk::create_dir_all(directory)?;
    disk::sweep_temporaries(directory)?;
    let texts = [(CONFIG, config_json), (TOKENIZER, tokenizer_json)];
    for (name, text) in texts.iter().chain(extras) {
        assert!(
            Path::new(name).file_name() == Some(name.as_ref()) && *name != WEIGHTS,
            "`{name}` is the name of no extra file"
        );
        write_if_different(&directory.join(name), text)?;
    }
    let mut header = weights.header.clone();
    for ((_, key), (_, text)) in BOUND.iter().zip(texts) {
        header.insert((*key).to_owned(), Value::from(hash(text)));
    }
    write_parts(&directory.join(WEIGHTS), &header, &weights.arrays)
}

impl ModelFiles {
    /// Reads configuration and tokenizer, and maps the weights into memory if elman wrote them.
    ///
    /// Errors: [`StoreError::NotAModel`] if one of the three files is missing; [`StoreError::NotJson`],
    /// [`StoreError::NotText`] or [`StoreError::TooLarge`] for a text that is not accepted.
    pub fn open(directory: &Path) -> Result<ModelFiles, StoreError> {
        let config = read_text(directory, CONFIG)?;
        let tokenizer = read_text(directory, TOKENIZER)?;
        let ours = is_elman_s(&config, &directory.join(CONFIG))?;
        refuse_missing(directory, WEIGHTS)?;
        let weights = match ours {
            true => Some(map(&directory.join(WEIGHTS))?),
            false => None,
        };
        Ok(ModelFiles {
            config,
            tokenizer,
            directory: directory.to_path_buf(),
            weights,
        })
    }

    /// Returns the weights after checking that the files are undamaged and belong together.
    ///
    /// Weights of other programs have no checksum and an empty header. Errors: [`StoreError::Mismatch`] if
    /// configuration or tokenizer are not those that the weights were saved with; [`StoreError::Snapshot`] for
    /// damaged weights.
    pub fn weights(&self) -> Result<Snapshot<'_>, StoreError> {
        let path = self.directory.join(WEIGHTS);
        let in_file = |flaw| StoreError::in_file(&path, flaw);
        let weights = match &self.weights {
            Some(bytes) => borrow_snapshot(bytes, Integrity::Required).map_err(in_file)?,
            None => read_snapshot(&path, Integrity::Foreign)?,
        };
        // A foreign file has no header; ours always has the two hashes.
        if self.weights.is_none() && weights.header.is_empty() {
            return Ok(weights);
        }
        for ((name, key), text) in BOUND.iter().zip([&self.config, &self.tokenizer]) {
            match weights.header.get(*key).and_then(Value::as_str) {
                None => return Err(in_file(Flaw::Unbound { key })),
                Some(bound) if bound != hash(text) => {
                    return Err(StoreError::Mismatch {
                        path: self.directory.join(name),
                        weights: WEIGHTS,
                    });
                }
                Some(_) => {}
            }
        }
        Ok(weights)
    }
}

fn map(path: &Path) -> Result<Mapped, StoreError> {
    let (file, _) = disk::open_regular(path)?;
    Mapped::open(&file).map_err(|error| StoreError::io(path, "read", error))
}

/// Whether a configuration was written by elman; it must be a JSON object in any case.
fn is_elman_s(config: &str, path: &Path) -> Result<bool, StoreError> {
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(config).map_err(|error| StoreError::NotJson {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })?;
    Ok(object.contains_key("elman"))
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn write_if_different(path: &Path, text: &str) -> Result<(), StoreError> {
    if holds(path, text.as_bytes()).unwrap_or(false) {
        return Ok(());
    }
    write_atomic(path, |file| file.write_all(text.as_bytes()))
}

/// Whether the file holds these bytes and no others. It is read in parts: a tokenizer may be large.
fn holds(path: &Path, mut bytes: &[u8]) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let mut part = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut part)?;
        match bytes.split_at_checked(read) {
            Some((first, rest)) if read > 0 && first == &part[..read] => bytes = rest,
            _ => return Ok(read == 0 && bytes.is_empty()),
        }
    }
}

fn read_text(directory: &Path, name: &'static str) -> Result<String, StoreError> {
    refuse_missing(directory, name)?;
    let path = directory.join(name);
    let (file, length) = disk::open_regular(&path)?;
    if length > TEXT_MAX_BYTES {
        return Err(StoreError::TooLarge {
            path,
            length,
            limit: TEXT_MAX_BYTES,
        });
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(TEXT_MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::io(&path, "read", error))?;
    String::from_utf8(bytes).map_err(|error| StoreError::NotText {
        path,
        offset: error.utf8_error().valid_up_to(),
    })
}

/// A directory without one of the three files is not a model; what is missing is worth more than ENOENT.
fn refuse_missing(directory: &Path, name: &'static str) -> Result<(), StoreError> {
    match fs::metadata(directory.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NotAModel {
            directory: directory.to_path_buf(),
            missing: name,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, write_snapshot};
    use serde_json::{Map, json};
    use std::io::Seek;

    const CONFIG_TEXT: &str = r#"{"model_type":"lstm","elman":{"version":1}}"#;
    const TOKENIZER_TEXT: &str = r#"{"model":{"vocab":{"a":0}}}"#;

    fn weights(value: f32) -> Snapshot<'static> {
        let header = Map::from_iter([("step".to_owned(), json!(3))]);
        let arrays = vec![Array::f32("w", &[1], vec![value])];
        Snapshot { header, arrays }
    }

    fn model(room: &Path) {
        let extras = [("generation_config.json", "{}")];
        write_model_dir(room, CONFIG_TEXT, TOKENIZER_TEXT, &extras, &weights(1.0)).unwrap();
    }

    fn put(path: &Path, bytes: &[u8]) {
        write_atomic(path, |w| w.write_all(bytes)).unwrap();
    }

    /// Opens a model and looks at all of it.
    fn check(directory: &Path) -> Result<(), StoreError> {
        ModelFiles::open(directory)?.weights().map(|_| ())
    }

    #[test]
    fn a_model_comes_back() {
        let room = tempfile::tempdir().unwrap();
        let directory = room.path().join("deep/model");
        model(&directory);
        let files = ModelFiles::open(&directory).unwrap();
        assert_eq!(files.config, CONFIG_TEXT);
        assert_eq!(files.tokenizer, TOKENIZER_TEXT);
        let weights = files.weights().unwrap();
        assert_eq!(weights.header["step"], 3);
        assert_eq!(weights.f32("w", &[1]).unwrap(), [1.0]);
        let extra = fs::read(directory.join("generation_config.json")).unwrap();
        assert_eq!(extra, b"{}");
    }

    #[test]
    fn small_files_are_written_only_when_they_differ() {
        let room = tempfile::tempdir().unwrap();
        model(room.path());
        let time = |name: &str| {
            let metadata = fs::metadata(room.path().join(name)).unwrap();
            metadata.modified().unwrap()
        };
        let names = [CONFIG, TOKENIZER, "generation_config.json"];
        let before = names.map(time);
        std::thread::sleep(std::time::Duration::from_millis(20));
        model(room.path());
        assert_eq!(names.map(time), before);
        write_model_dir(room.path(), CONFIG_TEXT, "{}", &[], &weights(2.0)).unwrap();
        assert_eq!(ModelFiles::open(room.path()).unwrap().tokenizer, "{}");
        check(room.path()).unwrap();
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // Damages files in place, thousands of times, without syncs.
    fn a_flipped_bit_in_any_of_the_three_is_refused() {
        let room = tempfile::tempdir().unwrap();
        model(room.path());
        for name in [CONFIG, TOKENIZER, WEIGHTS] {
            let path = room.path().join(name);
            let whole = fs::read(&path).unwrap();
            let mut file = fs::File::options().write(true).open(&path).unwrap();
            let mut put = |place: usize, byte: u8| {
                file.seek(io::SeekFrom::Start(place as u64)).unwrap();
                file.write_all(&[byte]).unwrap();
            };
            for (place, &byte) in whole.iter().enumerate() {
                for bit in 0..8 {
                    put(place, byte ^ (1 << bit));
                    let read = check(room.path());
                    assert!(read.is_err(), "{name}, byte {place}, bit {bit}");
                }
                put(place, byte);
            }
            check(room.path()).unwrap();
            for length in (0..whole.len()).rev() {
                file.set_len(length as u64).unwrap();
                let read = check(room.path());
                assert!(read.is_err(), "{name} cut at {length}");
            }
            file.seek(io::SeekFrom::Start(0)).unwrap();
            file.write_all(&whole).unwrap();
        }
        check(room.path()).unwrap();
    }

    #[test]
    fn files_of_two_models_do_not_mix() {
        let room = tempfile::tempdir().unwrap();
        model(room.path());
        // As after a kill between the small files and the weights.
        put(&room.path().join(TOKENIZER), b"{}");
        let message = check(room.path()).unwrap_err().to_string();
        assert!(
            message.contains("tokenizer.json does not belong"),
            "{message}"
        );
        assert!(message.contains("again"), "{message}");
        model(room.path());
        // A configuration without the mark does not make them foreign.
        put(&room.path().join(CONFIG), b"{}");
        let message = check(room.path()).unwrap_err().to_string();
        assert!(message.contains("config.json does not belong"), "{message}");
    }

    #[test]
    fn weights_of_ours_that_are_no_model_s() {
        let room = tempfile::tempdir().unwrap();
        model(room.path());
        write_snapshot(&room.path().join(WEIGHTS), &weights(1.0)).unwrap();
        let message = check(room.path()).unwrap_err().to_string();
        assert!(message.contains("config_blake3"), "{message}");
    }

    #[test]
    fn foreign_models_are_read_unless_the_configuration_is_ours() {
        let room = tempfile::tempdir().unwrap();
        let header = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut foreign = (header.len() as u64).to_le_bytes().to_vec();
        foreign.extend_from_slice(header.as_bytes());
        foreign.extend_from_slice(&2.5_f32.to_le_bytes());
        put(&room.path().join(WEIGHTS), &foreign);
        put(&room.path().join(TOKENIZER), b"{}");
        put(&room.path().join(CONFIG), br#"{"model_type":"lstm"}"#);
        let files = ModelFiles::open(room.path()).unwrap();
        assert_eq!(files.weights().unwrap().f32("w", &[1]).unwrap(), [2.5]);
        put(&room.path().join(CONFIG), CONFIG_TEXT.as_bytes());
        let message = check(room.path()).unwrap_err().to_string();
        assert!(message.contains("no elman checksum"), "{message}");
    }

    #[test]
    fn what_is_no_model_says_why() {
        let room = tempfile::tempdir().unwrap();
        let message = || check(room.path()).unwrap_err().to_string();
        for name in [CONFIG, TOKENIZER, WEIGHTS] {
            assert!(
                message().contains(&format!("{name} is missing")),
                "{}",
                message()
            );
            put(&room.path().join(name), b"{}");
        }
        assert!(message().contains("too few"), "{}", message());
        put(&room.path().join(CONFIG), b"[]");
        assert!(message().contains("config.json is not"), "{}", message());
        put(&room.path().join(CONFIG), b"{\"\xff\"}");
        assert!(message().contains("byte 2"), "{}", message());
        fs::remove_file(room.path().join(CONFIG)).unwrap();
        disk::create_dir_all(&room.path().join(CONFIG)).unwrap();
        assert!(message().contains("is a directory"), "{}", message());
    }
}
