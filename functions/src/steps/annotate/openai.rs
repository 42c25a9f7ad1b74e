//! Captions by any server that speaks OpenAI's chat completions, such as Ollama, vLLM, LM Studio
//! and OpenAI's own. The wire format is documented at
//! <https://platform.openai.com/docs/api-reference/chat>.

use std::time::Duration;

use async_trait::async_trait;
use platform::settings::OpenAiSettings;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Complaint, Endpoint, Http, Reply, SetupError};
use super::{
    Account, Answered, Caption, CaptionError, Captioner, Prompt, Subject, Usage, answer,
    caption_input, gemini,
};

/// Asks an OpenAI-compatible server.
pub struct OpenAi {
    http: Http,
    prompt: Prompt,
}

impl OpenAi {
    /// A captioner that waits at most `patience` for each answer.
    ///
    /// # Errors
    /// If no connection can be set up: the key does not fit into a header, or this machine has
    /// no certificates to check servers by.
    pub fn new(
        settings: &OpenAiSettings,
        prompt: Prompt,
        patience: Duration,
    ) -> Result<Self, SetupError> {
        let OpenAiSettings {
            base_url,
            model,
            api_key,
        } = settings;
        let endpoint = Endpoint {
            provider: "openai",
            name: "the captioning server",
            url: format!("{base_url}/chat/completions"),
            model: model.clone(),
            key: api_key.clone(),
            key_header: AUTHORIZATION,
            key_prefix: "Bearer ",
            key_setting: "OPENAI_API_KEY",
        };
        let http = Http::new(endpoint, patience)?;
        Ok(Self { http, prompt })
    }

    fn request(&self, language: &str, jpeg: &str) -> Value {
        json!({
            "model": self.http.account().model,
            "messages": [{
                "role": "user",
                "content": [
                    { "type": "text", "text": self.prompt.in_language(language) },
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

impl OpenAi {
    async fn answer(&self, subject: &Subject, usage: &mut Usage) -> Result<Caption, CaptionError> {
        let jpeg = caption_input::base64_jpeg(&subject.picture).await?;
        let request = self.request(&subject.language, &jpeg);
        let reply = self.http.post(&request).await?;
        if !reply.status.is_success() {
            return Err(self.http.trouble(&reply, complaint(&reply)));
        }
        let response: Response = serde_json::from_slice(&reply.body)
            .map_err(|_| CaptionError::Unusable("it is no chat completion".to_owned()))?;
        let counted = response.usage.unwrap_or_default();
        *usage = Usage {
            tokens_in: counted.prompt_tokens,
            tokens_out: counted.completion_tokens,
        };
        let Some(choice) = response.choices.into_iter().next() else {
            // LM Studio tells so, with status 200, of an address that it does not know.
            return Err(self.http.empty(&complaint(&reply).message));
        };
        let answer = answer::parse(&text(choice)?)?;
        Ok(answer.into_caption(self.http.account(), &self.prompt, &subject.language))
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counted>,
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

#[derive(Default, Deserialize)]
struct Counted {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// What the model wrote, if it wrote to the end.
fn text(choice: Choice) -> Result<String, CaptionError> {
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

/// Reads an error: `{"error": {"message", "type", "code"}}`, or, on some servers,
/// `{"error": "message"}`, `{"message"}` (vLLM for years) or `{"detail"}` (FastAPI).
fn complaint(reply: &Reply) -> Complaint {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    // Google's own address for clients of OpenAI's puts its errors into a list.
    if let Some(google) = body.get(0) {
        return gemini::complaint(&google["error"]);
    }
    let error = &body["error"];
    let message = [&error["message"], error, &body["message"], &body["detail"]];
    let [code, kind] = ["code", "type"].map(|field| error[field].as_str().unwrap_or_default());
    Complaint {
        message: message
            .into_iter()
            .find_map(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        about_key: code == "invalid_api_key",
        about_account: [code, kind].contains(&"insufficient_quota"),
        about_content: matches!(
            code,
            "content_policy_violation" | "content_filter" | "invalid_prompt"
        ),
        retry_after: None,
    }
}
