//! The pictures themselves: caching, ranges and headers.

use functions::testing;
use platform::Format;
use reqwest::Method;
use reqwest::header::{HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, send};

async fn app_with_a_photo() -> (TestApp, Uuid, Vec<u8>) {
    let app = TestApp::spawn().await;
    let photo = testing::encoded(Format::Png, &testing::picture(1, 64, 48), None, None);
    let id = app.upload("photo.png", &photo).await.id();
    app.drain().await;
    (app, id, photo)
}

#[tokio::test]
async fn the_original_is_served_unchanged() {
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
async fn renditions_are_jpegs_of_the_documented_size() {
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
async fn a_picture_is_private_sandboxed_and_not_sniffed() {
    let (app, id, _) = app_with_a_photo().await;
    for rendition in ["original", "thumbnail", "anonymised"] {
        let url = app.image(id).await["urls"][rendition]
            .as_str()
            .unwrap()
            .to_owned();

        let answer = app.get(&url).await.expect(200);

        // A copy may be withdrawn.
        let age = if rendition == "anonymised" {
            900
        } else {
            86400
        };
        assert_eq!(
            answer.header("cache-control"),
            format!("private, max-age={age}")
        );
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; sandbox"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("vary"), "authorization, cookie");
    }
}

#[tokio::test]
async fn a_picture_without_version_is_revalidated_each_time() {
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
async fn a_cached_picture_is_not_sent_again_until_it_changes() {
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
async fn an_unknown_rendition_is_not_found() {
    let (app, id, _) = app_with_a_photo().await;
    for path in ["uploads", "original.png", "..%2foriginal", "original%00"] {
        app.get(&format!("/api/images/{id}/{path}"))
            .await
            .problem(404);
    }
}

#[tokio::test]
async fn a_lost_file_is_not_found_and_the_page_still_works() {
    let (app, id, _) = app_with_a_photo().await;
    for object in app.objects() {
        std::fs::remove_file(app.data().join("objects").join(object)).unwrap();
    }

    app.get(&format!("/api/images/{id}/original"))
        .await
        .problem(404);
    app.page(&format!("/images/{id}")).await.expect(200);
}

async fn ask(app: &TestApp, path: &str, headers: &[(HeaderName, &str)]) -> Answer {
    let mut request = app.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn an_interrupted_download_can_be_resumed() {
    let app = TestApp::spawn().await;
    let mut photo = testing::photo(1, 64, 48);
    // Longer than the pieces in which a range is read; what follows the picture is kept too.
    photo.extend((0..2_500_000_u32).map(|n| (n % 251) as u8));
    let id = app.upload("photo.jpg", &photo).await.id();
    let path = format!("/api/images/{id}/original");
    let whole = app.get(&path).await.expect(200);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let etag = whole.header("etag");

    for (range, part) in [
        ("bytes=1000-", 1000..photo.len()),
        ("bytes=0-0", 0..1),
        ("bytes=1048570-1048590", 1_048_570..1_048_591),
        ("bytes=-10", photo.len() - 10..photo.len()),
        ("bytes=0-99999999", 0..photo.len()),
    ] {
        let answer = ask(&app, &path, &[(RANGE, range), (IF_RANGE, etag)]).await;

        let answer = answer.expect(206);
        let (first, last) = (part.start, part.end - 1);
        assert_eq!(
            answer.header("content-range"),
            format!("bytes {first}-{last}/{}", photo.len())
        );
        assert_eq!(answer.header("content-length"), part.len().to_string());
        assert_eq!(answer.header("content-type"), "image/jpeg");
        assert_eq!(answer.header("etag"), etag);
        assert!(answer.body == photo[part], "{range}");
    }
}

#[tokio::test]
async fn an_unsatisfiable_range_is_refused_with_the_length() {
    let (app, id, photo) = app_with_a_photo().await;
    let path = format!("/api/images/{id}/original");
    for range in [format!("bytes={}-", photo.len()), "bytes=-0".to_owned()] {
        let answer = ask(&app, &path, &[(RANGE, &range)]).await;

        answer.problem(416);
        assert_eq!(
            answer.header("content-range"),
            format!("bytes */{}", photo.len())
        );
    }
}

#[tokio::test]
async fn a_changed_picture_or_an_unsupported_range_gets_the_whole_file() {
    let (app, id, photo) = app_with_a_photo().await;
    let path = format!("/api/images/{id}/original");
    for headers in [
        &[(RANGE, "bytes=5-"), (IF_RANGE, "\"another\"")][..],
        &[(RANGE, "bytes=5-"), (IF_RANGE, "no etag")],
        &[(RANGE, "bytes=5-"), (IF_RANGE, "")],
        &[(RANGE, "bytes=0-1,5-6")],
        &[(RANGE, "lines=0-1")],
        &[(RANGE, "bytes=9-5")],
    ] {
        let answer = ask(&app, &path, headers).await;
        assert_eq!(answer.expect(200).body, photo, "{headers:?}");
    }
}

#[tokio::test]
async fn a_saved_file_has_the_name_of_the_photo_and_the_extension_of_its_bytes() {
    let app = TestApp::spawn().await;
    for (seed, sent, original) in [
        (
            1,
            "Füße.jpeg",
            "F__e.jpeg\"; filename*=UTF-8''F%C3%BC%C3%9Fe.jpeg",
        ),
        (2, "holiday.png", "holiday.jpg\""),
        (3, "party", "party.jpg\""),
    ] {
        let id = app.upload(sent, testing::photo(seed, 64, 48)).await.id();
        app.drain().await;
        let saved = async |rendition: &str| {
            let answer = app.get(&format!("/api/images/{id}/{rendition}")).await;
            answer.expect(200).header("content-disposition").to_owned()
        };

        assert_eq!(
            saved("original").await,
            format!("inline; filename=\"{original}")
        );
        assert_eq!(
            saved("original?save=1").await,
            format!("attachment; filename=\"{original}")
        );
        let copy = saved("anonymised").await;
        assert!(copy.contains("-anonymised.jpg"), "{copy}");
    }
}
