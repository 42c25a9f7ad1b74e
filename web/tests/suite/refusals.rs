//! Uploads that are refused: the answer says why, and nothing stays behind.

use std::time::Duration;

use bytes::Bytes;
use functions::testing;
use futures::stream;
use platform::Format;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::app::{TestApp, eventually};
use crate::client::{Part, multipart, send};

/// Neither row nor object nor scratch file.
#[track_caller]
fn assert_nothing_stays(app: &TestApp, rows: usize) {
    assert_eq!(rows, 0);
    assert_eq!(app.objects(), Vec::<String>::new());
    assert_eq!(app.unfinished_files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_is_not_a_picture_is_refused_under_any_name() {
    let app = TestApp::spawn().await;
    for bytes in [
        &b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"[..],
        b"<!doctype html><title>Photo</title>",
        b"just some text",
        b"short",
        b"%PDF-1.7 and so on and so on",
        b"RIFF\0\0\0\0WAVEfmt ",
    ] {
        let answer = app.upload("photo.jpg", bytes).await;

        assert!(
            answer
                .problem(415)
                .contains("JPEG, PNG, GIF, WebP, HEIC or AVIF")
        );
    }
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    let app = TestApp::spawn().await;

    let answer = app.upload("photo.jpg", b"").await;

    assert!(answer.problem(422).contains("empty"));
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_truncated_photo_is_refused() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 320, 240);

    let answer = app.upload("photo.jpg", &photo[..photo.len() / 2]).await;

    assert!(answer.problem(422).contains("cut short"));
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_header_that_claims_too_many_pixels_is_refused() {
    let app = TestApp::spawn().await;
    for format in [Format::Jpeg, Format::Png, Format::Gif] {
        let bomb = testing::claiming(format, 60_000, 60_000);

        let answer = app.upload("photo.jpg", bomb).await;

        assert!(answer.problem(413).contains("60000 × 60000 pixels"));
    }
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn the_pixel_limit_is_a_setting() {
    let app = TestApp::builder()
        .set("VITRINE_MAX_MEGAPIXELS", 1)
        .spawn()
        .await;

    app.upload("small.jpg", testing::photo(1, 1000, 1000))
        .await
        .expect(201);
    let answer = app.upload("large.jpg", testing::photo(1, 1000, 1001)).await;

    assert!(answer.problem(413).contains("1 megapixels"));
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_the_client_reads_the_answer() {
    let app = TestApp::builder().max_upload_mb(25).spawn().await;
    let megabyte = 1024 * 1024;
    for size in [25 * megabyte + 1, 60 * megabyte] {
        let mut file = testing::photo(1, 32, 32);
        file.resize(size, 0);

        let answer = app.upload("photo.jpg", file).await;

        assert!(answer.problem(413).contains("the 25 MB taken here"));
    }
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_is_accepted() {
    let app = TestApp::builder().max_upload_mb(1).spawn().await;
    let mut file = testing::photo(1, 32, 32);
    file.resize(1024 * 1024, 0);

    app.upload("photo.jpg", file).await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_not_a_form_is_refused() {
    let app = TestApp::spawn().await;
    for kind in ["image/jpeg", "application/json", "multipart/form-data"] {
        let request = app
            .request(Method::POST, "/api/images")
            .header(CONTENT_TYPE, kind)
            .body(testing::photo(1, 32, 32));

        assert!(
            send(request)
                .await
                .problem(400)
                .contains("multipart/form-data")
        );
    }
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_form_without_a_file_is_refused() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 32, 32);
    let elsewhere = Part {
        field: "picture",
        name: "photo.jpg",
        bytes: &photo,
    };
    for parts in [&[][..], &[elsewhere]] {
        let request = multipart(app.request(Method::POST, "/api/images"), parts);

        assert!(send(request).await.problem(400).contains("field `file`"));
    }
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_hostile_file_name_is_harmless() {
    let app = TestApp::spawn().await;
    let long = "x".repeat(10_000);
    let hostile = [
        ("../../../etc/passwd", "passwd"),
        (r"..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("..", ".."),
        ("photo\u{202E}gpj.exe", "photogpj.exe"),
        (&long, &long[..200]),
        ("'><script>alert(1)<!--.jpg", "'><script>alert(1)<!--.jpg"),
        ("", "photo"),
    ];
    let before = app.everything_on_disk().len();
    for (seed, (name, kept)) in hostile.into_iter().enumerate() {
        let photo = testing::photo(seed as u64, 32, 32);

        let image = app.upload(name, photo).await.expect(201).json();

        assert_eq!(image["file_name"], kept);
        let stored = format!("uploads/{}.jpg", image["id"].as_str().unwrap());
        assert!(app.objects().contains(&stored));
    }
    assert_eq!(app.everything_on_disk().len(), before + hostile.len());
    let page = app.page("/gallery").await.expect(200).text();
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains("<script>alert"));
}

#[tokio::test]
async fn a_file_name_with_a_nul_is_harmless() {
    let app = TestApp::spawn().await;

    let answer = app.upload("a\0b.jpg", testing::photo(1, 32, 32)).await;

    assert!(matches!(answer.status, 201 | 400), "{}", answer.text());
    if answer.status == 201 {
        assert_eq!(answer.json()["file_name"], "ab.jpg");
    } else {
        assert_nothing_stays(&app, app.rows().await.len());
    }
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_behind() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 320, 240);
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(1);
    let body = stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    let request = app
        .request(Method::POST, "/api/images")
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(reqwest::Body::wrap_stream(body));
    let upload = tokio::spawn(request.send());
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n";
    sender.send(Ok(head.into())).await.unwrap();
    sender
        .send(Ok(Bytes::from(photo[..2000].to_vec())))
        .await
        .unwrap();
    eventually("half a file is on the disk", async || {
        !app.unfinished_files().is_empty()
    })
    .await;

    sender
        .send(Err(std::io::Error::other("the cable is out")))
        .await
        .unwrap();
    upload.await.unwrap().unwrap_err();

    eventually("half a file is gone", async || {
        app.unfinished_files().is_empty()
    })
    .await;
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_truncated_form_is_refused() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 64, 64);
    let mut body =
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n"
            .to_vec();
    body.extend_from_slice(&photo);

    let request = app
        .request(Method::POST, "/api/images")
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .timeout(Duration::from_secs(60))
        .body(body);

    assert!(send(request).await.problem(400).contains("send it again"));
    assert_nothing_stays(&app, app.rows().await.len());
}

#[tokio::test]
async fn a_refusal_is_an_rfc_9457_problem() {
    let app = TestApp::spawn().await;

    let problem: Value = app.upload("photo.jpg", b"no picture at all").await.json();

    insta::assert_json_snapshot!(problem, { ".trace_id" => "[trace]" });
}
