//! Answers as models write them.

use super::texts::{ALT_TEXT, TAGS};
use super::*;

pub(super) fn read(text: &str, end: &str) -> Result<Answer, Unread> {
    let written = Written {
        text: text.to_owned(),
        thoughts: String::new(),
        end: End::named(end),
    };
    written.read()
}

fn answer(alt_text: &str, tags: &[&str]) -> Answer {
    let written = serde_json::json!({"alt_text": alt_text, "caption": "A day out.", "tags": tags});
    read(&written.to_string(), "stop").unwrap()
}

#[test]
fn text_is_trimmed_to_one_line() {
    let text = answer("  Two dogs\n\trun\u{0} along a beach. ", &[]).alt_text;
    assert_eq!(text, "Two dogs run along a beach.");
}

#[test]
fn alt_text_that_is_too_long_ends_between_words() {
    let text = answer(&"Dünen ".repeat(60), &[]).alt_text;
    assert!(text.chars().count() <= ALT_TEXT, "{text}");
    assert!(text.ends_with("Dünen…"), "{text}");
    let unbroken = answer(&"海".repeat(200), &[]).alt_text;
    assert_eq!(unbroken.chars().count(), ALT_TEXT);
}

#[test]
fn nobody_needs_to_hear_that_an_image_shows_something() {
    let text = answer("This image shows a dog on a beach.", &[]).alt_text;
    assert_eq!(text, "A dog on a beach.");
}

#[test]
fn tags_are_lower_case_few_and_each_there_once() {
    let mut written = vec!["Dog", " dog ", "", "!", "Red  Kite"];
    let many: Vec<String> = (0..20).map(|n| format!("tag {n}")).collect();
    written.extend(many.iter().map(String::as_str));
    let tags = answer("A dog.", &written).tags;
    assert_eq!(tags[..3], ["dog", "red kite", "tag 0"]);
    assert_eq!(tags.len(), TAGS);
}

