//! Answers of models that write lines with labels instead of JSON.

use serde_json::{Map, Value};

use super::fields::{ALT_TEXT_NAMES, Fields, PARAGRAPH_NAMES, TAG_NAMES, field_name};

/// Lines such as `Alt text: …`, `**Caption:** …`, as models write that know of no JSON.
pub(super) fn labelled(text: &str) -> Option<Fields> {
    if text.contains('{') {
        return None;
    }
    let mut members: Map<String, Value> = Map::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        let line = line.replace("**", "").replace("__", "");
        let line = line.trim_start_matches(|c: char| {
            c.is_whitespace()
                || c.is_ascii_digit()
                || matches!(c, '*' | '#' | '-' | '•' | '.' | '>' | '"')
        });
        let colon = line
            .char_indices()
            .take(40)
            .find(|(_, c)| matches!(c, ':' | '：'));
        let (before, rest) = match colon {
            Some((at, colon)) => (&line[..at], &line[at + colon.len_utf8()..]),
            // A heading.
            None => (line, ""),
        };
        let name = field_name(before);
        let names = [ALT_TEXT_NAMES, PARAGRAPH_NAMES, TAG_NAMES];
        let is_label = names.iter().any(|names| names.contains(&name.as_str()));
        let label = is_label.then_some((name, rest));
        let (name, rest) = match (label, &current) {
            (Some((name, rest)), _) => (name, rest),
            (None, Some(name)) => (name.clone(), line),
            (None, None) => continue,
        };
        let rest = rest.trim().trim_end_matches(',');
        if rest.starts_with('"') && (rest.len() == 1 || !rest.ends_with('"')) {
            return None;
        }
        let rest = rest.trim_matches('"').trim();
        let is_tag = TAG_NAMES.contains(&name.as_str());
        let Value::String(text) = members
            .entry(name.clone())
            .or_insert_with(|| Value::String(String::new()))
        else {
            continue;
        };
        if !text.is_empty() && !rest.is_empty() {
            text.push_str(if is_tag { ", " } else { " " });
        }
        text.push_str(rest);
        // A blank line ends a field, unless nothing of it was there yet.
        current = (!rest.is_empty() || text.is_empty()).then_some(name);
    }
    Fields::of(&members)
}
