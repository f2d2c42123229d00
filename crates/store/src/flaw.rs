//! The ways in which a snapshot's file, or what it holds, can be wrong: one variant for each, with a test in
//! `layout.rs`, `read.rs`, `snapshot.rs` or `model_dir.rs`.

use std::io;

/// Reason why a file is not the expected snapshot. [`super::StoreError::Snapshot`] adds the path.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    // The frame.
    /// The file is shorter than the 8 bytes of the length field.
    #[error("{length} bytes are too few for a safetensors file")]
    TooShort {
        /// Length of the file in bytes.
        length: u64,
    },
    /// The header's length field exceeds the limit.
    #[error(
        "its header claims {header} bytes, more than the {limit} allowed: not a safetensors file, or damaged"
    )]
    HeaderTooLong {
        /// Header length that the file claims, in bytes.
        header: u64,
        /// Largest header accepted, in bytes.
        limit: u64,
    },
    /// The header's length field exceeds the length of the file.
    #[error(
        "its header claims {header} bytes and the whole file has {file}: cut short, or not a safetensors file"
    )]
    HeaderPastEnd {
        /// Header length that the file claims, in bytes.
        header: u64,
        /// Length of the whole file in bytes.
        file: u64,
    },
    /// The header does not begin with `{`.
    #[error("its header does not begin with '{{': not a safetensors file, or damaged")]
    HeaderStart,
    /// The header is not the JSON that safetensors prescribes.
    #[error("its header is not what safetensors prescribes ({reason}): damaged, or another format")]
    HeaderInvalid {
        /// Message of the JSON parser.
        reason: String,
    },
    /// The file ends before its last array does.
    #[error("{missing} bytes are missing at its end: it was cut short; copy it again")]
    CutShort {
        /// Number of missing bytes.
        missing: u64,
    },
    /// The file continues after its last array.
    #[error("{extra} bytes follow its last array: damaged, or two files were joined")]
    TrailingBytes {
        /// Number of bytes after the last array.
        extra: u64,
    },

    // The arrays' descriptions.
    /// Two arrays, or two metadata entries, have one name.
    #[error("the name `{name}` is listed twice in its header")]
    DuplicateName {
        /// The duplicated name.
        name: String,
    },
    /// An array has an element type that is not supported.
    #[error(
        "array `{name}` has the element type {dtype}, which is not read here: convert it to F32 and save again"
    )]
    UnknownDtype {
        /// Name of the array.
        name: String,
        /// Element type as the file spells it.
        dtype: String,
    },
    /// The size of an array overflows `usize`.
    #[error("the size of array `{name}` does not fit this machine's integers")]
    SizeOverflow {
        /// Name of the array.
        name: String,
    },
    /// The end offset of an array is smaller than its begin offset.
    #[error("array `{name}` ends before it begins (at {end}, {begin})")]
    OffsetsReversed {
        /// Name of the array.
        name: String,
        /// Offset of its first byte behind the header.
        begin: u64,
        /// Offset behind its last byte.
        end: u64,
    },
    /// The byte range of an array does not have the size that its shape and type imply.
    #[error("array `{name}` needs {needed} bytes by its shape and type, and is given {given}")]
    SizeMismatch {
        /// Name of the array.
        name: String,
        /// Size by shape and type, in bytes.
        needed: u64,
        /// Size of the byte range in the file, in bytes.
        given: u64,
    },
    /// There are bytes between two arrays that belong to neither.
    #[error("{bytes} bytes before array `{name}` belong to no array")]
    Hole {
        /// Name of the array after the gap.
        name: String,
        /// Size of the gap in bytes.
        bytes: u64,
    },
    /// Two arrays overlap.
    #[error("array `{name}` overlaps the one before it")]
    Overlap {
        /// Name of the array that begins within another.
        name: String,
    },

    // Integrity.
    /// The file has no elman checksum, and one is required ([`super::Integrity::Required`]).
    #[error(
        "it carries no elman checksum: damaged, or written by another program; \
         weights from another program are read only from a directory whose config.json has no `elman` section"
    )]
    NoChecksum,
    /// The file has elman's metadata, but the checksum is not at its fixed position.
    #[error(
        "it has elman's metadata but its checksum is not where elman writes it: damaged or edited"
    )]
    ChecksumMisplaced,
    /// The checksum does not match the contents of the file.
    #[error("its checksum does not match its contents: damaged; restore it from a copy")]
    ChecksumMismatch,
    /// The `elman` entry of the metadata is not a JSON object.
    #[error("its elman header is not a JSON object ({reason})")]
    ElmanHeaderInvalid {
        /// Message of the JSON parser.
        reason: String,
    },
    /// The weights carry no hash of a file that belongs to the model.
    #[error(
        "it is an elman file without `{key}`, so not a model's weights (a training state, perhaps); \
         restore the model's own"
    )]
    Unbound {
        /// Header key of the missing hash, such as `config_blake3`.
        key: &'static str,
    },

    // While reading.
    /// Reading the file failed.
    #[error("reading it failed: {0}")]
    Unreadable(#[from] io::Error),
    /// Memory for an array could not be allocated.
    #[error("there is no memory for {bytes} more bytes of array `{name}`")]
    OutOfMemory {
        /// Name of the array.
        name: String,
        /// Requested size in bytes.
        bytes: u64,
    },

    // What it holds, against what its reader needs.
    /// The snapshot has no array of the requested name.
    #[error("array `{name}` is missing: the file belongs to a model of another kind")]
    MissingArray {
        /// Name of the requested array.
        name: String,
    },
    /// An array does not have the requested shape.
    #[error("array `{name}` has the shape {found:?} where {wanted:?} is needed")]
    WrongShape {
        /// Name of the array.
        name: String,
        /// Requested shape.
        wanted: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// An array does not have the requested element type.
    #[error("array `{name}` has the element type {found} where {wanted} is needed")]
    WrongDtype {
        /// Name of the array.
        name: String,
        /// Requested element type, such as `F32`.
        wanted: &'static str,
        /// Element type of the array.
        found: &'static str,
    },
}
