//! The execution environment of a Lambda function: a Runtime API on a free port, and the function's
//! process, which is started for an invocation and may be killed at any moment. The API is
//! documented in Lambda's developer guide ("Using the Lambda runtime API", "Using the Lambda
//! Extensions API").

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The result of an invocation: an answer, or the reason why there is none.
type Outcome = Result<Value, String>;

/// One execution environment of one function. Like Lambda's, it handles one invocation at a time.
pub(crate) struct Sandbox {
    program: PathBuf,
    variables: Vec<(String, String)>,
    api: String,
    slot: Arc<Slot>,
    process: Mutex<Option<Child>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Slot {
    waiting: Mutex<Option<Invocation>>,
    answer: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    news: Notify,
}

struct Invocation {
    id: String,
    event: String,
    deadline: SystemTime,
}

impl Sandbox {
    pub(crate) async fn new(program: PathBuf, variables: Vec<(String, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap().to_string();
        let slot = Arc::new(Slot::default());
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(respond),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2020-01-01/extension/register", post(register))
            .route("/2020-01-01/extension/event/next", get(no_event))
            .with_state(Arc::clone(&slot));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            program,
            variables,
            api,
            slot,
            process: Mutex::default(),
            server,
        }
    }

    /// Invokes the function with an event, with this timeout.
    pub(crate) async fn invoke(&self, event: &Value, timeout: Duration) -> Outcome {
        self.ensure_process();
        let id = Uuid::new_v4().to_string();
        let (sender, mut receiver) = oneshot::channel();
        *self.slot.answer.lock().unwrap() = Some((id.clone(), sender));
        *self.slot.waiting.lock().unwrap() = Some(Invocation {
            id,
            event: event.to_string(),
            deadline: SystemTime::now() + timeout,
        });
        self.slot.news.notify_one();
        let until = tokio::time::Instant::now() + timeout;
        let outcome = loop {
            tokio::select! {
                outcome = &mut receiver => break outcome.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            if !self.is_alive() {
                break Err("the process ended".to_owned());
            }
            if tokio::time::Instant::now() > until {
                self.kill();
                break Err("the function took too long".to_owned());
            }
        };
        *self.slot.waiting.lock().unwrap() = None;
        outcome
    }

    /// Kills the process, even during an invocation. True if there was one.
    pub(crate) fn kill(&self) -> bool {
        let process = self.process.lock().unwrap().take();
        let Some(mut process) = process else {
            return false;
        };
        process.kill().unwrap();
        process.wait().unwrap();
        true
    }

    fn ensure_process(&self) {
        if self.is_alive() {
            return;
        }
        let process = Command::new(&self.program)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", &self.api)
            .env("AWS_LAMBDA_FUNCTION_NAME", "vitrine")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "vitrine")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "vitrine")
            .env("VITRINE_DATA", std::env::temp_dir())
            .stdout(Stdio::null())
            // What it logs tells why a test failed.
            .stderr(self.log())
            .spawn()
            .unwrap();
        *self.process.lock().unwrap() = Some(process);
    }

    fn log(&self) -> Stdio {
        match std::env::var_os("VITRINE_TEST_LOG") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        }
    }

    fn is_alive(&self) -> bool {
        let mut process = self.process.lock().unwrap();
        let Some(running) = process.as_mut() else {
            return false;
        };
        let alive = running.try_wait().unwrap().is_none();
        if !alive {
            *process = None;
        }
        alive
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
        self.server.abort();
    }
}

async fn next(State(slot): State<Arc<Slot>>) -> impl IntoResponse {
    loop {
        let waiting = slot.waiting.lock().unwrap().take();
        if let Some(invocation) = waiting {
            let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap();
            let headers = [
                ("lambda-runtime-aws-request-id", invocation.id),
                (
                    "lambda-runtime-deadline-ms",
                    deadline.as_millis().to_string(),
                ),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:123456789012:function:vitrine".to_owned(),
                ),
            ];
            return (headers, invocation.event);
        }
        slot.news.notified().await;
    }
}

/// The function registers itself as an extension too, so that it is told before it is ended.
async fn register() -> impl IntoResponse {
    let known = [("lambda-extension-identifier", Uuid::new_v4().to_string())];
    let function =
        r#"{"functionName":"vitrine","functionVersion":"$LATEST","handler":"bootstrap"}"#;
    (known, function)
}

async fn no_event() {
    std::future::pending::<()>().await;
}

async fn respond(State(slot): State<Arc<Slot>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&body).unwrap_or(Value::Null);
    slot.end(&id, Ok(answer))
}

async fn fail(State(slot): State<Arc<Slot>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    slot.end(&id, Err(String::from_utf8_lossy(&body).into_owned()))
}

impl Slot {
    fn end(&self, id: &str, outcome: Outcome) -> StatusCode {
        let answer = self.answer.lock().unwrap().take_if(|(of, _)| of == id);
        if let Some((_, sender)) = answer {
            // After a timeout the receiver is gone.
            let _ = sender.send(outcome);
        }
        StatusCode::ACCEPTED
    }
}
