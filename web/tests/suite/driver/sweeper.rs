//! The sweeper completes or removes unfinished work after a crash.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::image::{self, Column, Entity};
use entity::{change, job, session, step};
use functions::drivers::local::{Swept, sweep};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _,
};
use uuid::Uuid;

use super::app_with_a_photo;
use crate::app::TestApp;
use crate::uploads::states;

const AN_HOUR: Duration = Duration::from_secs(3600);
const NO_PATIENCE: Duration = Duration::ZERO;

impl TestApp {
    async fn sweep(&self, patience: Duration) -> Swept {
        self.sweep_since(patience, DateTime::UNIX_EPOCH).await
    }

    async fn sweep_since(&self, patience: Duration, instant: DateTime<Utc>) -> Swept {
        sweep(&self.context, &self.state.dispatch, patience, instant)
            .await
            .unwrap()
    }

    /// The row of an upload whose object has not been stored yet.
    async fn forget_that_it_is_stored(&self, id: Uuid) {
        Entity::update_many()
            .filter(Column::Id.eq(id))
            .col_expr(
                Column::StoredAt,
                Expr::value(None::<chrono::DateTime<chrono::Utc>>),
            )
            .exec(&self.state.db)
            .await
            .unwrap();
    }

    async fn forget_all_jobs(&self) {
        job::Entity::delete_many()
            .exec(&self.state.db)
            .await
            .unwrap();
    }

    fn remove_original(&self, row: &image::Model) {
        std::fs::remove_file(self.data().join("objects").join(&row.object_key)).unwrap();
    }
}

#[tokio::test]
async fn a_sweep_without_findings_changes_nothing() {
    let (app, _) = app_with_a_photo().await;
    assert_eq!(app.sweep(NO_PATIENCE).await, Swept::default());
    app.drain().await;
    assert_eq!(app.sweep(NO_PATIENCE).await, Swept::default());
}

#[tokio::test]
async fn an_upload_whose_object_never_arrives_is_deleted() {
    let (app, id) = app_with_a_photo().await;
    app.forget_that_it_is_stored(id).await;
    app.remove_original(&app.row(id).await.unwrap());

    assert_eq!(app.sweep(AN_HOUR).await, Swept::default());
    assert!(app.row(id).await.is_some(), "it may still arrive");

    let swept = app.sweep(NO_PATIENCE).await;
    assert_eq!(swept.abandoned, 1);
    assert!(app.rows().await.is_empty());
    assert!(
        step::Entity::find()
            .all(&app.state.db)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_upload_whose_object_has_arrived_is_completed() {
    let (app, id) = app_with_a_photo().await;
    app.forget_that_it_is_stored(id).await;
    app.forget_all_jobs().await;
    app.get(&format!("/api/images/{id}")).await.problem(404);

    let swept = app.sweep(AN_HOUR).await;
    app.drain().await;

    assert_eq!(
        swept,
        Swept {
            completed: 1,
            requeued: 3,
            ..Swept::default()
        }
    );
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
}

#[tokio::test]
async fn an_unreachable_store_does_not_delete_uploads() {
    let (app, id) = app_with_a_photo().await;
    app.forget_that_it_is_stored(id).await;
    std::fs::rename(app.data().join("objects"), app.data().join("unmounted")).unwrap();

    sweep(
        &app.context,
        &app.state.dispatch,
        NO_PATIENCE,
        DateTime::UNIX_EPOCH,
    )
    .await
    .unwrap_err();

    assert!(app.row(id).await.is_some());
}

#[tokio::test]
async fn a_pending_step_without_a_job_is_queued_again() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    app.post(&format!("/api/images/{id}/steps/thumbnail/retry"))
        .await
        .expect(202);
    app.forget_all_jobs().await;

    let swept = app.sweep(AN_HOUR).await;

    assert_eq!(
        swept,
        Swept {
            requeued: 1,
            ..Swept::default()
        }
    );
    assert_eq!(app.drain().await, 1);
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
}

#[tokio::test]
async fn an_image_older_than_a_step_gets_a_row_for_it() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    let kinds = [step::StepKind::Thumbnail, step::StepKind::Annotate];
    step::Entity::delete_many()
        .filter(step::Column::Name.is_in(kinds))
        .exec(&app.state.db)
        .await
        .unwrap();
    let before = app.image(id).await;
    assert_eq!(before["steps"]["annotate"], serde_json::Value::Null);

    let later = app.sweep_since(AN_HOUR, entity::now()).await;
    let swept = app.sweep(AN_HOUR).await;

    assert_eq!(later, Swept::default());
    assert_eq!(
        swept,
        Swept {
            added: 2,
            ..Swept::default()
        }
    );
    assert_eq!(app.drain().await, 2);
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
}

