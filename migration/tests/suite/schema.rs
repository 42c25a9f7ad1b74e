//! What the schema promises: its tables, up and down, and the rows that entities keep in them.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::call::{self, Outcome};
use entity::caption;
use entity::change::{self, Kind as ChangeKind};
use entity::image::{self, Author, Certainty, Cursor, Face, Faces, Tags};
use entity::job;
use entity::step::{self, Attempt, History, Name, State};
use migration::testing::Kind;
use migration::{Migrator, MigratorTrait as _, SchemaManager};
use platform::database;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseConnection, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, SqlErr,
};
use uuid::Uuid;

use crate::databases::Databases;

const TABLES: [&str; 10] = [
    "image",
    "step",
    "job",
    "change",
    "change_turn",
    "message",
    "session",
    "caption",
    "provider_call",
    "provider",
];

#[tokio::test]
async fn sqlite_keeps_what_the_schema_promises() {
    the_schema_keeps_its_promises(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn postgresql_keeps_what_the_schema_promises() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        the_schema_keeps_its_promises(databases).await;
    }
}

#[tokio::test]
async fn mariadb_keeps_what_the_schema_promises() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        the_schema_keeps_its_promises(databases).await;
    }
}

/// The promises, each on an empty database.
async fn the_schema_keeps_its_promises(mut databases: Databases) {
    migrations_go_up_and_down_and_up_again(databases.empty().await).await;
    migrating_what_is_migrated_changes_nothing(migrated(databases.empty().await).await).await;
    an_image_comes_back_as_it_went_in(migrated(databases.empty().await).await).await;
    a_step_comes_back_as_it_went_in(migrated(databases.empty().await).await).await;
    the_same_bytes_are_there_once(migrated(databases.empty().await).await).await;
    identifiers_differ_by_case(migrated(databases.empty().await).await).await;
    an_image_takes_its_steps_and_jobs_along(migrated(databases.empty().await).await).await;
    a_step_without_an_image_is_refused(migrated(databases.empty().await).await).await;
    pages_go_from_new_to_old_without_gap_or_repeat(migrated(databases.empty().await).await).await;
    changes_are_numbered_as_they_happen(migrated(databases.empty().await).await).await;
    the_history_of_captions_begins_with_those_that_hold(databases.empty().await).await;
    the_requests_of_a_day_are_summed_up(migrated(databases.empty().await).await).await;
}

async fn migrated(db: DatabaseConnection) -> DatabaseConnection {
    Migrator::up(&db, None).await.unwrap();
    db
}

async fn migrations_go_up_and_down_and_up_again(db: DatabaseConnection) {
    let manager = SchemaManager::new(&db);

    Migrator::up(&db, None).await.unwrap();
    for table in TABLES {
        assert!(manager.has_table(table).await.unwrap(), "{table}");
    }
    insert(&db, image(1)).await;

    Migrator::down(&db, None).await.unwrap();
    for table in TABLES {
        assert!(!manager.has_table(table).await.unwrap(), "{table}");
    }

    Migrator::up(&db, None).await.unwrap();
    assert_eq!(image::Entity::find().count(&db).await.unwrap(), 0);
    insert(&db, image(1)).await;
}

