//! The same server on S3: pictures come from the bucket, and no viewer gets a URL of a picture that
//! they may not see.

use functions::testing;
use futures::TryStreamExt as _;
use platform::objects::Area;
use platform::settings::Settings;
use platform::testing::{Fault, Moto, Proxy};
use reqwest::Method;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;
use web::app::App;

use crate::app::TestApp;
use crate::client::{Answer, Client, send};
use crate::ports::OneLargeFace;
use crate::sse::Events;
use crate::uploads::states;

pub(crate) const PASSWORD: &str = "four random plain words";

/// All tests share one moto, and each has its own bucket.
pub(crate) async fn moto() -> Option<&'static Moto> {
    static MOTO: OnceCell<Option<Moto>> = OnceCell::const_new();
    MOTO.get_or_init(Moto::start).await.as_ref()
}

/// A server with its own bucket and a password.
pub(crate) async fn app_on_s3() -> Option<TestApp> {
    let moto = moto().await?;
    let app = TestApp::builder()
        .password(PASSWORD)
        .on_s3(&moto.settings(), &moto.bucket().await);
    Some(app.spawn().await)
}

impl TestApp {
    /// Queues and runs everything that is owed.
    pub(crate) async fn work(&self) {
        self.queue_what_is_owed().await;
        self.drain().await;
    }

    /// Every object in the store, pending ones included.
    pub(crate) async fn stored(&self) -> Vec<String> {
        let mut found = Vec::new();
        for area in Area::ALL {
            let listed: Vec<_> = self.state.store.list(area).try_collect().await.unwrap();
            found.extend(listed.into_iter().map(|object| object.key.path()));
        }
        found.sort();
        found
    }

    fn bucket(&self) -> String {
        let presigning = self.state.store.presigning().unwrap();
        format!("{}/", presigning.origin())
    }
}

/// Fetches from the bucket, without cookies.
pub(crate) async fn fetch(method: Method, url: &str) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    send(http.request(method, url)).await
}

fn url(image: &serde_json::Value, rendition: &str) -> String {
    image["urls"][rendition].as_str().unwrap().to_owned()
}

/// The value of a query parameter.
fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn the_api_gives_presigned_urls_with_type_and_name() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(1, 640, 480);
    let id = admin.upload("Zoë am See.jpg", &photo).await.id();
    app.work().await;

    let image = admin.image(id).await;

    assert_eq!(states(&image), ["done"; 3]);
    for (rendition, name) in [
        ("original", "Zoë am See.jpg"),
        ("thumbnail", "Zoë am See-thumbnail.jpg"),
        ("anonymised", "Zoë am See-anonymised.jpg"),
    ] {
        let url = url(&image, rendition);
        assert!(url.starts_with(&app.bucket()), "{url}");
        let answer = fetch(Method::GET, &url).await.expect(200);
        assert_eq!(answer.header("content-type"), "image/jpeg");
        let plain = name.replace('ë', "_");
        let encoded = name.replace('ë', "%C3%AB").replace(' ', "%20");
        assert_eq!(
            answer.header("content-disposition"),
            format!("inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
        );
        let picture = image::load_from_memory(&answer.body).unwrap();
        assert!(picture.width() >= 400);
    }
    let answer = fetch(Method::GET, &url(&image, "original")).await;
    assert_eq!(answer.body, photo);
}

#[tokio::test]
async fn pages_show_pictures_of_the_bucket_and_allow_no_other_origin() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let id = admin.upload("a.jpg", testing::photo(1, 64, 48)).await.id();
    app.work().await;
    let origin = app.bucket();
    let origin = origin.trim_end_matches('/');
    for path in [
        "/".to_owned(),
        "/gallery".to_owned(),
        format!("/images/{id}"),
    ] {
        let page = admin.page(&path).await.expect(200);

        assert!(page.text().contains(&format!("src=\"{origin}/")), "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains(&format!("img-src 'self' data: blob: {origin};")),
            "{policy}"
        );
    }
    let folder = TestApp::spawn().await;
    let page = folder.page("/").await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src 'self' data: blob:;"), "{policy}");
}

