//! The contract of the search, on each of the three databases.

use chrono::{DateTime, TimeDelta, Utc};
use entity::image::{self, Audience, Review, Tags};
use entity::search::{self, Words};
use migration::testing::Kind;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, EntityTrait as _, QueryFilter as _,
};
use uuid::Uuid;

use crate::databases::Databases;

#[tokio::test]
async fn search_contract_on_sqlite() {
    search_contract(Databases::of_sqlite()).await;
}

#[tokio::test]
async fn search_contract_on_sqlite_after_vacuum() {
    let photos = Photos::on(Databases::of_sqlite().empty().await).await;
    photos.add(1, "a fox", &[], "1.jpg").await;
    photos.add(2, "a hare", &[], "2.jpg").await;
    photos.forget(1).await;

    photos.db.execute_unprepared("VACUUM").await.unwrap();

    photos.add(3, "a fox", &[], "3.jpg").await;
    photos.finds("hare", &[2]).await;
    photos.finds("fox", &[3]).await;
}

#[tokio::test]
async fn search_contract_on_postgresql() {
    if let Some(databases) = Databases::of(Kind::Postgres) {
        search_contract(databases).await;
    }
}

#[tokio::test]
async fn search_contract_on_mariadb() {
    if let Some(databases) = Databases::of(Kind::MariaDb) {
        search_contract(databases).await;
    }
}

/// Each part runs on an empty database.
async fn search_contract(mut databases: Databases) {
    every_word_must_match(&Photos::on(databases.empty().await).await).await;
    case_and_diacritics_are_ignored(&Photos::on(databases.empty().await).await).await;
    file_names_match_only_on_request(&Photos::on(databases.empty().await).await).await;
    results_are_ranked_then_newest_first(&Photos::on(databases.empty().await).await).await;
    only_the_newest_matches_are_ranked(&Photos::on(databases.empty().await).await).await;
    query_operators_are_literal(&Photos::on(databases.empty().await).await).await;
    index_follows_changes(&Photos::on(databases.empty().await).await).await;
    paragraphs_are_indexed(&Photos::on(databases.empty().await).await).await;
    audiences_find_what_they_see(&Photos::on(databases.empty().await).await).await;
    existing_images_are_indexed(databases.empty().await).await;
}

async fn every_word_must_match(photos: &Photos) {
    photos.add(1, "A red fox in the snow.", &[], "1.jpg").await;
    photos
        .add(
            2,
            "The red house of A. N. Other",
            &["fox den", "w-x"],
            "2.jpg",
        )
        .await;
    for (words, found) in [
        ("red", [2, 1].as_slice()),
        ("red snow", &[1]),
        ("snow red", &[1]),
        ("house den", &[2]),
        ("house snow", &[]),
        // Only the last word may be a prefix.
        ("red sno", &[1]),
        ("re snow", &[]),
        ("ox", &[]),
        // Short words and stop words count as well.
        ("a red in the snow", &[1]),
        ("n", &[2]),
        ("w x", &[2]),
        ("the", &[1, 2]),
    ] {
        photos.finds_in_any_order(words, found).await;
    }
}

async fn case_and_diacritics_are_ignored(photos: &Photos) {
    photos
        .add(
            1,
            "ZOË und Übermut im Café; crème BRÛLÉE",
            &["été"],
            "1.jpg",
        )
        .await;
    // Decomposed, as some systems write it.
    photos.add(2, "Zoe\u{308} again", &[], "2.jpg").await;
    photos.add(3, "狐狸在雪中 лиса", &[], "3.jpg").await;
    for (words, found) in [
        ("zoe", [2, 1].as_slice()),
        ("Zoë", &[2, 1]),
        ("ZOE\u{308}", &[2, 1]),
        ("übermut", &[1]),
        ("UBERM", &[1]),
        ("creme brulee", &[1]),
        ("ete", &[1]),
        ("狐狸", &[3]),
        ("лис", &[3]),
    ] {
        photos.finds_in_any_order(words, found).await;
    }
}

async fn file_names_match_only_on_request(photos: &Photos) {
    photos
        .add(1, "Somebody on a beach", &[], "Anna_Müller-2024.05.jpg")
        .await;
    for words in ["anna", "muller", "2024 05", "anna beach", "jpg"] {
        photos.finds(words, &[]).await;
        assert_eq!(photos.found(words, true).await, [id(1)], "{words}");
    }
    assert_eq!(photos.found("beach", true).await, [id(1)]);
    photos.finds("beach", &[1]).await;
}

