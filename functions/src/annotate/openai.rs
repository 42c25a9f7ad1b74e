//! Captions by any server that speaks OpenAI's chat completions, such as Ollama, vLLM, LM Studio
//! and OpenAI's own. The wire format is documented at
//! <https://platform.openai.com/docs/api-reference/chat>.

use std::time::Duration;

use async_trait::async_trait;
use platform::settings::OpenAiSettings;
use reqwest::header::AUTHORIZATION;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Complaint, Http, Reply, SetupError};
use super::{Caption, CaptionError, Captioner, Subject, answer, prompt, sight};

/// Asks an OpenAI-compatible server.
pub struct OpenAi {
    http: Http,
    model: String,
}

impl OpenAi {
    /// A captioner that waits at most `patience` for each answer.
    ///
    /// # Errors
    /// If no connection can be set up: the key does not fit into a header, or this machine has
    /// no certificates to check servers by.
    pub fn new(settings: &OpenAiSettings, patience: Duration) -> Result<Self, SetupError> {
        let OpenAiSettings {
            base_url,
            model,
            api_key,
        } = settings;
        let bearer = api_key
            .as_ref()
            .map(|key| (AUTHORIZATION, format!("Bearer {}", key.expose_secret())));
        Ok(Self {
            http: Http::new(
                "the captioning server",
                format!("{base_url}/chat/completions"),
                bearer,
                api_key.clone(),
                "OPENAI_API_KEY",
                patience,
            )?,
            model: model.clone(),
        })
    }

    fn request(&self, language: &str, jpeg: &str) -> Value {
        json!({
            "model": self.model,
            "messages": [{
                "role": "user",
                "content": [
                    { "type": "text", "text": prompt::in_language(language) },
                    {
                        "type": "image_url",
                        "image_url": { "url": format!("data:image/jpeg;base64,{jpeg}") },
                    },
                ],
            }],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "description",
                    "strict": true,
                    "schema": {
                        "type": "object",
                        "properties": {
                            "alt_text": { "type": "string" },
                            "caption": { "type": "string" },
                            "tags": { "type": "array", "items": { "type": "string" } },
                        },
                        "required": ["alt_text", "caption", "tags"],
                        "additionalProperties": false,
                    },
                },
            },
        })
    }
}

#[async_trait]
impl Captioner for OpenAi {
    fn provider(&self) -> &'static str {
        "openai"
    }

    async fn caption(&self, subject: &Subject) -> Result<Caption, CaptionError> {
        let jpeg = sight::base64_jpeg(&subject.picture).await?;
        let request = self.request(&subject.language, &jpeg);
        let reply = self.http.post(&request).await?;
        if !reply.status.is_success() {
            return Err(self.http.trouble(&reply, complaint(&reply)));
        }
        let response: Response = serde_json::from_slice(&reply.body)
            .map_err(|_| CaptionError::Unusable("it is no chat completion".to_owned()))?;
        let usage = response.usage.clone().unwrap_or_default();
        let answer = answer::parse(&text(response)?)?;
        Ok(Caption {
            text: answer.alt_text,
            paragraph: Some(answer.paragraph),
            tags: answer.tags,
            provider: self.provider().to_owned(),
            model: Some(self.model.clone()),
            prompt_version: Some(prompt::version()),
            language: subject.language.clone(),
            tokens_in: usage.prompt_tokens,
            tokens_out: usage.completion_tokens,
        })
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
struct Usage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// What the model wrote, if it wrote to the end.
fn text(response: Response) -> Result<String, CaptionError> {
    let Some(choice) = response.choices.into_iter().next() else {
        return Err(CaptionError::Transient {
            reason: "the captioning server gave an empty answer".to_owned(),
            retry_after: None,
        });
    };
    if let Some(refusal) = choice.message.refusal.filter(|said| !said.is_empty()) {
        return Err(CaptionError::Blocked(refusal.chars().take(200).collect()));
    }
    match choice.finish_reason.as_deref() {
        Some("stop") => Ok(choice.message.content.unwrap_or_default()),
        Some("content_filter") => Err(CaptionError::Blocked("content_filter".to_owned())),
        Some(reason) => {
            // Part of the answer, so not ours to repeat at any length.
            let reason: String = reason.chars().take(40).collect();
            Err(CaptionError::Unusable(format!("it ended with {reason}")))
        }
        None => Err(CaptionError::Unusable("it has no end".to_owned())),
    }
}

/// Reads an error: `{"error": {"message", "code"}}`, or, on some servers, `{"error": "message"}`.
fn complaint(reply: &Reply) -> Complaint {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = &body["error"];
    let message = error["message"].as_str().or(error.as_str());
    let code = error["code"].as_str().unwrap_or_default();
    Complaint {
        message: message.unwrap_or_default().to_owned(),
        about_key: code == "invalid_api_key",
        about_content: matches!(code, "content_policy_violation" | "content_filter"),
        retry_after: None,
    }
}
