//! In place of `engine.rs` where the feature `tokenizers` is off: there is no engine, and nothing can make one.

use super::super::TextError;
use super::found::Found;
use super::tokens::Tokens;
use serde_json::Value;
use std::convert::Infallible;

/// A tokenizer at work, of which there is none.
pub struct Engine {
    pub json: String,
    pub eos: u32,
    pub unk: Option<u32>,
    pub eos_ends_lines: bool,
    pub exact: bool,
    never: Infallible,
}

impl Engine {
    /// Refuses the file.
    pub fn new(_: Value, _: Option<&str>) -> Result<Engine, String> {
        Err("this program was built without the feature `tokenizers`, which vocabularies of kinds bpe and foreign need".into())
    }

    pub fn tokens(&self) -> Result<Vec<Option<String>>, String> {
        match self.never {}
    }

    pub fn memory_bytes(&self) -> u64 {
        match self.never {}
    }

    pub fn reading_bytes(&self) -> u64 {
        match self.never {}
    }

    pub fn piece(&self, _: &str) -> Result<Vec<u32>, TextError> {
        match self.never {}
    }

    pub fn line(&self, _: &str) -> Result<Vec<Found>, TextError> {
        match self.never {}
    }

    pub fn text(&self, _: &[u32]) -> String {
        match self.never {}
    }

    pub fn alone(&self, _: usize) -> Result<Tokens, String> {
        match self.never {}
    }
}
