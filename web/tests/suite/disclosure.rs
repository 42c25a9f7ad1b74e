//! What somebody learns about an image: every route for every role, by pieces of what only some
//! may know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeZone as _, Utc};
use entity::step::StepKind;
use entity::{image, step};
use functions::picture::{Orientation, placeholder};
use functions::pipeline::run_step::{Delivery, run_step};
use functions::testing;
use platform::Format;
use reqwest::Method;
use reqwest::header::ACCEPT;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use uuid::Uuid;
use web::router;

use crate::app::TestApp;
use crate::client::{Answer, BROWSER, Client, Part, multipart, send};
use crate::ports::OneLargeFace;
use crate::sse::Events;

const PASSWORD: &str = "four random plain words";

/// A server with a photo that a program uploaded, and everybody who may ask about it.
struct Gallery {
    app: TestApp,
    admin: Client,
    scanner: Client,
    other: Client,
    id: Uuid,
}

/// When everything happened, to the second.
fn instant() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 5, 6, 7, 8, 9).unwrap()
}

fn photo() -> Vec<u8> {
    let exif = testing::exif(
        Orientation::Upright,
        Some("1999:12:31 23:58:57"),
        Some("Canon"),
        Some("Canon EOS 70D"),
    );
    testing::encoded(
        Format::Png,
        &testing::picture(1, 640, 480),
        Some(exif),
        None,
    )
}

impl Gallery {
    async fn spawn() -> Self {
        Self::with(TestApp::builder()).await
    }

    async fn with(builder: crate::app::Builder) -> Self {
        let mut app = builder.password(PASSWORD).releases_at_once().spawn().await;
        app.find_faces_with(OneLargeFace);
        let admin = app.sign_in(PASSWORD).await;
        let program = async |name| {
            let token = app.token(&admin, name, "upload").await;
            Client::with_token(app.address, &token)
        };
        let (scanner, other) = (program("scanner").await, program("other").await);
        let older = admin
            .upload("other.jpg", testing::photo(2, 64, 48))
            .await
            .expect(201)
            .id();
        let id = scanner
            .upload("ada-lovelace.png", photo())
            .await
            .expect(201)
            .id();
        // So that the next image of the list is another one.
        assert_ne!(id, older);
        let gallery = Self {
            app,
            admin,
            scanner,
            other,
            id,
        };
        gallery.set_times().await;
        gallery
    }

    async fn work_on(&self, step: StepKind) {
        let delivery = Delivery {
            image_id: self.id,
            step,
            receive_count: 1,
        };
        run_step(&self.app.context, delivery).await.unwrap();
        self.set_times().await;
    }

    /// As if everything had happened at [`instant`].
    async fn set_times(&self) {
        let db = &self.app.state.db;
        image::Entity::update_many()
            .col_expr(image::Column::UploadedAt, Expr::value(instant()))
            .filter(image::Column::Id.eq(self.id))
            .exec(db)
            .await
            .unwrap();
        image::Entity::update_many()
            .col_expr(image::Column::CaptionAt, Expr::value(instant()))
            .filter(image::Column::CaptionAt.is_not_null())
            .exec(db)
            .await
            .unwrap();
        for column in [
            step::Column::QueuedAt,
            step::Column::StartedAt,
            step::Column::FinishedAt,
        ] {
            step::Entity::update_many()
                .col_expr(column, Expr::value(instant()))
                .filter(column.is_not_null())
                .exec(db)
                .await
                .unwrap();
        }
    }

    /// Pieces of answers that tell what only some may know, and what they tell.
    async fn secrets(&self) -> Vec<(&'static str, String)> {
        let row = self.app.row(self.id).await.unwrap();
        let mut secrets = vec![
            ("file name", "lovelace".to_owned()),
            ("checksum", row.sha256),
            ("sender", "token:scanner".to_owned()),
            ("camera", "EOS 70D".to_owned()),
            ("minute taken", "23:58".to_owned()),
            ("day taken", "31 Dec 1999".to_owned()),
            ("day taken", "1999-12-31".to_owned()),
            ("minute of an upload or a step", "07:08".to_owned()),
            ("version", format!("{:x}", instant().timestamp_micros())),
            ("bytes", format!("\"bytes\":{}", row.bytes)),
            ("media type", "image/png\"".to_owned()),
            ("box", "<rect x=\"80\" y=\"60\"".to_owned()),
            ("box", "\"x\":80,\"y\":60".to_owned()),
            ("score", "\"score\":0.9".to_owned()),
            ("number of faces", "Faces found".to_owned()),
        ];
        if let Some(hash) = row.thumbhash {
            let png = placeholder::png(&BASE64.decode(&hash).unwrap()).unwrap();
            secrets.push(("thumbhash", hash));
            // The beginning is that of every PNG.
            secrets.push(("placeholder", BASE64.encode(png)));
        }
        secrets
    }

