//! How the databases find a page deep in a list: by a range of an index, on each of the three.

use chrono::{DateTime, TimeDelta};
use entity::image::{self, Audience, Cursor, Review};
use entity::{image_box, message, publication_record, step};
use migration::testing::Kind;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait as _,
    QueryTrait as _, Statement, TransactionTrait as _,
};
use uuid::Uuid;

use crate::databases::Databases;

/// Enough for a range to be worth it.
const IMAGES: u128 = 3_000;

#[tokio::test]
async fn on_sqlite_pages_are_ranges_of_an_index() {
    pages_are_ranges_of_an_index(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn on_postgresql_pages_are_ranges_of_an_index() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        pages_are_ranges_of_an_index(databases).await;
    }
}

#[tokio::test]
async fn on_mariadb_pages_are_ranges_of_an_index() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        pages_are_ranges_of_an_index(databases).await;
    }
}

async fn pages_are_ranges_of_an_index(mut databases: Databases) {
    let db = filled(&mut databases).await;
    let backend = db.get_database_backend();
    let (uploaded_at, id) = (DateTime::UNIX_EPOCH + TimeDelta::seconds(1500), Uuid::nil());
    let cursor = Cursor { uploaded_at, id };
    let mut pages = vec![
        (
            "messages",
            message::page(Some((uploaded_at, id)), 50).build(backend),
        ),
        (
            "records",
            publication_record::page(Some((uploaded_at, id)), 50).build(backend),
        ),
    ];
    for (name, audience) in [("staff", Audience::Staff), ("visitors", Audience::Public)] {
        pages.push((
            name,
            image::page(&audience, Some(cursor), 50).build(backend),
        ));
        pages.push((name, image::newer_than(&audience, cursor).build(backend)));
    }
    let tx = preferring_indexes(&db).await;
    for (name, page) in pages {
        let plan = plan(&tx, page).await;
        assert!(is_a_range(backend, &plan), "{name}: {plan}");
    }
}

#[tokio::test]
async fn on_sqlite_the_rows_of_a_page_are_found_by_their_keys() {
    rows_are_found_by_their_keys(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn on_postgresql_the_rows_of_a_page_are_found_by_their_keys() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        rows_are_found_by_their_keys(databases).await;
    }
}

#[tokio::test]
async fn on_mariadb_the_rows_of_a_page_are_found_by_their_keys() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        rows_are_found_by_their_keys(databases).await;
    }
}

async fn rows_are_found_by_their_keys(mut databases: Databases) {
    let db = filled(&mut databases).await;
    let backend = db.get_database_backend();
    let ids = || (1..=48).map(|number| Uuid::from_u128(number * 7));
    let mut reads = vec![
        ("steps", step::of_all(ids()).build(backend)),
        ("boxes", image_box::of_all(ids()).build(backend)),
    ];
    for audience in [Audience::Staff, Audience::Public] {
        let images = image::visible_among(&audience, ids());
        reads.push(("images", images.build(backend)));
    }
    let tx = preferring_indexes(&db).await;
    for (name, read) in reads {
        let plan = plan(&tx, read).await;
        assert!(is_by_key(backend, &plan), "{name}: {plan}");
    }
}

/// Without statistics, SQLite prefers the index of which most columns are compared for equality, however
/// many rows match.
#[tokio::test]
async fn on_sqlite_what_the_sweeper_looks_for_is_a_range_of_an_index() {
    let db = filled(&mut Databases::of_sqlite()).await;
    let backend = db.get_database_backend();
    let now = entity::now();
    let tx = preferring_indexes(&db).await;
    for (read, range) in [
        (image::words_due(now, 10), "(words_due<?)"),
        (image::in_trash(now), "(deleted_at>?)"),
        (image::being_deleted(now), "(deleted_at>?)"),
        (
            image::unfinished_before(now),
            "image_unfinished (uploaded_at<?)",
        ),
    ] {
        let plan = plan(&tx, read.build(backend)).await;
        assert!(plan.contains(range), "{plan}");
    }
}

#[tokio::test]
async fn on_postgresql_unfinished_uploads_have_an_index() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        unfinished_uploads_have_an_index(databases).await;
    }
}

#[tokio::test]
async fn on_mariadb_unfinished_uploads_have_an_index() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        unfinished_uploads_have_an_index(databases).await;
    }
}

