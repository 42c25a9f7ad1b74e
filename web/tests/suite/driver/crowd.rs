//! Many uploads and deletions at once, with real workers.

use entity::step;
use functions::testing;
use futures::{StreamExt as _, stream};
use sea_orm::EntityTrait as _;

use crate::app::{TestApp, eventually};
use crate::uploads::states;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_workers_process_sixty_photos_of_sixteen_clients() {
    let app = TestApp::builder().set("VITRINE_WORKERS", 4).spawn().await;

    let uploads = stream::iter(0..60).map(|seed| {
        let client = app.visitor();
        async move {
            client
                .upload("photo.jpg", testing::photo(seed, 48, 32))
                .await
        }
    });
    let answers: Vec<_> = uploads.buffer_unordered(16).collect().await;

    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    eventually("the queue is empty", async || {
        app.state.queue.depth().await.unwrap() == 0
    })
    .await;
    let page = app.get("/api/images?limit=100").await.expect(200).json();
    let images = page["items"].as_array().unwrap();
    assert_eq!(images.len(), 60);
    for image in images {
        assert_eq!(states(image), ["done"; 3], "{image:#}");
        for step in ["annotate", "thumbnail", "anonymise"] {
            assert_eq!(image["steps"][step]["attempts"], 1, "{image:#}");
        }
    }
    assert_eq!(app.objects().len(), 240);
    assert!(app.unfinished_files().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_done_step_always_shows_its_result() {
    let app = TestApp::spawn().await;
    app.upload_photos(0..60).await;
    let workers = app.workers(4);

    let mut looks = 0;
    while app.state.queue.depth().await.unwrap() > 0 {
        let page = app.get("/api/images?limit=100").await.expect(200).json();
        for image in page["items"].as_array().unwrap() {
            let done = states(image).map(|state| state == "done");
            let seen = [
                image["caption"]["text"].is_string(),
                image["thumbhash"].is_string(),
                image["faces"].is_array(),
            ];
            assert!(
                done.iter().zip(seen).all(|(done, seen)| seen || !done),
                "{image:#}"
            );
        }
        looks += 1;
    }
    workers.stop().await;
    assert!(looks > 3, "{looks} looks are too few");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_and_deletions_do_not_disturb_workers() {
    let app = TestApp::builder().set("VITRINE_WORKERS", 4).spawn().await;

    let lives = stream::iter(0..24).map(|seed| {
        let client = app.visitor();
        async move {
            let id = client
                .upload("photo.jpg", testing::photo(seed, 48, 32))
                .await
                .id();
            if seed % 2 == 0 {
                client
                    .delete(&format!("/api/images/{id}"))
                    .await
                    .expect(204);
            }
        }
    });
    lives.buffer_unordered(8).collect::<Vec<_>>().await;

    eventually("the queue is empty", async || {
        app.state.queue.depth().await.unwrap() == 0
    })
    .await;
    assert_eq!(app.rows().await.len(), 12);
    // A worker may still be deleting the rendition of a photo that was deleted while it worked.
    eventually(
        "only the objects of the remaining photos are stored",
        async || app.objects().len() == 48,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_finishes_running_steps() {
    let app = TestApp::builder().set("VITRINE_WORKERS", 2).spawn().await;
    app.upload_photos(0..12).await;
    let next = TestApp::builder().on_the_data_of(&app);

    app.stop().await;

    let next = next.spawn().await;
    let steps = step::Entity::find().all(&next.state.db).await.unwrap();
    assert_eq!(steps.len(), 36);
    for step in steps {
        assert_ne!(step.state, step::StepState::Running, "{step:?}");
    }
    next.drain().await;
    let page = next.get("/api/images").await.json();
    for image in page["items"].as_array().unwrap() {
        assert_eq!(states(image), ["done"; 3]);
    }
    assert!(next.unfinished_files().is_empty());
}
