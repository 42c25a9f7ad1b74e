//! A lease has one holder at a time, on each database.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::lease;
use migration::testing::Kind;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{DatabaseConnection, EntityTrait as _};
use uuid::Uuid;

use crate::databases::Databases;

const TIME: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_lease_has_one_holder_on_sqlite() {
    a_lease_has_one_holder(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn a_lease_has_one_holder_on_postgresql() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        a_lease_has_one_holder(databases).await;
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_on_mariadb() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        a_lease_has_one_holder(databases).await;
    }
}

async fn a_lease_has_one_holder(mut databases: Databases) {
    let db = databases.empty().await;
    Migrator::up(&db, None).await.unwrap();
    let [first, second] = [Uuid::now_v7(), Uuid::now_v7()];
    let start = entity::now();
    let after = |seconds| start + TimeDelta::seconds(seconds);

    assert!(takes(&db, first, start).await);
    assert!(!takes(&db, second, after(59)).await, "it is held");
    assert!(takes(&db, first, after(59)).await, "it is extended");
    assert!(!takes(&db, second, after(118)).await, "it was extended");
    assert!(takes(&db, second, after(119)).await, "it has run out");
    assert!(!takes(&db, first, after(120)).await, "it has moved on");

    gives_back(&db, first, after(121)).await;
    assert!(!takes(&db, first, after(121)).await, "it is another's");
    gives_back(&db, second, after(121)).await;
    assert!(takes(&db, first, after(121)).await, "it was given back");
}

/// Whether the lease is available, and is taken.
async fn takes(db: &DatabaseConnection, holder: Uuid, now: DateTime<Utc>) -> bool {
    let available = lease::available(lease::SWEEP, holder, now);
    let is_available = available.one(db).await.unwrap().is_some();
    let taken = lease::take(lease::SWEEP, holder, now, TIME);
    let is_taken = taken.exec(db).await.unwrap().rows_affected == 1;
    assert_eq!(is_taken, is_available);
    let row = lease::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!(row.holder == Some(holder), is_taken);
    is_taken
}

async fn gives_back(db: &DatabaseConnection, holder: Uuid, now: DateTime<Utc>) {
    let given = lease::give_back(lease::SWEEP, holder, now);
    given.exec(db).await.unwrap();
}