/// As while a newer version is being rolled out, or after it was rolled back.
#[tokio::test]
async fn rows_of_a_step_of_a_later_version_are_left_alone() {
    let (app, id) = app_with_a_photo().await;
    for (table, column) in [("step", "name"), ("job", "step")] {
        let rename =
            format!("UPDATE {table} SET {column} = 'classify' WHERE {column} = 'annotate'");
        app.state.db.execute_unprepared(&rename).await.unwrap();
    }

    assert_eq!(app.drain().await, 2);

    let image = app.get("/api/images").await.expect(200).json()["items"][0].clone();
    assert_eq!(image["steps"]["thumbnail"]["state"], "done");
    assert_eq!(image["steps"]["classify"], serde_json::Value::Null);
    app.page(&format!("/images/{id}")).await.expect(200);
    assert_eq!(app.sweep(AN_HOUR).await.added, 1);
}

#[tokio::test]
async fn steps_beyond_one_batch_are_all_queued() {
    let (app, id) = app_with_a_photo().await;
    let template = app.row(id).await.unwrap();
    let now = entity::now();
    for part in 0..4 {
        let images = (0..50).map(|number| {
            let id = Uuid::now_v7();
            image::ActiveModel {
                id: Set(id),
                object_key: Set(format!("uploads/{id}.jpg")),
                sha256: Set(format!("{part}-{number}")),
                ..image::ActiveModel::from(template.clone())
            }
        });
        let images: Vec<_> = images.collect();
        let steps: Vec<_> = images
            .iter()
            .flat_map(|image| {
                step::StepKind::ALL.map(|name| step::ActiveModel {
                    image_id: image.id.clone(),
                    name: Set(name),
                    state: Set(step::StepState::Queued),
                    attempts: Set(0),
                    queued_at: Set(now),
                    ..Default::default()
                })
            })
            .collect();
        Entity::insert_many(images)
            .exec_without_returning(&app.state.db)
            .await
            .unwrap();
        step::Entity::insert_many(steps)
            .exec_without_returning(&app.state.db)
            .await
            .unwrap();
    }

    assert_eq!(app.sweep(AN_HOUR).await.requeued, 600);

    assert_eq!(app.state.queue.depth().await.unwrap(), 603);
}

#[tokio::test]
async fn an_interrupted_deletion_is_completed() {
    let (app, id) = app_with_a_photo().await;
    app.drain().await;
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::DeletedAt, Expr::value(entity::now()))
        .exec(&app.state.db)
        .await
        .unwrap();

    let swept = app.sweep(AN_HOUR).await;

    assert_eq!(
        swept,
        Swept {
            deleted: 1,
            ..Swept::default()
        }
    );
    assert!(app.rows().await.is_empty());
    assert_eq!(app.objects(), Vec::<String>::new());
}

#[tokio::test]
async fn old_changes_and_expired_sessions_are_deleted() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;
    app.sign_in("four random plain words").await;
    app.sign_in("four random plain words").await;
    let one = session::Entity::find()
        .one(&app.state.db)
        .await
        .unwrap()
        .unwrap();
    session::Entity::update_many()
        .filter(session::Column::Id.eq(one.id))
        .col_expr(session::Column::ExpiresAt, Expr::value(entity::now()))
        .exec(&app.state.db)
        .await
        .unwrap();
    let old = entity::now() - chrono::TimeDelta::days(2);
    for at in [old, entity::now()] {
        let row = change::ActiveModel {
            image_id: Set(Uuid::now_v7()),
            kind: Set(change::Kind::Deleted),
            at: Set(at),
            ..Default::default()
        };
        change::Entity::insert(row)
            .exec_without_returning(&app.state.db)
            .await
            .unwrap();
    }

    app.sweep(AN_HOUR).await;

    assert_eq!(
        session::Entity::find()
            .all(&app.state.db)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        change::Entity::find()
            .all(&app.state.db)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn scratch_files_of_a_dead_process_are_deleted() {
    let (app, _) = app_with_a_photo().await;
    let dead = app.data().join("objects/.incoming/dead");
    std::fs::create_dir(&dead).unwrap();
    std::fs::write(dead.join("lock"), "").unwrap();
    std::fs::write(dead.join("half-a-photo"), "half").unwrap();
    let ours = app.file_of(b"being written").await;

    assert_eq!(app.state.scratch.clear_abandoned().unwrap(), 1);

    assert!(!dead.exists());
    assert_eq!(app.unfinished_files().len(), 1);
    drop(ours);
}
