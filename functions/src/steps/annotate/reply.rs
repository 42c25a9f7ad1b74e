//! What servers wrap answers into: one JSON value, a list of them, one a line, or a stream of
//! events, although none was asked for; texts as strings or in parts; counts as any number.

use serde_json::Value;

use super::lenient_json::{self, Extent, Quotes, Work};

/// The JSON values of a body, in order.
pub(super) fn values(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if let Ok(value) = serde_json::from_str(text) {
        return match value {
            Value::Array(items) => items,
            value => vec![value],
        };
    }
    if is_event_stream(text) {
        return events(text);
    }
    let lines = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let lines: Vec<Value> = lines.map_while(Result::ok).collect();
    if lines.iter().any(Value::is_object) {
        return lines;
    }
    // Raw line breaks within strings and the like. What is not whole may be anything.
    let work = Work::on(text.len());
    let whole = text.strip_prefix('{').and_then(|members| {
        [Quotes::Escaped, Quotes::Unescaped]
            .into_iter()
            .find_map(|quotes| lenient_json::members(members, quotes, &work))
            .filter(|(_, extent)| *extent == Extent::Whole)
    });
    whole.into_iter().map(|(value, _)| value).collect()
}

/// Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
fn is_event_stream(text: &str) -> bool {
    ["data:", "event:", "id:", "retry:", ":"]
        .iter()
        .any(|field| text.starts_with(field))
}

/// Whether a stream has said that it is over; some servers then keep the connection.
pub(super) fn is_over(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    body.strip_suffix(b"[DONE]")
        .is_some_and(|rest| rest.trim_ascii_end().ends_with(b"data:"))
}

fn events(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut data = String::new();
    for line in text.lines().chain([""]) {
        let line = line.trim_end_matches('\r');
        if let Some(part) = line.strip_prefix("data:") {
            // Most servers put one value into each line and some leave out the line between.
            if let Ok(value) = serde_json::from_str(part) {
                values.push(value);
                data.clear();
            } else {
                data.push_str(part);
                data.push('\n');
            }
        } else if line.is_empty() {
            values.extend(serde_json::from_str::<Value>(&data));
            data.clear();
        }
    }
    values
}

/// The texts of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// What is said.
    pub(super) said: String,
    /// What was thought before.
    pub(super) thoughts: String,
    /// Why nothing is said.
    pub(super) refusal: String,
}