async fn results_are_ranked_then_newest_first(photos: &Photos) {
    photos.add(1, "fox and fox and fox", &[], "1.jpg").await;
    photos.add(2, "fox and hare and owl", &[], "2.jpg").await;
    photos.add(3, "fox and hare and owl", &[], "3.jpg").await;
    photos
        .add(4, "owl and hare and owl", &["fox"], "4.jpg")
        .await;
    for number in 5..9 {
        photos
            .add(number, "nothing of the kind here", &[], "x")
            .await;
    }
    let found = photos.found("fox", false).await;
    assert_eq!(found[0], id(1));
    let place = |number| found.iter().position(|found| *found == id(number));
    assert!(place(3) < place(2), "{found:?}");

    let all = photos.found("fox", false).await;
    for skip in 0..4 {
        let words = Words::parse("fox").unwrap();
        let one = search::best(&photos.db, &words, &Audience::Staff, false, skip as u64, 1)
            .await
            .unwrap();
        assert_eq!(one, all[skip..=skip]);
    }
}

async fn only_the_newest_matches_are_ranked(photos: &Photos) {
    let ranked = u32::try_from(search::RANKED).unwrap();
    let count = ranked + 5;
    for number in 1..=count {
        let caption = match number {
            // Too old to be ranked.
            3 => "fox fox fox",
            20 => "fox fox",
            _ => "a fox in the snow",
        };
        photos.add(number, caption, &[], "x").await;
    }
    let rest = (1..=count).rev().filter(|number| *number != 20);
    let expected: Vec<_> = std::iter::once(20).chain(rest).map(id).collect();
    let words = Words::parse("fox").unwrap();
    let mut found = Vec::new();
    for skip in (0..u64::from(count)).step_by(48) {
        let page = search::best(&photos.db, &words, &Audience::Staff, false, skip, 48).await;
        found.extend(page.unwrap());
    }
    assert_eq!(found, expected);
    let beyond = search::best(&photos.db, &words, &Audience::Staff, false, 9_999, 48).await;
    assert!(beyond.unwrap().is_empty());
}

async fn query_operators_are_literal(photos: &Photos) {
    photos.add(1, "snow or fox", &["near"], "1.jpg").await;
    photos.add(2, "fox 🦊 only; not so", &[], "2.jpg").await;
    for (text, found) in [
        ("snow OR fox", [1].as_slice()),
        ("fox NOT snow", &[]),
        ("fox -snow", &[1]),
        ("NEAR(fox snow)", &[1]),
        ("words : fox", &[]),
        ("^fox + snow", &[1]),
        ("\"fox snow\"", &[1]),
        ("fox\" OR \"a", &[]),
        ("fo*", &[1, 2]),
        ("f* snow", &[]),
        ("fox & !snow | (near:*", &[1]),
        ("<->fox", &[1, 2]),
        ("fox@2 ", &[]),
        ("+fox ~snow >near <or", &[1]),
        ("fox' OR 1=1 --", &[]),
        ("fox\\", &[1, 2]),
        ("fox\0", &[1, 2]),
        ("fox 🦊", &[1, 2]),
    ] {
        photos.finds_in_any_order(text, found).await;
    }
    for hopeless in ["", "  ", "🦊", "***", "-", "\"", "'", "%_", "()"] {
        assert_eq!(Words::parse(hopeless), None, "{hopeless}");
    }
    let long = format!("fox {}", "a ".repeat(5_000));
    photos.finds(&long, &[]).await;
    photos.finds(&"x".repeat(80), &[]).await;
    photos.finds(&"é\u{301}🦊'".repeat(2_500), &[]).await;
}

async fn index_follows_changes(photos: &Photos) {
    photos.add(1, "a fox", &["winter"], "1.jpg").await;
    photos.add(2, "a hare", &[], "2.jpg").await;

    // An update of many rows, without our code.
    photos.set(1, image::Column::CaptionText, "an owl").await;
    photos.finds("fox", &[]).await;
    photos.finds("winter owl", &[1]).await;

    photos
        .set(1, image::Column::Tags, Tags(vec!["summer".to_owned()]))
        .await;
    photos.finds("winter", &[]).await;
    photos.finds("owl summer", &[1]).await;

    photos.set(1, image::Column::FileName, "night.jpg").await;
    assert_eq!(photos.found("night", true).await, [id(1)]);
    assert!(photos.found("1", true).await.is_empty());

    photos.set(1, image::Column::DeletedAt, instant(9)).await;
    photos.finds("owl", &[]).await;
    photos.forget(1).await;
    photos.finds("owl", &[]).await;
    photos.finds("hare", &[2]).await;

    // An image whose object has not been stored.
    photos
        .set(2, image::Column::StoredAt, None::<DateTime<Utc>>)
        .await;
    photos.finds("hare", &[]).await;
    photos.set(2, image::Column::StoredAt, instant(9)).await;
    photos.finds("hare", &[2]).await;
}

async fn paragraphs_are_indexed(photos: &Photos) {
    photos.add(1, "a boat", &[], "1.jpg").await;
    photos
        .set(
            1,
            image::Column::CaptionParagraph,
            "A lighthouse stands behind it.",
        )
        .await;

    photos.finds("boat lighth", &[1]).await;
}

