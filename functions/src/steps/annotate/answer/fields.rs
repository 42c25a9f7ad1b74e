//! The fields of an answer: found under the names that models give them, in the shapes that they
//! come in, and brought within the limits of a caption.

use entity::image::Translation;
use serde_json::{Map, Value};

use super::texts::{ALT_TEXT, PARAGRAPH, TAGS, clean, shortened, tags, without_opening};
use super::{Answer, DECLINES, Unread};
use crate::steps::annotate::prose;

/// An object within more wrappers than this is not looked for.
pub(super) const MAX_WRAPPERS: usize = 4;

/// Names of the field for alt text, as [`field_name`] spells them, the best first.
pub(super) const ALT_TEXT_NAMES: &[&str] = &["alttext", "alt", "alternativetext", "imagealttext"];
/// Names of the field for the paragraph.
pub(super) const PARAGRAPH_NAMES: &[&str] = &[
    "caption",
    "description",
    "paragraph",
    "longdescription",
    "detaileddescription",
    "extendeddescription",
];
/// Names of the field for the same in other languages.
const TRANSLATION_NAMES: &[&str] = &["translations", "languages", "translated"];
/// Names of the field for a translation's language.
const LANGUAGE_NAMES: &[&str] = &["language", "lang", "language_tag", "code", "locale"];
/// Translations that are read.
const MAX_TRANSLATIONS: usize = 20;
/// Names of the field for tags.
pub(super) const TAG_NAMES: &[&str] = &["tags", "keywords", "hashtags", "labels", "tag"];

/// The fields of an answer as they were written.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    alt_text: String,
    paragraph: Option<String>,
    tags: Vec<String>,
    /// With the language of each.
    translations: Vec<(String, Fields)>,
}

impl Fields {
    pub(super) fn of(members: &Map<String, Value>) -> Option<Self> {
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
        let translations = named(TRANSLATION_NAMES).map_or_else(Vec::new, translations);
        let fields = match (alt_text, paragraph) {
            (Some(alt_text), paragraph) => Self {
                alt_text,
                paragraph,
                tags,
                translations,
            },
            (None, Some(paragraph)) => Self {
                tags,
                translations,
                ..Self::of_paragraph(&paragraph)
            },
            (None, None) => return None,
        };
        Some(fields)
    }

    /// A description in one piece: all of it is the alt text if it is short enough, otherwise its
    /// first sentences are.
    pub(super) fn of_paragraph(text: &str) -> Self {
        let alt_text = prose::opening(text, ALT_TEXT);
        Self {
            paragraph: (alt_text.len() < text.len() || text.chars().count() > ALT_TEXT)
                .then(|| text.to_owned()),
            alt_text,
            tags: Vec::new(),
            translations: Vec::new(),
        }
    }

    /// Within the limits of a caption.
    pub(super) fn answer(self) -> Result<Answer, Unread> {
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
        let translations = self
            .translations
            .into_iter()
            .filter_map(|(language, said)| {
                // Deeper ones are dropped: a translation has none.
                let answer = Self {
                    translations: Vec::new(),
                    ..said
                }
                .answer()
                .ok()?;
                Some(Translation {
                    language,
                    text: answer.alt_text,
                    paragraph: answer.paragraph,
                })
            });
        let translations = translations.collect();
        Ok(Answer {
            alt_text,
            paragraph,
            tags: tags(&self.tags),
            translations,
        })
    }
}

/// A list of objects with their languages, or an object from languages to texts.
fn translations(value: &Value) -> Vec<(String, Fields)> {
    let fields = |value: &Value| match value {
        Value::Object(members) => Fields::of(members),
        Value::String(text) => {
            let text = clean(text);
            (!prose::says_nothing(&text)).then(|| Fields::of_paragraph(&text))
        }
        _ => None,
    };
    let tag = |text: &str| text.trim().replace('_', "-");
    let found: Vec<_> = match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                let mut language = LANGUAGE_NAMES.iter().map(|name| &item[*name]);
                let language = language.find_map(Value::as_str)?;
                Some((tag(language), fields(item)?))
            })
            .take(MAX_TRANSLATIONS)
            .collect(),
        Value::Object(members) => members
            .iter()
            .filter_map(|(language, said)| Some((tag(language), fields(said)?)))
            .take(MAX_TRANSLATIONS)
            .collect(),
        _ => Vec::new(),
    };
    found
}

/// `altText`, `Alt text` and `ALT_TEXT` are one name.
pub(super) fn field_name(key: &str) -> String {
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
