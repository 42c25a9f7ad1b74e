//! The parts of AWS that Vitrine uses: moto with a bucket that sends an event about each new
//! original to three queues, their dead-letter queues, and a mapping per queue that invokes its
//! function with batches.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use functions::testing::Noise;
use platform::testing::{Fault, Moto, Proxy};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::sandbox::Sandbox;
use crate::harness::STEPS;

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The visibility timeout of the queues, in seconds. On AWS it is six times the timeout of the
/// function, which is too long for a test.
const VISIBILITY: u64 = 4;

/// Deliveries before a message goes to the dead-letter queue.
pub(crate) const MAX_RECEIVES: u32 = 5;

/// How S3 events reach the queues.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Router {
    EventBridge,
    Sns,
}

pub(crate) struct Cloud {
    pub(crate) moto: Moto,
    /// The proxy between the functions and S3.
    pub(crate) proxy: Proxy,
    pub(crate) bucket: String,
    http: Client,
    sandboxes: Vec<Arc<Sandbox>>,
    mappings: Vec<JoinHandle<()>>,
    /// The percentage of batches that are delivered twice.
    duplicates: Arc<AtomicUsize>,
}

impl Cloud {
    /// Starts everything but the mappings.
    pub(crate) async fn start(router: Router) -> Option<Self> {
        let moto = Moto::start().await?;
        let bucket = moto.bucket().await;
        let proxy = Proxy::start(moto.endpoint()).await;
        let cloud = Self {
            proxy,
            bucket,
            http: Client::new(),
            sandboxes: Vec::new(),
            mappings: Vec::new(),
            duplicates: Arc::default(),
            moto,
        };
        for step in STEPS {
            cloud.make_queues(step).await;
        }
        match router {
            Router::EventBridge => cloud.through_eventbridge().await,
            Router::Sns => cloud.through_sns().await,
        }
        Some(cloud)
    }

    /// Settings for the server and the functions, with this database.
    pub(crate) fn variables(&self, database: &str) -> Vec<(String, String)> {
        let mut variables = self.moto.variables();
        variables.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
        for (name, value) in [
            ("AWS_ENDPOINT_URL", self.proxy.endpoint()),
            ("VITRINE_STORAGE", format!("s3://{}", self.bucket)),
            ("VITRINE_QUEUE", self.queue("{step}")),
            ("DATABASE_URL", database.to_owned()),
        ] {
            variables.push((name.to_owned(), value));
        }
        variables
    }

    /// Starts the mappings, which invoke the functions built from this tree.
    pub(crate) async fn invoke_functions(&mut self, variables: &[(String, String)]) {
        for step in STEPS {
            let sandbox = Arc::new(Sandbox::new(program(step), variables.to_vec()).await);
            self.sandboxes.push(Arc::clone(&sandbox));
            let mapping = Mapping {
                http: self.http.clone(),
                endpoint: self.moto.endpoint().to_owned(),
                queue: self.queue(step),
                sandbox,
                duplicates: Arc::clone(&self.duplicates),
                noise: Mutex::new(Noise(step.len() as u64)),
            };
            self.mappings.push(tokio::spawn(mapping.run()));
        }
    }

    /// Sets the percentage of batches that are delivered twice.
    pub(crate) fn deliver_twice(&self, share: usize) {
        self.duplicates.store(share, Ordering::Relaxed);
    }

    /// Kills the process of one function, chosen by `turn`.
    pub(crate) fn kill_one(&self, turn: usize) -> bool {
        self.sandboxes[turn % self.sandboxes.len()].kill()
    }

    /// Messages of the dead-letter queue of a function.
    pub(crate) async fn dead_letters(&self, step: &str) -> u64 {
        let wanted = json!({
            "QueueUrl": self.queue(&format!("{step}-dead")),
            "AttributeNames": ["ApproximateNumberOfMessages"],
        });
        let found = sqs(
            &self.http,
            self.moto.endpoint(),
            "GetQueueAttributes",
            &wanted,
        )
        .await;
        let count = &found["Attributes"]["ApproximateNumberOfMessages"];
        count.as_str().unwrap().parse().unwrap()
    }

    /// Sends a message with any body to the queue of a function.
    pub(crate) async fn send(&self, step: &str, body: &str) {
        let message = json!({ "QueueUrl": self.queue(step), "MessageBody": body });
        sqs(&self.http, self.moto.endpoint(), "SendMessage", &message).await;
    }

    /// S3 answers the next so many requests with 503.
    pub(crate) fn trouble(&self, requests: usize) {
        self.proxy
            .next((0..requests).map(|_| Fault::Answer(503, "SlowDown")));
    }

    fn queue(&self, name: &str) -> String {
        format!("{}/123456789012/vitrine-{name}", self.moto.endpoint())
    }

    async fn make_queues(&self, step: &str) {
        let dead = format!("vitrine-{step}-dead");
        let make = async |attributes: Value| {
            sqs(&self.http, self.moto.endpoint(), "CreateQueue", &attributes).await;
        };
        make(json!({ "QueueName": dead })).await;
        let redrive = json!({
            "deadLetterTargetArn": arn(&dead), "maxReceiveCount": MAX_RECEIVES,
        });
        make(json!({
            "QueueName": format!("vitrine-{step}"),
            "Attributes": {
                "VisibilityTimeout": VISIBILITY.to_string(), "RedrivePolicy": redrive.to_string(),
            },
        }))
        .await;
    }

