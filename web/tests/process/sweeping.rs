//! Servers without workers share one sweeper, as on AWS: rows in PostgreSQL, objects in a bucket.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{image, lease};
use migration::testing::{Kind, ScratchServer};
use platform::testing::Moto;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Database, DatabaseConnection, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, UpdateMany,
};
use uuid::Uuid;

use crate::harness::{Home, Server, eventually};
use crate::photo;

/// What a server logs when it takes the lease.
const TAKES_OVER: &str = "this process sweeps up abandoned work now";

/// What a server logs when it found something.
const SWEPT: &str = "swept up abandoned work";

/// Longer than an upload has time to arrive.
const LONG_AGO: TimeDelta = TimeDelta::hours(2);

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_one_of_two_servers_sweeps_and_the_other_takes_over() {
    let (Some(database), Some(moto)) = (ScratchServer::start(Kind::Postgres), Moto::start().await)
    else {
        return;
    };
    let url = database.empty_database().await;
    let bucket = moto.bucket().await;
    let home = || home_of(&url, &moto, &bucket);
    let (first_home, second_home) = (home(), home());
    let first = first_home.serve();
    leads(&first).await;
    let second = second_home.serve();
    let db = Database::connect(&url).await.unwrap();
    let holder = holder(&db).await;
    make_a_mess(&db, &second).await;

    first.kill_9();
    assert_eq!(second.logged(TAKES_OVER).len(), 0);
    assert_eq!(second.logged(SWEPT).len(), 0);
    assert_eq!(self::holder(&db).await, holder);
    let_the_lease_run_out(&db).await;

    leads(&second).await;
    let line = eventually("everything is put right", async || {
        second.logged(SWEPT).pop()
    })
    .await;
    assert_eq!(image::Entity::find().count(&db).await.unwrap(), 0);
    let swept = line["swept"].as_str().unwrap();
    assert!(swept.contains("abandoned: 1, deleted: 2"), "{swept}");
    // Nobody works here, so nobody is asked to.
    assert!(swept.contains("added: 0, requeued: 0"), "{swept}");

    let first = first_home.serve();
    assert!(second.terminate().await.success());
    // A server that stops gives the lease back, so nothing has to run out.
    leads(&first).await;
    assert!(first.terminate().await.success());
}

fn home_of(database_url: &str, moto: &Moto, bucket: &str) -> Home {
    let mut home = Home::with(&[
        ("DATABASE_URL", database_url),
        ("VITRINE_WORKERS", "0"),
        ("VITRINE_LOG_FORMAT", "json"),
        ("VITRINE_STORAGE", &format!("s3://{bucket}")),
    ]);
    for (name, value) in moto.variables() {
        home.set(&name, &value);
    }
    home
}

async fn leads(server: &Server) {
    eventually("it sweeps", async || {
        (!server.logged(TAKES_OVER).is_empty()).then_some(())
    })
    .await;
}

async fn holder(db: &DatabaseConnection) -> Option<Uuid> {
    let row = lease::Entity::find().one(db).await.unwrap();
    row.unwrap().holder
}

async fn let_the_lease_run_out(db: &DatabaseConnection) {
    lease::Entity::update_many()
        .col_expr(lease::Column::Until, Expr::value(entity::now()))
        .exec(db)
        .await
        .unwrap();
}

/// An upload that was cut short, a deletion that was, and an image whose time in the trash is over.
async fn make_a_mess(db: &DatabaseConnection, server: &Server) {
    let mut ids = Vec::new();
    for seed in 1..=3 {
        let id = server.upload("photo.jpg", photo(seed)).await;
        ids.push(id.parse::<Uuid>().unwrap());
    }
    let now = entity::now();
    let set = |update: UpdateMany<image::Entity>| async { update.exec(db).await.unwrap() };
    set(of(ids[0])
        .col_expr(image::Column::StoredAt, never())
        .col_expr(image::Column::UploadedAt, Expr::value(now - LONG_AGO))
        .col_expr(
            image::Column::ObjectKey,
            Expr::value("uploads/never-arrived.jpg"),
        ))
    .await;
    set(of(ids[1]).col_expr(image::Column::DeletedAt, Expr::value(now))).await;
    let minute = Duration::from_secs(60);
    set(of(ids[2])
        .col_expr(image::Column::DeletedAt, Expr::value(now - LONG_AGO))
        .col_expr(image::Column::PurgeAt, Expr::value(now - minute)))
    .await;
}

fn of(id: Uuid) -> UpdateMany<image::Entity> {
    image::Entity::update_many().filter(image::Column::Id.eq(id))
}

fn never() -> Expr {
    Expr::value(None::<DateTime<Utc>>)
}
