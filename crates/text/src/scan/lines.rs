//! Lines for a foreign tokenizer: each with its newline, or without it and then followed by `<eos>`.
//!
//! A line of more than [`super::LONGEST_TOKEN`] bytes is handed over in parts, cut before a space where there is one.

use super::{Carry, Token};

pub struct Lines {
    /// Every line ends with `<eos>` in place of its newline.
    eos_ends_lines: bool,
    carry: Carry,
    /// Something stands since the last newline.
    in_line: bool,
}

impl Lines {
    pub fn new(eos_ends_lines: bool) -> Lines {
        Lines {
            eos_ends_lines,
            carry: Carry::in_parts(),
            in_line: false,
        }
    }

    pub fn push<E>(
        &mut self,
        text: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in text.split_inclusive('\n') {
            let Some(line) = part.strip_suffix('\n') else {
                self.in_line = true;
                self.carry.push(part, emit)?;
                continue;
            };
            self.in_line = false;
            if self.eos_ends_lines {
                self.carry.finish(line, emit)?;
                emit(Token::Eos)?;
            } else {
                self.carry.finish(part, emit)?;
            }
        }
        Ok(())
    }

    /// Emits the line that is being read, leaving it open.
    pub fn flush<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        self.carry.finish("", emit)
    }

    /// Ends the document.
    pub fn end<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        self.flush(emit)?;
        let open = std::mem::take(&mut self.in_line);
        if open || !self.eos_ends_lines {
            emit(Token::Eos)
        } else {
            Ok(())
        }
    }
}