    async fn through_eventbridge(&self) {
        let pattern = json!({
            "source": ["aws.s3"], "detail-type": ["Object Created"],
            "detail": { "object": { "key": [{ "prefix": "uploads/" }] } },
        });
        let rule = json!({ "Name": "uploads", "EventPattern": pattern.to_string() });
        self.json("events", "AWSEvents.PutRule", &rule).await;
        let targets: Vec<_> = STEPS
            .iter()
            .map(|step| json!({ "Id": step, "Arn": arn(&format!("vitrine-{step}")) }))
            .collect();
        let targets = json!({ "Rule": "uploads", "Targets": targets });
        self.json("events", "AWSEvents.PutTargets", &targets).await;
        let xml = "<EventBridgeConfiguration/>";
        self.notify(xml).await;
    }

    async fn through_sns(&self) {
        let topic = "arn:aws:sns:eu-central-1:123456789012:uploads";
        self.form("sns", &[("Action", "CreateTopic"), ("Name", "uploads")])
            .await;
        for step in STEPS {
            let queue = arn(&format!("vitrine-{step}"));
            let fields = [
                ("Action", "Subscribe"),
                ("TopicArn", topic),
                ("Protocol", "sqs"),
                ("Endpoint", queue.as_str()),
            ];
            self.form("sns", &fields).await;
        }
        let xml = format!(
            "<TopicConfiguration><Topic>{topic}</Topic><Event>s3:ObjectCreated:*</Event>\
             <Filter><S3Key><FilterRule><Name>prefix</Name><Value>uploads/</Value></FilterRule>\
             </S3Key></Filter></TopicConfiguration>"
        );
        self.notify(&xml).await;
    }

    async fn notify(&self, configuration: &str) {
        let url = format!("{}/{}?notification", self.moto.endpoint(), self.bucket);
        let body =
            format!("<NotificationConfiguration>{configuration}</NotificationConfiguration>");
        let request = signed(self.http.put(url), "s3").body(body);
        succeeded(request).await;
    }

    async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let request = signed(self.http.post(self.moto.endpoint()), service)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string());
        serde_json::from_str(&succeeded(request).await).unwrap_or_default()
    }

    async fn form(&self, service: &str, fields: &[(&str, &str)]) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = signed(self.http.post(self.moto.endpoint()), service)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        succeeded(request).await;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        for mapping in &self.mappings {
            mapping.abort();
        }
    }
}

/// An event source mapping: receives batches from a queue, invokes the function, and deletes the
/// messages that the function does not report as failed.
struct Mapping {
    http: Client,
    endpoint: String,
    queue: String,
    sandbox: Arc<Sandbox>,
    duplicates: Arc<AtomicUsize>,
    noise: Mutex<Noise>,
}

impl Mapping {
    async fn run(self) {
        loop {
            let wanted = json!({
                "QueueUrl": self.queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0,
                "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
            });
            let received = sqs(&self.http, &self.endpoint, "ReceiveMessage", &wanted).await;
            let messages = received["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            self.deliver(&messages).await;
        }
    }

    async fn deliver(&self, messages: &[Value]) {
        let records: Vec<_> = messages.iter().map(record).collect();
        let event = json!({ "Records": records });
        let share = self.duplicates.load(Ordering::Relaxed);
        if self.noise.lock().await.below(100) < share {
            // The answer to the first delivery is lost.
            let _ = self.sandbox.invoke(&event, TIMEOUT).await;
        }
        let Ok(answer) = self.sandbox.invoke(&event, TIMEOUT).await else {
            return;
        };
        let failed: HashSet<_> = answer["batchItemFailures"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|failure| failure["itemIdentifier"].as_str())
            .collect();
        for message in messages {
            if failed.contains(message["MessageId"].as_str().unwrap()) {
                continue;
            }
            let done = json!({
                "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"],
            });
            sqs(&self.http, &self.endpoint, "DeleteMessage", &done).await;
        }
    }
}

/// A message of SQS as Lambda passes it on.
fn record(message: &Value) -> Value {
    let own = message["MessageAttributes"]
        .as_object()
        .into_iter()
        .flatten();
    let own: serde_json::Map<_, _> = own
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value["StringValue"], "dataType": value["DataType"],
                "stringListValues": [], "binaryListValues": [],
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"], "attributes": message["Attributes"], "messageAttributes": own,
        "md5OfBody": message["MD5OfBody"], "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:vitrine",
        "awsRegion": "eu-central-1",
    })
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:eu-central-1:123456789012:{queue}")
}

/// Moto only reads the service's name from the signature; it does not verify it.
fn signed(request: RequestBuilder, service: &str) -> RequestBuilder {
    let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/eu-central-1/{service}/aws4_request");
    let signature =
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
    request.header("authorization", signature)
}

async fn sqs(http: &Client, endpoint: &str, action: &str, body: &Value) -> Value {
    let request = signed(http.post(endpoint), "sqs")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .header("content-type", "application/x-amz-json-1.0")
        .body(body.to_string());
    serde_json::from_str(&succeeded(request).await).unwrap_or_default()
}

async fn succeeded(request: RequestBuilder) -> String {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    text
}

/// The function as a program: one of those that go into the archives for Lambda if
/// `VITRINE_TEST_FUNCTIONS` names the folder that `functions/lambda.sh` left them in, else the one
/// beside the program under test. Cargo builds that with the tests of the whole workspace; for this
/// package's tests alone it has to be built first.
fn program(step: &str) -> PathBuf {
    let program = match std::env::var_os("VITRINE_TEST_FUNCTIONS") {
        Some(folder) => PathBuf::from(folder).join(step).join("bootstrap"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_vitrine")).with_file_name(step),
    };
    assert!(
        program.is_file(),
        "{} is not there: build it with `cargo build -p functions --bins`",
        program.display()
    );
    program
}
