//! Uploads that are accepted, and what is made of them.

use std::collections::HashSet;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use functions::pipeline::lifecycle::{NewImage, accept};
use functions::testing;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use insta::assert_json_snapshot;
use platform::Format;
use platform::objects::{
    Area, Body, Head, ListedObject, ObjectKey, ObjectStore, OpenObject, StoreError,
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, Part, multipart, send};

/// The states of the three steps, in the order in which the JSON has them.
pub(crate) fn states(image: &Value) -> [&str; 3] {
    ["annotate", "thumbnail", "anonymise"]
        .map(|step| image["steps"][step]["state"].as_str().unwrap())
}

/// The URL of a rendition without its id and version.
fn without_id(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    let rendition = path.rsplit('/').next().unwrap_or_default();
    format!("/api/images/[id]/{rendition}?v=[version]")
}

#[tokio::test]
async fn a_photo_gets_a_thumbnail_a_caption_and_an_anonymised_copy() {
    let app = TestApp::spawn().await;

    let uploaded = app.upload("harbour.jpg", testing::photo(1, 320, 240)).await;
    app.drain().await;

    assert_eq!(uploaded.status, 201);
    assert_eq!(
        uploaded.header("location"),
        format!("/api/images/{}", uploaded.id())
    );
    assert_eq!(states(&uploaded.json()), ["queued"; 3]);
    let image = app.image(uploaded.id()).await;
    assert_json_snapshot!(image, {
        ".id" => "[id]",
        ".bytes" => "[bytes]",
        ".sha256" => "[sha256]",
        ".uploaded_at" => "[instant]",
        ".thumbhash" => "[thumbhash]",
        ".caption.generated_at" => "[instant]",
        ".urls.original" => insta::dynamic_redaction(|url, _| without_id(url.as_str().unwrap())),
        ".urls.thumbnail" => insta::dynamic_redaction(|url, _| without_id(url.as_str().unwrap())),
        ".urls.anonymised" => insta::dynamic_redaction(|url, _| without_id(url.as_str().unwrap())),
        ".steps.*.finished_at" => "[instant]",
    });
}

#[tokio::test]
async fn every_format_is_accepted_under_any_file_name() {
    let app = TestApp::spawn().await;
    for format in Format::ALL {
        let file = testing::encoded(format, &testing::picture(7, 64, 48), None, None);

        let id = app.upload("holiday.txt", file).await.expect(201).id();
        app.drain().await;

        let image = app.image(id).await;
        assert_eq!(image["content_type"], format.content_type());
        assert_eq!(image["file_name"], "holiday.txt");
        assert_eq!(states(&image), ["done"; 3], "{image:#}");
    }
}

#[tokio::test]
async fn the_size_of_a_photo_is_that_of_the_upright_picture() {
    let app = TestApp::spawn().await;
    let file = testing::with_orientation(
        Format::Jpeg,
        functions::picture::Orientation::QuarterClockwise,
    );

    let image = app.upload("sideways.jpg", file).await.expect(201).json();

    assert_eq!(
        (&image["width"], &image["height"]),
        (&json!(64), &json!(48))
    );
}

#[tokio::test]
async fn other_fields_before_the_file_are_skipped() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(2, 32, 32);
    let parts = [
        Part {
            field: "album",
            name: "",
            bytes: b"Summer",
        },
        Part {
            field: "file",
            name: "a.jpg",
            bytes: &photo,
        },
    ];

    let request = app.request(reqwest::Method::POST, "/api/images");

    send(multipart(request, &parts)).await.expect(201);
}

#[tokio::test]
async fn uploading_the_same_bytes_again_gives_the_existing_image() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(3, 32, 32);

    let first = app.upload("first.jpg", &photo).await.expect(201);
    app.drain().await;
    let second = app.upload("second.jpg", &photo).await.expect(200);

    assert_eq!(second.id(), first.id());
    assert_eq!(second.json()["file_name"], "first.jpg");
    assert_eq!(app.rows().await.len(), 1);
    assert_eq!(app.drain().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_concurrent_uploads_of_the_same_bytes_make_one_image() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(4, 64, 64);

    let uploads = (0..8).map(|_| app.upload("same.jpg", &photo));
    let answers = join_all(uploads).await;

    let ids: HashSet<_> = answers.iter().map(Answer::id).collect();
    assert_eq!(ids.len(), 1);
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    assert_eq!(app.rows().await.len(), 1);
    assert_eq!(app.objects().len(), 1);
    app.drain().await;
    assert_eq!(states(&app.image(answers[0].id()).await), ["done"; 3]);
    assert!(app.unfinished_files().is_empty());
}