async fn audiences_find_what_they_see(photos: &Photos) {
    for number in 1..=4 {
        photos.add(number, "a fox", &[], "fox.jpg").await;
    }
    for number in [2, 3] {
        photos
            .set(number, image::Column::Review, Review::Released)
            .await;
        photos.set(number, image::Column::CopyVersion, 1).await;
    }
    // The copy of one does not show its boxes yet.
    photos.set(2, image::Column::BoxesVersion, 1).await;
    photos.set(3, image::Column::BoxesVersion, 2).await;
    photos
        .set(4, image::Column::UploadedBy, "token:camera")
        .await;

    let words = Words::parse("fox").unwrap();
    for (audience, expected) in [
        (Audience::Staff, vec![4, 3, 2, 1]),
        (Audience::Public, vec![2]),
        (Audience::Uploader("token:camera".to_owned()), vec![4, 2]),
        (Audience::Uploader("token:other".to_owned()), vec![2]),
    ] {
        let found = search::best(&photos.db, &words, &audience, false, 0, 9).await;
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        assert_eq!(found.unwrap(), expected, "{audience:?}");
        let last = expected.len() as u64 - 1;
        let found = search::best(&photos.db, &words, &audience, true, last, 1).await;
        assert_eq!(found.unwrap(), expected[last as usize..], "{audience:?}");
        let listed = image::page(&audience, None, 9).all(&photos.db).await;
        let listed: Vec<_> = listed.unwrap().iter().map(|image| image.id).collect();
        assert_eq!(listed, expected, "{audience:?}");
    }
}

async fn existing_images_are_indexed(db: DatabaseConnection) {
    Migrator::up(&db, Some(1)).await.unwrap();
    let photos = Photos { db };
    photos.add(1, "a früher fox", &["old"], "1.jpg").await;

    Migrator::up(&photos.db, None).await.unwrap();
    photos.add(2, "a newer fox", &[], "2.jpg").await;
    photos.finds("fruher old", &[1]).await;
    photos.finds_in_any_order("fox", &[1, 2]).await;

    let all_but_the_first = u32::try_from(Migrator::migrations().len() - 1).unwrap();
    Migrator::down(&photos.db, Some(all_but_the_first))
        .await
        .unwrap();
    photos.add(3, "one more fox", &[], "3.jpg").await;
    photos.forget(2).await;
    Migrator::up(&photos.db, None).await.unwrap();
    photos.finds_in_any_order("fox", &[1, 3]).await;
}

/// Images on a database.
struct Photos {
    db: DatabaseConnection,
}

impl Photos {
    async fn on(db: DatabaseConnection) -> Self {
        Migrator::up(&db, None).await.unwrap();
        Self { db }
    }

    async fn add(&self, number: u32, caption: &str, tags: &[&str], file_name: &str) {
        let tags = tags.iter().map(ToString::to_string).collect();
        let row = image::ActiveModel {
            id: Set(id(number)),
            object_key: Set(format!("uploads/{}.jpg", id(number))),
            file_name: Set(file_name.to_owned()),
            content_type: Set("image/jpeg".to_owned()),
            bytes: Set(1),
            width: Set(1),
            height: Set(1),
            sha256: Set(format!("{number:064x}")),
            tags: Set(Some(Tags(tags))),
            caption_text: Set(Some(caption.to_owned())),
            uploaded_at: Set(instant(number)),
            stored_at: Set(Some(instant(number))),
            ..Default::default()
        };
        image::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await
            .unwrap();
    }

    async fn set(&self, number: u32, column: image::Column, value: impl Into<sea_orm::Value>) {
        image::Entity::update_many()
            .col_expr(column, Expr::value(value))
            .filter(image::Column::Id.eq(id(number)))
            .exec(&self.db)
            .await
            .unwrap();
    }

    async fn forget(&self, number: u32) {
        image::Entity::delete_by_id(id(number))
            .exec(&self.db)
            .await
            .unwrap();
    }

    async fn found(&self, text: &str, in_file_names: bool) -> Vec<Uuid> {
        let Some(words) = Words::parse(text) else {
            return Vec::new();
        };
        search::best(&self.db, &words, &Audience::Staff, in_file_names, 0, 50)
            .await
            .unwrap()
    }

    /// A visitor finds exactly these, in this order.
    async fn finds(&self, text: &str, numbers: &[u32]) {
        let expected: Vec<_> = numbers.iter().copied().map(id).collect();
        assert_eq!(self.found(text, false).await, expected, "{text}");
    }

    async fn finds_in_any_order(&self, text: &str, numbers: &[u32]) {
        let mut expected: Vec<_> = numbers.iter().copied().map(id).collect();
        let mut found = self.found(text, false).await;
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{text}");
    }
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// This many days after some day.
fn instant(days: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + i64::from(days))
}
