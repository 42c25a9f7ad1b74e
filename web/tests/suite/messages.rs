//! The message board, as an API and as a page.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::send;

fn message(author: &str, body: &str) -> Value {
    json!({"author": author, "body": body})
}

#[tokio::test]
async fn the_location_of_a_new_message_leads_to_it() {
    let app = TestApp::spawn().await;

    let answer = app
        .post_json("/api/messages", &message(" Ada ", "Lovely\r\nphotos\u{0}"))
        .await
        .expect(201);

    let read = app.get(answer.header("location")).await.expect(200).json();
    assert_eq!(read, answer.json());
    insta::assert_json_snapshot!(read, {".id" => "[id]", ".created_at" => "[instant]"});
}

#[tokio::test]
async fn messages_are_listed_newest_first_in_pages() {
    let app = TestApp::spawn().await;
    for number in 1..=5 {
        app.post_json("/api/messages", &message("Ada", &number.to_string()))
            .await
            .expect(201);
    }
    let mut seen = Vec::new();
    let mut path = "/api/messages?limit=2".to_owned();
    loop {
        let page = app.get(&path).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|item| item["body"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/messages?limit=2&after={cursor}");
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    app.get("/api/messages?limit=0").await.problem(400);
    app.get("/api/messages?after=nonsense").await.problem(400);
}

#[tokio::test]
async fn a_message_that_is_empty_or_too_long_is_refused() {
    let app = TestApp::spawn().await;
    for (author, body, complaint) in [
        ("", "Hello", "author is empty"),
        ("  \u{0}", "Hello", "author is empty"),
        ("Ada", " \n ", "body is empty"),
        (&"a".repeat(81), "Hello", "author has 81 characters"),
        ("Ada", &"ä".repeat(4001), "body has 4001 characters"),
    ] {
        let answer = app.post_json("/api/messages", &message(author, body)).await;
        assert!(answer.problem(422).contains(complaint), "{}", answer.text());
    }
    app.post_json(
        "/api/messages",
        &message(&"ä".repeat(80), &"ä".repeat(4000)),
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn an_invalid_message_is_refused() {
    let app = TestApp::spawn().await;
    for body in [
        "",
        "{",
        "[]",
        "{\"author\":\"Ada\"}",
        "{\"author\":1,\"body\":\"Hello\"}",
    ] {
        let request = app
            .request(Method::POST, "/api/messages")
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        send(request).await.problem(400);
    }
    let request = app
        .request(Method::POST, "/api/messages")
        .body("author=Ada");
    send(request).await.problem(415);
}

#[tokio::test]
async fn an_unknown_message_is_not_found() {
    let app = TestApp::spawn().await;
    app.get("/api/messages/0197c0de-0000-7000-8000-000000000000")
        .await
        .problem(404);
    app.get("/api/messages/1").await.problem(400);
}

#[tokio::test]
async fn the_form_posts_a_message_which_is_escaped() {
    let app = TestApp::spawn().await;
    let fields = [
        ("author", "<b>Ada</b>"),
        ("body", "<script>alert(1)</script>"),
    ];

    let answer = app.post_form("/messages", &fields).await.expect(303);

    assert_eq!(answer.header("location"), "/messages");
    let page = app.page("/messages").await.expect(200).text();
    assert!(page.contains("&lt;b&gt;Ada") && page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains("<script>alert"));
}

#[tokio::test]
async fn an_incomplete_form_keeps_its_text() {
    let app = TestApp::spawn().await;

    let answer = app
        .post_form("/messages", &[("author", ""), ("body", "A long story")])
        .await;

    let page = answer.expect(422).text();
    assert!(
        page.contains("Author is empty") && page.contains("A long story"),
        "{page}"
    );
}

#[tokio::test]
async fn those_who_manage_delete_messages_and_visitors_do_not() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;
    let admin = app.sign_in("four random plain words").await;
    let mut paths = Vec::new();
    for body in ["One", "Two"] {
        let posted = admin
            .post_json("/api/messages", &message("Ada", body))
            .await
            .expect(201);
        paths.push(posted.header("location").to_owned());
    }
    let form = |path: &str| path.replace("/api", "") + "/delete";
    app.delete(&paths[0]).await.problem(401);
    let answer = app.post_form(&form(&paths[0]), &[]).await.expect(303);
    assert!(answer.header("location").starts_with("/login"));
    let page = app.page("/messages").await.text();
    assert!(!page.contains("/delete"), "no button for a visitor");
    let page = admin.page("/messages").await.text();
    assert!(page.contains(&form(&paths[0])), "{page}");

    admin.delete(&paths[0]).await.expect(204);
    admin.post_form(&form(&paths[1]), &[]).await.expect(303);

    let left = app.get("/api/messages").await.json();
    assert_eq!(left["items"], json!([]));
    admin.delete(&paths[0]).await.problem(404);
}