async fn unfinished_uploads_have_an_index(mut databases: Databases) {
    let db = filled(&mut databases).await;
    let read = image::unfinished_before(entity::now()).build(db.get_database_backend());
    let plan = plan(&preferring_indexes(&db).await, read).await;
    assert!(plan.contains("image_unfinished"), "{plan}");
}

async fn filled(databases: &mut Databases) -> DatabaseConnection {
    let db = databases.empty().await;
    Migrator::up(&db, None).await.unwrap();
    fill(&db).await;
    db
}

async fn preferring_indexes(db: &DatabaseConnection) -> DatabaseTransaction {
    let tx = db.begin().await.unwrap();
    if db.get_database_backend() == DbBackend::Postgres {
        // It reads small tables whole; asked not to, it shows which index it would use.
        tx.execute_unprepared("SET LOCAL enable_seqscan = off")
            .await
            .unwrap();
    }
    tx
}

/// Half of them are released.
async fn fill(db: &DatabaseConnection) {
    let rows = (1..=IMAGES).map(|number| {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(number as i64);
        image::ActiveModel {
            id: Set(Uuid::from_u128(number)),
            object_key: Set(format!("uploads/{number}.jpg")),
            file_name: Set("IMG.jpg".to_owned()),
            content_type: Set("image/jpeg".to_owned()),
            bytes: Set(1),
            width: Set(1),
            height: Set(1),
            sha256: Set(format!("{number:064x}")),
            uploaded_at: Set(at),
            stored_at: Set(Some(at)),
            review: Set(if number % 2 == 0 {
                Review::Released
            } else {
                Review::Review
            }),
            ..Default::default()
        }
    });
    for rows in rows.collect::<Vec<_>>().chunks(500) {
        image::Entity::insert_many(rows.to_vec())
            .exec_without_returning(db)
            .await
            .unwrap();
    }
    let of_each = [
        "INSERT INTO step (image_id, name, state, attempts, queued_at)
         SELECT id, 'thumbnail', 'done', 1, uploaded_at FROM image",
        "INSERT INTO box (id, image_id, x, y, width, height, shape, covers, state, by_kind, created_at, added_in)
         SELECT id, id, 0, 0, 1, 1, 'ellipse', 'face', 'confirmed', 'person', uploaded_at, 1 FROM image",
    ];
    for statement in of_each {
        db.execute_unprepared(statement).await.unwrap();
    }
    if db.get_database_backend() == DbBackend::MySql {
        // Otherwise it believes that the tables are small.
        db.execute_unprepared("ANALYZE TABLE image, step, box")
            .await
            .unwrap();
    }
}

/// What the database says it would do.
async fn plan(tx: &DatabaseTransaction, query: Statement) -> String {
    let backend = query.db_backend;
    let explain = if backend == DbBackend::Sqlite {
        "EXPLAIN QUERY PLAN"
    } else {
        "EXPLAIN"
    };
    let statement = Statement {
        sql: format!("{explain} {}", query.sql),
        ..query
    };
    let rows = tx.query_all_raw(statement).await.unwrap();
    let lines = rows.iter().map(|row| match backend {
        DbBackend::Sqlite => row.try_get::<String>("", "detail").unwrap(),
        DbBackend::Postgres => row.try_get_by_index::<String>(0).unwrap(),
        _ => {
            let text = |name| row.try_get::<Option<String>>("", name).unwrap();
            format!("{:?} {:?}", text("type"), text("key"))
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_by_key(backend: DbBackend, plan: &str) -> bool {
    match backend {
        DbBackend::Sqlite => plan.contains("(id=?)") || plan.contains("(image_id=?"),
        DbBackend::Postgres => {
            plan.contains("Index Cond: (id = ANY") || plan.contains("Index Cond: (image_id = ANY")
        }
        _ => plan.contains("Some(\"range\")"),
    }
}

fn is_a_range(backend: DbBackend, plan: &str) -> bool {
    match backend {
        DbBackend::Sqlite => plan.contains("at<?") || plan.contains("at>?"),
        DbBackend::Postgres => {
            plan.contains("Index Cond:") && (plan.contains("at <=") || plan.contains("at >="))
        }
        // For visitors it may begin at the newest released image: no scan of those that are not.
        _ => plan.contains("Some(\"range\")") || plan.contains("Some(\"ref\")"),
    }
}
