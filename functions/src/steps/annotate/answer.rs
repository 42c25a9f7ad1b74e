//! What a model wrote. The prompt and the schema ask for one JSON object; models put it into
//! fences, after thoughts, into lists, and leave fields out. Whatever of it is usable becomes a
//! legal caption, everything else a reason.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::lenient_json::{self, Extent, Quotes, Work};
use super::{Account, Caption, Prompt, markup, prose};

/// Alt text is cut to this many characters, about as much as screen readers say in one go.
const ALT_TEXT: usize = 160;
/// The paragraph is cut to this many characters.
const PARAGRAPH: usize = 2_000;
/// As many tags are kept.
const TAGS: usize = 12;
/// A tag is cut to this many characters.
const TAG: usize = 40;

/// An object within more wrappers than this is not looked for.
const MAX_WRAPPERS: usize = 4;

/// Names of the field for alt text, as [`field_name`] spells them, the best first.
const ALT_TEXT_NAMES: &[&str] = &["alttext", "alt", "alternativetext", "imagealttext"];
/// Names of the field for the paragraph.
const PARAGRAPH_NAMES: &[&str] = &[
    "caption",
    "description",
    "paragraph",
    "longdescription",
    "detaileddescription",
    "extendeddescription",
];
/// Names of the field for tags.
const TAG_NAMES: &[&str] = &["tags", "keywords", "hashtags", "labels", "tag"];

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) alt_text: String,
    pub(super) paragraph: Option<String>,
    pub(super) tags: Vec<String>,
}

/// What a model wrote, and how that ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// What the server took for the model's thoughts.
    pub(super) thoughts: String,
    pub(super) end: End,
}

/// How a text ended, by what the server calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// The server does not say.
    #[default]
    Untold,
    /// The model was done.
    Finished,
    /// The text was cut at a limit.
    Cut(String),
    /// Something went wrong.
    Failed(String),
    /// The text was held back for its content.
    Blocked(String),
    /// A name that is not known.
    Unknown(String),
}

/// Why there is no answer in what a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing was written.
    Empty,
    /// It was held back for its content.
    Blocked(String),
    /// It is of no use.
    Unusable(String),
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
            paragraph: self.paragraph,
            tags: self.tags,
            provider: account.provider.to_owned(),
            model: Some(account.model.clone()),
            prompt_version: Some(prompt.version().to_owned()),
            language: language.to_owned(),
        }
    }
}

impl End {
    /// The end of this name, in the spelling of whatever server.
    pub(super) fn named(name: &str) -> Self {
        // Part of the answer, so not ours to repeat at any length.
        let told: String = name.trim().chars().take(40).collect();
        let name = told
            .to_ascii_lowercase()
            .replace(['-', ' '], "_")
            .trim_start_matches("finishreason.")
            .trim_start_matches("finish_reason_")
            .to_owned();
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if matches!(name.as_str(), "" | "null" | "none" | "unspecified") {
            Self::Untold
        } else if says(&[
            "filter",
            "safety",
            "prohibited",
            "blocklist",
            "blocked",
            "spii",
            "refus",
            "sensitive",
            "moderation",
            "policy",
            "guardrail",
        ]) {
            Self::Blocked(told)
        } else if says(&[
            "error",
            "abort",
            "cancel",
            "fail",
            "timeout",
            "recitation",
            "malformed",
            "language",
        ]) {
            Self::Failed(told)
        } else if says(&[
            "length",
            "max_",
            "maxtokens",
            "limit",
            "truncat",
            "incomplete",
            "exceed",
        ]) {
            Self::Cut(told)
        } else if says(&[
            "stop", "eos", "end", "complete", "done", "finish", "success",
        ]) {
            Self::Finished
        } else {
            Self::Unknown(told)
        }
    }

