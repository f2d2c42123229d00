//! The ways in which a snapshot's file, or what it holds, can be wrong. One variant each, and a test for
//! each in `layout.rs`, `read.rs`, `snapshot.rs` or `model_dir.rs`.

use std::io;

/// Why a file is not the snapshot it should be. [`super::StoreError::Snapshot`] adds the path.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    // The frame.
    #[error("{length} bytes are too few for a safetensors file")]
    TooShort { length: u64 },
    #[error(
        "its header claims {header} bytes, more than the {limit} allowed: not a safetensors file, or damaged"
    )]
    HeaderTooLong { header: u64, limit: u64 },
    #[error(
        "its header claims {header} bytes and the whole file has {file}: cut short, or not a safetensors file"
    )]
    HeaderPastEnd { header: u64, file: u64 },
    #[error("its header does not begin with '{{': not a safetensors file, or damaged")]
    HeaderStart,
    #[error("its header is not what safetensors prescribes ({reason}): damaged, or another format")]
    HeaderInvalid { reason: String },
    #[error("{missing} bytes are missing at its end: it was cut short; copy it again")]
    CutShort { missing: u64 },
    #[error("{extra} bytes follow its last array: damaged, or two files were joined")]
    TrailingBytes { extra: u64 },

    // The arrays' descriptions.
    #[error("the name `{name}` stands twice in its header")]
    DuplicateName { name: String },
    #[error(
        "array `{name}` has the element type {dtype}, which is not read here: convert it to F32 and save again"
    )]
    UnknownDtype { name: String, dtype: String },
    #[error("the size of array `{name}` does not fit this machine's integers")]
    SizeOverflow { name: String },
    #[error("array `{name}` ends before it begins (at {end}, {begin})")]
    OffsetsReversed { name: String, begin: u64, end: u64 },
    #[error("array `{name}` needs {needed} bytes by its shape and type, and is given {given}")]
    SizeMismatch {
        name: String,
        needed: u64,
        given: u64,
    },
    #[error("{bytes} bytes before array `{name}` belong to no array")]
    Hole { name: String, bytes: u64 },
    #[error("array `{name}` overlaps the one before it")]
    Overlap { name: String },

    // Integrity.
    #[error(
        "it carries no elman checksum: damaged, or written by another program; \
         weights from another program are read only from a directory whose config.json has no `elman` section"
    )]
    NoChecksum,
    #[error(
        "it has elman's metadata but its checksum is not where elman writes it: damaged or edited"
    )]
    ChecksumMisplaced,
    #[error("its checksum does not match its contents: damaged; restore it from a copy")]
    ChecksumMismatch,
    #[error("its elman header is not a JSON object ({reason})")]
    ElmanHeaderInvalid { reason: String },
    #[error(
        "it is an elman file without `{key}`, so not a model's weights (a training state, perhaps); \
         restore the model's own"
    )]
    Unbound { key: &'static str },

    // While reading.
    #[error("reading it failed: {0}")]
    Unreadable(#[from] io::Error),
    #[error("there is no memory for {bytes} more bytes of array `{name}`")]
    OutOfMemory { name: String, bytes: u64 },

    // What it holds, against what its reader needs.
    #[error("array `{name}` is missing: the file belongs to a model of another kind")]
    MissingArray { name: String },
    #[error("array `{name}` has the shape {found:?} where {wanted:?} is needed")]
    WrongShape {
        name: String,
        wanted: Vec<usize>,
        found: Vec<usize>,
    },
    #[error("array `{name}` has the element type {found} where {wanted} is needed")]
    WrongDtype {
        name: String,
        wanted: &'static str,
        found: &'static str,
    },
}
