//! Captions by Gemini, over its REST API. The wire format is documented at
//! <https://ai.google.dev/api/generate-content>, errors at
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use platform::settings::GeminiSettings;
use reqwest::header::HeaderName;
use serde_json::{Value, json};

use super::answer::{Answer, End, Unread, Written};
use super::http::{Complaint, Endpoint, Http, Reply, SetupError};
use super::reply::{self, Texts, field};
use super::{Account, Answered, Caption, CaptionError, Captioner, Prompt, Subject, Usage};

/// A cap on what one answer may cost. A description takes some 300 tokens; models that think
/// before they write need the rest.
const MAX_OUTPUT_TOKENS: u32 = 8192;

/// Asks Gemini.
pub struct Gemini {
    http: Http,
    prompt: Prompt,
}

impl Gemini {
    /// A captioner that waits at most `patience` for each answer.
    ///
    /// # Errors
    /// If no connection can be set up: the key does not fit into a header, or this machine has
    /// no certificates to check servers by.
    pub fn new(
        settings: &GeminiSettings,
        prompt: Prompt,
        patience: Duration,
    ) -> Result<Self, SetupError> {
        let GeminiSettings {
            api_key,
            model,
            base_url,
        } = settings;
        let endpoint = Endpoint {
            provider: "gemini",
            name: "Gemini",
            url: format!("{base_url}/v1beta/models/{model}:generateContent"),
            model: model.clone(),
            key: Some(api_key.clone()),
            key_header: HeaderName::from_static("x-goog-api-key"),
            key_prefix: "",
            key_setting: "GEMINI_API_KEY",
        };
        let http = Http::new(endpoint, patience)?;
        Ok(Self { http, prompt })
    }
}

#[async_trait]
impl Captioner for Gemini {
    fn provider(&self) -> &'static str {
        self.http.account().provider
    }

    fn account(&self) -> Option<&Account> {
        Some(self.http.account())
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        let mut usage = Usage::default();
        let result = self.answer(subject, &mut usage).await;
        Answered { usage, result }
    }
}

impl Gemini {
    async fn answer(&self, subject: &Subject, usage: &mut Usage) -> Result<Caption, CaptionError> {
        let data = subject.picture.base64_jpeg();
        let prompt = self.prompt.in_language(&subject.language);
        let request = request(prompt, data);
        let reply = self.http.post(&request, Instant::now()).await?;
        let answer = self.read(&reply, usage)?;
        Ok(answer.into_caption(self.http.account(), &self.prompt, &subject.language))
    }

    #[cfg(feature = "testing")]
    pub(super) fn read_any(&self, reply: &Reply) -> Result<Answer, CaptionError> {
        self.read(reply, &mut Usage::default())
    }

    /// Finds the answer in a reply, and what it took.
    fn read(&self, reply: &Reply, usage: &mut Usage) -> Result<Answer, CaptionError> {
        let values = reply::values(&reply.body);
        let error = values.iter().map(|value| &value["error"]);
        let error = error.into_iter().find(|error| !error.is_null());
        if !reply.status.is_success() {
            let complaint = complaint(error.unwrap_or(&Value::Null));
            return Err(self.http.trouble(reply, reply.status.as_u16(), complaint));
        }
        if values.is_empty() {
            return Err(CaptionError::Unusable("it is none of Gemini's".to_owned()));
        }
        let generated = Generated::of(&values);
        *usage = generated.usage;
        let unread = match generated.written.read() {
            Ok(answer) => return Ok(answer),
            Err(unread) => unread,
        };
        match (error, &unread) {
            (Some(error), Unread::Empty | Unread::Unusable(_)) => {
                Err(self.http.empty(&complaint(error).message))
            }
            _ => Err(self.http.unread(unread)),
        }
    }
}

fn request(prompt: String, jpeg: String) -> Value {
    let text = |meaning: &str| json!({ "type": "STRING", "description": meaning });
    json!({
        "contents": [{
            "role": "user",
            "parts": [
                { "inline_data": { "mime_type": "image/jpeg", "data": jpeg } },
                { "text": prompt },
            ],
        }],
        "generationConfig": {
            "maxOutputTokens": MAX_OUTPUT_TOKENS,
            "responseMimeType": "application/json",
            "responseSchema": {
                "type": "OBJECT",
                "properties": {
                    "alt_text": text("one sentence, at most 160 characters"),
                    "caption": text("one paragraph"),
                    "tags": { "type": "ARRAY", "items": { "type": "STRING" }, "maxItems": 12 },
                },
                "required": ["alt_text", "caption", "tags"],
                "propertyOrdering": ["alt_text", "caption", "tags"],
            },
        },
    })
}

