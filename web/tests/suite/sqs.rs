//! Stands in for SQS where a test wants to see each message or have some refused: a server on a
//! port of its own that speaks as much of its JSON protocol as Vitrine uses.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing::post};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) step: String,
    pub(crate) body: String,
}

type Consumer = Arc<dyn Fn(Message) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Default)]
struct Inner {
    accepted: Mutex<Vec<Message>>,
    consumer: Mutex<Option<Consumer>>,
    rejects: Mutex<VecDeque<BTreeSet<usize>>>,
    is_down: AtomicBool,
    requests: AtomicUsize,
}

#[derive(Clone)]
pub(crate) struct Sqs {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl Sqs {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&inner));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, inner }
    }

    /// The address of the queues, as for `VITRINE_QUEUE`.
    pub(crate) fn queues(&self) -> String {
        format!("http://{}/123456789012/vitrine-{{step}}", self.address)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has each message consumed before the sender hears that it was accepted: the fastest that a
    /// queue could ever deliver.
    pub(crate) fn deliver_to<F>(&self, consumer: impl Fn(Message) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let consumer: Consumer = Arc::new(move |message| Box::pin(consumer(message)));
        *self.inner.consumer.lock().unwrap() = Some(consumer);
    }

    /// Of the next batches, refuses the entries at these places.
    pub(crate) fn reject<const N: usize>(&self, batches: impl IntoIterator<Item = [usize; N]>) {
        let batches = batches.into_iter().map(BTreeSet::from);
        self.inner.rejects.lock().unwrap().extend(batches);
    }

    /// Whether every request is refused.
    pub(crate) fn is_down(&self, is_down: bool) {
        self.inner.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self) -> Vec<Message> {
        self.inner.accepted.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::Relaxed)
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    inner.requests.fetch_add(1, Ordering::Relaxed);
    if inner.is_down.load(Ordering::Relaxed) {
        let refusal = json!({
            "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue",
        });
        return (StatusCode::BAD_REQUEST, Json(refusal));
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    let url = request["QueueUrl"].as_str().unwrap();
    let step = url.rsplit('-').next().unwrap();
    let said = match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSQS.SendMessage" => {
            let id = inner.accept(step, &request).await;
            json!({ "MessageId": id })
        }
        "AmazonSQS.SendMessageBatch" => {
            let entries = request["Entries"].as_array().unwrap();
            assert!((1..=10).contains(&entries.len()), "{entries:?}");
            let rejected = inner.rejects.lock().unwrap().pop_front();
            let rejected = rejected.unwrap_or_default();
            let (mut successful, mut failed) = (Vec::new(), Vec::new());
            for (place, entry) in entries.iter().enumerate() {
                if rejected.contains(&place) {
                    failed.push(json!({
                        "Id": entry["Id"], "Code": "InternalError", "SenderFault": false,
                    }));
                } else {
                    let id = inner.accept(step, entry).await;
                    successful.push(json!({
                        "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "",
                    }));
                }
            }
            json!({ "Successful": successful, "Failed": failed })
        }
        other => panic!("{other} is not spoken here"),
    };
    (StatusCode::OK, Json(said))
}

impl Inner {
    async fn accept(&self, step: &str, entry: &Value) -> String {
        let message = Message {
            step: step.to_owned(),
            body: entry["MessageBody"].as_str().unwrap().to_owned(),
        };
        let number = {
            let mut accepted = self.accepted.lock().unwrap();
            accepted.push(message.clone());
            accepted.len()
        };
        let consumer = self.consumer.lock().unwrap().clone();
        if let Some(consumer) = consumer {
            consumer(message).await;
        }
        format!("message-{number}")
    }
}