#[tokio::test]
async fn presigned_urls_stay_the_same_until_a_picture_changes() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let id = admin.upload("a.jpg", testing::photo(1, 64, 48)).await.id();
    app.work().await;
    let (first, second) = loop {
        let (first, second) = (admin.image(id).await, admin.image(id).await);
        let signed = |image| parameter(&url(image, "thumbnail"), "X-Amz-Date");
        // The signing time changes every half an hour.
        if signed(&first) == signed(&second) {
            break (first, second);
        }
    };
    assert_eq!(first["urls"], second["urls"]);

    admin
        .post(&format!("/api/images/{id}/steps/thumbnail/retry"))
        .await
        .expect(202);
    app.drain().await;

    let third = admin.image(id).await;
    let version = |image| parameter(&url(image, "thumbnail"), "x-version");
    assert_ne!(version(&second), version(&third));
}

#[tokio::test]
async fn visitors_never_get_a_url_of_a_picture_with_faces() {
    let Some(mut app) = app_on_s3().await else {
        return;
    };
    app.find_faces_with(OneLargeFace);
    let admin = app.sign_in(PASSWORD).await;
    let visitor = app.visitor();
    let mut events = Events::listen(&visitor).await;
    let id = admin
        .upload("Anna Muster.jpg", testing::photo(1, 640, 480))
        .await
        .id();

    // Before it is released, nothing is shown.
    visitor.get(&format!("/api/images/{id}")).await.problem(404);
    app.work().await;
    visitor.get(&format!("/api/images/{id}")).await.problem(404);
    app.release(id).await;

    let image = visitor.image(id).await;
    assert!(image["urls"]["original"].is_null(), "{image}");
    for rendition in ["thumbnail", "anonymised"] {
        assert!(url(&image, rendition).contains(&format!("/anonymised/{id}/")));
        fetch(Method::GET, &url(&image, rendition))
            .await
            .expect(200);
    }
    assert_shows_no_faces(&visitor, id, "Anna").await;
    visitor
        .get(&format!("/api/images/{id}/original"))
        .await
        .problem(401);
    loop {
        let event = events.next().await.unwrap();
        let said = event.data.to_string();
        assert!(!said.contains("/uploads/"), "{said}");
        assert!(!said.contains("/thumbnails/"), "{said}");
        if said.contains("/anonymised/") && states(&event.data) == ["done"; 3] {
            break;
        }
    }
}

async fn assert_shows_no_faces(visitor: &Client, id: Uuid, name: &str) {
    for path in [
        "/".to_owned(),
        format!("/images/{id}"),
        format!("/images/{id}/card"),
        "/api/images".to_owned(),
        format!("/api/images/{id}"),
    ] {
        let text = visitor.get(&path).await.expect(200).text();
        for word in ["/uploads/", "/thumbnails/", name] {
            assert!(!text.contains(word), "{path} has {word}: {text}");
        }
    }
}

#[tokio::test]
async fn the_url_of_a_rendition_redirects_to_the_bucket() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let id = admin.upload("a.jpg", testing::photo(1, 64, 48)).await.id();
    let path = format!("/api/images/{id}/anonymised");
    admin.get(&path).await.problem(404);
    app.work().await;
    for (query, disposition) in [("", "inline"), ("?v=0", "inline"), ("?save", "attachment")] {
        let answer = admin.get(&format!("{path}{query}")).await.expect(307);

        assert_eq!(answer.header("cache-control"), "private, no-store");
        let place = answer.header("location");
        assert!(place.starts_with(&app.bucket()), "{place}");
        let file = fetch(Method::GET, place).await.expect(200);
        let given = file.header("content-disposition");
        assert_eq!(
            given,
            format!("{disposition}; filename=\"a-anonymised.jpg\"")
        );
    }
    let answer = send(admin.request(Method::HEAD, &path)).await.expect(307);
    fetch(Method::HEAD, answer.header("location"))
        .await
        .expect(200);
    let page = admin.page(&format!("/images/{id}")).await.text();
    assert!(page.contains(&format!("href=\"{path}?save\"")), "{page}");
}

