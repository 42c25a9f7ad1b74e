//! Live updates as browsers receive them.

use std::time::{Duration, Instant};

use entity::{change, session};
use functions::testing;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;

use crate::app::{TestApp, eventually};
use crate::sse::Events;

const PASSWORD: &str = "four random plain words";

#[tokio::test]
async fn a_browser_receives_a_new_photo_and_each_step() {
    let app = TestApp::spawn().await;
    let mut events = Events::listen(&app).await;

    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    let new = events
        .image_that(|image| image["id"] == id.to_string())
        .await;
    app.drain().await;
    let ready = app.image(id).await;
    events.image_that(|image| *image == ready).await;

    assert_eq!(new["steps"]["thumbnail"]["state"], "queued");
    for step in ["annotate", "thumbnail", "anonymise"] {
        assert_eq!(ready["steps"][step]["state"], "done");
    }
}

#[tokio::test]
async fn a_browser_receives_a_deletion() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    let mut events = Events::listen(&app).await;

    app.delete(&format!("/api/images/{id}")).await.expect(204);

    let event = events.next().await.unwrap();
    assert_eq!(event.name, "deleted");
    assert_eq!(event.data, serde_json::json!({"id": id}));
}

#[tokio::test]
async fn a_reconnecting_browser_receives_what_it_missed() {
    let app = TestApp::spawn().await;
    let gone = app.upload("gone.jpg", testing::photo(1, 32, 32)).await.id();
    let mut events = Events::listen(&app).await;
    let seen = app.upload("seen.jpg", testing::photo(2, 32, 32)).await.id();
    let last = events.next().await.unwrap();
    assert_eq!(last.data["id"], seen.to_string());
    drop(events);

    let missed = app
        .upload("missed.jpg", testing::photo(3, 32, 32))
        .await
        .id();
    app.delete(&format!("/api/images/{gone}")).await.expect(204);
    let mut events = Events::listen_after(&app, &last.id).await;

    let (first, second) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert_eq!(first.data["id"], missed.to_string());
    assert_eq!(
        (second.name.as_str(), &second.data["id"]),
        ("deleted", &gone.to_string().into())
    );
    let now = app.upload("now.jpg", testing::photo(4, 32, 32)).await.id();
    assert_eq!(events.next().await.unwrap().data["id"], now.to_string());
}

#[tokio::test]
async fn a_browser_that_reconnects_before_its_first_change_misses_nothing() {
    let app = TestApp::spawn().await;
    let before = app.upload("before.jpg", testing::photo(1, 32, 32)).await;
    let events = Events::listen(&app).await;
    let first_id = events.first_id.clone();
    drop(events);

    let missed = app.upload("missed.jpg", testing::photo(2, 32, 32)).await;
    let mut events = Events::listen_after(&app, &first_id).await;

    let event = events.next().await.unwrap();
    assert_ne!(event.data["id"], before.id().to_string());
    assert_eq!(event.data["id"], missed.id().to_string());
}

#[tokio::test]
async fn a_browser_that_was_away_for_long_misses_nothing() {
    let app = TestApp::spawn().await;
    let early = app
        .upload("early.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    // As many changes as a long import writes: more than one batch.
    for _ in 0..3 {
        let rows = (0..400).map(|_| change::ActiveModel {
            image_id: Set(early),
            kind: Set(change::Kind::Image),
            at: Set(entity::now()),
            ..Default::default()
        });
        change::Entity::insert_many(rows)
            .exec_without_returning(&app.state.db)
            .await
            .unwrap();
    }
    let late = app.upload("late.jpg", testing::photo(2, 32, 32)).await.id();

    let mut events = Events::listen_after(&app, "0").await;

    events
        .image_that(|image| image["id"] == late.to_string())
        .await;
}

#[tokio::test]
async fn an_incomplete_upload_is_not_sent() {
    let app = TestApp::spawn().await;
    let mut events = Events::listen(&app).await;
    app.upload("half.jpg", &testing::photo(1, 320, 240)[..4000])
        .await
        .problem(422);

    let whole = app
        .upload("whole.jpg", testing::photo(2, 32, 32))
        .await
        .id();

    assert_eq!(events.next().await.unwrap().data["id"], whole.to_string());
}

#[tokio::test]
async fn the_streams_of_a_session_end_when_it_is_signed_out_and_tell_nothing_more() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let (admin, other) = (app.sign_in(PASSWORD).await, app.sign_in(PASSWORD).await);
    let mut ends = Events::listen(&admin).await;
    let mut goes_on = Events::listen(&other).await;

    admin.post("/logout").await.expect(303);
    let asked = Instant::now();
    other
        .upload("ada-lovelace.jpg", testing::photo(1, 32, 32))
        .await
        .expect(201);

    assert!(ends.next().await.is_none());
    assert!(asked.elapsed() < Duration::from_secs(10));
    goes_on
        .image_that(|image| image["file_name"] == "ada-lovelace.jpg")
        .await;
}

#[tokio::test]
async fn the_stream_of_a_session_ends_when_it_expires() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let mut events = Events::listen(&admin).await;

    session::Entity::update_many()
        .col_expr(session::Column::ExpiresAt, Expr::value(entity::now()))
        .exec(&app.state.db)
        .await
        .unwrap();

    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn one_client_cannot_take_all_event_streams() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let (greedy, other) = (app.visitor(), app.visitor_at([127, 0, 0, 2]));
    let mut streams = Vec::new();
    let refused = loop {
        let request = greedy.request(Method::GET, "/api/events");
        let response = request.send().await.unwrap();
        if response.status() != 200 {
            break response;
        }
        streams.push(response);
        assert!(streams.len() <= 64, "all are accepted");
    };

    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "10");
    assert!(streams.len() >= 8, "a few tabs are nothing");
    let _heard = Events::listen(&other).await;
    app.get("/health").await.expect(200);

    streams.pop();
    eventually("a place is free again", async || {
        let request = greedy.request(Method::GET, "/api/events");
        request.send().await.unwrap().status() == 200
    })
    .await;
}

#[tokio::test]
async fn the_stream_ends_when_the_server_stops() {
    let app = TestApp::spawn().await;
    let client = app.visitor();
    let mut events = Events::listen(&client).await;

    app.stop().await;

    assert!(events.next().await.is_none());
}
