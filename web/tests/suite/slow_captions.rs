//! Captions by a server that takes its time: asked as often as it can answer, waited for, and in
//! nobody's way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::call;
use entity::step::{StepKind, StepState};
use functions::testing;
use functions::testing::provider::{Answer, KEY, Provider};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::app::{Builder, TestApp, eventually};
use crate::ports::Held;
use crate::uploads::states;

/// Settings of a server that uses this provider as one on the same machine.
fn asking_local(provider: &Provider) -> Builder {
    let openai = provider.openai();
    TestApp::builder()
        .set("VITRINE_CAPTIONER", "openai")
        .set("OPENAI_BASE_URL", openai.base_url)
        .set("OPENAI_MODEL", openai.model)
        .set("OPENAI_API_KEY", KEY)
}

async fn all_have(app: &TestApp, ids: &[Uuid], step: StepKind) -> bool {
    for id in ids {
        if app.step(*id, step).await.state != StepState::Done {
            return false;
        }
    }
    true
}

/// Moves the last sign of life of every open request into the past.
async fn let_requests_die(app: &TestApp) {
    call::Entity::update_many()
        .filter(call::Column::OpenUntil.is_not_null())
        .col_expr(
            call::Column::OpenUntil,
            Expr::value(DateTime::<Utc>::UNIX_EPOCH),
        )
        .exec(&app.state.db)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_answers_one_at_a_time_is_asked_one_at_a_time_by_all_processes() {
    let provider = Provider::start().await;
    provider.takes(Duration::from_millis(150));
    let first = asking_local(&provider).spawn().await;
    let second = asking_local(&provider).on_the_data_of(&first).spawn().await;
    let ids = first.upload_photos(0..12).await;

    let workers = [first.workers(12), second.workers(12)];
    eventually("all photos have captions", || {
        all_have(&first, &ids, StepKind::Annotate)
    })
    .await;
    for workers in workers {
        workers.stop().await;
    }

    assert_eq!(provider.most_at_once(), 1);
    assert_eq!(provider.given_up(), 0);
    assert_eq!(provider.asked().len(), 12);
    for id in ids {
        let step = first.step(id, StepKind::Annotate).await;
        assert_eq!(step.attempts, 1, "waiting for a turn is no attempt");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn captions_that_take_long_hold_up_no_other_step() {
    let mut app = TestApp::spawn().await;
    let held = Held::new("at last");
    app.context.captioner = held.clone();
    let ids = app.upload_photos(0..4).await;
    let workers = app.workers(2);
    held.has_begun().await;
    held.has_begun().await;

    let new = app.upload_photos(4..5).await;

    for step in [StepKind::Thumbnail, StepKind::Anonymise] {
        eventually("the new photo has its renditions", || {
            all_have(&app, &new, step)
        })
        .await;
    }
    assert!(!all_have(&app, &ids[..1], StepKind::Annotate).await);
    for _ in 0..5 {
        held.let_go();
    }
    eventually("all photos have captions", || {
        all_have(&app, &ids, StepKind::Annotate)
    })
    .await;
    workers.stop().await;
}

#[tokio::test]
async fn the_place_of_a_dead_worker_becomes_free() {
    let provider = Provider::start().await;
    provider.will(Answer::Silence);
    let app = asking_local(&provider).spawn().await;
    let ids = app.upload_photos(0..2).await;
    let (context, queue) = (app.context.clone(), app.state.queue.clone());
    let doomed =
        tokio::spawn(async move { functions::drivers::local::drain(&context, &queue).await });
    eventually("a request is open", || async {
        !provider.asked().is_empty()
    })
    .await;
    doomed.abort();
    let _ = doomed.await;

    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(provider.asked().len(), 1, "the place is still taken");

    let_requests_die(&app).await;
    app.let_time_pass().await;
    app.drain().await;
    app.let_time_pass().await;
    app.drain().await;
    assert!(all_have(&app, &ids, StepKind::Annotate).await);
    assert_eq!(provider.asked().len(), 3);
}

#[tokio::test]
async fn a_format_that_worked_is_remembered_by_other_processes() {
    let provider = Provider::start().await;
    let refusal = Answer::Raw(400, Vec::new(), "no schemas here".to_owned());
    provider.will(refusal);
    let first = asking_local(&provider).spawn().await;
    let ids = first.upload_photos(0..1).await;
    first.drain().await;
    assert_eq!(states(&first.image(ids[0]).await), ["done"; 3]);
    assert_eq!(provider.asked().len(), 2);

    let second = asking_local(&provider).on_the_data_of(&first).spawn().await;
    second
        .upload("beach.jpg", testing::photo(9, 320, 240))
        .await
        .expect(201);
    second.drain().await;

    let asked = provider.asked();
    assert_eq!(asked.len(), 3, "it does not try a schema first");
    assert_eq!(asked[2].body["response_format"]["type"], "json_object");
}
