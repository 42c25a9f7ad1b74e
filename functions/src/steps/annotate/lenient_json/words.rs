//! Numbers, literals, and texts without quotes.

use serde_json::{Number, Value};

use super::Quotes;
use super::marks::is_quote;
use super::reader::{MAX_KEY, Reader, Stop, Within};

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Result<Value, Stop> {
        let mut digits = String::new();
        loop {
            match self.peek().ok_or(Stop::End)? {
                c if c.is_alphanumeric() || matches!(c, '-' | '+' | '.' | '_' | '%') => {
                    digits.push(self.next()?);
                }
                _ => break,
            }
        }
        let number: Option<Number> = serde_json::from_str(&digits).ok();
        Ok(number.map_or(Value::String(digits), Value::Number))
    }

    /// A literal of JSON or Python, or a text without quotes.
    pub(super) fn word(&mut self, within: Within) -> Result<Value, Stop> {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
            self.next()?;
        }
        // Python's prefixes of strings.
        if word.len() <= 2 && self.peek().is_some_and(is_quote) {
            return self.string(within).map(Value::String);
        }
        let is_alone = self.rest().trim_start().starts_with([',', '}', ']', ')'])
            || self.rest().starts_with('\n');
        match word.to_ascii_lowercase().as_str() {
            _ if self.rest().is_empty() => Err(Stop::End),
            "null" | "none" | "nil" | "undefined" | "nan" if is_alone => Ok(Value::Null),
            "true" if is_alone => Ok(Value::Bool(true)),
            "false" if is_alone => Ok(Value::Bool(false)),
            _ if self.quotes == Quotes::Unescaped => self.bare_text(word, within),
            _ => Err(Stop::Malformed),
        }
    }

    /// The rest of a text without quotes.
    pub(super) fn bare_text(&mut self, mut text: String, within: Within) -> Result<Value, Stop> {
        loop {
            let ends = match self.peek().ok_or(Stop::End)? {
                '}' | ']' | '\n' => true,
                ',' if within == Within::List => true,
                ',' => {
                    self.work.spend(MAX_KEY / 2)?;
                    self.is_key(self.rest()[1..].trim_start_matches([' ', '\t']))
                }
                '{' | '"' => return Err(Stop::Malformed),
                _ => false,
            };
            if ends {
                return Ok(Value::String(text));
            }
            text.push(self.next()?);
        }
    }
}
