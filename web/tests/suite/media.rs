//! The pictures themselves, and how long browsers may keep them.

use functions::testing;
use platform::Format;
use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::send;

async fn app_with_a_photo() -> (TestApp, Uuid, Vec<u8>) {
    let app = TestApp::spawn().await;
    let photo = testing::encoded(Format::Png, &testing::picture(1, 64, 48), None, None);
    let id = app.upload("photo.png", &photo).await.id();
    app.drain().await;
    (app, id, photo)
}

#[tokio::test]
async fn the_original_comes_back_byte_for_byte() {
    let (app, id, photo) = app_with_a_photo().await;

    let answer = app
        .get(&format!("/api/images/{id}/original"))
        .await
        .expect(200);

    assert_eq!(answer.body, photo);
    assert_eq!(answer.header("content-type"), "image/png");
    assert_eq!(answer.header("content-length"), photo.len().to_string());
}

#[tokio::test]
async fn renditions_are_jpegs_of_the_promised_size() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 800, 600))
        .await
        .id();
    app.drain().await;
    for (rendition, size) in [("thumbnail", (400, 300)), ("anonymised", (800, 600))] {
        let answer = app
            .get(&format!("/api/images/{id}/{rendition}"))
            .await
            .expect(200);

        assert_eq!(answer.header("content-type"), "image/jpeg");
        let picture = image::load_from_memory(&answer.body).unwrap();
        assert_eq!((picture.width(), picture.height()), size);
    }
}

#[tokio::test]
async fn a_picture_is_private_inert_and_never_taken_for_anything_else() {
    let (app, id, _) = app_with_a_photo().await;
    for rendition in ["original", "thumbnail", "anonymised"] {
        let url = app.image(id).await["urls"][rendition]
            .as_str()
            .unwrap()
            .to_owned();

        let answer = app.get(&url).await.expect(200);

        assert_eq!(answer.header("cache-control"), "private, max-age=86400");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; sandbox"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("vary"), "authorization, cookie");
    }
}

#[tokio::test]
async fn without_the_version_in_its_address_a_picture_is_asked_about_each_time() {
    let (app, id, _) = app_with_a_photo().await;
    for path in ["thumbnail", "thumbnail?v=0"] {
        let answer = app
            .get(&format!("/api/images/{id}/{path}"))
            .await
            .expect(200);
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_picture_is_not_sent_it_again_until_it_is_made_anew() {
    let (app, id, _) = app_with_a_photo().await;
    let path = format!("/api/images/{id}/thumbnail");
    let etag = app.get(&path).await.expect(200).header("etag").to_owned();
    let ask = async || send(app.request(Method::GET, &path).header(IF_NONE_MATCH, &etag)).await;

    let answer = ask().await.expect(304);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("etag"), etag);

    app.post(&format!("/api/images/{id}/steps/thumbnail/retry"))
        .await
        .expect(202);
    app.drain().await;
    let answer = ask().await.expect(200);
    assert_ne!(answer.header("etag"), etag);
}

#[tokio::test]
async fn what_is_no_rendition_is_not_found() {
    let (app, id, _) = app_with_a_photo().await;
    for path in ["uploads", "original.png", "..%2foriginal", "original%00"] {
        app.get(&format!("/api/images/{id}/{path}"))
            .await
            .problem(404);
    }
}

#[tokio::test]
async fn a_picture_whose_file_is_lost_is_not_found_and_the_page_still_stands() {
    let (app, id, _) = app_with_a_photo().await;
    for object in app.objects() {
        std::fs::remove_file(app.data().join("objects").join(object)).unwrap();
    }

    app.get(&format!("/api/images/{id}/original"))
        .await
        .problem(404);
    app.page(&format!("/images/{id}")).await.expect(200);
}
