//! Reads JSON as language models write it: with comments, other quotes, trailing commas, raw line
//! breaks, or without its end. Crates that repair JSON turn every text into a valid one; here the
//! caller has to know whether the text was whole. Depth and work are bounded.

use std::cell::Cell;
use std::ops::ControlFlow;

use serde_json::{Map, Number, Value};

/// Deeper nesting is not read.
const MAX_DEPTH: usize = 16;
/// Longer keys are none, in characters.
const MAX_KEY: usize = 64;
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

/// Why reading stops.
enum Stop {
    /// This is no JSON, or too much of it.
    Malformed,
    /// It is nested too deeply.
    TooDeep,
    /// The text ends here.
    End,
}

/// What a value is part of, which says what may follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Object,
    List,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    quotes: Quotes,
    work: &'a Work,
    depth: usize,
    extent: Extent,
    /// Whether a key without quotes was seen.
    has_bare_keys: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, at: usize, quotes: Quotes, work: &'a Work) -> Self {
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

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Result<char, Stop> {
        self.work.spend(1)?;
        let c = self.peek().ok_or(Stop::End)?;
        self.at += c.len_utf8();
        Ok(c)
    }

    /// Whether nothing of the value follows: the text ends, or a fence or token of the model does.
    fn is_at_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with("```") || rest.starts_with('<')
    }

    fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::TooDeep);
        }
        Ok(())
    }

    /// Spaces and comments; with `separators` also commas and ellipses.
    fn skip_blanks(&mut self, separators: bool) -> Result<(), Stop> {
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
    fn object(&mut self) -> Result<Value, Stop> {
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

    fn member(&mut self) -> Result<(String, Value), Stop> {
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

    fn key(&mut self) -> Result<String, Stop> {
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

    fn value(&mut self, within: Within) -> Result<Value, Stop> {
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
    fn list(&mut self) -> Result<Value, Stop> {
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

    fn string(&mut self, within: Within) -> Result<String, Stop> {
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

    fn escape(&mut self, string: &mut String) -> Result<(), Stop> {
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
    fn hex(&mut self) -> Result<u32, Stop> {
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
    fn may_end_string(&self, within: Within) -> Result<bool, Stop> {
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
    fn is_key(&self, text: &str) -> bool {
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

    fn number(&mut self) -> Result<Value, Stop> {
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
    fn word(&mut self, within: Within) -> Result<Value, Stop> {
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
    fn bare_text(&mut self, mut text: String, within: Within) -> Result<Value, Stop> {
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

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '«' | '＂'
    )
}

fn closes(open: char, c: char) -> bool {
    match open {
        '“' | '”' | '„' => matches!(c, '“' | '”'),
        '‘' | '’' => c == '’',
        '«' => c == '»',
        _ => c == open,
    }
}

fn is_bare_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$')
}

fn begins_with_colon(text: &str) -> bool {
    text.trim_start_matches([' ', '\t'])
        .starts_with([':', '：', '='])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<(Value, Extent)> {
        for quotes in [Quotes::Escaped, Quotes::Unescaped] {
            let work = Work::on(text.len());
            let mut all = Vec::new();
            each_object(text, quotes, &work, |value, extent| {
                all.push((value, extent));
                ControlFlow::Continue(())
            });
            if !all.is_empty() {
                return all;
            }
        }
        Vec::new()
    }

    #[track_caller]
    fn assert_reads(text: &str, expected: Value) {
        assert_eq!(read(text), [(expected, Extent::Whole)], "{text}");
    }

    #[test]
    fn valid_json_is_read_as_serde_json_reads_it() {
        let text =
            r#"{"a": "x\n\"\u00e9\ud83d\udc15\/", "b": [1, -2.5, true, null, {}], "c": {"d": []}}"#;
        assert_reads(text, serde_json::from_str(text).unwrap());
    }

    #[test]
    fn other_spellings_of_json_are_read() {
        let expected = json!({"a": "b", "c": ["d", null, true]});
        for text in [
            "{'a': 'b', 'c': ['d', None, True]}",
            "{a: 'b', c: ['d', null, true,],}",
            "{“a”: “b”, “c”: [“d”, null, true]}",
            "{\"a\": \"b\" // why\n, /* and */ \"c\": [\"d\", null, true] # done\n}",
            "{\"a\": \"b\"\n\"c\": [\"d\", null, true]}",
            "{\"a\"：\"b\"，\"c\"：[\"d\", null, true]}",
            "{\"a\" => \"b\", \"c\" => (\"d\", null, true)}",
            "{\"a\": \"b\", \"c\": [\"d\", null, true}",
            "{\"a\": \"b\", \"c\": [\"d\", null, true]]}",
            "{{\"a\": \"b\", \"c\": [\"d\", null, true, ...]}}",
            "{\"a\": \"b\", \"c\": [\"d\", null, true], \"a\": \"\"}",
        ] {
            assert_reads(text, expected.clone());
        }
    }

    #[test]
    fn quotes_within_a_string_need_no_backslash() {
        assert_reads(
            r#"{"a": "A sign says "Stop", and "Go".", "b": ["the "red" one"]}"#,
            json!({"a": "A sign says \"Stop\", and \"Go\".", "b": ["the \"red\" one"]}),
        );
        assert_reads(
            "{'a': 'The dog's ball', 'b': 1}",
            json!({"a": "The dog's ball", "b": 1}),
        );
    }

    #[test]
    fn a_missing_end_is_noticed() {
        let extent = |text| read(text).remove(0).1;
        assert_eq!(extent(r#"{"a": "b"}"#), Extent::Whole);
        assert_eq!(extent(r#"{"a": "b""#), Extent::Unclosed);
        assert_eq!(extent(r#"{"a": ["b"#), Extent::Cut);
        assert_eq!(extent(r#"{"a": ["b""#), Extent::Unclosed);
        assert_eq!(extent(r#"{"a": "b", "c"#), Extent::Cut);
        assert_eq!(extent(r#"{"a": "b", "c":"#), Extent::Cut);
        assert_eq!(extent(r#"{"a": "b", "c": 1"#), Extent::Cut);
        let cut = read(r#"{"a": "b", "c": "d"#).remove(0).0;
        assert_eq!(cut, json!({"a": "b"}), "a value that is cut is left out");
    }

    #[test]
    fn what_is_no_object_is_not_read() {
        for text in ["", "{", "{{{{", "{dog}", "{\"a\"}", "{1 2}", "[1]", "\"a\""] {
            let all = read(text);
            assert!(
                all.iter().all(|(value, _)| is_blank(value)),
                "{text} {all:?}"
            );
        }
    }
}
