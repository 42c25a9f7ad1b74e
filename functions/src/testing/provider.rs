//! A provider of captions on a socket of this machine. It speaks the wire formats of Gemini and
//! of OpenAI's chat completions as documented, and gets into trouble when a test says so.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use platform::settings::{GeminiSettings, OpenAiSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The one key that the provider takes.
pub const KEY: &str = "lion-tiger-key";

/// What a model of the provider writes unless a test says otherwise.
pub const WRITTEN: &str = r#"{"alt_text": "Two dogs run along a beach.", "caption": "Two brown dogs run along a wide beach at low tide.", "tags": ["dogs", "beach"]}"#;

/// How the provider answers one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As it should, with this text from the model.
    Text(String),
    /// With this finish reason and no text.
    Finish(&'static str),
    /// With this status, these headers and this body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// Not at all.
    Silence,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The address, with whatever follows the path.
    pub uri: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Value,
}

/// A running provider; it stops when it is dropped.
pub struct Provider {
    address: SocketAddr,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
}

impl Provider {
    /// Listens on a free port of this machine.
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
            axum::serve(listener, router)
                .await
                .expect("the provider serves");
        });
        Self {
            address,
            script,
            server,
        }
    }

    /// How the next request that has no answer yet is answered.
    pub fn will(&self, answer: Answer) -> &Self {
        held(&self.script.answers).push_back(answer);
        self
    }

    /// Everything that was asked, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        held(&self.script.asked).clone()
    }

    /// Its address as `GEMINI_BASE_URL`.
    pub fn gemini_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings that lead to it as Gemini.
    pub fn gemini(&self) -> GeminiSettings {
        GeminiSettings {
            api_key: KEY.into(),
            model: "gemini-3.5-flash".to_owned(),
            base_url: self.gemini_url(),
        }
    }

    /// Settings that lead to it as an OpenAI-compatible server.
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
    /// The file that was sent as the picture.
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

/// An error as Google's APIs word it.
pub fn google_error(code: u16, status: &str, message: &str, details: Value) -> String {
    json!({ "error": { "code": code, "message": message, "status": status, "details": details } })
        .to_string()
}

async fn gemini(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("x-goog-api-key").map(HeaderValue::as_bytes) == Some(KEY.as_bytes());
    match script.next(&uri, headers, &body) {
        _ if !key => {
            let details = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": { "service": "generativelanguage.googleapis.com" },
            }]);
            let message = "API key not valid. Please pass a valid API key.";
            let body = google_error(400, "INVALID_ARGUMENT", message, details);
            answered(400, &[], body)
        }
        Answer::Text(text) => {
            let content = json!({ "role": "model", "parts": [{ "text": text }] });
            let candidate = json!({ "content": content, "finishReason": "STOP", "index": 0 });
            answered(200, &[], gemini_body(&candidate))
        }
        Answer::Finish(reason) => {
            let candidate = json!({ "finishReason": reason, "index": 0 });
            answered(200, &[], gemini_body(&candidate))
        }
        Answer::Raw(status, headers, body) => answered(status, &headers, body),
        Answer::Silence => std::future::pending().await,
    }
}

fn gemini_body(candidate: &Value) -> String {
    json!({
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": 1290,
            "candidatesTokenCount": 60,
            "thoughtsTokenCount": 40,
            "totalTokenCount": 1390,
        },
        "modelVersion": "gemini-3.5-flash",
        "responseId": "x4kgaZPfO8",
    })
    .to_string()
}

async fn openai(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = format!("Bearer {KEY}");
    let key = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        == Some(bearer.as_bytes());
    match script.next(&uri, headers, &body) {
        _ if !key => {
            let error = json!({
                "message": "Incorrect API key provided: lio*********key.",
                "type": "invalid_request_error",
                "param": null,
                "code": "invalid_api_key",
            });
            answered(401, &[], json!({ "error": error }).to_string())
        }
        Answer::Text(text) => answered(200, &[], openai_body("stop", &text)),
        Answer::Finish(reason) => answered(200, &[], openai_body(reason, "")),
        Answer::Raw(status, headers, body) => answered(status, &headers, body),
        Answer::Silence => std::future::pending().await,
    }
}

fn openai_body(finish_reason: &str, text: &str) -> String {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_763_000_000,
        "model": "gemma3",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text, "refusal": null },
            "finish_reason": finish_reason,
        }],
        "usage": { "prompt_tokens": 1290, "completion_tokens": 100, "total_tokens": 1390 },
    })
    .to_string()
}

impl Script {
    fn next(&self, uri: &Uri, headers: HeaderMap, body: &[u8]) -> Answer {
        held(&self.asked).push(Asked {
            uri: uri.to_string(),
            headers,
            body: serde_json::from_slice(body).expect("a request is JSON"),
        });
        let next = held(&self.answers).pop_front();
        next.unwrap_or_else(|| Answer::Text(WRITTEN.to_owned()))
    }
}

fn answered(status: u16, headers: &[(&'static str, String)], body: String) -> Response {
    let status = StatusCode::from_u16(status).expect("a test's status is one");
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json; charset=UTF-8")],
        body,
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

/// A test that panicked elsewhere leaves the script as good as it was.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