    /// What every route that reads answers to this client, by its path.
    async fn answers(&self, client: &Client) -> Vec<(String, Answer)> {
        let id = self.id.to_string();
        let mut paths = vec![
            "/api/images?limit=1".to_owned(),
            "/api/images?q=photo".to_owned(),
            "/gallery?q=photo".to_owned(),
            "/gallery?limit=1".to_owned(),
            format!("/api/images/{id}?wait=1"),
        ];
        for rendition in ["anonymised", "thumbnail", "original"] {
            paths.push(format!("/api/images/{id}/{rendition}?save=1"));
        }
        for route in router::list() {
            // The stream of events does not end; it has a test of its own. The documentation is
            // about any image.
            let is_other = matches!(&*route.path, "/api/events" | "/api/openapi.json");
            if route.method == Method::GET && !is_other && !route.path.starts_with("/docs") {
                let path = route.path.replace("{id}", &id);
                let path = path.replace("{rendition}", "anonymised");
                paths.push(path.replace("{file}", "app.js"));
            }
        }
        let mut answers = Vec::new();
        for path in paths {
            let mut request = client.request(Method::GET, &path);
            if !path.starts_with("/api/") {
                request = request.header(ACCEPT, BROWSER);
            }
            answers.push((path, send(request).await));
        }
        answers
    }

    /// Which secrets this client is told, and where.
    async fn told(&self, client: &Client) -> Vec<(&'static str, String)> {
        let secrets = self.secrets().await;
        let mut told = Vec::new();
        for (path, answer) in self.answers(client).await {
            let headers = format!("{:?}", answer.headers);
            for (name, piece) in &secrets {
                // The type of a static file is not that of the photo.
                if answer.contains(piece.as_bytes()) || headers.contains(piece.as_str()) {
                    told.push((*name, path.clone()));
                }
            }
        }
        told
    }

