//! What servers answer when something is wrong.

use serde_json::Value;

use crate::steps::annotate::gemini;
use crate::steps::annotate::http::Complaint;
use crate::steps::annotate::reply::field;

/// Reads an error: `{"error": {"message", "type", "code"}}`, or, on some servers,
/// `{"error": "message"}`, `{"message"}` (vLLM for years), `{"detail"}` (FastAPI), or plain text.
pub(super) fn complaint(values: &[Value], body: &[u8]) -> Complaint {
    let said = values.iter().find(|value| !error_of(value).is_null());
    let said = said.or(values.first()).unwrap_or(&Value::Null);
    let error = error_of(said);
    // Google's own address for clients of OpenAI's has Google's errors.
    let google = gemini::complaint(error);
    let message = [
        &error["message"],
        error,
        &error["metadata"]["raw"],
        &error["detail"],
        &said["message"],
        &said["detail"],
        &said["detail"]["message"],
        &said["detail"][0]["msg"],
    ];
    let message = message.into_iter().find_map(|text| {
        let text = text.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    });
    // FastAPI says separately which field it does not like.
    let place = said["detail"][0]["loc"].as_array().into_iter().flatten();
    let place: Vec<&str> = place.filter_map(Value::as_str).collect();
    let message = match message {
        Some(message) if !place.is_empty() => format!("{}: {message}", place.join(".")),
        Some(message) => message,
        None if values.is_empty() => plain(body),
        None => String::new(),
    };
    let [code, kind] = ["code", "type"].map(|field| error[field].as_str().unwrap_or_default());
    Complaint {
        message,
        about_key: google.about_key || code == "invalid_api_key",
        about_account: google.about_account || [code, kind].contains(&"insufficient_quota"),
        about_content: matches!(
            code,
            "content_policy_violation" | "content_filter" | "invalid_prompt"
        ),
        retry_after: google.retry_after,
    }
}

/// The error in a value; OpenRouter puts it into the choice where an answer had begun.
pub(super) fn error_of(value: &Value) -> &Value {
    [
        &value["choices"][0]["error"],
        &value["error"],
        &value["errors"][0],
    ]
    .into_iter()
    .find(|error| !error.is_null())
    .unwrap_or(&Value::Null)
}

/// An error in plain text; pages of HTML say nothing to anybody.
fn plain(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(1000).collect();
    let text = text.trim();
    if text.starts_with('<') {
        return String::new();
    }
    text.to_owned()
}

/// The status that a gateway got, where it answers with 200 itself.
pub(super) fn error_status(values: &[Value]) -> Option<u16> {
    values.iter().find_map(|value| {
        let error = error_of(value);
        let code = field(error, &["code", "status_code", "status", "http_status"]);
        let code = match code {
            Value::String(text) => text.parse().ok(),
            code => code.as_u64(),
        };
        code.and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..=599).contains(code))
    })
}