async fn migrating_what_is_migrated_changes_nothing(db: DatabaseConnection) {
    insert(&db, image(1)).await;

    Migrator::up(&db, None).await.unwrap();

    assert!(
        Migrator::get_pending_migrations(&db)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(image::Entity::find().count(&db).await.unwrap(), 1);
}

async fn an_image_comes_back_as_it_went_in(db: DatabaseConnection) {
    let full = image::Model {
        file_name: "Zoë 🦊 日本語 'quoted\" \\ %_.jpg".to_owned(),
        bytes: i64::MAX,
        thumbhash: Some("3OcRJYB4d3h/iIeHeEh3eIhw+j3A".to_owned()),
        taken_at: NaiveDate::from_ymd_opt(1999, 12, 31)
            .unwrap()
            .and_hms_opt(23, 59, 59),
        camera: Some("Caméra № 1".to_owned()),
        faces: Some(Faces(vec![
            Face {
                x: 0,
                y: 17,
                width: 120,
                height: 121,
                score: 0.75,
                certainty: Certainty::Sure,
            },
            Face {
                x: i32::MAX,
                y: 0,
                width: 1,
                height: u32::MAX,
                score: 0.1,
                certainty: Certainty::Uncertain,
            },
        ])),
        tags: Some(Tags(vec![
            "été".to_owned(),
            "🏖️".to_owned(),
            "a\"b".to_owned(),
        ])),
        caption_text: Some("Two people 👩‍👩‍👧 on a beach.\n".repeat(200)),
        caption_paragraph: Some("They wave. ".repeat(200)),
        caption_by: Some(Author::Person),
        caption_provider: Some("describe".to_owned()),
        caption_model: Some("m".to_owned()),
        caption_prompt_version: Some("v".to_owned()),
        caption_language: Some("de-CH".to_owned()),
        caption_at: Some(instant(1)),
        uploaded_by: Some("admin".to_owned()),
        idempotency_key: Some("k".repeat(64)),
        stored_at: Some(instant(2)),
        deleted_at: Some(instant(3)),
        ..image(1)
    };
    let bare = image(2);
    let empty = image::Model {
        faces: Some(Faces::default()),
        tags: Some(Tags::default()),
        ..image(3)
    };

    for image in [full, bare, empty] {
        insert(&db, image.clone()).await;

        let found = image::Entity::find_by_id(image.id).one(&db).await.unwrap();
        assert_eq!(found, Some(image.clone()));
        let by_key = image::by_object_key(&image.object_key)
            .one(&db)
            .await
            .unwrap();
        assert_eq!(by_key, Some(image));
    }
}

async fn a_step_comes_back_as_it_went_in(db: DatabaseConnection) {
    let image = insert(&db, image(1)).await;
    let attempt = |attempt, state, error: Option<&str>| Attempt {
        attempt,
        started_at: instant(4),
        finished_at: error.map(|_| instant(5)),
        state,
        error: error.map(str::to_owned),
        unusable_answer: false,
    };
    let failed = step::Model {
        state: State::Failed,
        attempts: 2,
        error: Some("détruit 💥".to_owned()),
        started_at: Some(instant(4)),
        finished_at: Some(instant(5)),
        history: Some(History(vec![
            attempt(1, State::Queued, Some("again")),
            attempt(2, State::Failed, Some("détruit 💥")),
            attempt(3, State::Running, None),
        ])),
        ..step(image.id, Name::Anonymise)
    };
    let waiting = step(image.id, Name::Annotate);
    for step in [&failed, &waiting] {
        let row = step.clone().into_active_model();
        step::Entity::insert(row)
            .exec_without_returning(&db)
            .await
            .unwrap();
    }

    let mut found = step::of(image.id).all(&db).await.unwrap();

    found.sort_by_key(|step| step.name.as_str());
    assert_eq!(found, [waiting, failed]);
}

async fn the_same_bytes_are_there_once(db: DatabaseConnection) {
    let first = insert(&db, image(1)).await;
    let again = image::Model {
        sha256: first.sha256.clone(),
        ..image(2)
    };
    let same_key = image::Model {
        idempotency_key: Some("key".to_owned()),
        ..image(3)
    };
    insert(&db, same_key.clone()).await;
    let with_the_key = image::Model {
        idempotency_key: same_key.idempotency_key,
        ..image(4)
    };

    for duplicate in [again, with_the_key] {
        let row = duplicate.into_active_model();
        let refused = image::Entity::insert(row).exec_without_returning(&db).await;
        assert!(
            matches!(
                refused.as_ref().unwrap_err().sql_err(),
                Some(SqlErr::UniqueConstraintViolation(_))
            ),
            "{refused:?}"
        );
    }
    let found = image::by_sha256(&first.sha256).all(&db).await.unwrap();
    assert_eq!(found, [first]);
}

async fn identifiers_differ_by_case(db: DatabaseConnection) {
    for (number, key) in [(1, "key"), (2, "KEY")] {
        let image = image::Model {
            idempotency_key: Some(key.to_owned()),
            ..image(number)
        };
        insert(&db, image.clone()).await;
    }
    let found = image::by_idempotency_key("KEY").all(&db).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, id(2));
}

