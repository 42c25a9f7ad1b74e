//! The driver for AWS Lambda, on the rows and objects of a test server: the answer for each message
//! of a batch.

use std::time::Duration;

use entity::step::{StepKind, StepState};
use functions::drivers::lambda::{Answer, Function};
use functions::testing;
use functions::testing::provider::{Answer as Said, Provider};
use platform::events::announcement;
use platform::objects::ObjectKey;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::TestApp;
use crate::ports::{Move, Scripted};
use crate::providers::asking;
use crate::uploads::states;

/// More time than any invocation here needs.
const TEN_MINUTES: Duration = Duration::from_secs(600);

pub(crate) fn function(app: &TestApp, step: StepKind) -> Function {
    Function {
        step,
        ctx: app.context.clone(),
        queues: None,
        max_bytes: 1 << 20,
        follows_traces: false,
    }
}

/// A message of SQS as Lambda passes it on.
pub(crate) fn message(id: &str, body: &str, receives: u32) -> Value {
    json!({
        "messageId": id, "receiptHandle": format!("receipt of {id}"), "body": body,
        "attributes": { "ApproximateReceiveCount": receives.to_string() },
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
    })
}

/// The ids of the messages that the function reports as failed.
pub(crate) async fn failures(function: &Function, messages: &[Value]) -> Vec<String> {
    let event = json!({ "Records": messages }).to_string();
    let deadline = Instant::now() + TEN_MINUTES;
    match function.invoke(event.as_bytes(), deadline).await.unwrap() {
        Answer::Done => panic!("a batch has an answer for each message"),
        Answer::Batch(response) => {
            let mut ids: Vec<_> = response
                .batch_item_failures
                .into_iter()
                .map(|failure| failure.item_identifier)
                .collect();
            ids.sort();
            ids
        }
    }
}

async fn key(app: &TestApp, id: Uuid) -> ObjectKey {
    ObjectKey::parse(&app.row(id).await.unwrap().object_key).unwrap()
}

#[tokio::test]
async fn the_three_functions_finish_an_image_in_any_order() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    let body = announcement(&key(&app, id).await);

    for step in [StepKind::Annotate, StepKind::Thumbnail, StepKind::Anonymise] {
        let failed = failures(&function(&app, step), &[message("m", &body, 1)]).await;
        assert!(failed.is_empty(), "{step}: {failed:?}");
    }

    assert_eq!(states(&app.image(id).await), ["done"; 3]);
}

#[tokio::test]
async fn only_the_two_poison_messages_of_a_batch_are_returned() {
    let mut app = TestApp::spawn().await;
    let ids = app.upload_photos(0..8).await;
    app.context.captioner = Scripted::new([Move::Panic]);
    let mut messages = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let body = announcement(&key(&app, *id).await);
        messages.push(message(&format!("good-{number}"), &body, 1));
    }
    messages.insert(3, message("poison-1", "{\"Records\": [{\"eventSource\"", 1));
    messages.insert(7, message("poison-2", "\u{0}", 1));

    let failed = failures(&function(&app, StepKind::Annotate), &messages).await;

    // The captioner panics on one of the good messages, so that one is returned as well.
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert_eq!(failed[1..], ["poison-1", "poison-2"]);
    let mut done = 0;
    for id in &ids {
        let step = app.step(*id, StepKind::Annotate).await;
        done += usize::from(step.state == StepState::Done);
    }
    assert_eq!(done, 7);
}

#[tokio::test]
async fn concurrent_duplicate_delivery_is_idempotent() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    let body = announcement(&key(&app, id).await);
    let twice: Vec<_> = (0..6)
        .map(|n| message(&format!("m{n}"), &body, 1))
        .collect();

    assert!(
        failures(&function(&app, StepKind::Thumbnail), &twice)
            .await
            .is_empty()
    );
    assert!(
        failures(&function(&app, StepKind::Thumbnail), &twice)
            .await
            .is_empty()
    );

    let step = app.step(id, StepKind::Thumbnail).await;
    assert_eq!(step.state, StepState::Done);
}

#[tokio::test]
async fn a_transient_error_returns_the_message_until_the_last_delivery_records_the_failure() {
    let mut app = TestApp::spawn().await;
    app.context.options.max_attempts = 4;
    let id = app.upload_photos(0..1).await[0];
    let body = announcement(&key(&app, id).await);
    app.context.captioner = Scripted::new((0..9).map(|_| Move::Stumble));
    let annotate = function(&app, StepKind::Annotate);

    for receives in 1..=3 {
        let failed = failures(&annotate, &[message("m", &body, receives)]).await;
        assert_eq!(failed, ["m"], "delivery {receives}");
        let step = app.step(id, StepKind::Annotate).await;
        assert_eq!(step.state, StepState::Queued);
    }
    assert!(
        failures(&annotate, &[message("m", &body, 4)])
            .await
            .is_empty()
    );
    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!(step.state, StepState::Failed);
    assert_eq!(step.error.as_deref(), Some("the provider stumbled"));
}

#[tokio::test]
async fn a_picture_that_crashes_every_process_fails_before_the_dead_letter_queue() {
    let mut app = TestApp::spawn().await;
    app.context.options.max_attempts = 4;
    let id = app.upload_photos(0..1).await[0];
    let body = announcement(&key(&app, id).await);

    let failed = failures(
        &function(&app, StepKind::Anonymise),
        &[message("m", &body, 5)],
    )
    .await;

    assert!(failed.is_empty(), "{failed:?}");
    let step = app.step(id, StepKind::Anonymise).await;
    assert_eq!(step.state, StepState::Failed);
    assert!(step.error.unwrap().contains("given up"));
}

