//! `vitrine check`: what is wrong is found, nothing else is, and repairs lose nothing.

use std::time::Duration;

use entity::step::{StepKind, StepState};
use entity::{image, job, step};
use functions::testing;
use platform::objects::{Body, ObjectKey};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;
use web::check::{Check, Finding, Report};

use crate::app::TestApp;
use crate::ports::Finds;
use crate::s3::app_on_s3;

impl TestApp {
    /// A check for which everything has settled.
    pub(crate) async fn check(&self, repairs: bool) -> Report {
        self.check_with(repairs, Duration::ZERO).await
    }

    async fn check_with(&self, repairs: bool, patience: Duration) -> Report {
        let check = Check {
            db: &self.state.db,
            store: self.state.store.as_ref(),
            dispatch: &self.state.dispatch,
            queue: &self.state.queue,
            worker_lock: Some(self.data().join("serve.lock")),
            reads_originals: true,
            repairs,
            patience,
        };
        check.run(|_| {}).await.unwrap()
    }

    async fn put(&self, key: &ObjectKey, bytes: &'static [u8]) {
        let body = Body::Bytes(bytes.into());
        self.state.store.put(key, body).await.unwrap();
    }

    async fn lose(&self, key: &ObjectKey) {
        self.state.store.delete(key).await.unwrap();
    }

    async fn set(&self, id: Uuid, column: image::Column, value: Expr) {
        image::Entity::update_many()
            .filter(image::Column::Id.eq(id))
            .col_expr(column, value)
            .exec(&self.state.db)
            .await
            .unwrap();
    }
}

/// Looking for faces is most of the work, and not what these tests are about.
pub(crate) async fn quick_app() -> TestApp {
    let mut app = TestApp::spawn().await;
    app.find_faces_with(Finds::nothing());
    app
}

/// What was found, as `kind: count`.
fn counts(report: &Report) -> Vec<(Finding, u64)> {
    let findings = report.findings.iter();
    findings.map(|(kind, tally)| (*kind, tally.count)).collect()
}

#[tokio::test]
async fn a_healthy_gallery_is_clean() {
    let app = quick_app().await;
    app.new_photo(1).await;
    app.new_photo(2).await;

    let report = app.check(false).await;

    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.images, report.originals_read), (2, 2));
    assert_eq!(report.objects, 2 * 4);
}

#[tokio::test]
async fn lost_renditions_are_found_and_made_again() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let before = app.row(id).await.unwrap();
    app.lose(&ObjectKey::thumbnail(id)).await;
    app.lose(&ObjectKey::anonymised(id, before.copy_id)).await;
    app.set(id, image::Column::CaptionText, Expr::value(None::<String>))
        .await;

    let found = app.check(false).await;
    let repaired = app.check(true).await;
    app.drain().await;

    let expected = [
        (Finding::ThumbnailMissing, 1),
        (Finding::CopyMissing, 1),
        (Finding::StepWithoutResult, 1),
    ];
    assert_eq!(counts(&found), expected);
    assert_eq!(counts(&repaired), expected);
    let tallies = repaired.findings.values();
    assert!(tallies.clone().all(|tally| tally.repaired == tally.count));
    let after = app.check(false).await;
    assert!(after.is_clean(), "{after:#?}");
    assert!(app.row(id).await.unwrap().caption_text.is_some());
}

#[tokio::test]
async fn renditions_of_another_size_are_made_again() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let copy = app.row(id).await.unwrap().copy_id;
    app.put(&ObjectKey::thumbnail(id), b"cut").await;
    app.put(&ObjectKey::anonymised_thumbnail(id, copy), b"cut")
        .await;

    let found = app.check(true).await;
    app.drain().await;

    assert_eq!(
        counts(&found),
        [
            (Finding::ThumbnailWrongSize, 1),
            (Finding::CopyWrongSize, 1)
        ]
    );
    assert!(app.check(false).await.is_clean());
}

#[tokio::test]
async fn damaged_and_lost_originals_are_reported_and_left() {
    let app = quick_app().await;
    let (lost, cut, changed) = (
        app.new_photo(1).await,
        app.new_photo(2).await,
        app.new_photo(3).await,
    );
    let key = async |id| ObjectKey::parse(&app.row(id).await.unwrap().object_key).unwrap();
    app.lose(&key(lost).await).await;
    app.put(&key(cut).await, b"cut").await;
    let mut bytes = app.object(&key(changed).await).await;
    *bytes.last_mut().unwrap() ^= 1;
    let body = Body::Bytes(bytes.clone().into());
    app.state
        .store
        .put(&key(changed).await, body)
        .await
        .unwrap();
    app.drain().await;
    let rows = app.rows().await;

    let report = app.check(true).await;

    assert_eq!(
        counts(&report),
        [
            (Finding::OriginalMissing, 1),
            (Finding::OriginalWrongSize, 1),
            (Finding::OriginalWrongSha256, 1),
        ]
    );
    assert!(report.findings.values().all(|tally| tally.repaired == 0));
    assert_eq!(app.rows().await, rows);
    assert_eq!(app.object(&key(changed).await).await, bytes);
}