#[tokio::test]
async fn the_same_key_with_the_same_bytes_gets_the_same_answer() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(5, 32, 32);

    let first = app.upload_with_key("once", &photo).await.expect(201);
    let second = app.upload_with_key("once", &photo).await.expect(201);

    assert_eq!(second.json(), first.json());
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test]
async fn the_same_key_with_other_bytes_is_a_conflict() {
    let app = TestApp::spawn().await;
    app.upload_with_key("once", testing::photo(6, 32, 32))
        .await
        .expect(201);

    let other = app.upload_with_key("once", testing::photo(7, 32, 32)).await;

    assert!(other.problem(409).contains("Idempotency-Key"));
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_concurrent_files_with_one_key_one_is_accepted() {
    let app = TestApp::spawn().await;
    let photos: Vec<_> = (0..8).map(|seed| testing::photo(seed, 256, 256)).collect();

    let uploads = photos
        .iter()
        .map(|photo| app.upload_with_key("once", photo));
    let answers = join_all(uploads).await;

    let mut found: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    found.sort_unstable();
    assert_eq!(found, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_refused() {
    let app = TestApp::spawn().await;
    for key in ["", &"k".repeat(256)] {
        app.upload_with_key(key, testing::photo(8, 32, 32))
            .await
            .problem(400);
    }
    assert!(app.rows().await.is_empty());
}

#[tokio::test]
async fn an_upload_interrupted_after_its_row_is_completed_by_the_next_one() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(9, 32, 32);
    let file = app.file_of(&photo).await;
    let new = new_image(&photo);
    accept(&app.state.db, &FullStore, new, file)
        .await
        .unwrap_err();
    let cut_short = app.rows().await.remove(0);
    app.get(&format!("/api/images/{}", cut_short.id))
        .await
        .problem(404);

    let answer = app.upload("again.jpg", &photo).await.expect(200);
    app.drain().await;

    assert_eq!(answer.id(), cut_short.id);
    assert_eq!(states(&app.image(cut_short.id).await), ["done"; 3]);
    assert!(app.unfinished_files().is_empty());
}

/// What inspection finds out about a photo of 32 × 32 pixels.
pub(crate) fn new_image(photo: &[u8]) -> NewImage {
    NewImage {
        file_name: "cut-short.jpg".to_owned(),
        format: Format::Jpeg,
        bytes: photo.len() as u64,
        width: 32,
        height: 32,
        sha256: hex::encode(Sha256::digest(photo)),
        taken_at: None,
        camera: None,
        embedded: None,
        context: None,
        uploaded_by: None,
        idempotency_key: None,
    }
}

/// A store on a full disk.
pub(crate) struct FullStore;

#[async_trait]
impl ObjectStore for FullStore {
    async fn put(&self, _: &ObjectKey, _: Body) -> Result<(), StoreError> {
        Err(StoreError::Full("a full disk".into()))
    }

    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        Err(StoreError::NotFound(key.clone()))
    }

    async fn get_range(&self, key: &ObjectKey, _: Range<u64>) -> Result<Bytes, StoreError> {
        Err(StoreError::NotFound(key.clone()))
    }

    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError> {
        Err(StoreError::NotFound(key.clone()))
    }

    async fn head(&self, _: &ObjectKey) -> Result<Option<Head>, StoreError> {
        Ok(None)
    }

    async fn delete(&self, _: &ObjectKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn list(&self, _: Area) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        stream::empty().boxed()
    }

    fn copies(&self, _: Uuid) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        stream::empty().boxed()
    }

    fn describe(&self) -> String {
        "a full disk".to_owned()
    }
}

#[tokio::test]
async fn several_photos_in_one_form_are_each_taken_and_answered() {
    let app = TestApp::spawn().await;
    let photos = [1, 2].map(|seed| testing::photo(seed, 32, 32));
    let parts = [
        ("one.jpg", &photos[0][..]),
        ("notes.txt", b"no picture"),
        ("two.jpg", &photos[1]),
        ("one-again.jpg", &photos[0]),
    ]
    .map(|(name, bytes)| Part {
        field: "file",
        name,
        bytes,
    });
    let form = || multipart(app.request(Method::POST, "/api/images"), &parts);
    let keyed = || form().header("idempotency-key", "album 1");

    let answer = send(keyed()).await.expect(207).json();

    let items = answer["items"].as_array().unwrap();
    let of = |field: &str| {
        let values = items.iter().map(|item| item[field].clone());
        values.collect::<Vec<_>>()
    };
    assert_eq!(
        json!(of("file_name")),
        json!(["one.jpg", "notes.txt", "two.jpg", "one-again.jpg"])
    );
    assert_eq!(json!(of("status")), json!([201, 415, 201, 200]));
    assert_eq!(items[0]["image"]["id"], items[3]["image"]["id"]);
    assert_eq!(items[2]["image"]["file_name"], "two.jpg");
    assert_eq!(items[1]["image"], json!(null));
    assert_eq!(items[1]["problem"]["status"], 415);
    assert_eq!(app.rows().await.len(), 2);
    let again = send(keyed()).await.expect(207).json();
    assert_eq!(again["items"][2]["image"]["id"], items[2]["image"]["id"]);
    assert_eq!(again["items"][2]["status"], 201, "the same answer");
}

#[tokio::test]
async fn a_photo_that_is_too_large_is_answered_before_the_rest_is_read() {
    let app = TestApp::builder().max_upload_mb(1).spawn().await;
    let mut huge = testing::photo(1, 32, 32);
    huge.resize(2 * 1024 * 1024, 0);
    let photo = testing::photo(2, 32, 32);
    let parts = [("huge.jpg", &huge[..]), ("good.jpg", &photo)].map(|(name, bytes)| Part {
        field: "file",
        name,
        bytes,
    });

    let request = multipart(app.request(Method::POST, "/api/images"), &parts);

    assert!(send(request).await.problem(413).contains("1 MB"));
    assert!(app.rows().await.is_empty());
}
