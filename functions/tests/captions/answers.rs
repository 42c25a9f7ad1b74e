//! What models write instead of the JSON that they are asked for, by both providers.

use functions::steps::annotate::{Caption, CaptionError};
use functions::testing::provider::Answer;
use serde_json::{Value, json};

use crate::{assert_legal, gemini_given, openai_given};

const ALT_TEXT: &str = "A dog runs on sand.";
const CAPTION: &str = "A brown dog runs on wet sand.";

fn object() -> Value {
    json!({ "alt_text": ALT_TEXT, "caption": CAPTION, "tags": ["dog", "sand"] })
}

fn with(field: &str, value: Value) -> String {
    let mut object = object();
    object[field] = value;
    object.to_string()
}

fn without(field: &str) -> String {
    let mut object = object();
    object.as_object_mut().unwrap().remove(field);
    object.to_string()
}

/// What both providers' captioners make of a text of the model's.
async fn both(text: &str) -> [Result<Caption, CaptionError>; 2] {
    [
        gemini_given(Answer::Text(text.to_owned())).await,
        openai_given(Answer::Text(text.to_owned())).await,
    ]
}

async fn captions(text: &str) -> [Caption; 2] {
    both(text).await.map(|result| {
        let caption = result.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_legal(&caption);
        caption
    })
}

#[tokio::test]
async fn an_object_is_found_in_any_surroundings() {
    let object = object().to_string();
    let quoted = Value::String(object.clone()).to_string();
    for text in [
        format!("```json\n{object}\n```"),
        format!("```JSON\n{object}\n```"),
        format!("```\n{object}\n```"),
        format!("~~~ json5\n{object}\n~~~"),
        format!("``` json {object} ```"),
        format!("```json\n{object}"),
        format!("```json\n{object}\n```\nAnything else?"),
        format!("Sure: {object}"),
        format!("Here is the {{JSON}} you asked for:\n\n{object}\n\nDone."),
        format!("{object}\n\nLet me know if {{anything}} is missing."),
        format!("<think>\nA {{dog}}?\n</think>\n\n{object}"),
        format!("<think>\n\n</think>\n\n{object}"),
        format!("So a dog, on sand.\n</think>\n{object}"),
        format!("<think>A dog, on sand. {object}"),
        format!("<thinking>Dog.</thinking><answer>{object}</answer>"),
        format!("[THINK]Dog.[/THINK]{object}"),
        format!("◁think▷Dog.◁/think▷{object}"),
        format!(
            "<|channel|>analysis<|message|>Dog.<|end|><|start|>assistant<|channel|>final<|message|>{object}<|return|>"
        ),
        format!("<|begin_of_box|>{object}<|end_of_box|>"),
        format!("{object}<end_of_turn>"),
        format!("{object}</s>"),
        format!("\u{feff}{object}"),
        format!("[{object}]"),
        format!("[[{object}], []]"),
        format!("{{\"result\": {object}}}"),
        format!("{{\"response\": {{\"caption\": {object}}}}}"),
        format!("{{\"result\": {quoted}}}"),
        format!("{{{object}}}"),
        format!("{object}\n{object}"),
        quoted,
        object.replace('"', "&quot;"),
        object.replace('"', "\\\""),
    ] {
        for caption in captions(&text).await {
            assert_eq!(caption.text, ALT_TEXT, "{text}");
            assert_eq!(caption.paragraph.as_deref(), Some(CAPTION), "{text}");
            assert_eq!(caption.tags, ["dog", "sand"], "{text}");
        }
    }
}

#[tokio::test]
async fn json_with_mistakes_is_read() {
    let object = object().to_string();
    let whole = &object[1..object.len() - 1];
    for text in [
        object.replace("]}", ",]}"),
        object.replace("]}", "],}"),
        object.replace("wet sand", "wet\nsand"),
        object.replace("wet sand", "wet\tsand"),
        object.replace('"', "'"),
        object
            .replace("\"alt_text\"", "alt_text")
            .replace("\"caption\"", "caption"),
        object.replace("{", "{ // a photo\n"),
        object.replace(",\"", ", /* next */ \""),
        object.replace(",\"caption", "\n\"caption"),
        object.replace("]}", "],\"mood\":None,\"sharp\":True}"),
        object.replace("]}", "]"),
        object.replace("]}", ""),
        format!("{whole}}}"),
        object.replace("{", "{“").replace("{“\"", "{\""),
    ] {
        for caption in captions(&text).await {
            assert_eq!(caption.text, ALT_TEXT, "{text}");
            assert_eq!(caption.paragraph.as_deref(), Some(CAPTION), "{text}");
            assert_eq!(caption.tags, ["dog", "sand"], "{text}");
        }
    }
    let quoting =
        r#"{"alt_text": "A sign says "Stop", and a dog does.", "caption": "A "dog".", "tags": []}"#;
    for caption in captions(quoting).await {
        assert_eq!(caption.text, "A sign says \"Stop\", and a dog does.");
    }
}

