//! Steps that fail: attempts, waits, and final failures.

use entity::image::{Author, Column, Entity};
use entity::job;
use entity::step::{StepKind, StepState};
use functions::pipeline::outcomes::Verdict;
use functions::testing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::{app_with_a_photo, outcomes};
use crate::app::TestApp;
use crate::ports::{CrashesAtWidth, Move, Scripted};
use crate::uploads::states;

#[tokio::test]
async fn a_transient_provider_error_is_retried_later() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new([Move::Stumble]);
    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Queued, 1));
    assert_eq!(step.error.as_deref(), Some("the provider stumbled"));
    assert_eq!(app.drain().await, 0, "it is not asked again at once");

    app.let_time_pass().await;
    app.drain().await;
    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.error), (StepState::Done, None));
    assert_eq!(step.attempts, 2);
}

#[tokio::test]
async fn each_backoff_is_longer_than_the_one_before() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new((0..4).map(|_| Move::Stumble));
    let mut waits = Vec::new();
    for attempt in 1..=4 {
        match app.deliver(id, StepKind::Annotate, attempt).await {
            Verdict::Retry(wait) => waits.push(wait.as_secs()),
            other => panic!("{other:?} after attempt {attempt}, which is not the last one"),
        }
    }
    assert_eq!(waits, [2, 8, 32, 128]);
}

#[tokio::test]
async fn the_backoff_is_stored_in_the_queue() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new([Move::Stumble]);
    let before = entity::now();
    app.drain().await;

    let job = job::for_step(id, StepKind::Annotate)
        .one(&app.state.db)
        .await
        .unwrap()
        .unwrap();

    let wait = job.visible_at - before;
    assert!(wait >= chrono::TimeDelta::seconds(2), "{wait}");
    assert!(wait <= chrono::TimeDelta::seconds(30), "{wait}");
}

#[tokio::test]
async fn after_five_attempts_a_step_fails_with_reason_and_history() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new((0..9).map(|_| Move::Stumble));

    app.drain_to_the_end().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Failed, 5));
    assert_eq!(step.error.as_deref(), Some("the provider stumbled"));
    let mut expected = vec![StepState::Queued; 4];
    expected.push(StepState::Failed);
    assert_eq!(outcomes(&step), expected);
    let history = step.history.unwrap().0;
    assert!(history.iter().all(|attempt| attempt.finished_at.is_some()));
    assert!(step.finished_at.is_some());
    assert_eq!(states(&app.image(id).await), ["failed", "done", "done"]);
}

#[tokio::test]
async fn a_permanent_error_fails_at_once() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new([Move::Broken]);

    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Failed, 1));
    assert_eq!(step.error.as_deref(), Some("the key is wrong"));
    assert_eq!(app.state.queue.depth().await.unwrap(), 0);
}

#[tokio::test]
async fn a_provider_refusal_is_final() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new([Move::Refuse]);
    app.drain().await;

    let answer = app
        .post(&format!("/api/images/{id}/steps/annotate/retry"))
        .await;

    assert!(answer.problem(409).contains("final"));
    assert_eq!(app.drain().await, 0);
    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Blocked, 1));
    assert!(step.error.unwrap().contains("not this one"));
}

#[tokio::test]
async fn a_panicking_captioner_is_retried_and_disturbs_no_other_job() {
    let (mut app, id) = app_with_a_photo().await;
    let neighbour = app.upload_photos(10..11).await[0];
    app.context.captioner = Scripted::new([Move::Panic]);

    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!(step.state, StepState::Queued);
    assert!(step.error.unwrap().contains("crashed: no words for this"));
    assert_eq!(states(&app.image(neighbour).await), ["done"; 3]);
    app.drain_to_the_end().await;
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
}

