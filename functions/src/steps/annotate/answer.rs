//! What a model wrote, read strictly: whatever it answers, what comes out is a legal caption or
//! an error.

use serde::Deserialize;

use super::{Account, Caption, CaptionError, Prompt};

/// Alt text is cut to this many characters, about as much as screen readers say in one go.
const ALT_TEXT: usize = 160;
/// The paragraph is cut to this many characters.
const PARAGRAPH: usize = 2_000;
/// As many tags are kept.
const TAGS: usize = 12;
/// A tag is cut to this many characters.
const TAG: usize = 40;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) alt_text: String,
    pub(super) paragraph: String,
    pub(super) tags: Vec<String>,
}

impl Answer {
    /// The caption, with where it comes from.
    pub(super) fn into_caption(
        self,
        account: &Account,
        prompt: &Prompt,
        language: &str,
    ) -> Caption {
        Caption {
            text: self.alt_text,
            paragraph: Some(self.paragraph),
            tags: self.tags,
            provider: account.provider.to_owned(),
            model: Some(account.model.clone()),
            prompt_version: Some(prompt.version().to_owned()),
            language: language.to_owned(),
        }
    }
}

/// The answer as the model writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    alt_text: String,
    caption: String,
    tags: Vec<String>,
}

/// Reads what a model wrote.
pub(super) fn parse(text: &str) -> Result<Answer, CaptionError> {
    let written: Written = serde_json::from_str(unfenced(text)).map_err(|error| {
        // The error's own text would repeat the answer.
        let (line, column) = (error.line(), error.column());
        unusable(format!(
            "it is not the JSON that was asked for (line {line}, column {column})"
        ))
    })?;
    let alt_text = shortened(&without_opening(&clean(&written.alt_text)), ALT_TEXT);
    let paragraph = shortened(&clean(&written.caption), PARAGRAPH);
    if !alt_text.chars().any(char::is_alphanumeric) {
        return Err(unusable("alt_text says nothing"));
    }
    if paragraph.is_empty() {
        return Err(unusable("caption is empty"));
    }
    Ok(Answer {
        alt_text,
        paragraph,
        tags: tags(&written.tags),
    })
}

fn unusable(why: impl Into<String>) -> CaptionError {
    CaptionError::Unusable(why.into())
}

/// Small models like to wrap JSON into a Markdown fence.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
    else {
        return text;
    };
    inner.strip_prefix("json").unwrap_or(inner)
}

/// One line without control characters, single spaces between words.
fn clean(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Screen readers say that it is an image; a text that does so too says it twice.
fn without_opening(text: &str) -> String {
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
fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let head: String = text.chars().take(limit - 1).collect();
    let end = head.rfind(' ').unwrap_or(head.len());
    let kept = head[..end].trim_end_matches([',', ';', ':', '.', ' ']);
    format!("{kept}…")
}

fn tags(written: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in written {
        let tag = shortened(&clean(tag).to_lowercase(), TAG);
        if tag.chars().any(char::is_alphanumeric) && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.truncate(TAGS);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(alt_text: &str, tags: &[&str]) -> Answer {
        let written =
            serde_json::json!({"alt_text": alt_text, "caption": "A day out.", "tags": tags});
        parse(&written.to_string()).unwrap()
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
    fn a_fence_around_the_answer_is_taken_off() {
        let fenced =
            "```json\n{\"alt_text\": \"A dog.\", \"caption\": \"A dog.\", \"tags\": []}\n```";
        assert_eq!(parse(fenced).unwrap().alt_text, "A dog.");
    }

    #[test]
    fn what_was_not_asked_for_cannot_be_used() {
        for text in [
            "",
            "A dog.",
            "[]",
            "```",
            r#"{"alt_text": "A dog.", "tags": []}"#,
            r#"{"alt_text": " ", "caption": "A dog.", "tags": []}"#,
            r#"{"alt_text": "A dog.", "caption": "", "tags": []}"#,
            r#"{"alt_text": "A dog.", "caption": "A dog.", "tags": "dog"}"#,
            r#"{"alt_text": "A dog.", "caption": "A dog.", "tags": [7]}"#,
            r#"{"alt_text": "A dog.", "caption": "A dog.", "tags": [], "mood": "calm"}"#,
            r#"{"alt_text": "A dog.", "caption": "A dog.", "tags": []"#,
        ] {
            let found = parse(text);
            assert!(
                matches!(found, Err(CaptionError::Unusable(_))),
                "{text}: {found:?}"
            );
        }
    }
}
