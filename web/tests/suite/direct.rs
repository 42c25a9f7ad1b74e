//! Direct uploads into the bucket.

use std::time::Duration;

use functions::testing;
use platform::Format;
use platform::testing::{Fault, Proxy};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use web::actions::direct_upload::forget_pending;

use crate::app::TestApp;
use crate::client::{Answer, Client, send};
use crate::s3::{PASSWORD, app_on_s3, moto};
use crate::uploads::states;

fn announcement(name: &str, content_type: &str, bytes: &[u8]) -> Value {
    json!({
        "file_name": name,
        "content_type": content_type,
        "bytes": bytes.len(),
        "sha256": hex::encode_upper(Sha256::digest(bytes)),
    })
}

/// Puts bytes that were not announced, which S3 would refuse and moto does not.
async fn put(client: &Client, announced: &Value, bytes: &[u8]) -> Uuid {
    let begun = client.post_json("/api/uploads", announced).await;
    let begun = begun.expect(201).json();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.request(Method::PUT, begun["url"].as_str().unwrap());
    for (name, value) in begun["headers"].as_object().unwrap() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    send(request.body(bytes.to_vec())).await.expect(200);
    begun["id"].as_str().unwrap().parse().unwrap()
}

async fn put_photo(client: &Client, photo: &[u8]) -> Uuid {
    put(client, &announcement("a.jpg", "image/jpeg", photo), photo).await
}

async fn complete(client: &Client, id: Uuid) -> Answer {
    client.post(&format!("/api/uploads/{id}/complete")).await
}

#[tokio::test]
async fn a_direct_upload_becomes_an_image() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(1, 640, 480);
    let announced = announcement("Zoë am See.jpg", "image/jpeg", &photo);
    let upload = put(&admin, &announced, &photo).await;
    assert_eq!(app.stored().await, [format!("pending/{upload}")]);
    assert!(app.rows().await.is_empty());

    let id = complete(&admin, upload).await.expect(201).id();
    app.work().await;

    let image = admin.image(id).await;
    assert_eq!(states(&image), ["done"; 3]);
    assert_eq!(image["file_name"], "Zoë am See.jpg");
    assert_eq!(image["uploaded_by"], "admin");
    assert_eq!(image["width"], 640);
    let stored = app.stored().await;
    assert!(!stored.iter().any(|path| path.starts_with("pending/")));
    assert_eq!(stored.len(), 4, "{stored:?}");
    let original = app.state.store.get(&original(id)).await.unwrap();
    assert_eq!(original, photo);
}

fn original(id: Uuid) -> platform::objects::ObjectKey {
    platform::objects::ObjectKey::original(id, Format::Jpeg)
}

#[tokio::test]
async fn completing_twice_gives_the_same_image_and_known_bytes_the_existing_one() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(1, 64, 48);
    let upload = put_photo(&admin, &photo).await;
    let id = complete(&admin, upload).await.expect(201).id();

    assert_eq!(complete(&admin, upload).await.expect(200).id(), id);

    let another = put_photo(&admin, &photo).await;
    assert_eq!(complete(&admin, another).await.expect(200).id(), id);
    assert_eq!(app.stored().await.len(), 1);

    admin.delete(&format!("/api/images/{id}")).await.expect(204);
    complete(&admin, upload).await.problem(404);
    complete(&admin, Uuid::new_v4()).await.problem(404);
}

