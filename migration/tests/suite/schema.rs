//! The contract of the schema: its tables, up and down, and the rows of the entities.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::api_token::{self, Scope};
use entity::call::{self, Outcome};
use entity::caption;
use entity::change::{self, Kind as ChangeKind};
use entity::embedded::EmbeddedWords;
use entity::image::{self, Audience, Author, Cursor, Review, Tags, Translation, Translations};
use entity::image_box::{self, ByKind, Covers, Pass, Shape, State};
use entity::step::{self, Attempt, History, StepKind, StepState};
use entity::{job, outbox};
use migration::testing::Kind;
use migration::{Migrator, MigratorTrait as _, SchemaManager};
use platform::database;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DbErr,
    EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, SqlErr,
};
use uuid::Uuid;

use crate::databases::Databases;

const TABLES: [&str; 16] = [
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
    "outbox",
    "api_token",
    "box",
    "publication_record",
    "removal_request",
    "lease",
];

#[tokio::test]
async fn schema_contract_on_sqlite() {
    schema_contract(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn schema_contract_on_postgresql() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        schema_contract(databases).await;
    }
}

#[tokio::test]
async fn schema_contract_on_mariadb() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        schema_contract(databases).await;
    }
}

/// Each part runs on an empty database.
async fn schema_contract(mut databases: Databases) {
    migrations_are_reversible(databases.empty().await).await;
    migrating_twice_changes_nothing(migrated(databases.empty().await).await).await;
    images_round_trip(migrated(databases.empty().await).await).await;
    steps_round_trip(migrated(databases.empty().await).await).await;
    duplicates_are_rejected(migrated(databases.empty().await).await).await;
    identifiers_are_case_sensitive(migrated(databases.empty().await).await).await;
    deleting_an_image_cascades(migrated(databases.empty().await).await).await;
    orphan_steps_are_rejected(migrated(databases.empty().await).await).await;
    keyset_pages_have_no_gaps_or_repeats(migrated(databases.empty().await).await).await;
    changes_have_increasing_numbers(migrated(databases.empty().await).await).await;
    caption_history_starts_with_current_captions(databases.empty().await).await;
    requests_are_summed_up_by_day(migrated(databases.empty().await).await).await;
    messages_are_due_in_the_order_of_their_ids(migrated(databases.empty().await).await).await;
    a_token_is_live_until_it_is_revoked_or_expires(migrated(databases.empty().await).await).await;
    stuck_steps_and_missing_ones_are_found(migrated(databases.empty().await).await).await;
    a_refused_statement_is_not_taken_for_an_outage(migrated(databases.empty().await).await).await;
    for applied in 1..Migrator::migrations().len() {
        a_database_of_an_earlier_version_comes_up_to_date(databases.empty().await, applied).await;
    }
}

async fn migrated(db: DatabaseConnection) -> DatabaseConnection {
    Migrator::up(&db, None).await.unwrap();
    db
}

