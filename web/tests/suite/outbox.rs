//! Messages of our own to the queues of AWS: each is a row before it is sent, so none is lost and
//! none arrives before its step is queued.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::outbox;
use entity::step::{self, StepKind, StepState};
use functions::drivers::lambda::Function;
use functions::drivers::local::{STUCK_AFTER, sweep};
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::lifecycle::rerun;
use functions::pipeline::outbox::Outbox;
use functions::testing::provider::{Answer, Provider};
use futures::future::join_all;
use platform::events::announcement;
use platform::objects::ObjectKey;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::app::{Builder, TestApp, eventually};
use crate::lambda::{failures, function, message};
use crate::providers::asking;
use crate::sqs::Sqs;

impl Builder {
    /// Work is queued there, for functions on Lambda.
    pub(crate) fn with_queues(self, sqs: &Sqs) -> Self {
        self.set("VITRINE_QUEUE", sqs.queues())
            .set("AWS_ENDPOINT_URL", sqs.endpoint())
            .set("AWS_REGION", "eu-central-1")
            .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .set("AWS_SECRET_ACCESS_KEY", "none")
    }
}

/// A server whose queues are answered by `sqs`, with photos on which everything is done.
async fn app_with_done_photos(sqs: &Sqs, photos: u64) -> (TestApp, Vec<Uuid>) {
    let app = TestApp::builder().with_queues(sqs).spawn().await;
    let ids = app.upload_photos(0..photos).await;
    // The folder tells the queue of this machine of new originals, as S3 would tell the others.
    app.drain().await;
    (app, ids)
}

/// Has the functions work on each message in the moment it is accepted.
fn deliver_at_once(app: &TestApp, sqs: &Sqs) {
    let functions: Arc<Vec<Function>> =
        Arc::new(StepKind::ALL.map(|step| function(app, step)).into());
    sqs.deliver_to(move |sent| {
        let functions = Arc::clone(&functions);
        async move {
            // An invocation stays on its thread.
            let invocation = tokio::task::spawn_blocking(move || {
                let step: StepKind = sent.step.parse().unwrap();
                let function = functions.iter().find(|function| function.step == step);
                let messages = [message("m", &sent.body, 1)];
                Handle::current().block_on(failures(function.unwrap(), &messages))
            });
            invocation.await.unwrap();
        }
    });
}

impl TestApp {
    fn outbox(&self) -> &Outbox {
        match &self.state.dispatch {
            Dispatch::Sqs(outbox) => outbox,
            Dispatch::Jobs(_) => panic!("this server has no queues on AWS"),
        }
    }

    async fn rerun_all(&self, ids: &[Uuid]) -> usize {
        let steps = ids
            .iter()
            .flat_map(|&id| StepKind::ALL.map(|step| (id, step)));
        let steps: Vec<_> = steps.collect();
        let queued = rerun(&self.state.db, &self.state.dispatch, &steps).await;
        queued.unwrap().len()
    }

    async fn is_done_since(&self, id: Uuid, step: StepKind, instant: DateTime<Utc>) -> bool {
        let row = self.step(id, step).await;
        row.state == StepState::Done && row.queued_at > instant
    }

    /// Makes every message of the outbox due, even those that a sender holds.
    async fn let_senders_die(&self) {
        outbox::Entity::update_many()
            .col_expr(outbox::Column::DueAt, Expr::value(entity::now()))
            .exec(&self.state.db)
            .await
            .unwrap();
    }

    /// Nothing has happened with any step for so long.
    async fn let_steps_age(&self, by: TimeDelta) {
        let then = entity::now() - by;
        for column in [step::Column::QueuedAt, step::Column::StartedAt] {
            step::Entity::update_many()
                .col_expr(column, Expr::value(then))
                .exec(&self.state.db)
                .await
                .unwrap();
        }
    }

    async fn requeued(&self) -> usize {
        let patience = Duration::from_secs(3600);
        let swept = sweep(&self.context, &self.state.dispatch, patience, entity::now()).await;
        swept.unwrap().requeued
    }

    /// What a message for each step of these images is about.
    async fn messages(&self, ids: &[Uuid]) -> BTreeSet<(String, String)> {
        let mut messages = BTreeSet::new();
        for id in ids {
            let key = ObjectKey::parse(&self.row(*id).await.unwrap().object_key).unwrap();
            for step in StepKind::ALL {
                messages.insert((step.to_string(), announcement(&key)));
            }
        }
        messages
    }
}

fn accepted(sqs: &Sqs) -> BTreeSet<(String, String)> {
    let accepted = sqs.accepted().into_iter();
    accepted
        .map(|message| (message.step, message.body))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_at_once_finds_its_step_queued() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 1).await;
    deliver_at_once(&app, &sqs);
    let before = entity::now();

    app.post(&format!("/api/images/{}/steps/thumbnail/retry", ids[0]))
        .await
        .expect(202);

    eventually("the thumbnail is made anew", async || {
        app.is_done_since(ids[0], StepKind::Thumbnail, before).await
    })
    .await;
}

#[tokio::test]
async fn messages_are_sent_in_batches_of_ten() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 12).await;

    assert_eq!(app.rerun_all(&ids).await, 36);

    eventually("the outbox is empty", async || {
        app.outbox().depth().await.unwrap() == 0
    })
    .await;
    assert_eq!(accepted(&sqs), app.messages(&ids).await);
    assert_eq!((sqs.accepted().len(), sqs.requests()), (36, 6));
}

