//! Reads JSON as language models write it: with comments, other quotes, trailing commas, raw line
//! breaks, or without its end. Crates that repair JSON turn every text into a valid one; here the
//! caller has to know whether the text was whole. Depth and work are bounded.

mod marks;
mod reader;
mod strings;
mod words;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::ControlFlow;

use reader::{Reader, Stop};
use serde_json::Value;

/// Steps that short texts may take in any case.
const SMALL: usize = 1 << 16;
/// Steps per byte of text: enough for several passes over any text that has an answer in it.
const STEPS_PER_BYTE: usize = 16;

/// How much of a value the text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Only closing brackets are missing.
    Unclosed,
    /// The text ends within a key or a value; what was read before that is there.
    Cut,
}

/// Where a string ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// At the first quote without a backslash.
    Escaped,
    /// At the first quote that is followed by what may follow a string: models quote words
    /// within a string and forget the backslashes.
    Unescaped,
}

/// The steps that may be spent on one text, so that no text takes quadratic time.
#[derive(Debug)]
pub(super) struct Work(Cell<usize>);

impl Work {
    pub(super) fn on(bytes: usize) -> Self {
        Self(Cell::new(SMALL + STEPS_PER_BYTE * bytes))
    }

    fn spend(&self, steps: usize) -> Result<(), Stop> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Stop::Malformed)
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// Gives `found` every outermost object in a text, whatever is written around them.
pub(super) fn each_object(
    text: &str,
    quotes: Quotes,
    work: &Work,
    mut found: impl FnMut(Value, Extent) -> ControlFlow<()>,
) {
    let mut from = 0;
    while let Some(offset) = text[from..].find('{') {
        let at = from + offset;
        from = at + 1;
        let mut reader = Reader::new(text, from, quotes, work);
        match reader.object() {
            Ok(value) => {
                // What only looked like an object may have swallowed a real one.
                if reader.extent == Extent::Whole {
                    from = reader.at;
                }
                if found(value, reader.extent).is_break() {
                    return;
                }
            }
            // Every beginning on the way down would lead to the same place.
            Err(Stop::TooDeep) => from = reader.at,
            Err(Stop::Malformed | Stop::End) => {}
        }
        if work.is_spent() {
            return;
        }
    }
}

/// The members of an object without the brace that begins it.
pub(super) fn members(text: &str, quotes: Quotes, work: &Work) -> Option<(Value, Extent)> {
    let mut reader = Reader::new(text, 0, quotes, work);
    let value = reader.object().ok()?;
    Some((value, reader.extent))
}
