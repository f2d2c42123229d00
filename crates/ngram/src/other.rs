//! What a file is that was given as a model and is none: files of other kinds that people confuse with models.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::arpa::ArpaFlaw;
use super::{NgramError, binary, kenlm};
use elman_text::lines::{Input, recognise};
use elman_text::{Source, TextError};

/// Bytes that are examined.
const LOOKED_AT: u64 = 4096;
/// Bytes by which binary files of n-gram models are recognised.
const SIGNATURE: usize = 64;

/// Refuses a file that by its beginning is something else than an ARPA file. One that cannot be read is left to whoever reads it.
pub fn refuse(path: &Path) -> Result<(), NgramError> {
    let mut first = Vec::new();
    let regular = path.metadata().is_ok_and(|meta| meta.is_file());
    let read = |first| File::open(path)?.take(LOOKED_AT).read_to_end(first);
    if !regular || read(&mut first).is_err() {
        return Ok(());
    }
    let name = path.display().to_string();
    if let Some(what) = what(&first) {
        return Err(NgramError::NotAModel { name, what });
    }
    if let Some(what) = recognise(&first) {
        return Err(TextError::recognised(&name, what).into());
    }
    // Binary files themselves were recognised before; text cannot begin like one.
    let first = first_unpacked(path);
    match binary::is_binary(&first) || kenlm::is_kenlm(&first) {
        true => Err(NgramError::NotAModel {
            name,
            what: "a compressed binary file of an n-gram model, and binary files are mapped as they are: unpack it first (gzip -d, zstd -d)",
        }),
        false => Ok(()),
    }
}

/// The first bytes of a file, unpacked if it is compressed; fewer where they cannot be read.
fn first_unpacked(path: &Path) -> Vec<u8> {
    let mut first = vec![0; SIGNATURE];
    let mut len = 0;
    if let Ok(mut input) = Input::open(Source::File(path.to_owned())) {
        while let Ok(got @ 1..) = input.read(&mut first[len..]) {
            len += got;
        }
    }
    first.truncate(len);
    first
}

/// A text has no line `\data\`.
pub fn of_text(error: NgramError) -> NgramError {
    match error {
        NgramError::Arpa {
            name,
            flaw: ArpaFlaw::NoData(_),
            ..
        } => NgramError::NotAModel {
            name,
            what: "not a model: an ARPA file has a line `\\data\\`. If it is a text, are MODEL and TEXT swapped? A network is a directory",
        },
        other => other,
    }
}

fn what(first: &[u8]) -> Option<&'static str> {
    let has = |part: &str| {
        first
            .windows(part.len())
            .any(|found| found == part.as_bytes())
    };
    let json = first.trim_ascii_start().starts_with(b"{");
    match first {
        [_, _, _, _, _, _, 0, 0, b'{', ..] => Some(
            "a state dict (safetensors) and not yet a model: import it, or give the directory of a model that holds it",
        ),
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => {
            Some("a pickle of PyTorch or a zip file and not a model: a state dict can be imported")
        }
        [b'E', b'L', b'M', b'A', b'N', b'T', b'O', b'K', ..] => {
            Some("a token file of a run and not a model: give the run's directory")
        }
        _ if json && (has("\"added_tokens\"") || has("\"pre_tokenizer\"")) => Some(
            "a tokenizer and not a model: training takes it, and a model's directory holds one",
        ),
        _ if json => Some(
            "JSON and not a model: give the directory that holds config.json and model.safetensors",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Model;
    use std::io::Write;

    #[test]
    fn a_compressed_binary_is_called_what_it_is() {
        for bytes in [
            include_bytes!("../fixtures/kenlm/trie-3.bin.gz").to_vec(),
            include_bytes!("../fixtures/kenlm/probing-3.bin.gz").to_vec(),
            gzip(b"ELMANGRM\x02\0\0\0\0\0\0\0"),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let error = Model::load(file.path()).unwrap_err().to_string();
            assert!(error.contains("gzip -d"), "{error}");
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&gzip(b"In the beginning\n")).unwrap();
        let error = Model::load(file.path()).unwrap_err().to_string();
        assert!(error.contains("MODEL and TEXT swapped"), "{error}");
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn files_that_are_no_models_are_called_what_they_are() {
        for (bytes, part) in [
            (&b"\x80\x02\0\0\0\0\0\0{\"a\":{}}"[..], "state dict"),
            (b"PK\x03\x04\x14\0", "pickle"),
            (b"\x80\x02}q\0.", "pickle"),
            (b"ELMANTOK\x01\0\0\0", "token file"),
            (
                b"{\n  \"version\": \"1.0\", \"added_tokens\": []}",
                "tokenizer",
            ),
            (b"{\"model_type\": \"elman\"}", "config.json"),
            (
                b"In the beginning\nwas the word\n",
                "MODEL and TEXT swapped",
            ),
            (b"BZh91AY&SY\x01", "bzip2 -dc"),
            (b"\xFD7zXZ\0\0\x04", "xz -dc"),
            (b"\xFF\xFE\\\0d\0", "iconv -f UTF-16"),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            let error = Model::load(file.path()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(
                error.starts_with(&file.path().display().to_string()),
                "{error}"
            );
        }
    }
}
