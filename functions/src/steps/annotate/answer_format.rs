//! Which way of asking for JSON a server understands. Some know no schemas and some no
//! `response_format` at all. What worked is remembered: here as long as the process runs, and in the
//! table `provider` for all processes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// After a server was in trouble whatever it was asked, other formats are not tried for so long.
const QUIET: Duration = Duration::from_secs(60);

/// A value of `response_format`, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// JSON by a schema.
    Schema,
    /// Any JSON object.
    Object,
    /// Whatever the prompt says; the field is left out.
    Prompt,
}

impl AnswerFormat {
    const ALL: [Self; 3] = [Self::Schema, Self::Object, Self::Prompt];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Object => "object",
            Self::Prompt => "prompt",
        }
    }

    /// For people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Schema => "response_format json_schema",
            Self::Object => "response_format json_object, and no schema",
            Self::Prompt => "no response_format, only the prompt",
        }
    }

    /// None for a name of a later version.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// The field of a request.
    pub(super) fn field(self, has_translations: bool) -> Option<Value> {
        match self {
            Self::Schema => Some(json!({
                "type": "json_schema",
                "json_schema": {
                    "name": "description",
                    "strict": true,
                    "schema": schema(has_translations),
                },
            })),
            Self::Object => Some(json!({ "type": "json_object" })),
            Self::Prompt => None,
        }
    }

    fn simpler(self) -> Option<Self> {
        match self {
            Self::Schema => Some(Self::Object),
            Self::Object => Some(Self::Prompt),
            Self::Prompt => None,
        }
    }
}

fn schema(has_translations: bool) -> Value {
    let text = || json!({ "type": "string" });
    let mut schema = json!({
        "type": "object",
        "properties": {
            "alt_text": text(),
            "caption": text(),
            "tags": { "type": "array", "items": text() },
        },
        "required": ["alt_text", "caption", "tags"],
        "additionalProperties": false,
    });
    if has_translations {
        schema["required"] = json!(["alt_text", "caption", "tags", "translations"]);
        schema["properties"]["translations"] = json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": { "language": text(), "alt_text": text(), "caption": text() },
                "required": ["language", "alt_text", "caption"],
                "additionalProperties": false,
            },
        });
    }
    schema
}

/// What is known of one server and model.
#[derive(Debug, Default)]
pub(super) struct KnownFormat(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    works: Option<AnswerFormat>,
    quiet_until: Option<Instant>,
}

impl KnownFormat {
    /// The format to begin with.
    pub(super) fn first(&self) -> AnswerFormat {
        self.known().works.unwrap_or(AnswerFormat::Schema)
    }

    /// A request in this format was answered, perhaps to another process.
    pub(super) fn works(&self, format: AnswerFormat) {
        *self.known() = Known {
            works: Some(format),
            quiet_until: None,
        };
    }

    /// The format to try after this one was refused with this status, if the format may be why.
    pub(super) fn after(
        &self,
        refused: AnswerFormat,
        status: u16,
        message: &str,
    ) -> Option<AnswerFormat> {
        let known = self.known();
        let may_be_why = match status {
            400 | 406 | 415 | 422 => true,
            // About the account, or being busy.
            401..=403 | 429 => false,
            _ if names_format(message) => true,
            // Most servers say 500 of anything.
            500 | 501 => {
                known.works.is_none()
                    && known.quiet_until.is_none_or(|until| until < Instant::now())
            }
            _ => false,
        };
        refused.simpler().filter(|_| may_be_why)
    }

    /// Every format was refused, the last with this status: the format is not why.
    pub(super) fn none_works(&self) {
        self.known().quiet_until = Some(Instant::now() + QUIET);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a message is about the format.
fn names_format(message: &str) -> bool {
    let message = message.to_ascii_lowercase().replace(['-', '_', '\''], " ");
    [
        "response format",
        "json schema",
        "json object",
        "json mode",
        "structured output",
        "grammar",
        "guided",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnswerFormat::{Object, Prompt, Schema};

    #[test]
    fn a_refused_format_is_followed_by_a_simpler_one() {
        let known = KnownFormat::default();
        assert_eq!(known.first(), Schema);
        for status in [400, 422, 500] {
            assert_eq!(known.after(Schema, status, ""), Some(Object));
            assert_eq!(known.after(Object, status, ""), Some(Prompt));
            assert_eq!(known.after(Prompt, status, ""), None);
        }
        for status in [401, 404, 413, 429, 502, 503] {
            assert_eq!(known.after(Schema, status, "no"), None);
        }
        let message = "'response_format.type' must be 'text'";
        assert_eq!(known.after(Schema, 502, message), Some(Object));
    }

    #[test]
    fn what_worked_is_remembered() {
        let known = KnownFormat::default();
        known.works(Prompt);
        assert_eq!(known.first(), Prompt);
    }

    #[test]
    fn trouble_of_a_server_whose_format_is_known_is_not_about_the_format() {
        let known = KnownFormat::default();
        known.works(Schema);
        assert_eq!(known.after(Schema, 500, "out of memory"), None);
        assert_eq!(known.after(Schema, 400, "no"), Some(Object));
    }

    #[test]
    fn a_server_in_trouble_is_not_asked_three_times_each_time() {
        let known = KnownFormat::default();
        known.none_works();
        assert_eq!(known.after(Schema, 500, ""), None);
        assert_eq!(known.after(Schema, 400, ""), Some(Object));
    }
}