impl Texts {
    /// Adds what a message has as its content: a text, parts, or the answer as JSON.
    pub(super) fn add(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.said.push_str(text),
            Value::Array(parts) => {
                for part in parts {
                    self.add_part(part);
                }
            }
            Value::Object(_) => self.add_part(content),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_part(&mut self, part: &Value) {
        let kind = part["type"].as_str().unwrap_or_default();
        let text = ["text", "output_text", "content", "value"]
            .iter()
            .find_map(|field| {
                let text = &part[*field];
                text.as_str().or_else(|| text["value"].as_str())
            });
        if kind.contains("think") || kind.contains("reason") || part["thought"] == true {
            self.add_thoughts(part);
        } else if let Some(refusal) = part["refusal"].as_str() {
            self.refusal.push_str(refusal);
        } else if let Some(text) = part.as_str().or(text) {
            self.said.push_str(text);
        } else if part.is_object() && kind.is_empty() {
            self.said.push_str(&part.to_string());
        }
    }

    /// Adds thoughts, in whatever shape.
    pub(super) fn add_thoughts(&mut self, thoughts: &Value) {
        match thoughts {
            Value::String(text) => self.thoughts.push_str(text),
            Value::Array(parts) => {
                for part in parts {
                    self.add_thoughts(part);
                }
            }
            Value::Object(part) => {
                for field in ["thinking", "text", "reasoning", "content", "summary"] {
                    if let Some(text) = part.get(field) {
                        self.add_thoughts(text);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.trim().is_empty() && self.thoughts.trim().is_empty()
    }
}

/// A count of tokens: some servers write floats or texts, or -1 for what they do not know.
pub(super) fn count(value: &Value) -> Option<u32> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let is_count = (0.0..=f64::from(u32::MAX)).contains(&number);
    // Within the range, so nothing is lost but a fraction.
    is_count.then_some(number as u32)
}

/// The first of these fields that is there and not null.
pub(super) fn field<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    names
        .iter()
        .map(|name| &value[*name])
        .find(|value| !value.is_null())
        .unwrap_or(&Value::Null)
}

/// Replies that have the fields of real ones in places where they do not belong.
#[cfg(test)]
pub(super) mod arbitrary {
    use proptest::prelude::*;
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::super::http::Reply;

    #[rustfmt::skip]
    const FIELDS: &[&str] = &[
        "choices", "message", "delta", "content", "text", "type", "finish_reason", "refusal", "reasoning", "parsed", "index", "tool_calls",
        "function", "arguments", "usage", "prompt_tokens", "completion_tokens", "error", "errors", "detail", "loc", "msg", "code", "status",
        "data", "response", "output", "candidates", "parts", "thought", "finishReason", "promptFeedback", "blockReason", "usageMetadata",
        "candidatesTokenCount", "details", "reason", "retryDelay", "alt_text", "caption", "tags",
    ];

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            prop::sample::select(vec![
                "stop",
                "SAFETY",
                "length",
                "text",
                "A dog runs.",
                "API_KEY_INVALID",
                "1e30s",
                "{\"alt_text\": \"A dog.\"}"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(7, 60, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((prop::sample::select(FIELDS), inner), 0..5).prop_map(
                    |fields| {
                        Value::Object(
                            fields
                                .into_iter()
                                .map(|(name, value)| (name.to_owned(), value))
                                .collect(),
                        )
                    }
                ),
            ]
        })
    }

    pub(in super::super) fn reply() -> impl Strategy<Value = Reply> {
        let status = prop::sample::select(vec![
            200, 200, 200, 201, 204, 302, 400, 401, 404, 422, 429, 500, 503, 599,
        ]);
        let body = prop_oneof![
            value().prop_map(|value| value.to_string().into_bytes()),
            prop::collection::vec(value(), 0..4).prop_map(|values| {
                let events = values.iter().map(|value| format!("data: {value}\n\n"));
                events.collect::<String>().into_bytes()
            }),
            any::<Vec<u8>>(),
        ];
        (status, body).prop_map(|(status, body)| Reply {
            status: StatusCode::from_u16(status).unwrap(),
            body,
            retry_after: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_read_in_every_wrapping() {
        let expected = vec![json!({"a": 1}), json!({"a": 2})];
        for body in [
            "[{\"a\": 1}, {\"a\": 2}]",
            "{\"a\": 1}\n{\"a\": 2}\n",
            "{\"a\": 1}{\"a\": 2}{\"a\"",
            "data: {\"a\": 1}\n\ndata: {\"a\": 2}\n\ndata: [DONE]\n\n",
            "data:{\"a\":1}\ndata:{\"a\":2}\ndata:[DONE]",
            ": ping\r\n\r\nevent: m\r\nid: 7\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata: {\"a\": 2}\r\n\r\n",
        ] {
            assert_eq!(values(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(values(b"\xef\xbb\xbf{\"a\": 1}"), expected[..1]);
        assert_eq!(values(b"{\"a\": \"\xff\"}"), [json!({"a": "\u{fffd}"})]);
        assert_eq!(values(b"{\"a\": \"b\nc\"}"), [json!({"a": "b\nc"})]);
    }

    #[test]
    fn what_is_no_json_has_no_values() {
        for body in [
            "",
            "<html>",
            "A dog.",
            "{\"a\": 1",
            "{\"a\": \"b\nc",
            "data: A dog.\n\n",
        ] {
            assert_eq!(values(body.as_bytes()), Vec::<Value>::new(), "{body}");
        }
    }

    #[test]
    fn a_stream_is_over_when_it_says_so() {
        assert!(is_over(b"data: {}\n\ndata: [DONE]\n\n"));
        assert!(!is_over(b"data: {}\n\n"));
        assert!(!is_over(b"{\"a\": \"[DONE]"));
    }

    #[test]
    fn a_count_is_a_number_of_tokens_or_unknown() {
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12"), Some(12)),
            (json!(-1), None),
            (json!(1e30), None),
            (json!("many"), None),
            (json!("NaN"), None),
            (json!(null), None),
            (json!([12]), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }
}
