//! Texts and tags of a caption: one line each, without marks of the model, within its limits.

use crate::steps::annotate::{markup, prose};
use crate::words::one_line;

/// Alt text is cut to this many characters, about as much as screen readers say in one go.
pub(super) const ALT_TEXT: usize = 160;
/// The paragraph is cut to this many characters.
pub(super) const PARAGRAPH: usize = 2_000;
/// As many tags are kept.
pub(super) const TAGS: usize = 12;
/// A tag is cut to this many characters.
pub(super) const TAG: usize = 40;

/// One line without control characters and tokens of the model, single spaces between words.
pub(super) fn clean(text: &str) -> String {
    let line = one_line(&markup::without_tokens(text));
    prose::without_quotes(&line).to_owned()
}

/// Screen readers say that it is an image; a text that does so too says it twice.
pub(super) fn without_opening(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let opening = ["this", "the"].iter().find_map(|article| {
        ["image", "photo", "picture"].iter().find_map(|noun| {
            ["shows ", "depicts "]
                .iter()
                .map(|verb| format!("{article} {noun} {verb}"))
                .find(|opening| lower.starts_with(opening))
        })
    });
    let Some(opening) = opening else {
        return text.to_owned();
    };
    let mut rest = text[opening.len()..].chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

/// At most `limit` characters, cut between words where there are any.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let head: String = text.chars().take(limit - 1).collect();
    let end = head.rfind(' ').unwrap_or(head.len());
    let kept = head[..end].trim_end_matches([',', ';', ':', '.', ' ']);
    format!("{kept}…")
}

pub(super) fn tags(written: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in written {
        let tag = clean(tag).to_lowercase();
        let tag = tag
            .trim_start_matches(['#', '-', '*', '•', ' ', '"', '\'', '['])
            .trim_end_matches(['.', ' ', '"', '\'', '*', ']']);
        let tag = shortened(tag, TAG);
        if tag.chars().any(char::is_alphanumeric) && !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() == TAGS {
            break;
        }
    }
    tags
}
