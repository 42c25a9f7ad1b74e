//! A captioning provider on loopback. It speaks the wire formats of Gemini and of OpenAI's chat
//! completions as they were recorded (`functions/tests/captions/recorded`), and fails when a test
//! wants it to.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use platform::settings::{GeminiSettings, OpenAiSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Noise;

/// The only key that the provider accepts.
pub const KEY: &str = "lion-tiger-key";

/// The model's text unless a test sets another.
pub const WRITTEN: &str = r#"{"alt_text": "Two dogs run along a beach.", "caption": "Two brown dogs run along a wide beach at low tide.", "tags": ["dogs", "beach"]}"#;

/// The answer to one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Success, with this text from the model.
    Text(String),
    /// This finish reason and no text.
    Finish(&'static str),
    /// This status, these headers and this body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// These headers and a body that is not text.
    Bytes(Vec<(&'static str, String)>, Vec<u8>),
    /// No answer.
    Silence,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    /// The client's end of the connection.
    pub from: SocketAddr,
    /// The path and query.
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A running provider, stopped when it is dropped.
pub struct Provider {
    address: SocketAddr,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    standing: Mutex<Option<Answer>>,
    faults: Mutex<Option<Faults>>,
    asked: Mutex<Vec<Asked>>,
    pace: Mutex<Option<Duration>>,
    /// One request after the other, as a model on one graphics card works.
    turn: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
    given_up: AtomicUsize,
}

/// A request that the provider has. Its client gave it up if this is dropped before the end.
struct Present<'a> {
    script: &'a Script,
    is_answered: bool,
}

impl<'a> Present<'a> {
    fn begin(script: &'a Script) -> Self {
        let waiting = script.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        script.most_waiting.fetch_max(waiting, Ordering::SeqCst);
        Self {
            script,
            is_answered: false,
        }
    }

    fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.script.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.is_answered {
            self.script.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Fault rates in per cent of requests.
#[derive(Clone, Debug)]
pub struct Faults {
    /// 429, with a retry after a tenth of a second.
    pub busy: usize,
    /// 500.
    pub broken: usize,
    /// An unusable answer. Never twice for the same picture, because the second time is a permanent
    /// failure by design.
    pub garbage: usize,
    /// Blocked.
    pub blocked: usize,
    noise: Noise,
    spoilt: HashSet<String>,
}

impl Faults {
    /// Of a hundred requests 30 are turned away, 10 fail, 5 have unusable answers and 2 are
    /// blocked.
    pub fn bad_day(seed: u64) -> Self {
        Self {
            busy: 30,
            broken: 10,
            garbage: 5,
            blocked: 2,
            noise: Noise(seed),
            spoilt: HashSet::new(),
        }
    }

    fn answer(&mut self, body: &Value) -> Option<Answer> {
        let mut drawn = self.noise.below(100);
        let mut is = |share: usize| {
            let hit = drawn < share;
            drawn = if hit { 0 } else { drawn - share };
            hit
        };
        if is(self.busy) {
            let details = json!([
                {
                    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                    "violations": [{
                        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                        "quotaDimensions": { "location": "global", "model": "gemini-3.5-flash" },
                        "quotaValue": "15",
                    }],
                },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.1s" },
            ]);
            let message = "You exceeded your current quota.";
            let body = google_error(429, "RESOURCE_EXHAUSTED", message, details);
            Some(Answer::Raw(429, Vec::new(), body))
        } else if is(self.broken) {
            let message = "An internal error has occurred.";
            let body = google_error(500, "INTERNAL", message, json!([]));
            Some(Answer::Raw(500, Vec::new(), body))
        } else if is(self.garbage) {
            let fresh = self.spoilt.insert(body.to_string());
            fresh.then(|| Answer::Text("A dog, I think.".to_owned()))
        } else if is(self.blocked) {
            Some(Answer::Finish("SAFETY"))
        } else {
            None
        }
    }
}

impl Provider {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("this machine has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let script = Arc::new(Script::default());
        let router = Router::new()
            .route("/v1beta/models/{model}", post(gemini))
            .route("/v1/chat/completions", post(openai))
            .layer(axum::extract::DefaultBodyLimit::max(20 << 20))
            .with_state(Arc::clone(&script));
        let server = tokio::spawn(async move {
            let clients = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, clients)
                .await
                .expect("the provider serves");
        });
        Self {
            address,
            script,
            server,
        }
    }

    /// Queues the answer to the next request.
    pub fn will(&self, answer: Answer) -> &Self {
        held(&self.script.answers).push_back(answer);
        self
    }

    /// Sets the answer to every request without a queued answer.
    pub fn always(&self, answer: Answer) -> &Self {
        *held(&self.script.standing) = Some(answer);
        self
    }

    /// Sets the faults of requests without a queued answer.
    pub fn has(&self, faults: Faults) -> &Self {
        *held(&self.script.faults) = Some(faults);
        self
    }

    /// From now on answers one request after the other, each after this time.
    pub fn takes(&self, time: Duration) -> &Self {
        *held(&self.script.pace) = Some(time);
        self
    }

    /// The most requests that were waiting for an answer at once.
    pub fn most_at_once(&self) -> usize {
        self.script.most_waiting.load(Ordering::SeqCst)
    }

    /// Requests whose clients went away before they were answered.
    pub fn given_up(&self) -> usize {
        self.script.given_up.load(Ordering::SeqCst)
    }

    /// The requests so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        held(&self.script.asked).clone()
    }

    /// Its address as `GEMINI_BASE_URL`.
    pub fn gemini_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings for it as Gemini.
    pub fn gemini(&self) -> GeminiSettings {
        GeminiSettings {
            api_key: KEY.into(),
            model: "gemini-3.5-flash".to_owned(),
            base_url: self.gemini_url(),
        }
    }

    /// Settings for it as an OpenAI-compatible server.
    pub fn openai(&self) -> OpenAiSettings {
        OpenAiSettings {
            base_url: format!("http://{}/v1", self.address),
            model: "gemma3".to_owned(),
            api_key: Some(KEY.into()),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Asked {
    /// The picture of the request.
    pub fn picture(&self) -> Vec<u8> {
        let gemini = &self.body["contents"][0]["parts"][0]["inline_data"]["data"];
        let openai = &self.body["messages"][0]["content"][1]["image_url"]["url"];
        let data = gemini.as_str().or_else(|| {
            openai
                .as_str()
                .and_then(|url| url.strip_prefix("data:image/jpeg;base64,"))
        });
        BASE64
            .decode(data.expect("a picture was sent"))
            .expect("it is base64")
    }
}

/// Valid bodies of Gemini and of an OpenAI-compatible server, each with the model's text.
pub fn bodies(written: &str) -> [String; 2] {
    [gemini_text(written), openai_body("stop", written)]
}

/// Cuts, repeats, swaps and replaces parts of a text, a few times over.
pub fn damaged(text: &str, noise: &mut Noise) -> String {
    const PIECES: [&str; 14] = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1e999",
        "\\u0000",
        "\\ud800",
        "\u{202e}",
        "",
        "99999999999999999999",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=noise.below(4) {
        let from = noise.below(chars.len() + 1);
        let to = (from + noise.below(20)).min(chars.len());
        match noise.below(4) {
            0 => chars.truncate(from),
            1 => drop(chars.drain(from..to)),
            2 => {
                let part = chars[from..to].to_vec();
                chars.splice(from..from, part);
            }
            _ => {
                let piece = PIECES[noise.below(PIECES.len())];
                chars.splice(from..to, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// An error in the format of Google's APIs, which leave empty details out.
pub fn google_error(code: u16, status: &str, message: &str, details: Value) -> String {
    let mut error = json!({ "code": code, "message": message, "status": status });
    if details
        .as_array()
        .is_some_and(|details| !details.is_empty())
    {
        error["details"] = details;
    }
    json!({ "error": error }).to_string()
}

async fn gemini(
    State(script): State<Arc<Script>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("x-goog-api-key").map(HeaderValue::as_bytes) == Some(KEY.as_bytes());
    match script.next(from, &uri, headers, &body).await {
        _ if !key => {
            let message = "API key not valid. Please pass a valid API key.";
            let details = json!([
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": { "service": "generativelanguage.googleapis.com" },
                },
                {
                    "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                    "locale": "en-US",
                    "message": message,
                },
            ]);
            let body = google_error(400, "INVALID_ARGUMENT", message, details);
            answered(400, &[], body)
        }
        Answer::Text(text) => answered(200, &[], gemini_text(&text)),
        Answer::Finish(reason) => {
            let candidate = json!({
                "content": { "role": "model" },
                "finishReason": reason,
                "index": 0,
            });
            answered(200, &[], gemini_body(&candidate, None))
        }
        Answer::Raw(status, headers, body) => answered(status, &headers, body),
        Answer::Bytes(headers, body) => answered(200, &headers, body),
        Answer::Silence => std::future::pending().await,
    }
}

fn gemini_text(text: &str) -> String {
    let part = json!({ "text": text, "thoughtSignature": "EpwCCpkCAQw51sdPTqr6sgqYCryTFmqePNh0" });
    let candidate = json!({
        "content": { "parts": [part], "role": "model" },
        "finishReason": "STOP",
        "index": 0,
    });
    gemini_body(&candidate, Some(60))
}

/// `written` are the tokens of the answer; the field is missing without an answer.
fn gemini_body(candidate: &Value, written: Option<u32>) -> String {
    let mut usage = json!({
        "promptTokenCount": 1290,
        "totalTokenCount": 1330 + written.unwrap_or_default(),
        "promptTokensDetails": [
            { "modality": "TEXT", "tokenCount": 258 },
            { "modality": "IMAGE", "tokenCount": 1032 },
        ],
        "thoughtsTokenCount": 40,
        "serviceTier": "standard",
    });
    if let Some(written) = written {
        usage["candidatesTokenCount"] = written.into();
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-3.5-flash",
        "responseId": "4q8MarKdCf2Fz7IP2PffmQk",
    })
    .to_string()
}

async fn openai(
    State(script): State<Arc<Script>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = format!("Bearer {KEY}");
    let key = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        == Some(bearer.as_bytes());
    match script.next(from, &uri, headers, &body).await {
        _ if !key => {
            let error = json!({
                "message": "Incorrect API key provided: lion-******-key. You can find your API key at https://platform.openai.com/account/api-keys.",
                "type": "invalid_request_error",
                "param": null,
                "code": "invalid_api_key",
            });
            answered(401, &[], json!({ "error": error }).to_string())
        }
        Answer::Text(text) => answered(200, &[], openai_body("stop", &text)),
        Answer::Finish(reason) => answered(200, &[], openai_body(reason, "")),
        Answer::Raw(status, headers, body) => answered(status, &headers, body),
        Answer::Bytes(headers, body) => answered(200, &headers, body),
        Answer::Silence => std::future::pending().await,
    }
}

fn openai_body(finish_reason: &str, text: &str) -> String {
    json!({
        "id": "chatcmpl-150",
        "object": "chat.completion",
        "created": 1_776_298_304,
        "model": "gemma3",
        "system_fingerprint": "fp_ollama",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": finish_reason,
        }],
        "usage": { "prompt_tokens": 1290, "completion_tokens": 100, "total_tokens": 1390 },
    })
    .to_string()
}

impl Script {
    async fn next(&self, from: SocketAddr, uri: &Uri, headers: HeaderMap, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).expect("a request is JSON");
        let fault = || held(&self.faults).as_mut()?.answer(&body);
        let next = held(&self.answers).pop_front().or_else(fault);
        held(&self.asked).push(Asked {
            at: Instant::now(),
            from,
            uri: uri.to_string(),
            headers,
            body,
        });
        let pace = *held(&self.pace);
        let present = Present::begin(self);
        if let Some(time) = pace {
            let _turn = self.turn.lock().await;
            tokio::time::sleep(time).await;
        }
        present.answered();
        next.or_else(|| held(&self.standing).clone())
            .unwrap_or_else(|| Answer::Text(WRITTEN.to_owned()))
    }
}

fn answered(status: u16, headers: &[(&'static str, String)], body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).expect("a test's status is one");
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json; charset=UTF-8")],
        body.into(),
    )
        .into_response();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("a test's header is one");
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// A panic in another test does not damage the script.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
