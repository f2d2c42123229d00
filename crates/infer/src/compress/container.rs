//! The file of a compressed text: a header, frames of the code, and a trailer.
//!
//! ```text
//! header    89 45 4c 4d 43 0d 0a 1a    version (1)   layout (1: 0 stream, 1 sentences)   model (32)   vocabulary (32)   n (1)   name of the architecture (n)   CRC-32 (4)
//! frame     n (4, 1 to 65,536)   CRC-32 of the code (4)   code (n)            any number
//! trailer   0 (4)   bytes of the text (8)   CRC-32 of the text (4)   CRC-32 of these twelve bytes (4)
//! ```
//! Numbers are little-endian. Model and vocabulary are BLAKE3 hashes of their identities. A frame is checked before its code is decoded, so damage is found where it is. Sizes are
//! limits of loops and never of allocations: at most one frame is in memory.

use super::CompressError;
use std::io::{self, Read, Write};

/// First bytes: not text, and damaged by programs that convert line ends.
const MAGIC: [u8; 8] = [0x89, b'E', b'L', b'M', b'C', b'\r', b'\n', 0x1A];
/// Version of the format.
pub(super) const VERSION: u8 = 1;
/// Longest frame in bytes.
const LONGEST_FRAME: usize = 1 << 16;

/// The model that compressed a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether the model reads each line by itself.
    pub sentences: bool,
    pub model: [u8; 32],
    pub vocab: [u8; 32],
    pub architecture: String,
}

impl Header {
    /// The model in words.
    pub fn describe(&self) -> String {
        let hex = |bytes: &[u8; 32]| -> String {
            bytes[..6]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let layout = match self.sentences {
            true => ", sentences",
            false => "",
        };
        format!(
            "{} (model {}, vocabulary {}{layout})",
            self.architecture,
            hex(&self.model),
            hex(&self.vocab)
        )
    }

    fn bytes(&self) -> Vec<u8> {
        // Names are short; a longer one is cut, since it is for people only.
        let mut name = self.architecture.as_str();
        while name.len() > 255 {
            let mut chars = name.chars();
            chars.next_back();
            name = chars.as_str();
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, self.sentences.into()]);
        bytes.extend(self.model);
        bytes.extend(self.vocab);
        bytes.push(name.len() as u8);
        bytes.extend(name.as_bytes());
        let sum = crc32fast::hash(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }
}

/// Writer of a compressed text.
pub(super) struct Writer<'w> {
    out: &'w mut dyn Write,
    /// Number of bytes that were written.
    pub written: u64,
}

impl<'w> Writer<'w> {
    pub fn new(header: &Header, out: &'w mut dyn Write) -> io::Result<Writer<'w>> {
        let mut writer = Writer { out, written: 0 };
        writer.write(&header.bytes())?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Writes whole frames of `code` and removes them from it; at the end the rest as well.
    pub fn frames(&mut self, code: &mut Vec<u8>, end: bool) -> io::Result<()> {
        let whole = match end {
            true => code.len(),
            false => code.len() / LONGEST_FRAME * LONGEST_FRAME,
        };
        for frame in code[..whole].chunks(LONGEST_FRAME) {
            self.write(&(frame.len() as u32).to_le_bytes())?;
            self.write(&crc32fast::hash(frame).to_le_bytes())?;
            self.write(frame)?;
        }
        code.drain(..whole);
        Ok(())
    }

    /// Writes the trailer of a text of `bytes` bytes with the checksum `sum`.
    pub fn trailer(&mut self, bytes: u64, sum: u32) -> io::Result<()> {
        let mut trailer = bytes.to_le_bytes().to_vec();
        trailer.extend(sum.to_le_bytes());
        let own = crc32fast::hash(&trailer);
        self.write(&[0; 4])?;
        self.write(&trailer)?;
        self.write(&own.to_le_bytes())
    }
}

/// Reader of a compressed text, which gives the bytes of the code.
pub(super) struct Reader<'r> {
    name: &'r str,
    source: &'r mut dyn Read,
    frame: Vec<u8>,
    at: usize,
    /// Length and checksum of the text, once the last frame has been read.
    trailer: Option<(u64, u32)>,
}

impl<'r> Reader<'r> {
    /// Reads the header.
    pub fn new(
        name: &'r str,
        source: &'r mut dyn Read,
    ) -> Result<(Reader<'r>, Header), CompressError> {
        let mut reader = Reader {
            name,
            source,
            frame: Vec::new(),
            at: 0,
            trailer: None,
        };
        let mut bytes = vec![0; MAGIC.len()];
        match reader.fill(&mut bytes) {
            Err(CompressError::Truncated(name)) => return Err(CompressError::NotCompressed(name)),
            other => other?,
        }
        if bytes != MAGIC {
            return Err(CompressError::NotCompressed(name.to_owned()));
        }
        let [version, layout] = reader.array(&mut bytes)?;
        if version != VERSION {
            return Err(CompressError::Version {
                name: name.to_owned(),
                version,
                ours: VERSION,
            });
        }
        let (model, vocab) = (reader.array(&mut bytes)?, reader.array(&mut bytes)?);
        let [length] = reader.array(&mut bytes)?;
        let mut architecture = vec![0; length.into()];
        reader.fill(&mut architecture)?;
        bytes.extend(&architecture);
        let sum = crc32fast::hash(&bytes);
        if u32::from_le_bytes(reader.array(&mut bytes)?) != sum || layout > 1 {
            return Err(reader.damaged("its header"));
        }
        let header = Header {
            sentences: layout == 1,
            model,
            vocab,
            architecture: String::from_utf8_lossy(&architecture).into_owned(),
        };
        Ok((reader, header))
    }