async fn an_image_takes_its_steps_and_jobs_along(db: DatabaseConnection) {
    for number in [1, 2] {
        let image = insert(&db, image(number)).await;
        for name in Name::ALL {
            let row = step(image.id, name).into_active_model();
            step::Entity::insert(row)
                .exec_without_returning(&db)
                .await
                .unwrap();
            let row = job::ActiveModel {
                image_id: Set(image.id),
                step: Set(name),
                due_at: Set(instant(0)),
                visible_at: Set(instant(0)),
                attempts: Set(0),
                receipt: Set(Some(Uuid::from_u128(7))),
                ..Default::default()
            };
            job::Entity::insert(row)
                .exec_without_returning(&db)
                .await
                .unwrap();
        }
        record(&db, image.id, ChangeKind::Image).await;
    }

    image::Entity::delete_by_id(id(1)).exec(&db).await.unwrap();

    let steps = step::Entity::find().all(&db).await.unwrap();
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|step| step.image_id == id(2)));
    let jobs = job::Entity::find().all(&db).await.unwrap();
    assert_eq!(jobs.len(), 3);
    assert!(jobs.iter().all(|job| job.image_id == id(2)));
    // Browsers still have to hear of it.
    assert_eq!(change::Entity::find().count(&db).await.unwrap(), 2);
}

async fn a_step_without_an_image_is_refused(db: DatabaseConnection) {
    let row = step(id(1), Name::Thumbnail).into_active_model();
    let refused = step::Entity::insert(row).exec_without_returning(&db).await;
    assert!(
        matches!(
            refused.as_ref().unwrap_err().sql_err(),
            Some(SqlErr::ForeignKeyConstraintViolation(_))
        ),
        "{refused:?}"
    );
}

async fn pages_go_from_new_to_old_without_gap_or_repeat(db: DatabaseConnection) {
    // Some of the same microsecond, some a microsecond apart.
    let mut expected = Vec::new();
    for number in 0..23 {
        let image = image::Model {
            uploaded_at: instant(0) + TimeDelta::microseconds(i64::from(number) / 4),
            stored_at: Some(instant(0)),
            ..image(number)
        };
        expected.push(insert(&db, image).await.id);
    }
    expected.reverse();
    let deleted = image::Model {
        stored_at: Some(instant(0)),
        deleted_at: Some(instant(0)),
        ..image(98)
    };
    insert(&db, deleted).await;
    insert(&db, image(99)).await;

    let mut found = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = image::page(after, 5).all(&db).await.unwrap();
        let Some(last) = page.last() else { break };
        if let Some(cursor) = after {
            let newer = image::newer_than(page[0].cursor()).one(&db).await.unwrap();
            assert_eq!(newer.unwrap().cursor(), cursor);
        }
        after = Some(last.cursor());
        found.extend(page.iter().map(|image| image.id));
    }

    assert_eq!(found, expected);
}

async fn changes_are_numbered_as_they_happen(db: DatabaseConnection) {
    for number in 1..=3 {
        record(&db, id(number), ChangeKind::Image).await;
    }
    record(&db, id(1), ChangeKind::Deleted).await;
    let latest = change::latest().one(&db).await.unwrap().unwrap();
    assert_eq!((latest.image_id, latest.kind), (id(1), ChangeKind::Deleted));

    // A number is not given again, even once its change is forgotten.
    change::Entity::delete_many()
        .filter(change::Column::Seq.eq(latest.seq))
        .exec(&db)
        .await
        .unwrap();
    record(&db, id(2), ChangeKind::Image).await;

    let since = change::since(latest.seq, 10).all(&db).await.unwrap();
    assert_eq!(since.len(), 1);
    assert_eq!(since[0].image_id, id(2));
}

/// Captions written before there was a history are its first entries.
async fn the_history_of_captions_begins_with_those_that_hold(db: DatabaseConnection) {
    Migrator::up(&db, Some(1)).await.unwrap();
    let described = image::Model {
        caption_text: Some("Ada at her desk".to_owned()),
        caption_by: Some(Author::Machine),
        caption_provider: Some("describe".to_owned()),
        caption_at: Some(instant(1)),
        tags: Some(Tags(vec!["work".to_owned()])),
        ..image(1)
    };
    let described = insert(&db, described).await;
    let bare = image::Model {
        caption_text: None,
        caption_by: None,
        ..image(2)
    };
    let bare = insert(&db, bare).await;

    Migrator::up(&db, None).await.unwrap();

    let history = caption::history(described.id, 9).all(&db).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].text, "Ada at her desk");
    assert_eq!(history[0].tags, described.tags);
    assert_eq!(history[0].created_at, instant(1));
    assert_eq!(caption::history(bare.id, 9).all(&db).await.unwrap(), []);
    image::Entity::delete_many().exec(&db).await.unwrap();
    assert_eq!(caption::Entity::find().count(&db).await.unwrap(), 0);
}