    /// How much of the text has to be there after such an end. Where a server says that the model
    /// was done, a description whose paragraph lacks its end is what the model had to say.
    fn needs(&self) -> Extent {
        match self {
            Self::Finished => Extent::Cut,
            Self::Untold | Self::Unknown(_) => Extent::Unclosed,
            Self::Cut(_) | Self::Failed(_) | Self::Blocked(_) => Extent::Whole,
        }
    }

    fn unread(&self, otherwise: &str) -> Unread {
        match self {
            Self::Blocked(name) => Unread::Blocked(name.clone()),
            Self::Cut(name) | Self::Failed(name) | Self::Unknown(name) => {
                Unread::Unusable(format!("it ended with {name}"))
            }
            Self::Finished | Self::Untold => Unread::Unusable(otherwise.to_owned()),
        }
    }
}

impl Written {
    /// Finds the answer.
    pub(super) fn read(&self) -> Result<Answer, Unread> {
        if let End::Blocked(_) = self.end {
            return Err(self.end.unread(""));
        }
        let work = Work::on(self.text.len() + self.thoughts.len());
        let said = markup::after_thoughts(&self.text);
        let found = first_object(said, &work)
            .or_else(|| escaped_object(said, &work))
            .or_else(|| object_without_brace(said, &work));
        match found {
            Some((extent, fields)) if extent <= self.end.needs() => return fields.answer(),
            Some(_) => return Err(self.end.unread("it ends in the middle")),
            None => {}
        }
        let plain = markup::without_tokens(said);
        if let Some(fields) = self.without_json(&plain) {
            return fields.answer();
        }
        if prose::declines(plain.trim()) {
            return Err(Unread::Unusable(DECLINES.to_owned()));
        }
        // Models forget to end their thoughts, or end them after the answer.
        let in_thoughts = || {
            last_whole_object(&self.text, &work)
                .or_else(|| last_whole_object(&self.thoughts, &work))
        };
        if !said.contains('{')
            && let Some((_, fields)) = in_thoughts()
        {
            return fields.answer();
        }
        if plain.trim().is_empty() && matches!(self.end, End::Finished | End::Untold) {
            return Err(Unread::Empty);
        }
        Err(self.end.unread(
            "it is neither the JSON that was asked for nor one or two sentences about the picture",
        ))
    }

    /// What a model wrote that knows of no JSON.
    fn without_json(&self, plain: &str) -> Option<Fields> {
        let must_end = match self.end {
            End::Finished | End::Untold | End::Unknown(_) => false,
            End::Cut(_) => true,
            End::Failed(_) | End::Blocked(_) => return None,
        };
        labelled(plain)
            .filter(|_| !must_end)
            .or_else(|| Some(Fields::of_paragraph(&prose::read(plain, must_end)?)))
    }
}

const DECLINES: &str = "it declines to describe the picture";

/// Whether a server answered with the object itself, without anything around it.
pub(super) fn is_answer(value: &Value) -> bool {
    matches!(value, Value::Object(members) if Fields::of(members).is_some())
}

/// An object and how much of it is there.
type Found = (Extent, Fields);

/// The first of the most complete objects that describe a picture.
fn first_object(text: &str, work: &Work) -> Option<Found> {
    object_in(text, work, 0, false)
}

/// The last whole one: thoughts begin with drafts.
fn last_whole_object(text: &str, work: &Work) -> Option<Found> {
    object_in(text, work, 0, true).filter(|(extent, _)| *extent == Extent::Whole)
}