/// What was generated, put together from however many values it came in.
#[derive(Default)]
struct Generated {
    written: Written,
    usage: Usage,
}

impl Generated {
    fn of(values: &[Value]) -> Self {
        let mut generated = Self::default();
        let mut texts = Texts::default();
        for value in values {
            generated.add(value, &mut texts);
        }
        generated.written.text = texts.said;
        generated.written.thoughts = texts.thoughts;
        generated
    }

    fn add(&mut self, value: &Value, texts: &mut Texts) {
        let candidate = &value["candidates"][0];
        texts.add(&candidate["content"]["parts"]);
        let reason = finish_reason(field(candidate, &["finishReason", "finish_reason"]));
        let feedback = field(value, &["promptFeedback", "prompt_feedback"]);
        let blocked = field(feedback, &["blockReason", "block_reason"]).as_str();
        let blocked = blocked.filter(|reason| !matches!(*reason, "" | "BLOCK_REASON_UNSPECIFIED"));
        let end = match blocked {
            Some(reason) => End::Blocked(reason.chars().take(40).collect()),
            None => End::named(reason),
        };
        // Nothing that comes later takes a block back.
        if end != End::Untold && !matches!(self.written.end, End::Blocked(_)) {
            self.written.end = end;
        }
        let counted = field(value, &["usageMetadata", "usage_metadata"]);
        let count = |names: &[&str]| reply::count(field(counted, names));
        let tokens_in = count(&["promptTokenCount", "prompt_token_count"]);
        // What is paid for as output: the answer and the thoughts before it. Who is cut short
        // while thinking has written no answer, and is paid all the same.
        let tokens_out = [
            count(&["candidatesTokenCount", "candidates_token_count"]),
            count(&["thoughtsTokenCount", "thoughts_token_count"]),
        ]
        .into_iter()
        .flatten()
        .reduce(u32::saturating_add);
        self.usage.tokens_in = tokens_in.or(self.usage.tokens_in);
        self.usage.tokens_out = tokens_out.or(self.usage.tokens_out);
    }
}

/// A reason's name, also where a client of the API wrote its number
/// (`google.ai.generativelanguage.v1beta.Candidate.FinishReason`).
fn finish_reason(reason: &Value) -> &str {
    const NUMBERED: [&str; 12] = [
        "",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "LANGUAGE",
        "IMAGE_SAFETY",
    ];
    let number = reason
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    let numbered = number.and_then(|number| NUMBERED.get(number).copied());
    reason.as_str().or(numbered).unwrap_or_default()
}

/// Reads an error as Google's APIs word it: <https://cloud.google.com/apis/design/errors>.
pub(super) fn complaint(error: &Value) -> Complaint {
    let mut complaint = Complaint {
        message: error["message"].as_str().unwrap_or_default().to_owned(),
        // Said of the country that a request comes from, and of projects without billing.
        about_account: error["status"] == "FAILED_PRECONDITION",
        ..Complaint::default()
    };
    for detail in error["details"].as_array().into_iter().flatten() {
        let reason = detail["reason"].as_str().unwrap_or_default();
        complaint.about_key |= reason.starts_with("API_KEY_");
        if let Some(delay) = detail["retryDelay"].as_str().and_then(seconds) {
            complaint.retry_after = Some(delay);
        }
    }
    complaint
}

/// A duration as protocol buffers write it in JSON: `37s`, `1.5s`.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static CAPTIONER: LazyLock<Gemini> = LazyLock::new(|| {
        let settings = GeminiSettings {
            api_key: "lion-tiger-key".into(),
            model: "gemini-3.5-flash".to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
        };
        Gemini::new(&settings, Prompt::default(), Duration::from_secs(1)).unwrap()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_reply_ends_in_an_answer_or_a_reason(reply in reply::arbitrary::reply()) {
            match CAPTIONER.read(&reply, &mut Usage::default()) {
                Ok(answer) => prop_assert!((1..=160).contains(&answer.alt_text.chars().count())),
                Err(error) => {
                    let reason = error.to_string();
                    prop_assert!((1..=400).contains(&reason.chars().count()), "{}", reason);
                }
            }
        }
    }
}
