//! Results that come late, twice, or from two workers at once.

use entity::job;
use entity::step::{StepKind, StepState};
use functions::drivers::local;
use functions::pipeline::context::Context;
use functions::pipeline::lifecycle::rerun;
use functions::pipeline::outcomes::Verdict;
use functions::pipeline::run_step::{Delivery, run_step};
use futures::future::join_all;
use sea_orm::EntityTrait as _;

use super::{app_with_a_photo, outcomes};
use crate::ports::Held;
use crate::uploads::states;

#[tokio::test]
async fn an_expired_lease_passes_the_job_on_and_the_late_result_is_harmless() {
    let (app, id) = app_with_a_photo().await;
    app.deliver(id, StepKind::Thumbnail, 1).await;
    app.deliver(id, StepKind::Anonymise, 1).await;
    app.drain().await;
    app.post(&format!("/api/images/{id}/steps/annotate/retry"))
        .await
        .expect(202);
    let held = Held::new("by the late one");
    let late = Context {
        captioner: held.clone(),
        ..app.context.clone()
    };
    let queue = app.state.queue.clone();
    let late = tokio::spawn(async move { local::drain(&late, &queue).await });
    held.has_begun().await;
    assert_eq!(app.drain().await, 0, "the lease has not expired");

    app.let_time_pass().await;
    assert_eq!(app.drain().await, 1);
    let before = app.image(id).await;
    held.let_go();
    assert_eq!(late.await.unwrap().unwrap(), 1);

    assert_eq!(app.image(id).await, before);
    assert_eq!(states(&before), ["done"; 3]);
    assert_ne!(before["caption"]["text"], "by the late one");
    assert_eq!(app.state.queue.depth().await.unwrap(), 0);
}

#[tokio::test]
async fn the_attempt_of_a_dead_worker_is_in_the_history() {
    let (app, id) = app_with_a_photo().await;
    let held = Held::new("never");
    let doomed = Context {
        captioner: held.clone(),
        ..app.context.clone()
    };
    let queue = app.state.queue.clone();
    let worker = tokio::spawn(async move { local::drain(&doomed, &queue).await });
    held.has_begun().await;
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    assert_eq!(
        app.step(id, StepKind::Annotate).await.state,
        StepState::Running
    );

    // The next process does this: it holds `serve.lock`, so no worker is alive.
    assert_eq!(app.state.queue.release_all().await.unwrap(), 1);
    app.drain().await;

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Done, 2));
    assert_eq!(outcomes(&step), [StepState::Queued, StepState::Done]);
    let first = &step.history.unwrap().0[0];
    assert_eq!(first.finished_at, None);
    assert!(first.error.as_ref().unwrap().contains("the worker stopped"));
}

#[tokio::test]
async fn a_result_of_an_earlier_round_is_ignored() {
    let (app, id) = app_with_a_photo().await;
    let held = Held::new("from the round before");
    let late = Context {
        captioner: held.clone(),
        ..app.context.clone()
    };
    let delivery = Delivery {
        image_id: id,
        step: StepKind::Annotate,
        receive_count: 1,
    };
    let late = tokio::spawn(async move { run_step(&late, delivery).await });
    held.has_begun().await;

    let step = (id, StepKind::Annotate);
    rerun(&app.state.db, &app.state.dispatch, &[step])
        .await
        .unwrap();
    held.let_go();
    late.await.unwrap().unwrap();

    let step = app.step(id, StepKind::Annotate).await;
    assert_eq!((step.state, step.attempts), (StepState::Queued, 0));
    app.drain().await;
    let caption = app.image(id).await["caption"]["text"].clone();
    assert_ne!(caption, "from the round before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_deliveries_finish_a_step_once() {
    let (app, id) = app_with_a_photo().await;
    for step in StepKind::ALL {
        let deliveries = (0..20).map(|_| app.deliver(id, step, 1));

        let verdicts = join_all(deliveries).await;

        assert_eq!(verdicts, [Verdict::Acknowledge; 20]);
        let row = app.step(id, step).await;
        assert_eq!(row.state, StepState::Done);
        let done = outcomes(&row)
            .into_iter()
            .filter(|state| *state == StepState::Done)
            .count();
        assert_eq!(done, 1, "{:?}", row.history);
    }
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
    assert_eq!(app.objects().len(), 4);
}

#[tokio::test]
async fn a_delivery_of_a_finished_step_does_nothing() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    let before = app.step(id, StepKind::Thumbnail).await;

    assert_eq!(
        app.deliver(id, StepKind::Thumbnail, 2).await,
        Verdict::Acknowledge
    );

    assert_eq!(app.step(id, StepKind::Thumbnail).await, before);
}

#[tokio::test]
async fn a_delivery_for_an_unknown_image_is_acknowledged() {
    let (app, _) = app_with_a_photo().await;
    let verdict = app
        .deliver(uuid::Uuid::now_v7(), StepKind::Thumbnail, 1)
        .await;
    assert_eq!(verdict, Verdict::Acknowledge);
}

#[tokio::test]
async fn thumbnails_of_all_photos_come_first() {
    let (app, _) = app_with_a_photo().await;
    app.upload_photos(10..14).await;

    let mut jobs = job::claimable(entity::now())
        .all(&app.state.db)
        .await
        .unwrap();

    let steps: Vec<_> = jobs.drain(..).map(|job| job.step).collect();
    let expected = StepKind::ALL.into_iter().flat_map(|step| [step; 5]);
    assert_eq!(steps, expected.collect::<Vec<_>>());
    assert_eq!(
        job::Entity::find().all(&app.state.db).await.unwrap().len(),
        15
    );
}
