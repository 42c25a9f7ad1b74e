//! Pages and JSON that are kept in memory: as quick as they are, they are never out of date and never
//! somebody else's.

use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use functions::testing;
use reqwest::Method;
use serde_json::json;

use crate::app::TestApp;
use crate::client::{Answer, Client, send};
use crate::s3::PASSWORD;

/// Addresses of which the answers are kept, for a gallery with this image.
fn kept(id: uuid::Uuid) -> [String; 5] {
    [
        "/".to_owned(),
        "/gallery".to_owned(),
        format!("/images/{id}"),
        "/api/images".to_owned(),
        format!("/api/images/{id}"),
    ]
}

async fn ask_again(client: &Client, path: &str, before: &Answer) -> Answer {
    let request = client.request(Method::GET, path);
    send(request.header(IF_NONE_MATCH, before.header("etag"))).await
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_what_has_is() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;
    for path in kept(id) {
        let first = app.get(&path).await.expect(200);
        let second = app.get(&path).await.expect(200);
        assert_eq!(first.body, second.body, "{path}");
        let again = ask_again(&app, &path, &first).await.expect(304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("cache-control"), first.header("cache-control"));

        let text = format!("Seen at {}", path.len());
        let change = json!({ "caption": text });
        app.edit(id, &change).await.expect(200);

        let changed = ask_again(&app, &path, &first).await.expect(200);
        assert!(changed.text().contains(&text), "{path}");
    }
}

#[tokio::test]
async fn a_withdrawn_image_is_gone_from_every_kept_answer_of_every_instance() {
    let (first, admin) = TestApp::builder()
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let id = admin
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .expect(201)
        .id();
    first.drain().await;
    let second = TestApp::builder()
        .password(PASSWORD)
        .on_the_data_of(&first)
        .spawn()
        .await;
    let visitors = [first.visitor(), second.visitor()];
    let id_text = id.to_string();
    for visitor in &visitors {
        for path in kept(id) {
            let answer = visitor.get(&path).await.expect(200);
            assert!(answer.text().contains(&id_text), "{path}");
        }
    }
    // From now on, SQLite's log is believed that nothing was written.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    for visitor in &visitors {
        visitor.get("/gallery").await.expect(200);
    }

    admin
        .post(&format!("/api/images/{id}/withdraw"))
        .await
        .expect(200);

    for visitor in &visitors {
        for path in kept(id) {
            let answer = visitor.get(&path).await;
            assert!(
                answer.status == 404 || !answer.text().contains(&id_text),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_gets_an_answer_that_was_made_for_somebody_else() {
    let (app, admin) = TestApp::builder()
        .releases_at_once()
        .spawn_with_admin()
        .await;
    let id = admin
        .upload("secret-name.jpg", testing::photo(1, 64, 48))
        .await
        .expect(201)
        .id();
    app.drain().await;
    let visitor = app.visitor();
    for path in kept(id) {
        let of_admin = admin.get(&path).await.expect(200);
        let of_visitor = ask_again(&visitor, &path, &of_admin).await.expect(200);
        assert!(!of_visitor.text().contains("secret-name"), "{path}");
        let once_more = admin.get(&path).await.expect(200);
        assert_eq!(once_more.body, of_admin.body, "{path}");
    }
}

#[tokio::test]
async fn answers_are_compressed_as_the_browser_likes() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    app.drain().await;
    let page = format!("/images/{id}");
    let whole = app.get(&page).await.expect(200);
    assert!(whole.headers.get("content-encoding").is_none());
    for (accepted, sent) in [("gzip", "gzip"), ("gzip, br", "br"), ("zstd", "zstd")] {
        for path in [&page, "/static/base.css"] {
            let request = app.request(Method::GET, path);
            let request = request.header(ACCEPT_ENCODING, accepted);
            let answer = send(request).await.expect(200);
            assert_eq!(answer.header("content-encoding"), sent, "{path}");
            let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert!(vary.iter().any(|value| *value == "accept-encoding"));
        }
    }
}

#[tokio::test]
async fn a_deleted_image_stays_gone_when_its_photo_is_uploaded_again() {
    let app = TestApp::spawn().await;
    let id = app.upload_photos(0..1).await[0];
    let path = format!("/api/images/{id}");
    app.delete(&path).await.expect(204);
    app.get(&path).await.expect(404);
    let same = app.upload_photos(0..1).await[0];
    app.get(&format!("/api/images/{same}")).await.expect(200);
    app.get(&path).await.expect(404);
}
