//! Marks the words of a search in a text. The text is split into parts, which the template
//! escapes and joins.

use entity::search::Words;
use serde::Serialize;

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    text: String,
    marked: bool,
}

pub(super) fn none(text: &str) -> Vec<Part> {
    vec![part(text, false)]
}

pub(super) fn around(words: &Words, text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut end = 0;
    for found in words.found_in(text) {
        parts.push(part(&text[end..found.start], false));
        end = found.end;
        parts.push(part(&text[found], true));
    }
    parts.push(part(&text[end..], false));
    parts.retain(|part| !part.text.is_empty());
    parts
}

fn part(text: &str, marked: bool) -> Part {
    Part {
        text: text.to_owned(),
        marked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_join_to_the_text_and_the_words_are_marked() {
        let text = "<b>Zoé's</b> fox.";
        let parts = around(&Words::parse("b zoe fo").unwrap(), text);

        let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
        assert_eq!(whole, text);
        let marked: Vec<_> = parts
            .iter()
            .filter(|part| part.marked)
            .map(|part| part.text.as_str())
            .collect();
        assert_eq!(marked, ["b", "Zoé", "b", "fox"]);
    }
}
