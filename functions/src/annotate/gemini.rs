//! Captions by Gemini, over its REST API. The wire format is documented at
//! <https://ai.google.dev/api/generate-content>, errors at
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>.

use std::time::Duration;

use async_trait::async_trait;
use platform::settings::GeminiSettings;
use reqwest::header::HeaderName;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Complaint, Http, Reply, SetupError};
use super::{Caption, CaptionError, Captioner, Subject, answer, prompt, sight};

/// A cap on what one answer may cost. A description takes some 300 tokens; models that think
/// before they write need the rest.
const MAX_OUTPUT_TOKENS: u32 = 8192;

/// Asks Gemini.
pub struct Gemini {
    http: Http,
    model: String,
}

impl Gemini {
    /// A captioner that waits at most `patience` for each answer.
    ///
    /// # Errors
    /// If no connection can be set up: the key does not fit into a header, or this machine has
    /// no certificates to check servers by.
    pub fn new(settings: &GeminiSettings, patience: Duration) -> Result<Self, SetupError> {
        let GeminiSettings {
            api_key,
            model,
            base_url,
        } = settings;
        let header = HeaderName::from_static("x-goog-api-key");
        Ok(Self {
            http: Http::new(
                "Gemini",
                format!("{base_url}/v1beta/models/{model}:generateContent"),
                Some((header, api_key.expose_secret().to_owned())),
                Some(api_key.clone()),
                "GEMINI_API_KEY",
                patience,
            )?,
            model: model.clone(),
        })
    }
}

#[async_trait]
impl Captioner for Gemini {
    fn provider(&self) -> &'static str {
        "gemini"
    }

    async fn caption(&self, subject: &Subject) -> Result<Caption, CaptionError> {
        let data = sight::base64_jpeg(&subject.picture).await?;
        let reply = self.http.post(&request(&subject.language, data)).await?;
        if !reply.status.is_success() {
            return Err(self.http.trouble(&reply, complaint(&reply)));
        }
        let response: Response = serde_json::from_slice(&reply.body)
            .map_err(|_| CaptionError::Unusable("it is none of Gemini's".to_owned()))?;
        let usage = response.usage_metadata.clone().unwrap_or_default();
        let answer = answer::parse(&text(response)?)?;
        Ok(Caption {
            text: answer.alt_text,
            paragraph: Some(answer.paragraph),
            tags: answer.tags,
            provider: self.provider().to_owned(),
            model: Some(self.model.clone()),
            prompt_version: Some(prompt::version()),
            language: subject.language.clone(),
            tokens_in: usage.prompt_token_count,
            tokens_out: usage.out(),
        })
    }
}

fn request(language: &str, jpeg: String) -> Value {
    let text = |meaning: &str| json!({ "type": "STRING", "description": meaning });
    json!({
        "contents": [{
            "role": "user",
            "parts": [
                { "inline_data": { "mime_type": "image/jpeg", "data": jpeg } },
                { "text": prompt::in_language(language) },
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
    usage_metadata: Option<Usage>,
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
struct Usage {
    prompt_token_count: Option<u32>,
    candidates_token_count: Option<u32>,
    thoughts_token_count: Option<u32>,
}

impl Usage {
    /// What is paid for as output: the answer and the thoughts before it.
    fn out(&self) -> Option<u32> {
        let thoughts = self.thoughts_token_count.unwrap_or_default();
        self.candidates_token_count
            .map(|answer| answer.saturating_add(thoughts))
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
fn complaint(reply: &Reply) -> Complaint {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = &body["error"];
    let mut complaint = Complaint {
        message: error["message"].as_str().unwrap_or_default().to_owned(),
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