#[tokio::test]
async fn fields_are_taken_as_far_as_they_are_there() {
    let tags = ["dog", "sand"];
    for (text, caption, tags) in [
        (with("mood", json!("calm")), Some(CAPTION), &tags[..]),
        (with("tags", json!("dog, sand")), Some(CAPTION), &tags),
        (with("tags", json!("#dog #sand")), Some(CAPTION), &tags),
        (
            with("tags", json!(["#dog", "#Sand", "dog"])),
            Some(CAPTION),
            &tags,
        ),
        (
            with("tags", json!([["dog"], [{ "name": "sand" }]])),
            Some(CAPTION),
            &tags,
        ),
        (
            with("tags", json!(["dog", 2024])),
            Some(CAPTION),
            &["dog", "2024"],
        ),
        (with("tags", json!(null)), Some(CAPTION), &[]),
        (with("tags", json!({})), Some(CAPTION), &[]),
        (with("tags", json!([null, [], "", "#"])), Some(CAPTION), &[]),
        (without("tags"), Some(CAPTION), &[]),
        (without("caption"), None, &tags),
        (with("caption", json!(null)), None, &tags),
        (with("caption", json!("")), None, &tags),
        (
            with("caption", json!(["A brown dog runs", "on wet sand."])),
            Some(CAPTION),
            &tags,
        ),
        (
            object()
                .to_string()
                .replace("alt_text", "altText")
                .replace("caption", "Caption"),
            Some(CAPTION),
            &tags,
        ),
    ] {
        for read in captions(&text).await {
            assert_eq!(read.text, ALT_TEXT, "{text}");
            assert_eq!(read.paragraph.as_deref(), caption, "{text}");
            assert_eq!(read.tags, tags, "{text}");
        }
    }
    for text in [
        without("alt_text"),
        with("alt_text", json!("")),
        with("alt_text", json!(7)),
    ] {
        for read in captions(&text).await {
            assert_eq!(read.text, CAPTION, "a paragraph of one sentence stands in");
        }
    }
}

#[tokio::test]
async fn one_or_two_sentences_of_prose_are_the_alt_text() {
    for text in [
        CAPTION,
        "\"A brown dog runs on wet sand.\"",
        "**A brown dog runs on wet sand.**",
        "Sure! Here is the alt text: A brown dog runs on wet sand.",
        "Alt text: A brown dog runs on wet sand.",
        "A brown dog runs on wet sand. Let me know if you need anything else!",
        "<think>A dog. Sand. Water. The user wants JSON.</think>\nA brown dog runs on wet sand.",
    ] {
        for caption in captions(text).await {
            assert_eq!(caption.text, CAPTION, "{text}");
            assert!(caption.tags.is_empty());
        }
    }
}

#[tokio::test]
async fn what_does_not_describe_the_picture_is_asked_for_once_more() {
    for text in [
        "{}",
        "[]",
        "null",
        "I'm sorry, but I can't assist with that request.",
        "As an AI language model, I do not see pictures.",
        "Es tut mir leid, ich kann dieses Bild nicht beschreiben.",
        "Please upload the photo that you want described.",
        "Hello! How can I help you today?",
        "!!!!!!!!!!!!!!!!!!!!",
        "dog dog dog dog dog dog dog dog dog dog",
        "One. Two is more. Three is a crowd. Four are many.",
        "```json\n```",
        "{\"alt_text\": \"I'm sorry, I can't describe this image.\", \"caption\": \"\", \"tags\": []}",
        "{\"alt_text\": \"\", \"caption\": \"\", \"tags\": [\"dog\"]}",
        "{\"error\": \"the picture is missing\"}",
        "{\"alt_text\": \"A dog runs",
    ] {
        for result in both(text).await {
            assert!(
                matches!(result, Err(CaptionError::Unusable(_))),
                "{text}: {result:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_empty_answer_is_told_as_one() {
    for text in ["", " \n\n", "\u{feff}", "<think>\n</think>\n", "<|im_end|>"] {
        for result in both(text).await {
            let Err(CaptionError::Transient { reason, .. }) = result else {
                panic!("{text}: {result:?}");
            };
            assert!(reason.ends_with("gave an empty answer"), "{reason}");
        }
    }
}