#[tokio::test]
async fn a_direct_upload_is_checked_against_its_announcement() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(1, 64, 48);
    let jpeg = |bytes| announcement("a.jpg", "image/jpeg", bytes);
    let cut = &photo[..photo.len() / 2];
    let text = b"no picture at all, only words".as_slice();
    for (status, announced, arrived, reason) in [
        (
            422,
            jpeg(&photo),
            &testing::photo(2, 64, 48)[..],
            "checksum",
        ),
        (
            415,
            announcement("a.png", "image/png", &photo),
            &photo,
            "announced",
        ),
        (415, jpeg(text), text, "JPEG"),
        (422, jpeg(cut), cut, ""),
    ] {
        let upload = put(&admin, &announced, arrived).await;

        let detail = complete(&admin, upload).await.problem(status);

        assert!(detail.contains(reason), "{detail}");
        assert_eq!(app.stored().await, Vec::<String>::new(), "{detail}");
    }
    assert!(app.rows().await.is_empty());
    assert_eq!(app.unfinished_uploads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_announcement_that_would_be_refused_is_refused_at_once() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let good = announcement("a.jpg", "image/jpeg", b"x");
    for (status, field, value) in [
        (413, "bytes", json!(51 * 1024 * 1024)),
        (400, "bytes", json!(0)),
        (400, "bytes", json!(-1)),
        (400, "sha256", json!("abc")),
        (400, "file_name", json!("x".repeat(301))),
        (415, "content_type", json!("image/svg+xml")),
        (
            415,
            "content_type",
            json!("image/jpeg\r\nx-amz-acl: public-read"),
        ),
    ] {
        let mut announced = good.clone();
        announced[field] = value;
        let answer = admin.post_json("/api/uploads", &announced).await;
        answer.problem(status);
    }
    let on_a_folder = TestApp::spawn().await;
    for answer in [
        on_a_folder.post_json("/api/uploads", &good).await,
        complete(&on_a_folder, Uuid::new_v4()).await,
    ] {
        assert!(answer.problem(501).contains("POST /api/images"));
    }
}

#[tokio::test]
async fn only_uploaders_begin_and_only_the_same_one_completes() {
    let Some(app) = app_on_s3().await else { return };
    let announced = announcement("a.jpg", "image/jpeg", b"x");
    let visitor = app.visitor();
    let answer = visitor.post_json("/api/uploads", &announced).await;
    answer.problem(401);
    complete(&visitor, Uuid::new_v4()).await.problem(401);

    let moto = moto().await.unwrap();
    let open = TestApp::builder()
        .password(PASSWORD)
        .anyone_may_upload()
        .on_s3(&moto.settings(), &moto.bucket().await);
    let open = open.spawn().await;
    let (admin, visitor) = (open.sign_in(PASSWORD).await, open.visitor());
    let upload = put_photo(&admin, &testing::photo(1, 64, 48)).await;
    complete(&visitor, upload).await.problem(404);
    complete(&admin, upload).await.expect(201);
    let upload = put_photo(&visitor, &testing::photo(2, 64, 48)).await;
    complete(&visitor, upload).await.expect(201);
}

#[tokio::test]
async fn a_direct_upload_that_is_never_completed_is_deleted() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(1, 64, 48);
    admin.upload("kept.jpg", &photo).await.expect(201);
    let upload = put_photo(&admin, &photo).await;
    let store = app.state.store.as_ref();

    let an_hour = Duration::from_secs(3600);
    assert_eq!(forget_pending(store, an_hour).await.unwrap(), 0);
    assert_eq!(app.stored().await.len(), 2);
    assert_eq!(forget_pending(store, Duration::ZERO).await.unwrap(), 1);

    let stored = app.stored().await;
    assert_eq!(stored.len(), 1);
    assert!(stored[0].starts_with("uploads/"), "{stored:?}");
    complete(&admin, upload).await.problem(404);
}

#[tokio::test]
async fn a_failed_completion_can_be_repeated() {
    let Some(moto) = moto().await else { return };
    let proxy = Proxy::start(moto.endpoint()).await;
    let mut aws = moto.settings();
    aws.endpoint = Some(proxy.endpoint());
    let builder = TestApp::builder().on_s3(&aws, &moto.bucket().await);
    let app = builder.spawn().await;
    let upload = put_photo(&app, &testing::photo(1, 64, 48)).await;
    proxy.always(Fault::Answer(500, "InternalError"));
    complete(&app, upload).await.problem(503);

    proxy.always(Fault::None);

    complete(&app, upload).await.expect(201);
    assert_eq!(app.stored().await.len(), 1);
}
