//! What a visitor may see and do. No route ever shows them the original, or the thumbnail made
//! from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use entity::step::StepKind;
use functions::pipeline::run_step::{Delivery, run_step};
use functions::testing;
use platform::objects::ObjectKey;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use uuid::Uuid;
use web::router::{self, Route};

use crate::app::TestApp;
use crate::client::{Answer, BROWSER, Client, send};
use crate::ports::OneLargeFace;
use crate::sse::Events;

const PASSWORD: &str = "four random plain words";

/// A server with a password and one photo of a face.
struct Guarded {
    app: TestApp,
    admin: Client,
    visitor: Client,
    id: Uuid,
}

impl Guarded {
    async fn spawn() -> Self {
        Self::with(TestApp::builder().password(PASSWORD).releases_at_once()).await
    }

    async fn with(builder: crate::app::Builder) -> Self {
        let mut app = builder.spawn().await;
        app.find_faces_with(OneLargeFace);
        let admin = app.sign_in(PASSWORD).await;
        let visitor = app.visitor();
        let photo = testing::photo(1, 640, 480);
        let id = admin
            .upload("ada-lovelace.jpg", photo)
            .await
            .expect(201)
            .id();
        Self {
            app,
            admin,
            visitor,
            id,
        }
    }

    async fn work_on(&self, step: StepKind) {
        let delivery = Delivery {
            image_id: self.id,
            step,
            receive_count: 1,
        };
        run_step(&self.app.context, delivery).await.unwrap();
    }

    /// Pieces of the original and of its thumbnail, from the middle of their pixels.
    async fn secrets(&self) -> Vec<Vec<u8>> {
        let row = self.app.row(self.id).await.unwrap();
        let mut keys = vec![ObjectKey::parse(&row.object_key).unwrap()];
        if row.thumbhash.is_some() {
            keys.push(ObjectKey::thumbnail(self.id));
        }
        let mut secrets = Vec::new();
        for key in keys {
            let object = self.app.object(&key).await;
            let middle = object.len() / 2;
            secrets.push(object[middle..middle + 24].to_vec());
        }
        secrets
    }

    fn media(&self, rendition: &str) -> String {
        format!("/api/images/{}/{rendition}", self.id)
    }

    /// Calls a route, with the id of this image.
    async fn call(&self, client: &Client, route: &Route, rest: [&str; 2]) -> Answer {
        let [rendition, step] = rest;
        let path = route
            .path
            .replace("{id}", &self.id.to_string())
            .replace("{rendition}", rendition)
            .replace("{step}", step)
            .replace("{file}", "app.js");
        let mut request = client.request(route.method.clone(), &path);
        if !path.starts_with("/api/") {
            request = request.header(ACCEPT, BROWSER);
        }
        send(request).await
    }
}

/// Placeholders are so small that no face can be recognised.
#[track_caller]
fn assert_only_placeholders(page: &str) {
    for data in page.split("data:image/png;base64,").skip(1) {
        let data = data.split(['"', '\'']).next().unwrap();
        let png = image::load_from_memory(&BASE64.decode(data).unwrap()).unwrap();
        assert!(png.width() <= 32 && png.height() <= 32);
    }
    assert!(!page.contains("data:image/jpeg"));
}

async fn assert_no_route_shows_the_secrets(guarded: &Guarded, client: &Client) {
    assert_none_shows_the_secrets(guarded, client, router::list()).await;
}

async fn assert_none_shows_the_secrets(
    guarded: &Guarded,
    client: &Client,
    routes: impl IntoIterator<Item = Route>,
) {
    let secrets = guarded.secrets().await;
    for route in routes {
        // The stream of events does not end; it has a test of its own.
        if route.method != Method::GET || route.path == "/api/events" {
            continue;
        }
        for rendition in ["original", "thumbnail", "anonymised"] {
            let answer = guarded.call(client, &route, [rendition, "thumbnail"]).await;
            for secret in &secrets {
                assert!(!answer.contains(secret), "{} {rendition}", route.path);
            }
            if answer.header("content-type").starts_with("text/html") {
                assert_only_placeholders(&answer.text());
                assert!(!answer.text().contains("/original"), "{}", route.path);
            }
            assert!(!answer.text().contains("lovelace"), "{}", route.path);
        }
    }
}

#[tokio::test]
async fn the_admin_gets_the_secret_bytes_that_the_tests_look_for() {
    let guarded = Guarded::spawn().await;
    guarded.app.drain().await;

    let secrets = guarded.secrets().await;

    let original = guarded
        .admin
        .get(&guarded.media("original"))
        .await
        .expect(200);
    let thumbnail = guarded
        .admin
        .get(&guarded.media("thumbnail"))
        .await
        .expect(200);
    assert!(original.contains(&secrets[0]));
    assert!(thumbnail.contains(&secrets[1]));
}

