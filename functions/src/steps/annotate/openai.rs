//! Captions by any server that speaks OpenAI's chat completions, such as Ollama, vLLM, LM Studio
//! and OpenAI's own. The wire format is documented at
//! <https://platform.openai.com/docs/api-reference/chat>.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use platform::settings::OpenAiSettings;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tracing::info;

use super::answer::{Answer, End, Unread, Written, is_answer};
use super::answer_format::{AnswerFormat, KnownFormat};
use super::http::{Complaint, Endpoint, Http, Reply, SetupError};
use super::reply::{self, Texts, field};
use super::{Account, Answered, Caption, CaptionError, Captioner, Prompt, Subject, Usage, gemini};

/// More alternatives than this are not looked at.
const MAX_CHOICES: usize = 8;

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

    fn request(&self, language: &str, jpeg: &str, format: AnswerFormat) -> Value {
        let mut request = json!({
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
        });
        if let Some(field) = format.field() {
            request["response_format"] = field;
        }
        request
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

impl OpenAi {
    async fn answer(&self, subject: &Subject, usage: &mut Usage) -> Result<Caption, CaptionError> {
        let jpeg = subject.picture.base64_jpeg();
        let began = Instant::now();
        let mut format = self.format.first();
        loop {
            let request = self.request(&subject.language, &jpeg, format);
            let reply = self.http.post(&request, began).await?;
            let failure = match self.read(&reply, usage) {
                Ok(answer) => {
                    self.format.works(format);
                    let account = self.http.account();
                    return Ok(answer.into_caption(account, &self.prompt, &subject.language));
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

/// A chat completion, put together from however many values it came in.
#[derive(Default)]
struct Completion {
    choices: Vec<Choice>,
    usage: Usage,
}

/// One of the alternatives that a server offers.
#[derive(Default)]
struct Choice {
    /// Messages in one piece.
    whole: Texts,
    /// Pieces of a stream.
    pieces: Texts,
    end: End,
}

impl Completion {
    fn of(values: &[Value]) -> Self {
        let mut completion = Self::default();
        for value in values {
            completion.add(without_wrapper(value));
        }
        if completion.choices.is_empty()
            && let [value] = values
            && is_answer(value)
        {
            completion.choice(0).whole.said = value.to_string();
        }
        completion
    }

    fn add(&mut self, value: &Value) {
        let choices = match &value["choices"] {
            Value::Array(choices) => choices.as_slice(),
            choice @ Value::Object(_) => std::slice::from_ref(choice),
            _ => &[],
        };
        for (n, part) in choices.iter().enumerate().take(MAX_CHOICES) {
            let n = part["index"].as_u64().map_or(n, |index| index as usize);
            let choice = self.choice(n);
            add_message(&mut choice.whole, &part["message"]);
            add_message(&mut choice.pieces, &part["delta"]);
            choice.whole.add(&part["text"]);
            choice.add_end(part);
        }
        self.add_other_shapes(value);
        // Ollama's own API counts beside the message.
        let counted = field(value, &["usage"]);
        let counted = if counted.is_null() { value } else { counted };
        let counts = [
            (
                &["prompt_tokens", "input_tokens", "prompt_eval_count"],
                &mut self.usage.tokens_in,
            ),
            (
                &["completion_tokens", "output_tokens", "eval_count"],
                &mut self.usage.tokens_out,
            ),
        ];
        for (names, tokens) in counts {
            *tokens = reply::count(field(counted, names)).or(*tokens);
        }
    }

    /// What Ollama's own API, OpenAI's responses, llama.cpp and text-generation-inference send,
    /// which gateways pass on.
    fn add_other_shapes(&mut self, value: &Value) {
        if !value["choices"].is_null() {
            return;
        }
        let mut texts = Texts::default();
        if value["message"].is_object() {
            add_message(&mut texts, &value["message"]);
        }
        for item in value["output"].as_array().into_iter().flatten() {
            if item["type"] == "reasoning" {
                texts.add_thoughts(item);
            } else {
                add_message(&mut texts, item);
            }
        }
        if texts.is_empty() {
            texts.add(field(
                value,
                &["response", "output_text", "generated_text", "content"],
            ));
        }
        if texts == Texts::default() {
            return;
        }
        let choice = self.choice(0);
        choice.pieces.said.push_str(&texts.said);
        choice.pieces.thoughts.push_str(&texts.thoughts);
        choice.pieces.refusal.push_str(&texts.refusal);
        choice.add_end(value);
    }

    fn choice(&mut self, n: usize) -> &mut Choice {
        let n = n.min(MAX_CHOICES);
        if self.choices.len() <= n {
            self.choices.resize_with(n + 1, Choice::default);
        }
        &mut self.choices[n]
    }

    /// The answer in the first choice that has one; nothing if no choice says anything.
    fn read(self) -> Option<Result<Answer, Unread>> {
        let mut first = None;
        for choice in self.choices {
            let read = choice.written().read();
            if read.is_ok() {
                return Some(read);
            }
            first = first.or(Some(read));
        }
        first
    }
}

impl Choice {
    fn add_end(&mut self, value: &Value) {
        let names = [
            "finish_reason",
            "finishReason",
            "stop_reason",
            "done_reason",
        ];
        let name = field(value, &names);
        let name = name.as_str().or_else(|| name["type"].as_str());
        let end = End::named(name.unwrap_or_default());
        if end != End::Untold {
            self.end = end;
        }
    }

    fn written(self) -> Written {
        let Self { whole, pieces, end } = self;
        let refusal: String = [whole.refusal, pieces.refusal].concat();
        let end = match refusal.trim() {
            "" => end,
            refusal => End::Blocked(refusal.chars().take(200).collect()),
        };
        // Some streams end with the whole message once more.
        let is_streamed = !pieces.said.trim().is_empty();
        Written {
            text: if is_streamed { pieces.said } else { whole.said },
            thoughts: whole.thoughts + &pieces.thoughts,
            end,
        }
    }
}

/// A gateway's wrapper around a completion taken off.
fn without_wrapper(value: &Value) -> &Value {
    ["data", "result", "response", "body"]
        .iter()
        .map(|name| &value[*name])
        .find(|inner| value["choices"].is_null() && !inner["choices"].is_null())
        .unwrap_or(value)
}

fn add_message(texts: &mut Texts, message: &Value) {
    if message.is_string() {
        texts.add(message);
        return;
    }
    texts.add(&message["content"]);
    // Servers disagree on where a model's thoughts end, so the answer may be among them.
    for name in [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoning_details",
        "parsed",
    ] {
        match &message[name] {
            parsed @ Value::Object(_) => texts.thoughts.push_str(&parsed.to_string()),
            thoughts => texts.add_thoughts(thoughts),
        }
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        match &call["function"]["arguments"] {
            Value::Null => {}
            Value::String(arguments) => texts.thoughts.push_str(arguments),
            arguments => texts.thoughts.push_str(&arguments.to_string()),
        }
    }
    if let Some(refusal) = message["refusal"].as_str() {
        texts.refusal.push_str(refusal);
    }
}

/// Reads an error: `{"error": {"message", "type", "code"}}`, or, on some servers,
/// `{"error": "message"}`, `{"message"}` (vLLM for years), `{"detail"}` (FastAPI), or plain text.
fn complaint(values: &[Value], body: &[u8]) -> Complaint {
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
fn error_of(value: &Value) -> &Value {
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
fn error_status(values: &[Value]) -> Option<u16> {
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
