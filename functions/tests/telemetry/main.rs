//! A function as Lambda runs it, the real program, with a collector: it continues the trace of the
//! upload, and exports everything before the answer.

#![allow(clippy::unwrap_used)]

use std::process::Stdio;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use functions::testing::photo;
use functions::testing::runtime::Runtime;
use platform::settings::DatabaseSettings;
use platform::testing::{Collector, Moto};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// The trace of the upload, and the span in it that stored the object.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

const DEADLINE: Duration = Duration::from_secs(60);

/// The message of SQS about a new object in S3.
fn batch(bucket: &str, key: &str) -> Value {
    let told = json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }]});
    json!({"Records": [{
        "messageId": "m-1", "receiptHandle": "r-1", "body": told.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs",
    }]})
}

#[tokio::test]
async fn function_continues_the_trace_of_the_object() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let (collector, bucket) = (Collector::start().await, moto.bucket().await);
    let key = "uploads/from-the-camera.jpg";
    let settings = aws_sdk_s3::config::Builder::from(&moto.sdk_config().await)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(settings)
        .put_object()
        .bucket(&bucket)
        .key(key)
        .metadata("traceparent", format!("00-{TRACE}-{SPAN}-01"))
        .body(ByteStream::from(photo(1, 320, 240)))
        .send()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rows.sqlite");
    let db = platform::database::connect(&DatabaseSettings::sqlite(&database))
        .await
        .unwrap();
    migration::up::<migration::Migrator>(&db, migration::PATIENCE)
        .await
        .unwrap();
    let mut lambda = Runtime::start().await;

    let mut function = Command::new(env!("CARGO_BIN_EXE_thumbnail"))
        .env_clear()
        .envs(moto.variables())
        .envs(lambda.variables("thumbnail"))
        .env("VITRINE_STORAGE", format!("s3://{bucket}"))
        .env("DATABASE_URL", format!("sqlite://{}", database.display()))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        // Only the end of the invocation exports anything.
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let answered = timeout(DEADLINE, async {
        let asking = lambda.asked().await;
        let answer = lambda.invoke(asking, batch(&bucket, key)).await;
        // The thread of SQLite may hold the last span for a moment after the answer to a query. Then
        // the next invocation exports it.
        let asking = lambda.asked().await;
        lambda.invoke(asking, json!({"Records": []})).await.unwrap();
        answer
    })
    .await;
    let (spans, points) = (collector.spans(), collector.points());
    function.start_kill().unwrap();
    let log = function.wait_with_output().await.unwrap().stderr;
    let log = String::from_utf8(log).unwrap();

    let answer = answered.expect(&log).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}), "{log}");
    let named = |name: &str| {
        let found = spans
            .iter()
            .find(|span| span.name == name && span.trace_id == TRACE);
        found.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let message = named("process thumbnail");
    assert_eq!((message.parent_id.as_str(), message.kind), (SPAN, 5));
    assert_eq!(message.attributes["messaging.message.id"], "m-1");
    assert_eq!(message.resource["faas.name"], "thumbnail");
    assert_eq!(message.resource["service.name"], "vitrine-thumbnail");
    let step = spans
        .iter()
        .find(|span| span.parent_id == message.span_id && span.name == "thumbnail");
    let step = step.unwrap();
    assert_eq!(step.attributes["outcome"], "done");
    let stored = named("store put");
    let put = named("S3.PutObject");
    assert_eq!(put.parent_id, stored.span_id);
    let done = points
        .iter()
        .find(|point| point.name == "vitrine.step.duration");
    assert_eq!(done.unwrap().attributes["outcome"], "done");

    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let done = lines.filter(|line| line["message"] == "done");
    let [done] = &done.collect::<Vec<_>>()[..] else {
        panic!("{log}");
    };
    let invocation = spans
        .iter()
        .find(|span| span.attributes.contains_key("faas.invocation_id"));
    let request = invocation.unwrap().attributes["faas.invocation_id"].as_str();
    assert_eq!(done["request_id"], request);
    assert_eq!(done["message_id"], "m-1");
    assert_eq!(done["trace_id"], TRACE);
    assert_eq!(done["image_id"], step.attributes["image_id"].as_str());
}
