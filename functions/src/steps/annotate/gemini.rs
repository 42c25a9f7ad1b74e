//! Captions by Gemini, over its REST API. The wire format is documented at
//! <https://ai.google.dev/api/generate-content>, errors at
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>.

use std::time::Duration;

use async_trait::async_trait;
use platform::settings::GeminiSettings;
use reqwest::header::HeaderName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Complaint, Endpoint, Http, SetupError};
use super::{
    Account, Answered, Caption, CaptionError, Captioner, Prompt, Subject, Usage, answer,
    caption_input,
};

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
        let data = caption_input::base64_jpeg(&subject.picture).await?;
        let prompt = self.prompt.in_language(&subject.language);
        let reply = self.http.post(&request(prompt, data)).await?;
        if !reply.status.is_success() {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            return Err(self.http.trouble(&reply, complaint(&body["error"])));
        }
        let response: Response = serde_json::from_slice(&reply.body)
            .map_err(|_| CaptionError::Unusable("it is none of Gemini's".to_owned()))?;
        let counted = response.usage_metadata.clone().unwrap_or_default();
        *usage = Usage {
            tokens_in: counted.prompt_token_count,
            tokens_out: counted.out(),
        };
        let answer = answer::parse(&text(response)?)?;
        Ok(answer.into_caption(self.http.account(), &self.prompt, &subject.language))
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    prompt_token_count: Option<u32>,
    candidates_token_count: Option<u32>,
    thoughts_token_count: Option<u32>,
}

impl Counted {
    /// What is paid for as output: the answer and the thoughts before it. Who is cut short while
    /// thinking has written no answer, and is paid all the same.
    fn out(&self) -> Option<u32> {
        [self.candidates_token_count, self.thoughts_token_count]
            .into_iter()
            .flatten()
            .reduce(u32::saturating_add)
    }
}

/// What the model wrote, if it wrote to the end.
fn text(response: Response) -> Result<String, CaptionError> {
    if let Some(reason) = response.prompt_feedback.and_then(|said| said.block_reason) {
        return Err(CaptionError::Blocked(reason));
    }
    let Some(candidate) = response.candidates.into_iter().next() else {
        return Err(CaptionError::Transient {
            reason: "Gemini gave an empty answer".to_owned(),
            retry_after: None,
        });
    };
    match candidate.finish_reason.as_deref() {
        Some("STOP") => {}
        Some(
            reason @ ("SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "IMAGE_SAFETY"),
        ) => return Err(CaptionError::Blocked(reason.to_owned())),
        Some(reason) => {
            // Part of the answer, so not ours to repeat at any length.
            let reason: String = reason.chars().take(40).collect();
            return Err(CaptionError::Unusable(format!("it ended with {reason}")));
        }
        None => return Err(CaptionError::Unusable("it has no end".to_owned())),
    }
    let parts = candidate.content.map(|content| content.parts);
    Ok(parts
        .unwrap_or_default()
        .into_iter()
        .filter(|part| !part.thought)
        .filter_map(|part| part.text)
        .collect())
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