#[tokio::test]
#[should_panic(expected = "/api/images/{id}/{rendition} original")]
async fn the_tests_notice_a_client_that_gets_the_original() {
    let guarded = Guarded::spawn().await;
    let media = Route {
        method: Method::GET,
        path: "/api/images/{id}/{rendition}".to_owned(),
    };

    assert_none_shows_the_secrets(&guarded, &guarded.admin, [media]).await;
}

#[tokio::test]
async fn before_any_step_is_done_a_visitor_sees_no_picture() {
    let guarded = Guarded::spawn().await;

    assert_no_route_shows_the_secrets(&guarded, &guarded.visitor).await;
    guarded
        .visitor
        .get(&guarded.media("original"))
        .await
        .problem(404);
    guarded
        .visitor
        .get(&guarded.media("thumbnail"))
        .await
        .problem(404);
    guarded
        .visitor
        .get(&guarded.media("anonymised"))
        .await
        .problem(404);
}

#[tokio::test]
async fn the_thumbnail_of_the_original_is_not_for_visitors() {
    let guarded = Guarded::spawn().await;
    guarded.work_on(StepKind::Thumbnail).await;
    guarded.work_on(StepKind::Annotate).await;

    assert_no_route_shows_the_secrets(&guarded, &guarded.visitor).await;
    guarded
        .visitor
        .get(&guarded.media("thumbnail"))
        .await
        .problem(404);
    // Without a copy there is nothing to release.
    for path in [
        format!("/api/images/{}", guarded.id),
        format!("/images/{}/card", guarded.id),
    ] {
        assert_eq!(guarded.visitor.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn after_anonymisation_a_visitor_sees_the_copy_and_its_thumbnail() {
    let guarded = Guarded::spawn().await;
    guarded.app.drain().await;

    assert_no_route_shows_the_secrets(&guarded, &guarded.visitor).await;
    guarded
        .visitor
        .get(&guarded.media("original"))
        .await
        .problem(401);
    let copy = guarded
        .visitor
        .get(&guarded.media("anonymised"))
        .await
        .expect(200);
    let small = guarded
        .visitor
        .get(&guarded.media("thumbnail"))
        .await
        .expect(200);
    assert_eq!(copy.body, guarded.app.copy(guarded.id).await);
    let copy_id = guarded.app.row(guarded.id).await.unwrap().copy_id;
    let key = ObjectKey::anonymised_thumbnail(guarded.id, copy_id);
    assert_eq!(small.body, guarded.app.object(&key).await);
    let seen = guarded.visitor.image(guarded.id).await;
    assert_eq!(seen["urls"]["original"], Value::Null);
    let page = guarded.visitor.page("/gallery").await.expect(200).text();
    assert!(page.contains(&guarded.media("thumbnail")));
}

#[tokio::test]
async fn a_visitor_sees_neither_file_names_nor_senders_nor_checksums() {
    let guarded = Guarded::spawn().await;
    guarded.app.drain().await;

    let seen = guarded.visitor.image(guarded.id).await;

    assert_eq!(seen["file_name"], format!("{}.jpg", guarded.id));
    assert_eq!(
        (&seen["sha256"], &seen["uploaded_by"]),
        (&Value::Null, &Value::Null)
    );
    let found = guarded.visitor.get("/api/images?q=lovelace").await.json();
    assert_eq!(found["items"], json!([]));
    let found = guarded.admin.get("/api/images?q=lovelace").await.json();
    assert_eq!(found["items"][0]["id"], guarded.id.to_string());
}

#[tokio::test]
async fn live_updates_hold_only_what_the_viewer_may_see() {
    let guarded = Guarded::spawn().await;
    let mut seen = Events::listen(&guarded.visitor).await;
    let mut known = Events::listen(&guarded.admin).await;

    guarded.app.drain().await;

    let done = |image: &Value| image["steps"]["anonymise"]["state"] == "done";
    let seen = seen.image_that(done).await;
    let known = known.image_that(done).await;
    assert_eq!(seen["urls"]["original"], Value::Null);
    assert_eq!(seen["file_name"], format!("{}.jpg", guarded.id));
    assert!(known["urls"]["original"].is_string());
    assert_eq!(known["file_name"], "ada-lovelace.jpg");
}

#[tokio::test]
async fn a_visitor_changes_nothing() {
    let guarded = Guarded::spawn().await;
    guarded.app.drain().await;
    let before = (guarded.app.rows().await, guarded.app.objects());
    for route in router::list() {
        let signs_in = matches!(&*route.path, "/login" | "/logout");
        if route.method == Method::GET || signs_in {
            continue;
        }
        let answer = guarded
            .call(&guarded.visitor, &route, ["original", "thumbnail"])
            .await;

        let to_login = answer.status == 303 && answer.header("location").starts_with("/login");
        // A form is parsed before the viewer is authorised, so an invalid one is refused first.
        let no_form = matches!(answer.status, 400 | 415 | 422);
        assert!(
            answer.status == 401 || to_login || no_form,
            "{route:?}: {answer:?}"
        );
    }
    assert_eq!((guarded.app.rows().await, guarded.app.objects()), before);
    assert_eq!(guarded.app.drain().await, 0);
}

#[tokio::test]
async fn a_visitor_may_neither_upload_nor_write() {
    let guarded = Guarded::spawn().await;
    let message = json!({"author": "Mallory", "body": "I was here"});
    let fields = [("author", "Mallory"), ("body", "I was here")];
    let photo = testing::photo(2, 32, 32);

    guarded
        .visitor
        .upload("mine.jpg", &photo)
        .await
        .problem(401);
    guarded
        .visitor
        .post_json("/api/messages", &message)
        .await
        .problem(401);
    let answer = guarded
        .visitor
        .post_form("/messages", &fields)
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/login?next=%2Fmessages");
    let part = crate::client::Part {
        field: "file",
        name: "mine.jpg",
        bytes: &photo,
    };
    let answer = guarded
        .visitor
        .post_files("/upload", &[part])
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/login?next=%2F");

    assert_eq!(guarded.app.rows().await.len(), 1);
    let messages = guarded.admin.get("/api/messages").await.json();
    assert_eq!(messages["items"], json!([]));
    for path in ["/", "/messages"] {
        let page = guarded.visitor.page(path).await.expect(200).text();
        assert!(!page.contains("type=\"file\"") && !page.contains("<textarea"));
    }
}

#[tokio::test]
async fn where_anyone_may_upload_a_visitor_still_cannot_delete_or_retry() {
    let guarded = Guarded::with(TestApp::builder().password(PASSWORD).anyone_may_upload()).await;
    let message = json!({"author": "Grace", "body": "Lovely"});

    let photo = testing::photo(2, 32, 32);
    let id = guarded
        .visitor
        .upload("mine.jpg", photo)
        .await
        .expect(201)
        .id();
    guarded
        .visitor
        .post_json("/api/messages", &message)
        .await
        .expect(201);
    guarded.app.drain().await;

    for id in [id, guarded.id] {
        guarded
            .visitor
            .delete(&format!("/api/images/{id}"))
            .await
            .problem(401);
        guarded
            .visitor
            .post(&format!("/api/images/{id}/steps/annotate/retry"))
            .await
            .problem(401);
        guarded
            .visitor
            .post(&format!("/images/{id}/delete"))
            .await
            .expect(303);
    }
    assert_eq!(guarded.app.rows().await.len(), 2);
    assert_eq!(guarded.app.drain().await, 0);
    assert_no_route_shows_the_secrets(&guarded, &guarded.visitor).await;
}

#[tokio::test]
async fn uploading_known_bytes_tells_a_visitor_nothing_more() {
    let guarded = Guarded::with(TestApp::builder().password(PASSWORD).anyone_may_upload()).await;

    let answer = guarded
        .visitor
        .upload("guess.jpg", testing::photo(1, 640, 480))
        .await
        .expect(200);

    let seen = answer.json();
    assert_eq!(seen["file_name"], format!("{}.jpg", guarded.id));
    assert_eq!(seen["uploaded_by"], Value::Null);
    assert_eq!(seen["urls"]["original"], Value::Null);
}

#[tokio::test]
async fn where_originals_are_public_a_visitor_sees_them() {
    let builder = TestApp::builder()
        .password(PASSWORD)
        .releases_at_once()
        .set("VITRINE_PUBLIC_RENDITION", "original");
    let guarded = Guarded::with(builder).await;
    guarded.app.drain().await;

    let original = guarded
        .visitor
        .get(&guarded.media("original"))
        .await
        .expect(200);
    let thumbnail = guarded
        .visitor
        .get(&guarded.media("thumbnail"))
        .await
        .expect(200);

    let secrets = guarded.secrets().await;
    assert!(original.contains(&secrets[0]) && thumbnail.contains(&secrets[1]));
    guarded
        .visitor
        .delete(&format!("/api/images/{}", guarded.id))
        .await
        .problem(401);
}

#[tokio::test]
async fn the_reason_of_a_failure_is_for_admins() {
    let mut guarded = Guarded::spawn().await;
    guarded.app.context.captioner = crate::ports::Scripted::new([crate::ports::Move::Broken]);
    guarded.app.drain().await;
    let page = format!("/images/{}", guarded.id);

    let seen = guarded.visitor.image(guarded.id).await;
    let known = guarded.admin.image(guarded.id).await;

    assert_eq!(seen["steps"]["annotate"]["error"], "this could not be done");
    assert_eq!(known["steps"]["annotate"]["error"], "the key is wrong");
    assert!(
        !guarded
            .visitor
            .page(&page)
            .await
            .text()
            .contains("the key is wrong")
    );
    assert!(
        guarded
            .admin
            .page(&page)
            .await
            .text()
            .contains("the key is wrong")
    );
}