    async fn strangers(&self) -> [(&'static str, Client); 2] {
        [
            ("visitor", self.app.visitor()),
            ("program that uploads others", self.other.clone()),
        ]
    }
}

#[tokio::test]
async fn no_route_tells_a_stranger_anything_of_the_original_before_during_or_after_the_work() {
    let gallery = Gallery::spawn().await;
    for step in [
        None,
        Some(StepKind::Thumbnail),
        Some(StepKind::Annotate),
        Some(StepKind::Anonymise),
    ] {
        if let Some(step) = step {
            gallery.work_on(step).await;
        }
        for (who, client) in gallery.strangers().await {
            let told = gallery.told(&client).await;
            assert!(told.is_empty(), "{who} after {step:?}: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_stranger_reads_the_month_of_a_photo_in_its_offline_caption_and_nothing_closer() {
    let gallery = Gallery::spawn().await;
    for step in StepKind::ALL {
        gallery.work_on(step).await;
    }
    for (who, client) in gallery.strangers().await {
        let answer = client.get(&format!("/api/images/{}", gallery.id)).await;
        let image = answer.expect(200).json();
        let caption = image["caption"]["text"].as_str().unwrap();
        let month = ", taken in December 1999,";
        assert!(caption.contains(month), "{who}: {caption}");
        assert_eq!(image["taken_at"], Value::Null, "{who}");
    }
}

#[tokio::test]
async fn those_who_may_know_are_told_everything_that_the_tests_look_for() {
    let gallery = Gallery::spawn().await;
    for step in StepKind::ALL {
        gallery.work_on(step).await;
    }
    let reader = gallery.app.token(&gallery.admin, "reader", "read").await;
    let manager = gallery.app.token(&gallery.admin, "manager", "manage").await;
    for (who, client) in [
        ("admin", gallery.admin.clone()),
        ("scanner", gallery.scanner.clone()),
        ("reader", Client::with_token(gallery.app.address, &reader)),
        ("manager", Client::with_token(gallery.app.address, &manager)),
    ] {
        let told = gallery.told(&client).await;
        for (secret, _) in gallery.secrets().await {
            // Nobody reads an instant from an address.
            let is_told = told.iter().any(|(name, _)| *name == secret);
            assert_eq!(is_told, secret != "version", "{who}: {secret}");
        }
    }
}

#[tokio::test]
async fn a_visitor_gets_size_type_and_placeholder_of_the_copy_once_it_is_there() {
    let gallery = Gallery::spawn().await;
    gallery.work_on(StepKind::Thumbnail).await;
    let visitor = gallery.app.visitor();

    let before = visitor.get(&format!("/api/images/{}", gallery.id)).await;
    gallery.work_on(StepKind::Anonymise).await;
    let after = visitor.image(gallery.id).await;

    let facts = |image: &Value| {
        ["width", "height", "content_type", "bytes", "faces"].map(|name| image[name].clone())
    };
    // It is released once it has a copy.
    before.problem(404);
    assert_eq!(
        json!(facts(&after)),
        json!([640, 480, "image/jpeg", null, []])
    );
    let row = gallery.app.row(gallery.id).await.unwrap();
    assert_eq!(
        after["thumbhash"],
        json!(row.anonymised_thumbhash.as_deref().unwrap())
    );
    assert_ne!(
        row.anonymised_thumbhash, row.thumbhash,
        "the face is covered"
    );
    assert_eq!(after["uploaded_at"], "2024-05-06T00:00:00Z");
    let page = visitor
        .page(&format!("/images/{}", gallery.id))
        .await
        .text();
    assert!(
        page.contains("6 May 2024") && page.contains("viewBox=\"0 0 640 480\""),
        "{page}"
    );
    assert!(page.contains("data:image/png;base64,"), "a placeholder");
}

#[tokio::test]
async fn events_tell_a_stranger_no_more_than_the_api() {
    let gallery = Gallery::spawn().await;
    let strangers = gallery.strangers().await;
    let mut streams = Vec::new();
    for (_, client) in &strangers {
        streams.push(Events::listen(client).await);
    }
    let mut known = Events::listen(&gallery.scanner).await;

    for step in StepKind::ALL {
        gallery.work_on(step).await;
    }
    // Before it is gone: changes that follow each other at once are one event.
    let image = known.image_that(|_| true).await;
    assert_eq!(image["file_name"], "ada-lovelace.png");
    gallery
        .admin
        .delete(&format!("/api/images/{}", gallery.id))
        .await
        .expect(204);

    let secrets = {
        let mut secrets = vec![
            "lovelace",
            "EOS 70D",
            "scanner",
            "1999-12-31",
            "31 Dec",
            "23:58",
            "07:08",
            "\"score\"",
        ];
        secrets.push("image/png");
        secrets
    };
    for stream in &mut streams {
        loop {
            let event = stream.next().await.unwrap();
            let text = event.data.to_string();
            for secret in &secrets {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
            if event.name == "deleted" {
                break;
            }
            assert_eq!(event.data["bytes"], Value::Null);
        }
    }
}

#[tokio::test]
async fn what_a_visitor_uploads_is_answered_as_to_any_visitor() {
    let gallery = Gallery::with(TestApp::builder().anyone_may_upload()).await;
    let (visitor, bytes) = (gallery.app.visitor(), photo());
    let part = Part {
        field: "file",
        name: "ada-lovelace.png",
        bytes: &bytes,
    };

    let request = visitor.request(Method::POST, "/api/images");
    let answer = send(multipart(request, &[part])).await.expect(200);

    for (name, piece) in gallery.secrets().await {
        assert!(!answer.contains(piece.as_bytes()), "{name}");
    }
}

#[tokio::test]
async fn where_originals_are_public_visitors_still_learn_neither_names_nor_faces() {
    let builder = TestApp::builder().set("VITRINE_PUBLIC_RENDITION", "original");
    let gallery = Gallery::with(builder).await;
    for step in StepKind::ALL {
        gallery.work_on(step).await;
    }

    let seen = gallery.app.visitor().image(gallery.id).await;

    let row = gallery.app.row(gallery.id).await.unwrap();
    assert_eq!(seen["bytes"], row.bytes);
    assert_eq!(seen["content_type"], "image/png");
    assert_eq!(seen["thumbhash"], json!(row.thumbhash));
    assert_eq!(seen["file_name"], format!("{}.jpg", gallery.id));
    for nothing in ["sha256", "uploaded_by"] {
        assert_eq!(seen[nothing], Value::Null);
    }
    assert_eq!(seen["faces"], json!([]));
    assert_eq!(seen["uploaded_at"], "2024-05-06T00:00:00Z");
}