#[tokio::test]
async fn deleting_an_image_empties_the_bucket() {
    let Some(app) = app_on_s3().await else { return };
    let admin = app.sign_in(PASSWORD).await;
    let id = admin.upload("a.jpg", testing::photo(1, 64, 48)).await.id();
    app.work().await;
    assert_eq!(app.stored().await.len(), 4);

    admin.delete(&format!("/api/images/{id}")).await.expect(204);

    assert_eq!(app.stored().await, Vec::<String>::new());
}

#[tokio::test]
async fn bucket_outages_lose_nothing() {
    let Some(moto) = moto().await else { return };
    let proxy = Proxy::start(moto.endpoint()).await;
    let mut aws = moto.settings();
    aws.endpoint = Some(proxy.endpoint());
    let builder = TestApp::builder().on_s3(&aws, &moto.bucket().await);
    let app = builder.spawn().await;
    let photo = testing::photo(1, 640, 480);
    proxy.always(Fault::Answer(500, "InternalError"));

    let answer = app.upload("a.jpg", &photo).await;
    let detail = answer.problem(503);
    assert!(detail.contains("the store does not answer"), "{detail}");
    assert!(!answer.header("retry-after").is_empty());
    app.get("/health/ready").await.expect(503);
    assert!(app.get("/api/images").await.json()["items"] == serde_json::json!([]));

    // Sent again, while every other request fails.
    proxy.always(Fault::None);
    proxy.next([
        Fault::Answer(500, "InternalError"),
        Fault::None,
        Fault::HangUp,
    ]);
    let id = app.upload("a.jpg", &photo).await.id();
    app.get("/health/ready").await.expect(200);
    proxy.next([Fault::CutBodyAfter(1_000), Fault::None, Fault::HangUp]);
    app.work().await;
    assert_eq!(states(&app.image(id).await), ["done"; 3]);

    // A step that fails for this reason is retried later.
    proxy.always(Fault::Answer(500, "InternalError"));
    app.post(&format!("/api/images/{id}/steps/anonymise/retry"))
        .await
        .expect(202);
    app.drain().await;
    assert_eq!(states(&app.image(id).await), ["done", "done", "queued"]);
    proxy.always(Fault::None);
    app.let_time_pass().await;
    app.drain().await;
    assert_eq!(states(&app.image(id).await), ["done"; 3]);
    assert_eq!(app.unfinished_uploads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unusable_bucket_stops_the_start_and_says_what_to_do() {
    let Some(moto) = moto().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut variables = moto.variables();
    let data = folder.path().to_str().unwrap().to_owned();
    variables.push(("VITRINE_DATA".to_owned(), data));
    variables.push(("VITRINE_STORAGE".to_owned(), "s3://nowhere".to_owned()));
    let settings = Settings::from_variables(variables).unwrap();

    let error = App::build(settings).await.err().unwrap();

    let text = format!("{error:#}");
    assert!(text.contains("there is no bucket nowhere"), "{text}");
    assert!(text.contains("VITRINE_STORAGE"), "{text}");
}

#[tokio::test]
async fn uploads_are_queued_locally_only_where_workers_run() {
    let Some(moto) = moto().await else { return };
    for workers in [0, 1] {
        let builder = TestApp::builder()
            .on_s3(&moto.settings(), &moto.bucket().await)
            .set("VITRINE_WORKERS", workers);
        let app = builder.spawn().await;
        let id = app.upload("a.jpg", testing::photo(1, 64, 48)).await.id();
        if workers == 0 {
            assert_eq!(app.state.queue.depth().await.unwrap(), 0);
            assert_eq!(states(&app.image(id).await), ["queued"; 3]);
        } else {
            crate::app::eventually("the photo is done", async || {
                states(&app.image(id).await) == ["done"; 3]
            })
            .await;
        }
    }
}
