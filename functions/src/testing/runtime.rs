//! Lambda's side of a function that runs as a program: its Runtime API
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>), and the part of its
//! Extensions API that announces a shutdown.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The timeout of an invocation, as in a function's settings on AWS.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The Runtime API of one program, on a free port. It is stopped when this is dropped.
pub struct Runtime {
    address: SocketAddr,
    asking: mpsc::UnboundedReceiver<Asking>,
    answers: mpsc::UnboundedReceiver<Result<Value, Value>>,
    server: JoinHandle<()>,
}

/// A program that waits for its next event.
pub struct Asking {
    pub since: Instant,
    event: oneshot::Sender<Value>,
}

#[derive(Clone)]
struct Ends {
    asking: mpsc::UnboundedSender<Asking>,
    answers: mpsc::UnboundedSender<Result<Value, Value>>,
}

impl Runtime {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (to_asking, asking) = mpsc::unbounded_channel();
        let (to_answers, answers) = mpsc::unbounded_channel();
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(response))
            .route(&format!("{invocation}/{{id}}/error"), post(error))
            .route("/2020-01-01/extension/register", post(register))
            .route("/2020-01-01/extension/event/next", get(pending::<()>))
            .with_state(Ends {
                asking: to_asking,
                answers: to_answers,
            });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            address,
            asking,
            answers,
            server,
        }
    }

    /// The environment that Lambda gives a program with this name.
    pub fn variables(&self, name: &str) -> Vec<(String, String)> {
        [
            ("AWS_LAMBDA_RUNTIME_API", self.address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Waits until a program requests its next event.
    pub async fn asked(&mut self) -> Asking {
        self.asking.recv().await.expect("the server lives")
    }

    /// Sends an event to a program and waits for its answer or error.
    ///
    /// # Errors
    /// The error that the program reports.
    pub async fn invoke(&mut self, asking: Asking, event: Value) -> Result<Value, Value> {
        assert!(asking.event.send(event).is_ok(), "the program has gone");
        self.answers.recv().await.expect("the server lives")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(
    State(ends): State<Ends>,
) -> Result<([(&'static str, String); 3], Json<Value>), StatusCode> {
    let (sender, event) = oneshot::channel();
    let asking = Asking {
        since: Instant::now(),
        event: sender,
    };
    let gone = StatusCode::INTERNAL_SERVER_ERROR;
    ends.asking.send(asking).map_err(|_| gone)?;
    let event = event.await.map_err(|_| gone)?;
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH);
    let deadline = deadline.map_err(|_| gone)?.as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", Uuid::new_v4().to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:vitrine".to_owned(),
        ),
    ];
    Ok((headers, Json(event)))
}

// Programs need not declare JSON, so bodies are read without a content type.
async fn response(State(ends): State<Ends>, body: Bytes) -> StatusCode {
    match serde_json::from_slice(&body) {
        Ok(answer) => taken(ends.answers.send(Ok(answer))),
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn error(State(ends): State<Ends>, body: Bytes) -> StatusCode {
    match serde_json::from_slice(&body) {
        Ok(error) => taken(ends.answers.send(Err(error))),
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// Whether the invocation is still waited for.
fn taken<E>(sent: Result<(), E>) -> StatusCode {
    match sent {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::GONE,
    }
}

async fn register() -> ([(&'static str, String); 1], Json<Value>) {
    let id = ("lambda-extension-identifier", Uuid::new_v4().to_string());
    let function = json!({
        "functionName": "vitrine", "functionVersion": "$LATEST", "handler": "bootstrap",
    });
    ([id], Json(function))
}
