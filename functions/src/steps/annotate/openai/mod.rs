//! Captions by any server that speaks OpenAI's chat completions, such as Ollama, vLLM, LM Studio
//! and OpenAI's own. The wire format is documented at
//! <https://platform.openai.com/docs/api-reference/chat>.

mod complaint;
mod completion;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use platform::settings::OpenAiSettings;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tracing::info;

use super::answer::{Answer, Unread};
use super::answer_format::{AnswerFormat, KnownFormat};
use super::http::{Complaint, Endpoint, Http, HttpCaptioner, Reply, SetupError};
use super::{Caption, CaptionError, Prompt, Subject, Usage, reply};
use complaint::{complaint, error_of, error_status};
use completion::Completion;

/// Asks an OpenAI-compatible server.
pub struct OpenAi {
    http: Http,
    prompt: Prompt,
    format: KnownFormat,
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
        Ok(Self {
            http,
            prompt,
            format: KnownFormat::default(),
        })
    }

    fn request(&self, subject: &Subject, jpeg: &str, format: AnswerFormat) -> Value {
        let mut request = json!({
            "model": self.http.account().model,
            "messages": [{
                "role": "user",
                "content": [
                    { "type": "text", "text": self.prompt.for_subject(subject) },
                    {
                        "type": "image_url",
                        "image_url": { "url": format!("data:image/jpeg;base64,{jpeg}") },
                    },
                ],
            }],
        });
        if let Some(field) = format.field(!subject.more_languages.is_empty()) {
            request["response_format"] = field;
        }
        request
    }
}

/// Why a reply has no caption.
struct Failure {
    error: CaptionError,
    /// What the server said and with which status, if it refused the request.
    refusal: Option<(u16, String)>,
}

impl From<CaptionError> for Failure {
    fn from(error: CaptionError) -> Self {
        Self {
            error,
            refusal: None,
        }
    }
}

#[async_trait]
impl HttpCaptioner for OpenAi {
    fn http(&self) -> &Http {
        &self.http
    }

    fn known_format(&self) -> Option<&KnownFormat> {
        Some(&self.format)
    }

    async fn answer(&self, subject: &Subject, usage: &mut Usage) -> Result<Caption, CaptionError> {
        let jpeg = subject.picture.base64_jpeg();
        let began = Instant::now();
        let mut format = self.format.first();
        loop {
            let request = self.request(subject, &jpeg, format);
            let reply = self.http.post(&request, began).await?;
            let failure = match self.read(&reply, usage) {
                Ok(answer) => {
                    self.format.works(format);
                    let account = self.http.account();
                    return Ok(answer.into_caption(account, &self.prompt, subject));
                }
                Err(failure) => failure,
            };
            let Some((status, message)) = failure.refusal else {
                return Err(failure.error);
            };
            let Some(simpler) = self.format.after(format, status, &message) else {
                if status >= 500 && format == AnswerFormat::Prompt {
                    self.format.none_works();
                }
                return Err(failure.error);
            };
            info!(status, refused = ?format, next = ?simpler, "the response format may be refused");
            format = simpler;
        }
    }
}

impl OpenAi {
    /// Finds the answer in a reply, and what it took.
    fn read(&self, reply: &Reply, usage: &mut Usage) -> Result<Answer, Failure> {
        let values = reply::values(&reply.body);
        if !reply.status.is_success() {
            let status = reply.status.as_u16();
            return Err(self.refused(reply, complaint(&values, &reply.body), status));
        }
        let completion = Completion::of(&values);
        *usage = completion.usage;
        let unread = match completion.read() {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(unread)) => Some(unread),
            None => None,
        };
        if let Some(blocked @ Unread::Blocked(_)) = unread {
            return Err(self.http.unread(blocked).into());
        }
        let complaint = complaint(&values, b"");
        let is_error = values.iter().any(|value| !error_of(value).is_null())
            || matches!(unread, None | Some(Unread::Empty));
        if is_error && (!complaint.message.is_empty() || complaint.is_classified()) {
            // Gateways pass on errors with status 200, and the real one within.
            let status = error_status(&values).unwrap_or(200);
            return Err(self.refused(reply, complaint, status));
        }
        Err(match unread {
            Some(unread) => self.http.unread(unread),
            None if values.is_empty() && !reply.body.trim_ascii().is_empty() => {
                CaptionError::Unusable("it is no chat completion".to_owned())
            }
            None => self.http.unread(Unread::Empty),
        }
        .into())
    }

    #[cfg(feature = "testing")]
    pub(super) fn read_any(&self, reply: &Reply) -> Result<Answer, CaptionError> {
        let read = self.read(reply, &mut Usage::default());
        read.map_err(|failure| failure.error)
    }

    fn refused(&self, reply: &Reply, complaint: Complaint, status: u16) -> Failure {
        let is_about_format = !complaint.is_classified();
        let message = complaint.message.clone();
        let error = if status == 200 && is_about_format {
            self.http.empty(&message)
        } else {
            self.http.trouble(reply, status, complaint)
        };
        Failure {
            error,
            refusal: is_about_format.then_some((status, message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static CAPTIONER: LazyLock<OpenAi> = LazyLock::new(|| {
        let settings = OpenAiSettings {
            base_url: "http://127.0.0.1:1/v1".to_owned(),
            model: "gemma3".to_owned(),
            api_key: None,
        };
        OpenAi::new(&settings, Prompt::default(), Duration::from_secs(1)).unwrap()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_reply_ends_in_an_answer_or_a_reason(reply in reply::arbitrary::reply()) {
            match CAPTIONER.read(&reply, &mut Usage::default()) {
                Ok(answer) => prop_assert!((1..=160).contains(&answer.alt_text.chars().count())),
                Err(failure) => {
                    let reason = failure.error.to_string();
                    prop_assert!((1..=400).contains(&reason.chars().count()), "{}", reason);
                }
            }
        }
    }
}
