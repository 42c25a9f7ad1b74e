//! What visitors may do where anyone may upload: how often, and without getting in each other's way.

use functions::testing;
use serde_json::json;

use crate::app::TestApp;
use crate::client::Client;

const PASSWORD: &str = "four random plain words";

/// A server that takes photos and messages of anyone.
async fn open_to_anyone() -> TestApp {
    TestApp::builder()
        .password(PASSWORD)
        .anyone_may_upload()
        .spawn()
        .await
}

/// How many requests were taken before one got 429, and that answer.
async fn taken_before_429(
    mut ask: impl AsyncFnMut() -> crate::client::Answer,
    most: usize,
) -> (usize, crate::client::Answer) {
    for taken in 0..=most {
        let answer = ask().await;
        if answer.status == 429 {
            return (taken, answer);
        }
    }
    panic!("{most} requests were taken");
}

#[tokio::test]
async fn a_visitor_who_writes_message_after_message_has_to_wait_and_others_do_not() {
    let app = open_to_anyone().await;
    let (visitor, other) = (app.visitor(), app.visitor_at([127, 0, 0, 2]));
    let message = json!({"author": "Mallory", "body": "Buy!"});

    let post = async || visitor.post_json("/api/messages", &message).await;
    let (taken, refused) = taken_before_429(post, 100).await;

    assert_eq!(taken, 20);
    assert!(refused.problem(429).contains("too many messages"));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    other.post_json("/api/messages", &message).await.expect(201);
    let admin = app.sign_in(PASSWORD).await;
    admin.post_json("/api/messages", &message).await.expect(201);
    let fields = [("author", "Mallory"), ("body", "A long story")];
    let page = visitor.post_form("/messages", &fields).await.expect(429);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.text().contains("A long story"), "it is not lost");
}

#[tokio::test]
async fn a_visitor_who_uploads_without_end_has_to_wait_and_others_do_not() {
    let app = open_to_anyone().await;
    let (visitor, other) = (app.visitor(), app.visitor_at([127, 0, 0, 2]));

    // What is refused counts as well: looking at it is work.
    let upload = async || visitor.upload("notes.txt", b"no picture").await;
    let (taken, refused) = taken_before_429(upload, 1000).await;

    assert!((500..=600).contains(&taken), "{taken}");
    assert!(refused.problem(429).contains("too many photos"));
    assert!(!refused.header("retry-after").is_empty());
    let photo = testing::photo(1, 32, 32);
    other.upload("photo.jpg", &photo).await.expect(201);
    let admin = app.sign_in(PASSWORD).await;
    admin.upload("photo.jpg", &photo).await.expect(200);
}

#[tokio::test]
async fn two_visitors_may_use_the_same_idempotency_key() {
    let app = open_to_anyone().await;
    let clients: [Client; 2] = [app.visitor(), app.visitor_at([127, 0, 0, 2])];

    for (client, seed) in clients.iter().zip(1..) {
        let photo = testing::photo(seed, 32, 32);
        client.upload_with_key("photo-1", &photo).await.expect(201);
        // The same again gets the same answer.
        client.upload_with_key("photo-1", &photo).await.expect(201);
    }

    assert_eq!(app.rows().await.len(), 2);
}