#[tokio::test]
async fn a_detector_that_panics_on_one_photo_fails_that_photo_only() {
    let mut app = TestApp::spawn().await;
    let fine = app.upload_photos(0..2).await;
    let poison = app
        .upload("poison.jpg", testing::photo(7, 66, 33))
        .await
        .id();
    let more = app.upload_photos(2..4).await;
    app.find_faces_with(CrashesAtWidth(66));

    app.drain_to_the_end().await;

    for id in fine.into_iter().chain(more) {
        assert_eq!(states(&app.image(id).await), ["done"; 3]);
    }
    assert_eq!(
        states(&app.image(poison).await),
        ["failed", "done", "failed"]
    );
    let step = app.step(poison, StepKind::Anonymise).await;
    assert_eq!(step.attempts, 2, "a second crash is final");
    assert!(
        step.error
            .unwrap()
            .contains("crashed: a face out of bounds")
    );
}

#[tokio::test]
async fn one_corrupt_original_among_ten_fails_alone() {
    let app = TestApp::spawn().await;
    let ids = app.upload_photos(0..10).await;
    let poisoned = app.row(ids[4]).await.unwrap();
    let path = app.data().join("objects").join(&poisoned.object_key);
    std::fs::write(path, b"\xFF\xD8\xFF this was a photo once").unwrap();

    app.drain_to_the_end().await;

    for id in ids {
        let expected = if id == poisoned.id { "failed" } else { "done" };
        assert_eq!(states(&app.image(id).await), [expected; 3]);
    }
    let step = app.step(poisoned.id, StepKind::Thumbnail).await;
    assert_eq!(step.attempts, 1, "the bytes will not get better");
    assert!(step.error.unwrap().contains("cannot be decoded"));
    assert_eq!(app.unfinished_files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_step_whose_workers_always_die_fails() {
    let (app, id) = app_with_a_photo().await;

    let verdict = app.deliver(id, StepKind::Thumbnail, 6).await;

    assert_eq!(verdict, Verdict::Acknowledge);
    let step = app.step(id, StepKind::Thumbnail).await;
    assert_eq!(step.state, StepState::Failed);
    assert!(step.error.unwrap().contains("given up"));
}

#[tokio::test]
async fn a_retried_step_has_five_new_attempts() {
    let (mut app, id) = app_with_a_photo().await;
    app.context.captioner = Scripted::new((0..9).map(|_| Move::Stumble));
    app.drain_to_the_end().await;

    let answer = app
        .post(&format!("/api/images/{id}/steps/annotate/retry"))
        .await
        .expect(202);
    app.drain_to_the_end().await;

    let step = &answer.json()["steps"]["annotate"];
    assert_eq!(
        (&step["state"], &step["attempts"]),
        (&"queued".into(), &0.into())
    );
    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Done, 5));
    assert_eq!(outcomes(&step).len(), 10);
}

#[tokio::test]
async fn a_finished_step_can_be_run_again() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    let before = app.image(id).await;

    app.post(&format!("/api/images/{id}/steps/anonymise/retry"))
        .await
        .expect(202);
    let meanwhile = app.image(id).await;
    app.drain().await;
    let after = app.image(id).await;

    assert_eq!(meanwhile["steps"]["anonymise"]["state"], "queued");
    assert!(
        meanwhile["urls"]["anonymised"].is_string(),
        "the old copy stays meanwhile"
    );
    assert_eq!(states(&after), ["done"; 3]);
    assert_ne!(after["urls"]["anonymised"], before["urls"]["anonymised"]);
    assert_eq!(after["urls"]["original"], before["urls"]["original"]);
}

#[tokio::test]
async fn an_unknown_step_cannot_be_retried() {
    let (app, id) = app_with_a_photo().await;
    app.post(&format!("/api/images/{id}/steps/frame/retry"))
        .await
        .problem(404);
    let nobody = "0197c0de-0000-7000-8000-000000000000";
    app.post(&format!("/api/images/{nobody}/steps/thumbnail/retry"))
        .await
        .problem(404);
}

#[tokio::test]
async fn a_caption_by_a_person_is_kept() {
    let (app, id) = app_with_a_photo().await;
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::CaptionText, Expr::value("Ada at her desk"))
        .col_expr(Column::CaptionBy, Expr::value(Author::Person))
        .exec(&app.state.db)
        .await
        .unwrap();

    app.drain().await;

    let image = app.image(id).await;
    assert_eq!(image["caption"]["text"], "Ada at her desk");
    assert_eq!(image["caption"]["by"], "person");
    assert_eq!(states(&image), ["done"; 3]);
}