async fn migrations_are_reversible(db: DatabaseConnection) {
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

async fn migrating_twice_changes_nothing(db: DatabaseConnection) {
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

async fn images_round_trip(db: DatabaseConnection) {
    let full = image::Model {
        file_name: "Zoë 🦊 日本語 'quoted\" \\ %_.jpg".to_owned(),
        bytes: i64::MAX,
        thumbhash: Some("3OcRJYB4d3h/iIeHeEh3eIhw+j3A".to_owned()),
        anonymised_thumbhash: Some("2PcRJYB4d3h/iIeHeEh3eIhw+j3A".to_owned()),
        taken_at: NaiveDate::from_ymd_opt(1999, 12, 31)
            .unwrap()
            .and_hms_opt(23, 59, 59),
        camera: Some("Caméra № 1".to_owned()),
        boxes_version: 3,
        copy_version: Some(2),
        copy_id: Some(Uuid::from_u128(9)),
        detector: Some("yunet-s 1".to_owned()),
        second_look_at: Some(instant(4)),
        uncertain: 2,
        risk: 2000,
        review: Review::Held,
        reviewed_at: Some(instant(5)),
        reviewed_by: Some("admin".to_owned()),
        released_at: Some(instant(6)),
        released_by: Some("token:desk".to_owned()),
        released_version: Some(1),
        legacy: true,
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
        caption_translations: Some(Translations(vec![Translation {
            language: "de".to_owned(),
            text: "Zwei Leute 👩‍👩‍👧 am Strand.".to_owned(),
            paragraph: None,
        }])),
        caption_checked_by: Some("admin".to_owned()),
        caption_checked_at: Some(instant(4)),
        context: Some("Summer fair".to_owned()),
        decorative: true,
        embedded: Some(EmbeddedWords {
            keywords: vec!["été".to_owned()],
            ..EmbeddedWords::default()
        }),
        words_due: Some(instant(5)),
        words_at: Some(instant(6)),
        thumbnail_bytes: Some(17),
        anonymised_bytes: Some(i64::MAX),
        anonymised_thumbnail_bytes: Some(0),
        uploaded_by: Some("admin".to_owned()),
        idempotency_key: Some("k".repeat(64)),
        stored_at: Some(instant(2)),
        deleted_at: Some(instant(3)),
        ..image(1)
    };
    let bare = image(2);
    let empty = image::Model {
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

async fn steps_round_trip(db: DatabaseConnection) {
    let image = insert(&db, image(1)).await;
    let attempt = |attempt, state, error: Option<&str>| Attempt {
        attempt,
        started_at: instant(4),
        finished_at: error.map(|_| instant(5)),
        state,
        error: error.map(str::to_owned),
        unusable_answer: false,
        crashed: false,
    };
    let failed = step::Model {
        state: StepState::Failed,
        attempts: 2,
        error: Some("détruit 💥".to_owned()),
        started_at: Some(instant(4)),
        finished_at: Some(instant(5)),
        history: Some(History(vec![
            attempt(1, StepState::Queued, Some("again")),
            attempt(2, StepState::Failed, Some("détruit 💥")),
            attempt(3, StepState::Running, None),
        ])),
        ..step(image.id, StepKind::Anonymise)
    };
    let waiting = step(image.id, StepKind::Annotate);
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

async fn duplicates_are_rejected(db: DatabaseConnection) {
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

async fn identifiers_are_case_sensitive(db: DatabaseConnection) {
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

async fn deleting_an_image_cascades(db: DatabaseConnection) {
    for number in [1, 2] {
        let image = insert(&db, image(number)).await;
        for name in StepKind::ALL {
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
    // Browsers still have to be told of the deletion.
    assert_eq!(change::Entity::find().count(&db).await.unwrap(), 2);
}

async fn orphan_steps_are_rejected(db: DatabaseConnection) {
    let row = step(id(1), StepKind::Thumbnail).into_active_model();
    let refused = step::Entity::insert(row).exec_without_returning(&db).await;
    assert!(
        matches!(
            refused.as_ref().unwrap_err().sql_err(),
            Some(SqlErr::ForeignKeyConstraintViolation(_))
        ),
        "{refused:?}"
    );
}

async fn keyset_pages_have_no_gaps_or_repeats(db: DatabaseConnection) {
    // Some in the same microsecond, some a microsecond apart.
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
        let page = image::page(&Audience::Staff, after, 5)
            .all(&db)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        if let Some(cursor) = after {
            let newer = image::newer_than(&Audience::Staff, page[0].cursor())
                .one(&db)
                .await
                .unwrap();
            assert_eq!(newer.unwrap().cursor(), cursor);
        }
        after = Some(last.cursor());
        found.extend(page.iter().map(|image| image.id));
    }

    assert_eq!(found, expected);
}

async fn changes_have_increasing_numbers(db: DatabaseConnection) {
    for number in 1..=3 {
        record(&db, id(number), ChangeKind::Image).await;
    }
    record(&db, id(1), ChangeKind::Deleted).await;
    let latest = change::latest().one(&db).await.unwrap().unwrap();
    assert_eq!((latest.image_id, latest.kind), (id(1), ChangeKind::Deleted));

    // A number is not reused, even after its change is deleted.
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

/// Captions from before the history are its first entries.
async fn caption_history_starts_with_current_captions(db: DatabaseConnection) {
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

async fn requests_are_summed_up_by_day(db: DatabaseConnection) {
    let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let noon = call::midnight(day) + TimeDelta::hours(12);
    let request = |number, at, outcome| call::Model {
        rendition: Some("anonymised".to_owned()),
        id: id(number),
        at,
        image_id: id(1),
        account: None,
        open_until: None,
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

    let before = day - TimeDelta::days(1);
    let days = call::Sum::by_day(&db, before, day).await.unwrap();

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
    let one = call::Sum {
        requests: 1,
        captions: 1,
        tokens_in: 1_000,
        tokens_out: 100,
        cost_micros: Some(3_000_000_000),
        duration_ms: 900,
        ..call::Sum::default()
    };
    assert_eq!(days, [(before, one), (day, expected)].into());
    let long_ago = day - TimeDelta::days(30);
    let nothing = call::Sum::by_day(&db, long_ago, long_ago).await.unwrap();
    assert!(nothing.is_empty());
    let taken = call::taken_since(call::midnight(day)).count(&db).await;
    assert_eq!(taken.unwrap(), 4);
    let third = call::newest_but(3).one(&db).await.unwrap().unwrap();
    assert_eq!(third.at, noon);
}

async fn messages_are_due_in_the_order_of_their_ids(db: DatabaseConnection) {
    for number in [1, 2] {
        insert(&db, image(number)).await;
    }
    for (number, image, due_at) in [(1, 1, 0), (2, 2, 1), (3, 1, -1)] {
        let row = outbox::Model {
            id: id(number),
            image_id: id(image),
            step: StepKind::Anonymise,
            due_at: instant(due_at),
            trace: Some("0".repeat(55)),
        };
        outbox::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&db)
            .await
            .unwrap();
    }

    let due = outbox::due(instant(0), 9).all(&db).await.unwrap();

    let ids: Vec<_> = due.iter().map(|row| row.id).collect();
    assert_eq!(ids, [id(1), id(3)]);
    let first = outbox::due(instant(9), 1).all(&db).await.unwrap();
    assert_eq!(first, due[..1]);
    image::Entity::delete_by_id(id(1)).exec(&db).await.unwrap();
    let left = outbox::Entity::find().all(&db).await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
}

async fn stuck_steps_and_missing_ones_are_found(db: DatabaseConnection) {
    let stored = |number| image::Model {
        stored_at: Some(instant(0)),
        ..image(number)
    };
    let gone = image::Model {
        deleted_at: Some(instant(0)),
        ..stored(4)
    };
    for image in [stored(1), stored(2), image(3), gone, stored(5)] {
        insert(&db, image).await;
    }
    let steps = [
        step(id(1), StepKind::Thumbnail),
        step::Model {
            started_at: Some(instant(2)),
            ..step(id(1), StepKind::Annotate)
        },
        step::Model {
            resent_at: Some(instant(2)),
            ..step(id(2), StepKind::Thumbnail)
        },
        step::Model {
            state: StepState::Running,
            started_at: Some(instant(0)),
            resent_at: Some(instant(0)),
            ..step(id(2), StepKind::Annotate)
        },
        step::Model {
            state: StepState::Done,
            ..step(id(2), StepKind::Anonymise)
        },
        step(id(3), StepKind::Thumbnail),
        step(id(4), StepKind::Thumbnail),
        step::Model {
            queued_at: instant(2),
            ..step(id(5), StepKind::Thumbnail)
        },
    ];
    for step in steps {
        step::Entity::insert(step.into_active_model().reset_all())
            .exec_without_returning(&db)
            .await
            .unwrap();
    }

    let stuck = step::stuck_since(instant(1), 9).all(&db).await.unwrap();

    let mut stuck: Vec<_> = stuck
        .iter()
        .map(|step| (step.image_id, step.name.as_str()))
        .collect();
    stuck.sort_unstable();
    assert_eq!(stuck, [(id(1), "thumbnail"), (id(2), "annotate")]);
    for (kind, expected) in [
        (StepKind::Thumbnail, vec![]),
        (StepKind::Annotate, vec![id(5)]),
        (StepKind::Anonymise, vec![id(1), id(5)]),
    ] {
        let missing = step::images_without(kind, instant(0), 9)
            .all(&db)
            .await
            .unwrap();
        let mut missing: Vec<_> = missing.iter().map(|image| image.id).collect();
        missing.sort_unstable();
        assert_eq!(missing, expected, "{kind}");
    }
    let one = step::images_without(StepKind::Anonymise, instant(0), 1)
        .all(&db)
        .await;
    assert_eq!(one.unwrap().len(), 1);
    let newer = step::images_without(StepKind::Anonymise, instant(1), 9);
    assert_eq!(newer.count(&db).await.unwrap(), 0);
}

async fn a_refused_statement_is_not_taken_for_an_outage(db: DatabaseConnection) {
    let nonsense = db.execute_unprepared("SELECT nothing FROM nowhere").await;
    let nonsense = nonsense.unwrap_err();
    assert!(!database::is_unavailable(&nonsense), "{nonsense:?}");
    let orphan = step(id(1), StepKind::Thumbnail).into_active_model();
    let orphan = step::Entity::insert(orphan)
        .exec_without_returning(&db)
        .await;
    let orphan = orphan.unwrap_err();
    assert!(!database::is_unavailable(&orphan), "{orphan:?}");
    let closed = db.clone();
    db.close().await.unwrap();
    let outage = image::Entity::find().one(&closed).await.unwrap_err();
    assert!(database::is_unavailable(&outage), "{outage:?}");
}

/// The number of migrations before the one that made boxes of faces.
const BEFORE_BOXES: usize = 10;

/// Faces as earlier versions wrote them, of an image of 640 × 480: SeetaFace's, without a certainty, at
/// the left edge; an uncertain one; and one that is not in the picture.
const FACES: &str = r#"UPDATE image SET faces = '[
    {"x": 0, "y": 17, "width": 120, "height": 60, "score": 2.5},
    {"x": 300, "y": 200, "width": 30, "height": 30, "score": 0.5, "certainty": "uncertain"},
    {"x": 2000, "y": 0, "width": 9, "height": 9, "score": 0.5, "certainty": "sure"}
]' WHERE stored_at IS NOT NULL AND thumbhash IS NOT NULL"#;

async fn assert_faces_became_boxes(db: &DatabaseConnection, found: &[image::Model]) {
    let [without_a_copy, with_a_copy] = found else {
        panic!("{found:?}")
    };
    assert_eq!(with_a_copy.review, Review::Released);
    assert!(with_a_copy.legacy && with_a_copy.is_public());
    assert_eq!(with_a_copy.uncertain, 1);
    assert_eq!(with_a_copy.detector, None, "it is to be searched again");
    assert_eq!(without_a_copy.review, Review::Review);
    assert!(!without_a_copy.legacy && !without_a_copy.is_public());

    let mut boxes = image_box::of(with_a_copy.id).all(db).await.unwrap();
    boxes.sort_by_key(|row| row.x);
    let places: Vec<_> = boxes
        .iter()
        .map(|row| ((row.x, row.y, row.width, row.height), row.state))
        .collect();
    // A sixth more on every side, as the copy shows it, but within the picture.
    let expected = [
        ((0, 7, 140, 80), State::Cover),
        ((295, 195, 40, 40), State::Uncertain),
    ];
    assert_eq!(places, expected);
    assert!(boxes.iter().all(|row| {
        (row.shape, row.covers, row.by_kind) == (Shape::Rectangle, Covers::Face, ByKind::Detector)
            && row.pass == Some(Pass::First)
            && row.version.is_none()
    }));
    assert_eq!(boxes[0].score, Some(2.5));
}

/// Rows as a version with this many migrations writes them.
async fn a_database_of_an_earlier_version_comes_up_to_date(db: DatabaseConnection, applied: usize) {
    Migrator::up(&db, Some(applied as u32)).await.unwrap();
    let stored = image::Model {
        stored_at: Some(instant(0)),
        thumbhash: Some("3OcRJYB4d3h/iIeHeEh3eIhw+j3A".to_owned()),
        ..image(1)
    };
    let stored = insert(&db, stored).await;
    let waiting = step(stored.id, StepKind::Annotate);
    insert_step(&db, &waiting).await;
    let queued = job::ActiveModel {
        image_id: Set(stored.id),
        step: Set(StepKind::Annotate),
        due_at: Set(instant(0)),
        visible_at: Set(instant(0)),
        attempts: Set(0),
        ..Default::default()
    };
    job::Entity::insert(queued)
        .exec_without_returning(&db)
        .await
        .unwrap();

    if applied <= BEFORE_BOXES {
        let without_a_copy = image::Model {
            stored_at: Some(instant(0)),
            ..image(2)
        };
        insert(&db, without_a_copy).await;
        db.execute_unprepared(FACES).await.unwrap();
    }

    Migrator::up(&db, None).await.unwrap();

    let found = image::page(&Audience::Staff, None, 9)
        .all(&db)
        .await
        .unwrap();
    if applied > BEFORE_BOXES {
        assert_eq!(found, std::slice::from_ref(&stored));
    } else {
        assert_faces_became_boxes(&db, &found).await;
    }
    assert_eq!(step::of(stored.id).all(&db).await.unwrap(), [waiting]);
    let claimable = job::claimable(instant(1), StepKind::ALL)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(claimable.len(), 1);
    assert_eq!(outbox::Entity::find().count(&db).await.unwrap(), 0);
    record(&db, stored.id, ChangeKind::Image).await;
}

async fn record(db: &DatabaseConnection, image_id: Uuid, kind: ChangeKind) {
    let tx = database::begin_write(db).await.unwrap();
    change::record(&tx, image_id, kind).await.unwrap();
    tx.commit().await.unwrap();
}

async fn insert(db: &DatabaseConnection, image: image::Model) -> image::Model {
    let mut row = image.clone().into_active_model().reset_all();
    // Earlier versions of the schema do not have these columns.
    if image.caption_paragraph.is_none() {
        row.caption_paragraph = NotSet;
    }
    for column in [
        image::Column::ThumbnailBytes,
        image::Column::AnonymisedBytes,
        image::Column::AnonymisedThumbnailBytes,
    ] {
        if row.get(column).into_value() == Some(None::<i64>.into()) {
            row.not_set(column);
        }
    }
    if image.words_due.is_none() {
        for column in [
            image::Column::CaptionTranslations,
            image::Column::CaptionCheckedBy,
            image::Column::CaptionCheckedAt,
            image::Column::Context,
            image::Column::Decorative,
            image::Column::Embedded,
            image::Column::WordsDue,
            image::Column::WordsAt,
        ] {
            row.not_set(column);
        }
    }
    if image.anonymised_thumbhash.is_none() {
        row.anonymised_thumbhash = NotSet;
    }
    if image.purge_at.is_none() {
        row.purge_at = NotSet;
        row.deleted_by = NotSet;
    }
    if image.boxes_version == 0 {
        for column in COLUMNS_FOR_BOXES {
            row.not_set(column);
        }
    }
    image::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .unwrap();
    image
}

/// The columns that came with boxes.
const COLUMNS_FOR_BOXES: [image::Column; 14] = [
    image::Column::BoxesVersion,
    image::Column::CopyVersion,
    image::Column::CopyId,
    image::Column::Detector,
    image::Column::SecondLookAt,
    image::Column::Uncertain,
    image::Column::Risk,
    image::Column::Review,
    image::Column::ReviewedAt,
    image::Column::ReviewedBy,
    image::Column::ReleasedAt,
    image::Column::ReleasedBy,
    image::Column::ReleasedVersion,
    image::Column::Legacy,
];

/// Inserts a step into a schema that may not have `resent_at`.
async fn insert_step(db: &DatabaseConnection, step: &step::Model) {
    let mut row = step.clone().into_active_model().reset_all();
    row.resent_at = NotSet;
    step::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .unwrap();
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// An instant with microseconds, this many days after another one.
fn instant(days: i64) -> DateTime<Utc> {
    "2026-03-29T01:59:59.123457Z"
        .parse::<DateTime<Utc>>()
        .unwrap()
        + TimeDelta::days(days)
}

/// A row with mandatory columns only.
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
        anonymised_thumbhash: None,
        taken_at: None,
        camera: None,
        tags: None,
        caption_text: None,
        caption_paragraph: None,
        caption_by: None,
        caption_provider: None,
        caption_model: None,
        caption_prompt_version: None,
        caption_language: None,
        caption_at: None,
        caption_translations: None,
        caption_checked_by: None,
        caption_checked_at: None,
        context: None,
        decorative: false,
        embedded: None,
        words_due: None,
        words_at: None,
        thumbnail_bytes: None,
        anonymised_bytes: None,
        anonymised_thumbnail_bytes: None,
        uploaded_by: None,
        idempotency_key: None,
        uploaded_at: instant(0),
        stored_at: None,
        deleted_at: None,
        deleted_by: None,
        purge_at: None,
        boxes_version: 0,
        copy_version: None,
        copy_id: None,
        detector: None,
        second_look_at: None,
        uncertain: 0,
        risk: 0,
        review: Review::Review,
        reviewed_at: None,
        reviewed_by: None,
        released_at: None,
        released_by: None,
        released_version: None,
        legacy: false,
    }
}

fn step(image_id: Uuid, name: StepKind) -> step::Model {
    step::Model {
        image_id,
        name,
        state: StepState::Queued,
        attempts: 0,
        error: None,
        queued_at: instant(0),
        started_at: None,
        finished_at: None,
        history: None,
        resent_at: None,
    }
}

async fn a_token_is_live_until_it_is_revoked_or_expires(db: DatabaseConnection) {
    let now = entity::now();
    let token = |name: &str, scope| api_token::Model {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        scope,
        hash: format!("hash of {name}"),
        created_at: now,
        created_by: "admin".to_owned(),
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    };
    let expired = api_token::Model {
        expires_at: Some(now),
        ..token("expired", Scope::Read)
    };
    let revoked = api_token::Model {
        revoked_at: Some(now),
        ..token("revoked", Scope::Upload)
    };
    let expiring = api_token::Model {
        expires_at: Some(now + TimeDelta::minutes(1)),
        last_used_at: Some(now),
        ..token("Expiring", Scope::Manage)
    };
    // The same name in lower case is another name, on every database.
    let endless = token("expiring", Scope::Read);
    for model in [&expired, &revoked, &expiring, &endless] {
        insert_token(&db, model).await.unwrap();
    }

    for (model, is_live) in [
        (&expired, false),
        (&revoked, false),
        (&expiring, true),
        (&endless, true),
    ] {
        let by_hash = api_token::live_by_hash(&model.hash, now).one(&db).await;
        let by_id = api_token::live(model.id, now).one(&db).await;
        assert_eq!(by_hash.unwrap(), is_live.then(|| model.clone()));
        assert_eq!(by_id.unwrap(), is_live.then(|| model.clone()));
        assert_eq!(model.is_live(now), is_live);
    }
    let taken = token("expiring", Scope::Read);
    let error = insert_token(&db, &taken).await.unwrap_err();
    assert!(matches!(
        error.sql_err(),
        Some(SqlErr::UniqueConstraintViolation(_))
    ));
}

async fn insert_token(db: &DatabaseConnection, token: &api_token::Model) -> Result<(), DbErr> {
    let row = token.clone().into_active_model().reset_all();
    api_token::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}
