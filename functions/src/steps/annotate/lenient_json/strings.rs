//! Strings, and where one ends that has quotes within.

use super::Quotes;
use super::marks::{begins_with_colon, closes, is_bare_key, is_quote};
use super::reader::{MAX_KEY, Reader, Stop, Within};

impl Reader<'_> {
    pub(super) fn string(&mut self, within: Within) -> Result<String, Stop> {
        let open = self.next()?;
        let mut string = String::new();
        loop {
            match self.next()? {
                '\\' => self.escape(&mut string)?,
                c if closes(open, c)
                    && (self.quotes == Quotes::Escaped || self.may_end_string(within)?) =>
                {
                    return Ok(string);
                }
                c => string.push(c),
            }
        }
    }

    pub(super) fn escape(&mut self, string: &mut String) -> Result<(), Stop> {
        match self.next()? {
            'n' | 'r' => string.push('\n'),
            't' => string.push('\t'),
            'b' | 'f' => string.push(' '),
            '\n' => {}
            'u' => {
                let mut code = self.hex()?;
                if (0xd800..0xdc00).contains(&code) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    code = 0x10000 + ((code - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                }
                string.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            c => string.push(c),
        }
        Ok(())
    }

    /// Up to four hexadecimal digits.
    pub(super) fn hex(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().ok_or(Stop::End)?.to_digit(16) else {
                break;
            };
            self.next()?;
            code = code * 16 + digit;
        }
        Ok(code)
    }

    /// Whether what follows a quote is what may follow a string.
    pub(super) fn may_end_string(&self, within: Within) -> Result<bool, Stop> {
        let rest = self.rest().trim_start();
        self.work.spend(self.rest().len() - rest.len() + 8)?;
        let Some(next) = rest.chars().next() else {
            return Ok(true);
        };
        let is_over = |text: &str| {
            text.is_empty()
                || text.starts_with(['}', ']', ')', '/', '<'])
                || text.starts_with("```")
        };
        if is_over(rest) {
            return Ok(true);
        }
        let is_separator = matches!(next, ',' | '，' | ';');
        if within == Within::List {
            return Ok(is_separator || is_quote(next));
        }
        self.work.spend(MAX_KEY / 2)?;
        if !is_separator {
            return Ok(self.is_key(rest));
        }
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == next);
        Ok(is_over(rest) || self.is_key(rest))
    }

    /// Whether a key and its colon follow.
    pub(super) fn is_key(&self, text: &str) -> bool {
        let mut chars = text.chars();
        let Some(open) = chars.next() else {
            return false;
        };
        let is_bare = !is_quote(open);
        if is_bare && !(self.has_bare_keys && is_bare_key(open)) {
            return false;
        }
        for _ in 0..=MAX_KEY {
            let after = chars.as_str();
            match chars.next() {
                Some(c) if is_bare && is_bare_key(c) => {}
                Some(_) if is_bare => return begins_with_colon(after),
                Some(c) if closes(open, c) => return begins_with_colon(chars.as_str()),
                Some('\n' | '{' | '}' | '[' | ']' | ',' | ':') | None => return false,
                Some(_) => {}
            }
        }
        false
    }
}