#[tokio::test]
async fn messages_that_do_not_fit_the_deadline_are_returned_unprocessed() {
    let app = TestApp::spawn().await;
    let ids = app.upload_photos(0..2).await;
    let mut messages = Vec::new();
    for id in &ids {
        let body = announcement(&key(&app, *id).await);
        messages.push(message(&id.to_string(), &body, 1));
    }
    let event = json!({ "Records": messages }).to_string();

    let soon = Instant::now() + Duration::from_secs(3);
    let answer = function(&app, StepKind::Thumbnail)
        .invoke(event.as_bytes(), soon)
        .await;

    let Ok(Answer::Batch(response)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(response.batch_item_failures.len(), 2);
    for id in ids {
        let step = app.step(id, StepKind::Thumbnail).await;
        assert_eq!((step.state, step.attempts), (StepState::Queued, 0));
    }
}

#[tokio::test]
async fn a_direct_invocation_takes_one_event_and_fails_on_a_transient_error() {
    let mut app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    let event = announcement(&key(&app, id).await);
    app.context.captioner = Scripted::new([Move::Stumble]);
    let annotate = function(&app, StepKind::Annotate);

    let deadline = Instant::now() + TEN_MINUTES;
    let first = annotate.invoke(event.as_bytes(), deadline).await;
    assert!(first.is_err(), "{first:?}");
    let second = annotate.invoke(event.as_bytes(), deadline).await;
    assert!(matches!(second, Ok(Answer::Done)), "{second:?}");
    assert_eq!(
        app.step(id, StepKind::Annotate).await.state,
        StepState::Done
    );
    let nonsense = annotate.invoke(b"[]", deadline).await;
    assert!(nonsense.is_err(), "{nonsense:?}");
}

#[tokio::test]
async fn test_events_deletions_and_unknown_objects_are_acknowledged() {
    let app = TestApp::spawn().await;
    let event = |name: &str, key: &str| {
        json!({ "Records": [{
            "eventSource": "aws:s3", "eventName": name, "s3": { "object": { "key": key } },
        }] })
        .to_string()
    };
    let messages = [
        message("test", r#"{"Event":"s3:TestEvent","Bucket":"photos"}"#, 1),
        message(
            "deletion",
            &event("ObjectRemoved:Delete", "uploads/a.jpg"),
            1,
        ),
        message(
            "rendition",
            &event("ObjectCreated:Put", "thumbnails/a.jpg"),
            1,
        ),
        message("elsewhere", &event("ObjectCreated:Put", "logs/today"), 1),
        message("gone", &event("ObjectCreated:Put", "uploads/gone.jpg"), 1),
    ];
    for step in StepKind::ALL {
        let failed = failures(&function(&app, step), &messages).await;
        assert!(failed.is_empty(), "{failed:?}");
    }
    assert!(app.rows().await.is_empty());
}

#[tokio::test]
async fn an_object_without_a_row_is_adopted_once() {
    let app = TestApp::spawn().await;
    let key = ObjectKey::parse("uploads/2026 sommer/Zoë + friends.jpg").unwrap();
    let put = async |key: &ObjectKey, bytes: Vec<u8>| {
        let body = app.file_of(&bytes).await;
        app.state.store.put(key, body).await.unwrap();
    };
    put(&key, testing::photo(5, 64, 48)).await;
    let body = announcement(&key);
    let all = [message("m", &body, 1)];
    let (thumbnail, annotate) = (
        function(&app, StepKind::Thumbnail),
        function(&app, StepKind::Annotate),
    );
    let (first, second) = tokio::join!(failures(&thumbnail, &all), failures(&annotate, &all));
    assert!(first.is_empty() && second.is_empty());
    assert!(
        failures(&function(&app, StepKind::Anonymise), &all)
            .await
            .is_empty()
    );

    let rows = app.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].file_name, "Zoë + friends.jpg");
    let image = app.image(rows[0].id).await;
    assert_eq!(states(&image), ["done"; 3]);

    // The same bytes again, a text, and a file that is too large.
    for (name, bytes) in [
        ("uploads/again.jpg", testing::photo(5, 64, 48)),
        ("uploads/letter.jpg", b"Dear Ada".to_vec()),
        ("uploads/huge.jpg", vec![0; (1 << 20) + 1]),
    ] {
        let key = ObjectKey::parse(name).unwrap();
        put(&key, bytes).await;
        let failed = failures(&thumbnail, &[message("m", &announcement(&key), 1)]).await;
        assert!(failed.is_empty(), "{name}");
    }
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test]
async fn a_provider_pause_returns_the_message_without_an_attempt() {
    let provider = Provider::start().await;
    let wait = vec![("retry-after", "30".to_owned())];
    provider.will(Said::Raw(429, wait, "{}".to_owned()));
    let app = asking(&provider).spawn().await;
    let id = app.upload_photos(0..1).await[0];
    let body = announcement(&key(&app, id).await);
    let annotate = function(&app, StepKind::Annotate);

    for _ in 0..3 {
        // Without access to its queue, the function relies on SQS's visibility timeout.
        assert_eq!(failures(&annotate, &[message("m", &body, 1)]).await, ["m"]);
    }
    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Queued, 0));
    assert_eq!(provider.asked().len(), 1);
    app.let_time_pass().await;
    assert!(
        failures(&annotate, &[message("m", &body, 2)])
            .await
            .is_empty()
    );
    assert_eq!(
        app.step(id, StepKind::Annotate).await.state,
        StepState::Done
    );
}