#[test]
fn tags_are_read_in_every_shape() {
    for tags in [
        r#"["dog", "sand"]"#,
        r##"["#dog", "#sand"]"##,
        r##""#dog #sand""##,
        r#""dog, sand""#,
        r#""Dog; Sand.""#,
        r#"["dog, sand"]"#,
        r#"[["dog"], ["sand"]]"#,
        r#"[{"tag": "dog"}, {"name": "sand"}]"#,
        r#"{"dog": 0.9, "sand": 0.8}"#,
        r#"{"1": "dog", "2": "sand"}"#,
        r#"{"main": ["dog"], "other": ["sand"]}"#,
        r##""#dog#sand""##,
        r#""[\"dog\", \"sand\"]""#,
        r#"["dog", null, "sand", true, "", "- "]"#,
    ] {
        let text = format!(r#"{{"alt_text": "A dog.", "tags": {tags}}}"#);
        assert_eq!(read(&text, "stop").unwrap().tags, ["dog", "sand"], "{tags}");
    }
    for tags in ["null", "[]", "\"\"", "{}", "false", "[[]]"] {
        let text = format!(r#"{{"alt_text": "A dog.", "tags": {tags}}}"#);
        assert!(read(&text, "stop").unwrap().tags.is_empty(), "{tags}");
    }
    let numbers = read(r#"{"alt_text": "A dog.", "tags": [2024, "dog"]}"#, "stop");
    assert_eq!(numbers.unwrap().tags, ["2024", "dog"]);
}

#[test]
fn missing_fields_and_other_names_of_fields_are_coped_with() {
    let read = |text| read(text, "stop").unwrap();
    let only_alt_text = read(r#"{"alt_text": "A dog."}"#);
    assert_eq!(
        (only_alt_text.paragraph, only_alt_text.tags),
        (None, vec![])
    );
    let other_names =
        read(r#"{"Alt Text": "A dog.", "Description": "A brown dog.", "keywords": ["dog"]}"#);
    assert_eq!(other_names.alt_text, "A dog.");
    assert_eq!(other_names.paragraph.as_deref(), Some("A brown dog."));
    assert_eq!(other_names.tags, ["dog"]);
    let only_caption = read(r#"{"caption": "A dog runs.", "alt_text": null}"#);
    assert_eq!(
        (only_caption.alt_text.as_str(), only_caption.paragraph),
        ("A dog runs.", None)
    );
    let long = format!(
        r#"{{"caption": "A dog runs. {}"}}"#,
        "It is wet. ".repeat(30)
    );
    let long = read(&long);
    assert!(long.alt_text.starts_with("A dog runs. It is wet.") && long.alt_text.ends_with('.'));
    assert!(long.paragraph.unwrap().len() > 300);
}

#[test]
fn lines_with_labels_are_read() {
    for text in [
        "Alt text: A dog.\nCaption: A brown dog runs.\nTags: dog, sand",
        "**Alt Text:** A dog.\n\n**Caption:** A brown dog runs.\n\n**Tags:**\n- dog\n- sand\n",
        "Here you are.\n\n1. alt_text: \"A dog.\"\n2. caption: \"A brown dog runs.\"\n3. tags: \"dog, sand\"\n\nAnything else?",
        "### Alt text\nA dog.\n\n### Caption\nA brown dog runs.\n\n### Tags\ndog, sand",
        "\"alt_text\": \"A dog.\",\n\"caption\": \"A brown dog runs.\",\n\"tags\": [\"dog\", \"sand\"]",
    ] {
        let answer = read(text, "stop").unwrap();
        assert_eq!(answer.alt_text, "A dog.", "{text}");
        assert_eq!(
            answer.paragraph.as_deref(),
            Some("A brown dog runs."),
            "{text}"
        );
        assert_eq!(answer.tags, ["dog", "sand"], "{text}");
    }
}

#[test]
fn a_draft_in_the_thoughts_is_not_the_answer() {
    let text = "<think>{\"alt_text\": \"A cat.\"}</think>{\"alt_text\": \"A dog.\"}";
    assert_eq!(read(text, "stop").unwrap().alt_text, "A dog.");
    let text = "<think>{\"alt_text\": \"A cat.\"} or rather {\"alt_text\": \"A dog.\"}";
    assert_eq!(read(text, "stop").unwrap().alt_text, "A dog.");
    let prose = "<think>{\"alt_text\": \"A cat.\"}</think>A dog runs.";
    assert_eq!(read(prose, "stop").unwrap().alt_text, "A dog runs.");
    let cut = "<think>{\"alt_text\": \"A cat.\"}</think>{\"alt_text\": \"A do";
    assert!(matches!(read(cut, "stop"), Err(Unread::Unusable(_))));
    let prose = "<think>The user wants a description of a dog.</think>";
    assert_eq!(read(prose, "stop"), Err(Unread::Empty));
    let prose = "<think>The user wants a description of a dog.";
    assert_eq!(read(prose, "stop"), Err(Unread::Empty));
}

#[test]
fn how_much_must_be_there_depends_on_how_the_text_ended() {
    let whole = r#"{"alt_text": "A dog.", "caption": "A brown dog."}"#;
    let unclosed = &whole[..whole.len() - 1];
    let cut = &whole[..whole.len() - 5];
    for (end, usable) in [
        ("stop", [true, true, true]),
        ("", [true, true, false]),
        ("tool_calls", [true, true, false]),
        ("length", [true, false, false]),
        ("MAX_TOKENS", [true, false, false]),
        ("error", [true, false, false]),
        ("content_filter", [false, false, false]),
    ] {
        let read = [whole, unclosed, cut].map(|text| read(text, end).is_ok());
        assert_eq!(read, usable, "{end}");
    }
    assert_eq!(read(cut, "stop").unwrap().paragraph, None);
    assert!(read("A dog runs.", "length").is_ok());
    assert!(read("A dog runs on", "length").is_err());
    assert!(read("A dog runs.", "error").is_err());
}

#[test]
fn what_describes_nothing_cannot_be_used() {
    for text in [
        "{}",
        "[]",
        "null",
        "```",
        "```json\n```",
        "\"\"",
        r#"{"alt_text": " ", "caption": "", "tags": ["dog"]}"#,
        r#"{"alt_text": "...", "caption": "...", "tags": ["..."]}"#,
        r#"{"alt_text": "string", "caption": "string", "tags": ["string"]}"#,
        r#"{"alt_text": "one sentence of at most 160 characters", "caption": ""}"#,
        r#"{"alt_text": "I'm sorry, I cannot see the picture.", "caption": "", "tags": []}"#,
        r#"{"type": "object", "properties": {"alt_text": {"type": "string", "description": "One sentence."}}}"#,
        r#"{"error": "out of memory"}"#,
        r#"{"alt_text": "A d"#,
        r#""alt_text": "A d"#,
        "alt_text: \"A d",
    ] {
        let found = read(text, "stop");
        assert!(
            matches!(found, Err(Unread::Unusable(_))),
            "{text}: {found:?}"
        );
    }
    for text in ["", " \n", "\u{feff}", "<think>\n</think>", "<|end|>"] {
        assert_eq!(read(text, "stop"), Err(Unread::Empty), "{text}");
    }
}

#[test]
fn ends_are_known_in_every_spelling() {
    for name in [
        "stop",
        "STOP",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "FinishReason.STOP",
        "done",
        "COMPLETE",
    ] {
        assert_eq!(End::named(name), End::Finished, "{name}");
    }
    for name in ["", " ", "null", "None", "FINISH_REASON_UNSPECIFIED"] {
        assert_eq!(End::named(name), End::Untold, "{name}");
    }
    for name in [
        "length",
        "MAX_TOKENS",
        "max_output_tokens",
        "model_length",
        "incomplete",
    ] {
        assert_eq!(End::named(name), End::Cut(name.to_owned()), "{name}");
    }
    for name in [
        "content_filter",
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "refusal",
        "sensitive",
        "guardrail_intervened",
    ] {
        assert_eq!(End::named(name), End::Blocked(name.to_owned()), "{name}");
    }
}

#[test]
fn translations_are_read_in_every_shape() {
    for translations in [
        r#"[{"language": "de", "alt_text": "Ein Hund.", "caption": "Ein brauner Hund."}]"#,
        r#"[{"lang": "de", "alt": "Ein Hund.", "description": "Ein brauner Hund."}, {"language": "fr"}, 7]"#,
        r#"{"de": {"alt_text": "Ein Hund.", "caption": "Ein brauner Hund."}, "fr": null}"#,
    ] {
        let text =
            format!(r#"{{"alt_text": "A dog.", "tags": [], "translations": {translations}}}"#);
        let answer = read(&text, "stop").unwrap();
        assert_eq!(answer.alt_text, "A dog.");
        let [german] = &answer.translations[..] else {
            panic!("{translations}: {answer:?}");
        };
        assert_eq!((&*german.language, &*german.text), ("de", "Ein Hund."));
        assert_eq!(german.paragraph.as_deref(), Some("Ein brauner Hund."));
    }
    for translations in ["null", "[]", "\"de\"", "[[]]", "{\"de\": []}"] {
        let text = format!(r#"{{"alt_text": "A dog.", "translations": {translations}}}"#);
        assert_eq!(
            read(&text, "stop").unwrap().translations,
            [],
            "{translations}"
        );
    }
}