#[tokio::test]
async fn copies_without_a_row_are_deleted_and_originals_never() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let (gone, lost) = (Uuid::now_v7(), Uuid::now_v7());
    let left_behind = ObjectKey::anonymised(id, Some(Uuid::now_v7()));
    let orphan = ObjectKey::thumbnail(gone);
    let original = ObjectKey::original(lost, platform::Format::Jpeg);
    let of_the_lost_row = ObjectKey::thumbnail(lost);
    for key in [&left_behind, &orphan, &original, &of_the_lost_row] {
        app.put(key, b"picture").await;
    }

    let young = app.check_with(true, Duration::from_secs(3600)).await;
    assert!(young.is_clean(), "their rows may be on the way: {young:#?}");
    let report = app.check(true).await;

    assert_eq!(
        counts(&report),
        [
            (Finding::OriginalWithoutRow, 1),
            (Finding::ThumbnailWithoutRow, 2),
            (Finding::CopyWithoutRow, 1),
        ]
    );
    assert_eq!(report.findings[&Finding::ThumbnailWithoutRow].repaired, 1);
    let again = app.check(true).await;
    assert_eq!(
        counts(&again),
        [
            (Finding::OriginalWithoutRow, 1),
            (Finding::ThumbnailWithoutRow, 1),
        ]
    );
    assert!(app.state.store.size(&original).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lease_without_a_worker_is_released() {
    let app = quick_app().await;
    app.upload("a.jpg", testing::photo(1, 64, 48)).await;
    let in_an_hour = entity::now() + chrono::TimeDelta::hours(1);
    job::Entity::update_many()
        .filter(job::Column::Step.eq(StepKind::Thumbnail))
        .col_expr(job::Column::Receipt, Expr::value(Uuid::new_v4()))
        .col_expr(job::Column::Attempts, Expr::value(1))
        .col_expr(job::Column::VisibleAt, Expr::value(in_an_hour))
        .exec(&app.state.db)
        .await
        .unwrap();

    // A server that works keeps the lock.
    std::fs::create_dir_all(app.data()).unwrap();
    let lock = std::fs::File::create(app.data().join("serve.lock")).unwrap();
    lock.lock().unwrap();
    assert!(app.check(true).await.is_clean());
    drop(lock);
    let report = app.check(true).await;

    assert_eq!(counts(&report), [(Finding::LeaseWithoutWorker, 1)]);
    assert_eq!(app.drain().await, 3);
    assert!(app.check(false).await.is_clean());
}

#[tokio::test]
async fn steps_that_nobody_works_on_are_found() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let yesterday = entity::now() - chrono::TimeDelta::days(1);
    step::Entity::update_many()
        .filter(step::Column::Name.eq(StepKind::Anonymise))
        .col_expr(step::Column::State, Expr::value(StepState::Running))
        .col_expr(step::Column::StartedAt, Expr::value(yesterday))
        .exec(&app.state.db)
        .await
        .unwrap();
    step::Entity::delete_by_id((id, StepKind::Annotate))
        .exec(&app.state.db)
        .await
        .unwrap();

    let report = app.check(false).await;
    app.queue_what_is_owed().await;
    app.drain().await;

    assert_eq!(
        counts(&report),
        [
            (Finding::StepWithoutRow, 1),
            (Finding::StepWithoutJob, 1),
            (Finding::LeaseWithoutWorker, 1),
        ]
    );
    assert!(app.check(false).await.is_clean());
}

#[tokio::test]
async fn what_was_cut_short_is_found_and_swept() {
    let app = quick_app().await;
    let (unfinished, deleted) = (app.new_photo(1).await, app.new_photo(2).await);
    app.set(
        unfinished,
        image::Column::StoredAt,
        Expr::value(None::<chrono::DateTime<chrono::Utc>>),
    )
    .await;
    let now = Expr::value(entity::now());
    app.set(deleted, image::Column::DeletedAt, now).await;

    let report = app.check(false).await;
    app.queue_what_is_owed().await;

    assert_eq!(
        counts(&report),
        [
            (Finding::UploadUnfinished, 1),
            (Finding::DeletionUnfinished, 1),
        ]
    );
    assert!(app.check(false).await.is_clean());
    assert!(app.row(deleted).await.is_none());
}

#[tokio::test]
async fn a_bucket_is_checked_and_repaired_like_a_folder() {
    let Some(mut app) = app_on_s3().await else {
        return;
    };
    app.find_faces_with(Finds::nothing());
    let admin = app.sign_in(crate::s3::PASSWORD).await;
    let photo = testing::photo(1, 64, 48);
    let id = admin.upload("a.jpg", photo).await.id();
    app.work().await;
    assert!(app.check(false).await.is_clean());
    app.lose(&ObjectKey::thumbnail(id)).await;
    app.put(&ObjectKey::thumbnail(Uuid::now_v7()), b"picture")
        .await;

    // The bucket's clock counts in seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let report = app.check(true).await;
    app.drain().await;

    assert_eq!(
        counts(&report),
        [
            (Finding::ThumbnailMissing, 1),
            (Finding::ThumbnailWithoutRow, 1),
        ]
    );
    assert!(app.check(false).await.is_clean());
}