async fn the_requests_of_a_day_are_summed_up(db: DatabaseConnection) {
    let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let noon = call::midnight(day) + TimeDelta::hours(12);
    let request = |number, at, outcome| call::Model {
        id: id(number),
        at,
        image_id: id(1),
        provider: "gemini".to_owned(),
        model: Some("gemini-3.5-flash".to_owned()),
        outcome,
        tokens_in: Some(1_000),
        tokens_out: Some(100),
        cost_micros: Some(3_000_000_000),
        duration_ms: Some(900),
    };
    let open = call::Model {
        tokens_in: None,
        tokens_out: None,
        cost_micros: None,
        duration_ms: None,
        ..request(4, noon, Outcome::Open)
    };
    for row in [
        request(
            1,
            call::midnight(day) - TimeDelta::microseconds(1),
            Outcome::Caption,
        ),
        request(2, call::midnight(day), Outcome::Caption),
        request(3, noon, Outcome::Failed),
        open,
        request(5, noon, Outcome::TurnedAway),
        request(
            6,
            call::midnight(day) + TimeDelta::days(1),
            Outcome::Caption,
        ),
    ] {
        call::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&db)
            .await
            .unwrap();
    }

    let sum = call::Sum::of(&db, day).await.unwrap();

    let expected = call::Sum {
        requests: 4,
        captions: 1,
        failed: 1,
        turned_away: 1,
        tokens_in: 3_000,
        tokens_out: 300,
        cost_micros: Some(9_000_000_000),
        duration_ms: 2_700,
        ..call::Sum::default()
    };
    assert_eq!(sum, expected);
    let nothing = call::Sum::of(&db, day - TimeDelta::days(30)).await.unwrap();
    assert_eq!(nothing, call::Sum::default());
    let taken = call::taken_since(call::midnight(day)).count(&db).await;
    assert_eq!(taken.unwrap(), 4);
    let third = call::newest_but(3).one(&db).await.unwrap().unwrap();
    assert_eq!(third.at, noon);
}

async fn record(db: &DatabaseConnection, image_id: Uuid, kind: ChangeKind) {
    let tx = database::begin_write(db).await.unwrap();
    change::record(&tx, image_id, kind).await.unwrap();
    tx.commit().await.unwrap();
}

async fn insert(db: &DatabaseConnection, image: image::Model) -> image::Model {
    let mut row = image.clone().into_active_model().reset_all();
    if image.caption_paragraph.is_none() {
        // So that the schema before that column takes it too.
        row.caption_paragraph = NotSet;
    }
    image::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .unwrap();
    image
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// A point in time with microseconds, so many days after another one.
fn instant(days: i64) -> DateTime<Utc> {
    "2026-03-29T01:59:59.123457Z"
        .parse::<DateTime<Utc>>()
        .unwrap()
        + TimeDelta::days(days)
}

/// A row with nothing but what every image has.
fn image(number: u32) -> image::Model {
    image::Model {
        id: id(number),
        object_key: format!("uploads/{}.jpg", id(number)),
        file_name: "IMG_0001.jpg".to_owned(),
        content_type: "image/jpeg".to_owned(),
        bytes: 1,
        width: 640,
        height: 480,
        sha256: format!("{number:064x}"),
        thumbhash: None,
        taken_at: None,
        camera: None,
        faces: None,
        tags: None,
        caption_text: None,
        caption_paragraph: None,
        caption_by: None,
        caption_provider: None,
        caption_model: None,
        caption_prompt_version: None,
        caption_language: None,
        caption_at: None,
        uploaded_by: None,
        idempotency_key: None,
        uploaded_at: instant(0),
        stored_at: None,
        deleted_at: None,
    }
}

fn step(image_id: Uuid, name: Name) -> step::Model {
    step::Model {
        image_id,
        name,
        state: State::Queued,
        attempts: 0,
        error: None,
        queued_at: instant(0),
        started_at: None,
        finished_at: None,
        history: None,
    }
}
