//! Objects, lists and their members, one character after the other.

use serde_json::{Map, Value};

use super::marks::{closes, is_bare_key, is_quote};
use super::{Extent, Quotes, Work};

/// Deeper nesting is not read.
pub(super) const MAX_DEPTH: usize = 16;
/// Longer keys are none, in characters.
pub(super) const MAX_KEY: usize = 64;
/// Why reading stops.
pub(super) enum Stop {
    /// This is no JSON, or too much of it.
    Malformed,
    /// It is nested too deeply.
    TooDeep,
    /// The text ends here.
    End,
}

/// What a value is part of, which says what may follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Object,
    List,
}

pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) at: usize,
    pub(super) quotes: Quotes,
    pub(super) work: &'a Work,
    depth: usize,
    pub(super) extent: Extent,
    /// Whether a key without quotes was seen.
    pub(super) has_bare_keys: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, at: usize, quotes: Quotes, work: &'a Work) -> Self {
        Self {
            text,
            at,
            quotes,
            work,
            depth: 0,
            extent: Extent::Whole,
            has_bare_keys: false,
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Result<char, Stop> {
        self.work.spend(1)?;
        let c = self.peek().ok_or(Stop::End)?;
        self.at += c.len_utf8();
        Ok(c)
    }

    /// Whether nothing of the value follows: the text ends, or a fence or token of the model does.
    pub(super) fn is_at_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with("```") || rest.starts_with('<')
    }

    pub(super) fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::TooDeep);
        }
        Ok(())
    }

    /// Spaces and comments; with `separators` also commas and ellipses.
    pub(super) fn skip_blanks(&mut self, separators: bool) -> Result<(), Stop> {
        loop {
            let rest = self.rest();
            let skipped = if rest.starts_with("//") || rest.starts_with('#') {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.find("*/").map_or(rest.len(), |end| end + 4)
            } else if separators && rest.starts_with("...") {
                3
            } else {
                match rest.chars().next() {
                    Some(c) if c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}') => {
                        c.len_utf8()
                    }
                    Some(c @ (',' | '，' | '、' | ';' | '…')) if separators => c.len_utf8(),
                    _ => return Ok(()),
                }
            };
            self.work.spend(skipped)?;
            self.at += skipped;
        }
    }

    /// An object after its opening brace.
    pub(super) fn object(&mut self) -> Result<Value, Stop> {
        self.deeper()?;
        let mut members = Map::new();
        loop {
            self.skip_blanks(true)?;
            if self.is_at_end() {
                self.extent = Extent::Unclosed;
                break;
            }
            match self.peek() {
                Some('}') => {
                    self.next()?;
                    break;
                }
                // One bracket too many.
                Some(']' | ')') if !members.is_empty() => {
                    self.next()?;
                    continue;
                }
                _ => {}
            }
            match self.member() {
                Ok((key, value)) => {
                    let repeats_nothing = is_blank(&value) && members.contains_key(&key);
                    if !repeats_nothing {
                        members.insert(key, value);
                    }
                }
                Err(Stop::End) => self.extent = Extent::Cut,
                Err(stop) => return Err(stop),
            }
            if self.extent != Extent::Whole {
                break;
            }
        }
        self.depth -= 1;
        Ok(Value::Object(members))
    }

    pub(super) fn member(&mut self) -> Result<(String, Value), Stop> {
        let key = self.key()?;
        self.skip_blanks(false)?;
        match self.next()? {
            ':' | '：' => {}
            '=' => {
                if self.peek() == Some('>') {
                    self.next()?;
                }
            }
            _ => return Err(Stop::Malformed),
        }
        self.skip_blanks(false)?;
        Ok((key, self.value(Within::Object)?))
    }

    pub(super) fn key(&mut self) -> Result<String, Stop> {
        let open = self.peek().ok_or(Stop::End)?;
        let is_bare = !is_quote(open);
        if is_bare && !is_bare_key(open) {
            return Err(Stop::Malformed);
        }
        if !is_bare {
            self.next()?;
        }
        let mut key = String::new();
        for _ in 0..=MAX_KEY {
            if is_bare {
                match self.peek() {
                    Some(c) if is_bare_key(c) => {}
                    Some(_) => {
                        self.has_bare_keys = true;
                        return Ok(key);
                    }
                    None => return Err(Stop::End),
                }
            }
            match self.next()? {
                c if !is_bare && closes(open, c) => return Ok(key),
                '\n' | '{' | '}' => return Err(Stop::Malformed),
                '\\' => {}
                c => key.push(c),
            }
        }
        Err(Stop::Malformed)
    }

    pub(super) fn value(&mut self, within: Within) -> Result<Value, Stop> {
        match self.peek().ok_or(Stop::End)? {
            '{' => {
                self.next()?;
                self.object()
            }
            '[' | '(' => {
                self.next()?;
                self.list()
            }
            // The value was forgotten.
            ',' | '}' if within == Within::Object => Ok(Value::Null),
            c if is_quote(c) => self.string(within).map(Value::String),
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            c if c.is_alphabetic() => self.word(within),
            _ => Err(Stop::Malformed),
        }
    }

    /// A list after its opening bracket.
    pub(super) fn list(&mut self) -> Result<Value, Stop> {
        self.deeper()?;
        let mut items = Vec::new();
        while self.extent == Extent::Whole {
            self.skip_blanks(true)?;
            if self.is_at_end() {
                self.extent = Extent::Unclosed;
                break;
            }
            match self.peek() {
                Some(']' | ')') => {
                    self.next()?;
                    break;
                }
                // The bracket was forgotten.
                Some('}') => break,
                _ => {}
            }
            match self.value(Within::List) {
                Ok(item) => items.push(item),
                Err(Stop::End) => self.extent = Extent::Cut,
                Err(stop) => return Err(stop),
            }
        }
        self.depth -= 1;
        Ok(Value::Array(items))
    }
}

pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
