//! `?wait=`: the answer comes once no step is pending, or when the time is up.

use std::time::{Duration, Instant};

use functions::testing;
use reqwest::Method;

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Answer, Part, multipart, send};

/// Uploads a photo and waits for it in a task.
async fn wait_for_a_photo(app: &TestApp) -> (Uuid, JoinHandle<Answer>) {
    let photo = testing::photo(1, 64, 48);
    let id = app.upload("photo.jpg", photo).await.id();
    let client = app.visitor();
    let waiting = async move { client.get(&format!("/api/images/{id}?wait=60")).await };
    (id, tokio::spawn(waiting))
}

#[tokio::test]
async fn an_upload_that_waits_is_answered_with_the_finished_image() {
    let app = TestApp::spawn().await;
    let workers = app.workers(1);
    let photo = testing::photo(1, 64, 48);
    let part = Part {
        field: "file",
        name: "photo.jpg",
        bytes: &photo,
    };

    let upload = app.request(Method::POST, "/api/images?wait=60");
    let image = send(multipart(upload, &[part])).await.expect(201).json();

    assert_eq!(image["state"], "ready");
    assert_eq!(image["steps"]["annotate"]["state"], "done");
    assert!(image["urls"]["thumbnail"].is_string());
    workers.stop().await;
}

#[tokio::test]
async fn a_wait_ends_when_the_last_step_does() {
    let app = TestApp::spawn().await;
    let begun = Instant::now();
    let (_, waiting) = wait_for_a_photo(&app).await;

    app.drain().await;

    let image = waiting.await.unwrap().expect(200).json();
    assert_eq!(image["state"], "ready");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn when_the_time_is_up_the_answer_is_the_image_as_it_is() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    let begun = Instant::now();

    let image = app.get(&format!("/api/images/{id}?wait=1")).await.json();

    assert_eq!(image["state"], "working");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_for_an_image_that_is_deleted_ends() {
    let app = TestApp::spawn().await;
    let (id, waiting) = wait_for_a_photo(&app).await;

    app.delete(&format!("/api/images/{id}")).await.expect(204);

    waiting.await.unwrap().problem(404);
}

#[tokio::test]
async fn a_wait_out_of_bounds_is_refused_and_nothing_is_stored() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    for wait in ["61", "-1", "1.5", "for-ever"] {
        app.get(&format!("/api/images/{id}?wait={wait}"))
            .await
            .problem(400);
        let photo = testing::photo(2, 64, 48);
        let part = Part {
            field: "file",
            name: "photo.jpg",
            bytes: &photo,
        };
        let upload = app.request(Method::POST, &format!("/api/images?wait={wait}"));
        send(multipart(upload, &[part])).await.problem(400);
    }
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test]
async fn a_server_that_stops_answers_those_who_wait() {
    let app = TestApp::spawn().await;
    let begun = Instant::now();
    let (_, waiting) = wait_for_a_photo(&app).await;
    crate::app::eventually("somebody waits", async || app.state.live.is_listened_to()).await;

    app.stop().await;

    let image = waiting.await.unwrap().expect(200).json();
    assert_eq!(image["state"], "working");
    assert!(begun.elapsed() < Duration::from_secs(60));
}
