//! Any text ends in a legal answer or a reason, in time that is proportional to its length.

use proptest::prelude::*;

use super::tests::read;
use super::texts::{ALT_TEXT, PARAGRAPH, TAG, TAGS};
use super::*;

/// Pieces that answers are made of, good ones and bad ones.
const PIECES: [&str; 60] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "`",
    "“",
    "”",
    "\\",
    "\\\"",
    "\\u",
    "\\ud83d",
    ":",
    ",",
    "=",
    "/*",
    "*/",
    "//",
    "#",
    "\n",
    " ",
    "...",
    "…",
    "<think>",
    "</think>",
    "<|channel|>final<|message|>",
    "<|",
    "|>",
    "◁",
    "▷",
    "```json\n",
    "```",
    "alt_text",
    "\"alt_text\": ",
    "alt_text: ",
    "\"caption\": ",
    "\"tags\": ",
    "\"result\": {",
    "\"A dog runs.\"",
    "A dog runs.",
    "A child laughs. ",
    "None",
    "true",
    "-1e999",
    "\u{feff}",
    "\u{0}",
    "\u{202e}",
    "犬。",
    "é",
    "I'm sorry, ",
    "Sure! ",
    "Error",
    "<answer>",
    "{\"alt_text\": \"A dog.\"}",
    "\"{\\\"alt_text\\\": \\\"A dog.\\\"}\"",
    "#dog #sand",
    "🐕",
];

fn assert_legal(read: &Result<Answer, Unread>) {
    match read {
        Ok(answer) => {
            let alt_text = &answer.alt_text;
            assert!(alt_text.chars().any(char::is_alphanumeric), "{answer:?}");
            assert!(alt_text.chars().count() <= ALT_TEXT, "{answer:?}");
            let paragraph = answer.paragraph.clone().unwrap_or_default();
            assert!(paragraph.chars().count() <= PARAGRAPH, "{answer:?}");
            for text in [alt_text, &paragraph] {
                assert!(!text.chars().any(char::is_control), "{answer:?}");
                assert_eq!(text.trim(), text);
            }
            assert!(answer.tags.len() <= TAGS, "{answer:?}");
            for (n, tag) in answer.tags.iter().enumerate() {
                assert!(tag.chars().count() <= TAG && !answer.tags[..n].contains(tag));
                assert!(!tag.starts_with('#'), "{answer:?}");
            }
        }
        Err(Unread::Empty) => {}
        Err(Unread::Blocked(reason) | Unread::Unusable(reason)) => {
            assert!((1..=200).contains(&reason.chars().count()), "{reason}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_ends_in_a_legal_answer_or_a_reason(text in any::<String>(), thoughts in any::<String>(), end in any::<String>()) {
        assert_legal(&Written { text, thoughts, end: End::named(&end) }.read());
    }

    #[test]
    fn any_pieces_of_answers_end_in_a_legal_answer_or_a_reason(
        pieces in prop::collection::vec(prop::sample::select(PIECES.as_slice()), 0..60),
        thoughts in prop::collection::vec(prop::sample::select(PIECES.as_slice()), 0..10),
        end in prop::sample::select(vec!["", "stop", "length", "error", "content_filter", "odd"]),
    ) {
        let written = Written { text: pieces.concat(), thoughts: thoughts.concat(), end: End::named(end) };
        assert_legal(&written.read());
    }

    #[test]
    fn what_is_asked_for_is_read_as_it_is_whatever_is_around_it(
        alt_text in "[A-Z][a-z]{2,9}( [a-z]{2,9}){1,12}[.!]",
        caption in "[A-Z][a-z]{2,9}([ \",:{}\\[\\]'][a-z]{2,9}){1,40}[.]",
        before in prop::sample::select(vec!["", "Sure: ", "```json\n", "```JSON\n", "~~~\n", "<think>{a}</think>", "a</think>\n", "[", "<|begin_of_box|>", "\u{feff}", "{\"result\": ", "Here is {the} JSON:\n\n"]),
        after in prop::sample::select(vec!["", "\n", "\n```", "\n```\nAnything else?", "]", "<|end_of_box|>", "}", " {x}", "</s>", "\n\nDone."]),
    ) {
        let object = serde_json::json!({"alt_text": alt_text, "caption": caption, "tags": ["dog"]});
        let read = read(&format!("{before}{object}{after}"), "stop").unwrap();
        prop_assert_eq!(read.alt_text, alt_text);
        prop_assert_eq!(read.paragraph, Some(caption));
        prop_assert_eq!(read.tags, vec!["dog".to_owned()]);
    }
}

#[test]
fn half_a_megabyte_of_anything_takes_linear_time() {
    const SIZE: usize = 1 << 19;
    for piece in PIECES.iter().copied().chain([
        "{\"",
        "{\"a\":",
        "{a:[",
        "{\"a\":\"",
        "[{",
        "<think>{",
        "</think>",
        "{'a': 'b' c",
        "\"\",",
        "{\"a\": \"b\", ",
        "alt: a\n",
        "a. ",
        "{}",
        "\\\\\"",
    ]) {
        for begin in ["", "{\"alt_text\": \"A", "\"alt_text\": \""] {
            let text = format!("{begin}{}", piece.repeat(SIZE / piece.len()));
            let began = std::time::Instant::now();
            assert_legal(&read(&text, "stop"));
            // Quadratic time would be minutes.
            let took = began.elapsed();
            assert!(took.as_secs() < 60, "{took:?} for {begin}{piece}");
        }
    }
}
