//! Several servers on one database and one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use entity::change::{self, Kind as ChangeKind};
use entity::image;
use functions::testing;
use migration::testing::{Kind, ScratchServer};
use platform::database::{begin_write, retry_conflicts};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait as _, QuerySelect as _, Statement,
};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::app::{TestApp, eventually};
use crate::sse::Events;

#[tokio::test]
async fn on_postgresql_every_instance_streams_changes_of_the_others() {
    what_happened_is_told_everywhere(Kind::Postgres).await;
}

#[tokio::test]
async fn on_mariadb_every_instance_streams_changes_of_the_others() {
    what_happened_is_told_everywhere(Kind::MariaDb).await;
}

#[tokio::test]
async fn on_postgresql_a_change_that_commits_late_is_streamed() {
    late_changes_are_told(Kind::Postgres).await;
}

#[tokio::test]
async fn on_mariadb_a_change_that_commits_late_is_streamed() {
    late_changes_are_told(Kind::MariaDb).await;
}

async fn what_happened_is_told_everywhere(kind: Kind) {
    let Some((_server, first, second)) = two_instances(kind).await else {
        return;
    };
    let mut heard = [Events::listen(&first).await, Events::listen(&second).await];

    let id = first
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    for events in &mut heard {
        events
            .image_that(|image| image["id"] == id.to_string())
            .await;
    }
    second
        .delete(&format!("/api/images/{id}"))
        .await
        .expect(204);
    for events in &mut heard {
        assert_eq!(events.deleted().await, id);
    }
}

/// One transaction has its `seq` and has not committed when a second change is recorded.
async fn late_changes_are_told(kind: Kind) {
    let Some((_server, first, second)) = two_instances(kind).await else {
        return;
    };
    let mut events = Events::listen(&second).await;
    let [late, quick] = [Uuid::now_v7(), Uuid::now_v7()];
    let slow = begin_write(&first.state.db).await.unwrap();
    change::record(&slow, late, ChangeKind::Deleted)
        .await
        .unwrap();

    let other = second.state.db.clone();
    let recording = Arc::new(tokio::spawn(async move {
        let tx = begin_write(&other).await.unwrap();
        change::record(&tx, quick, ChangeKind::Deleted)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }));
    eventually(
        "the second change is committed, or waits for the first",
        || {
            let (db, recording) = (first.state.db.clone(), Arc::clone(&recording));
            async move { recording.is_finished() || somebody_waits(&db).await }
        },
    )
    .await;
    let mut told = Vec::new();
    if recording.is_finished() {
        told.push(events.deleted().await);
    }
    slow.commit().await.unwrap();

    while told.len() < 2 {
        told.push(events.deleted().await);
    }
    assert_eq!(told, [late, quick]);
}

#[tokio::test]
async fn on_postgresql_transactions_that_deadlock_are_both_carried_out() {
    deadlocked_transactions_are_carried_out(Kind::Postgres).await;
}

#[tokio::test]
async fn on_mariadb_transactions_that_deadlock_are_both_carried_out() {
    deadlocked_transactions_are_carried_out(Kind::MariaDb).await;
}

async fn deadlocked_transactions_are_carried_out(kind: Kind) {
    let Some((_server, first, second)) = two_instances(kind).await else {
        return;
    };
    let one = first.upload("1.jpg", testing::photo(1, 32, 32)).await.id();
    let two = first.upload("2.jpg", testing::photo(2, 32, 32)).await.id();
    let runs = AtomicU32::new(0);
    let both_hold_one = Barrier::new(2);
    let lock_both = async |db: &DatabaseConnection, order: [Uuid; 2]| -> Result<(), DbErr> {
        let is_first_run = runs.fetch_add(1, Ordering::Relaxed) < 2;
        let tx = begin_write(db).await?;
        lock_image(&tx, order[0]).await?;
        if is_first_run {
            both_hold_one.wait().await;
        }
        lock_image(&tx, order[1]).await?;
        tx.commit().await
    };

    let (there, back) = tokio::join!(
        retry_conflicts(|| lock_both(&first.state.db, [one, two])),
        retry_conflicts(|| lock_both(&second.state.db, [two, one])),
    );

    there.unwrap();
    back.unwrap();
    assert!(runs.into_inner() > 2, "nothing had to be run again");
}

async fn lock_image(tx: &DatabaseTransaction, id: Uuid) -> Result<(), DbErr> {
    let image = image::Entity::find_by_id(id).lock_exclusive();
    image.one(tx).await.map(|image| assert!(image.is_some()))
}

async fn two_instances(kind: Kind) -> Option<(ScratchServer, TestApp, TestApp)> {
    let server = ScratchServer::start(kind)?;
    let url = server.empty_database().await;
    let builder = || TestApp::builder().set("DATABASE_URL", &url);
    let first = builder().spawn().await;
    let second = builder().on_the_data_of(&first).spawn().await;
    Some((server, first, second))
}

/// Whether a transaction waits for the lock of another.
async fn somebody_waits(db: &DatabaseConnection) -> bool {
    let backend = db.get_database_backend();
    let question = match backend {
        DbBackend::Postgres => "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        // `innodb_trx` is cached, and stale when it is read often.
        _ => {
            "SELECT 1 FROM information_schema.global_status
             WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS' AND variable_value > 0"
        }
    };
    let question = Statement::from_string(backend, question);
    db.query_one_raw(question).await.unwrap().is_some()
}
