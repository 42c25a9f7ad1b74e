//! The list of images: newest first, in pages that stay correct while photos are added and deleted.

use std::collections::HashSet;

use functions::testing;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;

impl TestApp {
    /// Uploads one photo per seed and returns their ids.
    pub(crate) async fn upload_photos(&self, seeds: std::ops::Range<u64>) -> Vec<Uuid> {
        let mut ids = Vec::new();
        for seed in seeds {
            let photo = testing::photo(seed, 32, 32);
            ids.push(self.upload("photo.jpg", photo).await.expect(201).id());
        }
        ids
    }
}

pub(crate) fn ids(page: &Value) -> Vec<Uuid> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn an_empty_list_is_an_empty_page() {
    let app = TestApp::spawn().await;

    let page = app.get("/api/images").await.expect(200).json();

    assert_eq!(page, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn the_newest_comes_first() {
    let app = TestApp::spawn().await;
    let mut uploaded = app.upload_photos(0..4).await;

    let page = app.get("/api/images").await.expect(200).json();

    uploaded.reverse();
    assert_eq!(ids(&page), uploaded);
    assert_eq!(page["next"], Value::Null);
}

#[tokio::test]
async fn pages_have_neither_gaps_nor_repeats_while_photos_are_added_and_deleted() {
    let app = TestApp::spawn().await;
    let uploaded = app.upload_photos(0..9).await;
    let mut seen = Vec::new();
    let mut path = "/api/images?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = app.get(&path).await.expect(200).json();
        seen.extend(ids(&page));
        // A photo is added, and one that was listed is deleted.
        pages += 1;
        app.upload_photos(100 + pages..101 + pages).await;
        let last = seen.last().unwrap();
        app.delete(&format!("/api/images/{last}")).await.expect(204);
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/images?limit=2&after={cursor}");
    }

    let mut expected = uploaded;
    expected.reverse();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn photos_with_equal_times_are_each_listed_once() {
    let app = TestApp::spawn().await;
    let uploaded = app.upload_photos(0..5).await;
    use sea_orm::{EntityTrait as _, sea_query::Expr};
    entity::image::Entity::update_many()
        .col_expr(
            entity::image::Column::UploadedAt,
            Expr::value(entity::now()),
        )
        .exec(&app.state.db)
        .await
        .unwrap();

    let first = app.get("/api/images?limit=3").await.json();
    let cursor = first["next"].as_str().unwrap();
    let second = app
        .get(&format!("/api/images?limit=3&after={cursor}"))
        .await
        .json();

    let seen: HashSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(seen, uploaded.into_iter().collect());
    assert_eq!(ids(&second).len(), 2);
}

#[tokio::test]
async fn a_limit_out_of_bounds_is_refused() {
    let app = TestApp::spawn().await;
    for limit in ["0", "201", "-1", "ten", "99999999999999999999999"] {
        app.get(&format!("/api/images?limit={limit}"))
            .await
            .problem(400);
    }
    for limit in [1, 200] {
        app.get(&format!("/api/images?limit={limit}"))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn an_invalid_cursor_is_refused() {
    let app = TestApp::spawn().await;
    for cursor in ["2", "AAAA", "%00", "'%20OR%201=1", &"A".repeat(500)] {
        app.get(&format!("/api/images?after={cursor}"))
            .await
            .problem(400);
    }
}

#[tokio::test]
async fn a_deleted_image_is_gone() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;

    app.delete(&format!("/api/images/{id}")).await.expect(204);

    app.get(&format!("/api/images/{id}")).await.problem(404);
    app.get(&format!("/api/images/{id}/original"))
        .await
        .problem(404);
    app.delete(&format!("/api/images/{id}")).await.problem(404);
    assert!(app.objects().is_empty());
    assert!(app.rows().await.is_empty());
    app.upload("again.jpg", testing::photo(0, 32, 32))
        .await
        .expect(201);
}