    /// Number of bytes of the text, once the last frame has been read.
    pub fn text_bytes(&self) -> Option<u64> {
        self.trailer.map(|(bytes, _)| bytes)
    }

    pub fn damaged(&self, flaw: &'static str) -> CompressError {
        CompressError::Damaged {
            name: self.name.to_owned(),
            flaw,
        }
    }

    fn io(&self, source: io::Error) -> CompressError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => CompressError::Truncated(self.name.to_owned()),
            _ => CompressError::Io {
                name: self.name.to_owned(),
                source,
            },
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), CompressError> {
        let read = self.source.read_exact(bytes);
        read.map_err(|error| self.io(error))
    }

    /// Reads `N` bytes, which are appended to `all` too.
    fn array<const N: usize>(&mut self, all: &mut Vec<u8>) -> Result<[u8; N], CompressError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        all.extend(bytes);
        Ok(bytes)
    }

    /// The next byte of the code; `None` behind its end.
    pub fn next(&mut self) -> Result<Option<u8>, CompressError> {
        if self.at == self.frame.len() {
            self.next_frame()?;
        }
        let byte = self.frame.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        Ok(byte)
    }

    fn next_frame(&mut self) -> Result<(), CompressError> {
        self.frame.clear();
        self.at = 0;
        if self.trailer.is_some() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let length = u32::from_le_bytes(self.array(&mut bytes)?) as usize;
        if length == 0 {
            let mut trailer = Vec::new();
            let (bytes, sum) = (self.array(&mut trailer)?, self.array(&mut trailer)?);
            let own = crc32fast::hash(&trailer);
            if u32::from_le_bytes(self.array(&mut trailer)?) != own {
                return Err(self.damaged("its trailer"));
            }
            self.trailer = Some((u64::from_le_bytes(bytes), u32::from_le_bytes(sum)));
            return Ok(());
        }
        if length > LONGEST_FRAME {
            return Err(self.damaged("the length of a frame"));
        }
        let sum = u32::from_le_bytes(self.array(&mut bytes)?);
        let mut frame = std::mem::take(&mut self.frame);
        frame.resize(length, 0);
        self.fill(&mut frame)?;
        if crc32fast::hash(&frame) != sum {
            return Err(self.damaged("the checksum of a frame"));
        }
        self.frame = frame;
        Ok(())
    }

    /// Checks that the code is at its end, that a text of `bytes` bytes with the checksum `sum` was compressed, and that nothing follows.
    pub fn finish(mut self, bytes: u64, sum: u32) -> Result<(), CompressError> {
        if self.next()?.is_some() {
            return Err(self.damaged("there is code behind the end of the text"));
        }
        if self.trailer != Some((bytes, sum)) {
            return Err(self.damaged("the checksum of the text"));
        }
        let mut more = [0];
        match self.source.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("there are bytes behind its end")),
            Err(error) => Err(self.io(error)),
        }
    }
}