#[tokio::test]
async fn entries_that_sqs_refuses_are_sent_again() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 4).await;
    sqs.reject([[0, 3], [1, 2], [0, 1]]);

    app.rerun_all(&ids).await;

    eventually("all others are sent", async || sqs.accepted().len() == 6).await;
    eventually("the refused ones stay", async || {
        app.outbox().depth().await.unwrap() == 6
    })
    .await;
    app.let_senders_die().await;
    app.outbox().send_due().await.unwrap();
    eventually("the outbox is empty", async || {
        app.outbox().depth().await.unwrap() == 0
    })
    .await;
    assert_eq!(accepted(&sqs), app.messages(&ids).await);
}

#[tokio::test]
async fn a_retry_while_the_queue_is_down_is_accepted_and_done_later() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 1).await;
    deliver_at_once(&app, &sqs);
    sqs.is_down(true);
    let before = entity::now();

    app.post(&format!("/api/images/{}/steps/anonymise/retry", ids[0]))
        .await
        .expect(202);
    // The server's own sender may hold the message at first.
    let error = loop {
        app.let_senders_die().await;
        if let Err(error) = app.outbox().send_due().await {
            break error.to_string();
        }
    };
    assert!(
        error.contains("the queue of anonymise does not answer"),
        "{error}"
    );
    assert_eq!(app.outbox().depth().await.unwrap(), 1);
    sqs.is_down(false);
    app.let_senders_die().await;

    eventually("the copy is made anew", async || {
        app.is_done_since(ids[0], StepKind::Anonymise, before).await
    })
    .await;
}

#[tokio::test]
async fn messages_of_a_process_that_died_are_sent_by_the_next_one() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 2).await;
    let expected = app.messages(&ids).await;
    sqs.is_down(true);
    app.rerun_all(&ids).await;
    let next = TestApp::builder().on_the_data_of(&app).with_queues(&sqs);
    let db = app.state.db.clone();
    assert_eq!(outbox::Entity::find().all(&db).await.unwrap().len(), 6);
    app.let_senders_die().await;
    app.stop().await;
    sqs.is_down(false);

    let next = next.spawn().await;
    next.let_senders_die().await;

    eventually("all messages are sent", async || accepted(&sqs) == expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_senders_lose_nothing() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 20).await;
    sqs.reject((0..40).map(|batch| [batch % 10, (batch + 3) % 10]));
    let outboxes: Vec<_> = (0..4).map(|_| app.outbox().clone()).collect();

    for ids in ids.chunks(5) {
        app.rerun_all(ids).await;
        // A deadlock ends one of the senders on MariaDB; its messages stay.
        join_all(outboxes.iter().map(Outbox::send_due)).await;
    }
    eventually("the outbox is empty", async || {
        app.let_senders_die().await;
        join_all(outboxes.iter().map(Outbox::send_due)).await;
        app.outbox().depth().await.unwrap() == 0
    })
    .await;

    assert_eq!(accepted(&sqs), app.messages(&ids).await);
}

#[tokio::test]
async fn the_message_of_a_deleted_image_is_not_sent() {
    let sqs = Sqs::start().await;
    let (app, ids) = app_with_done_photos(&sqs, 1).await;
    sqs.is_down(true);
    app.rerun_all(&ids).await;

    app.delete(&format!("/api/images/{}", ids[0]))
        .await
        .expect(204);

    assert_eq!(app.outbox().depth().await.unwrap(), 0);
    sqs.is_down(false);
    assert_eq!(app.outbox().send_due().await.unwrap(), 0);
}

#[tokio::test]
async fn a_step_with_which_nothing_happens_for_hours_is_sent_again_once() {
    let sqs = Sqs::start().await;
    let app = TestApp::builder().with_queues(&sqs).spawn().await;
    // No event announces the upload, as if the store's had been lost.
    let ids = app.upload_photos(0..2).await;

    app.let_steps_age(STUCK_AFTER - TimeDelta::minutes(1)).await;
    assert_eq!(app.requeued().await, 0);
    app.let_steps_age(STUCK_AFTER + TimeDelta::minutes(1)).await;
    assert_eq!(app.requeued().await, 6);
    assert_eq!(app.requeued().await, 0);

    eventually("all messages are sent", async || sqs.accepted().len() == 6).await;
    assert_eq!(accepted(&sqs), app.messages(&ids).await);
}

#[tokio::test]
async fn paused_captions_are_not_taken_for_stuck() {
    let provider = Provider::start().await;
    let wait = vec![("retry-after", "30".to_owned())];
    provider.will(Answer::Raw(429, wait, "{}".to_owned()));
    let sqs = Sqs::start().await;
    let app = asking(&provider).with_queues(&sqs).spawn().await;
    let ids = app.upload_photos(0..1).await;
    app.drain().await;
    step::Entity::update_many()
        .col_expr(step::Column::State, Expr::value(StepState::Queued))
        .exec(&app.state.db)
        .await
        .unwrap();
    app.let_steps_age(STUCK_AFTER * 2).await;

    assert_eq!(app.requeued().await, 2);

    let mut expected = app.messages(&ids).await;
    expected.retain(|(step, _)| step != "annotate");
    eventually("all messages are sent", async || accepted(&sqs) == expected).await;
}