fn object_in(text: &str, work: &Work, wrappers: usize, last: bool) -> Option<Found> {
    let mut best: Option<Found> = None;
    for quotes in [Quotes::Escaped, Quotes::Unescaped] {
        lenient_json::each_object(text, quotes, work, |value, extent| {
            let is_better = best
                .as_ref()
                .is_none_or(|(so_far, _)| extent < *so_far || (last && extent == *so_far));
            if is_better && let Some(fields) = Fields::within(&value, work, wrappers) {
                best = Some((extent, fields));
                if extent == Extent::Whole && !last {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        if best
            .as_ref()
            .is_some_and(|(extent, _)| *extent == Extent::Whole)
        {
            break;
        }
    }
    best
}

/// JSON that was written into a JSON string, once or twice, or into HTML.
fn escaped_object(text: &str, work: &Work) -> Option<Found> {
    if text.contains("&quot;") {
        return first_object(&text.replace("&quot;", "\"").replace("&amp;", "&"), work);
    }
    let mut text = text.to_owned();
    for _ in 0..2 {
        if !text.contains("\\\"") {
            return None;
        }
        text = markup::unescaped(&text);
        if let Some(found) = first_object(&text, work) {
            return Some(found);
        }
    }
    None
}

/// `"alt_text": "…"` and so on, without the brace before it.
fn object_without_brace(text: &str, work: &Work) -> Option<Found> {
    let at = text.find(['"', '\''])?;
    let names_alt_text = text[at + 1..].get(..3)?.eq_ignore_ascii_case("alt");
    if text.contains('{') || !names_alt_text {
        return None;
    }
    [Quotes::Escaped, Quotes::Unescaped]
        .into_iter()
        .find_map(|quotes| {
            let (value, extent) = lenient_json::members(&text[at..], quotes, work)?;
            Some((extent, Fields::of(value.as_object()?)?))
        })
}

/// Lines such as `Alt text: …`, `**Caption:** …`, as models write that know of no JSON.
fn labelled(text: &str) -> Option<Fields> {
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

/// The fields of an answer as they were written.
#[derive(Clone, Debug)]
struct Fields {
    alt_text: String,
    paragraph: Option<String>,
    tags: Vec<String>,
}

impl Fields {
    /// The fields of an object, or of one that it wraps.
    fn within(value: &Value, work: &Work, wrappers: usize) -> Option<Self> {
        if wrappers > MAX_WRAPPERS {
            return None;
        }
        let deeper = |value: &Value| Self::within(value, work, wrappers + 1);
        match value {
            Value::Object(members) => {
                Self::of(members).or_else(|| members.values().find_map(deeper))
            }
            Value::Array(items) => items.iter().find_map(deeper),
            Value::String(text) if text.contains('{') => object_in(text, work, wrappers + 1, false)
                .filter(|(extent, _)| *extent == Extent::Whole)
                .map(|(_, fields)| fields),
            _ => None,
        }
    }

    fn of(members: &Map<String, Value>) -> Option<Self> {
        // Some models repeat the schema.
        if members.get("type").is_some_and(Value::is_string) && !members.contains_key("alt_text") {
            return None;
        }
        let named = |names: &[&str]| {
            names.iter().find_map(|name| {
                let mut fields = members.iter();
                fields
                    .find(|(key, value)| field_name(key) == *name && !value.is_null())
                    .map(|(_, value)| value)
            })
        };
        let text = |names: &[&str]| {
            let text = clean(&text_of(named(names)?)?);
            (!prose::says_nothing(&text) && !holds_json(&text)).then_some(text)
        };
        let (alt_text, paragraph) = (text(ALT_TEXT_NAMES), text(PARAGRAPH_NAMES));
        let mut tags = Vec::new();
        if let Some(written) = named(TAG_NAMES) {
            collect_tags(written, &mut tags, 0);
        }
        let fields = match (alt_text, paragraph) {
            (Some(alt_text), paragraph) => Self {
                alt_text,
                paragraph,
                tags,
            },
            (None, Some(paragraph)) => Self {
                tags,
                ..Self::of_paragraph(&paragraph)
            },
            (None, None) => return None,
        };
        Some(fields)
    }

    /// A description in one piece: all of it is the alt text if it is short enough, otherwise its
    /// first sentences are.
    fn of_paragraph(text: &str) -> Self {
        let alt_text = prose::opening(text, ALT_TEXT);
        Self {
            paragraph: (alt_text.len() < text.len() || text.chars().count() > ALT_TEXT)
                .then(|| text.to_owned()),
            alt_text,
            tags: Vec::new(),
        }
    }

    /// Within the limits of a caption.
    fn answer(self) -> Result<Answer, Unread> {
        if prose::declines(&self.alt_text) {
            return Err(Unread::Unusable(DECLINES.to_owned()));
        }
        let alt_text = shortened(&without_opening(&clean(&self.alt_text)), ALT_TEXT);
        if !alt_text.chars().any(char::is_alphanumeric) {
            return Err(Unread::Unusable("its alt text says nothing".to_owned()));
        }
        let paragraph = self
            .paragraph
            .map(|text| shortened(&clean(&text), PARAGRAPH))
            .filter(|text| !text.is_empty() && !prose::declines(text));
        Ok(Answer {
            alt_text,
            paragraph,
            tags: tags(&self.tags),
        })
    }
}

/// `altText`, `Alt text` and `ALT_TEXT` are one name.
fn field_name(key: &str) -> String {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The text in a value that should be one.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().map_while(Value::as_str).collect();
            (!texts.is_empty()).then(|| texts.join(" "))
        }
        Value::Object(members) if !members.contains_key("type") => ["text", "value", "content"]
            .iter()
            .find_map(|name| members.get(*name)?.as_str())
            // Such as a language and the text in it.
            .or_else(|| {
                members
                    .values()
                    .next()
                    .filter(|_| members.len() == 1)?
                    .as_str()
            })
            .map(str::to_owned),
        _ => None,
    }
}

/// A sign that a string without its quote went on into the next fields.
fn holds_json(text: &str) -> bool {
    [
        "caption\"",
        "tags\"",
        "alt_text\"",
        "caption'",
        "tags'",
        "alt_text'",
    ]
    .iter()
    .any(|name| text.contains(name))
}

/// The tags in a list, a text, a map from or to tags, or objects with a name each.
fn collect_tags(value: &Value, tags: &mut Vec<String>, depth: usize) {
    // Enough to fill what is kept after those that are dropped.
    if tags.len() > 20 * TAGS || depth > MAX_WRAPPERS {
        return;
    }
    match value {
        Value::String(text) => {
            // `#dog #sand`, but not `C#`.
            let is_hashed = text.trim_start().starts_with('#');
            let hashes = text.replace(if is_hashed { "#" } else { " #" }, ",");
            let parts = hashes.split([',', ';', '\n', '，', '、', '|']);
            tags.extend(parts.take(20 * TAGS).map(str::to_owned));
        }
        Value::Number(number) => tags.push(number.to_string()),
        Value::Array(items) => {
            for item in items {
                collect_tags(item, tags, depth + 1);
            }
        }
        Value::Object(members) => {
            let names = ["tag", "name", "label", "text", "value", "keyword"];
            if let Some(tag) = names.iter().find_map(|name| members.get(*name)) {
                collect_tags(tag, tags, depth + 1);
            } else if members
                .values()
                .all(|tags| tags.is_string() || tags.is_array())
            {
                for tag in members.values() {
                    collect_tags(tag, tags, depth + 1);
                }
            } else {
                tags.extend(members.keys().take(20 * TAGS).cloned());
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// One line without control characters and tokens of the model, single spaces between words.
fn clean(text: &str) -> String {
    let plain: String = markup::without_tokens(text)
        .chars()
        .map(|c| match c {
            // Marks that turn the direction of everything after them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    prose::without_quotes(&line).to_owned()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, end: &str) -> Result<Answer, Unread> {
        let written = Written {
            text: text.to_owned(),
            thoughts: String::new(),
            end: End::named(end),
        };
        written.read()
    }

    fn answer(alt_text: &str, tags: &[&str]) -> Answer {
        let written =
            serde_json::json!({"alt_text": alt_text, "caption": "A day out.", "tags": tags});
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
        assert!(
            long.alt_text.starts_with("A dog runs. It is wet.") && long.alt_text.ends_with('.')
        );
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
}
