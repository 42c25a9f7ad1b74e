//! The routes for load balancers and operators.

use serde_json::json;

use crate::app::TestApp;
use crate::client::send;

#[tokio::test]
async fn a_server_is_healthy_until_it_drains() {
    let app = TestApp::spawn().await;
    assert_eq!(app.get("/health").await.expect(200).text(), "ok");

    app.state.draining.begin();

    assert_eq!(app.get("/health").await.expect(503).text(), "draining");
}

#[tokio::test]
async fn health_is_answered_under_any_host() {
    let app = TestApp::spawn().await;

    let request = app
        .request(reqwest::Method::GET, "/health")
        .header("host", "10.0.0.7");

    send(request).await.expect(200);
}

#[tokio::test]
async fn a_server_is_ready_when_database_and_store_answer() {
    let app = TestApp::spawn().await;

    let answer = app.get("/health/ready").await.expect(200);

    assert_eq!(
        answer.json(),
        json!({"ready": true, "database": "ok", "store": "ok", "disk": "ok"})
    );
}

#[tokio::test]
async fn a_server_without_its_store_is_not_ready() {
    let app = TestApp::spawn().await;
    std::fs::remove_dir_all(app.data().join("objects")).unwrap();

    let answer = app.get("/health/ready").await.expect(503).json();

    assert_eq!(
        answer,
        json!({"ready": false, "database": "ok", "store": "does not answer", "disk": "ok"})
    );
}

#[tokio::test]
async fn a_server_without_its_database_is_not_ready() {
    let app = TestApp::spawn().await;
    app.state.db.close_by_ref().await.unwrap();

    let answer = app.get("/health/ready").await.expect(503).json();

    assert_eq!(
        answer,
        json!({"ready": false, "database": "does not answer", "store": "ok", "disk": "ok"})
    );
    let answer = app.get("/api/images").await;
    assert!(!answer.problem(503).contains("sql"));
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn the_load_balancer_test_says_which_instance_answers() {
    let app = TestApp::builder()
        .set("VITRINE_INSTANCE_ID", "i-0123")
        .spawn()
        .await;

    let answer = app
        .get("/load-balancer-test?trace_id=abc-1")
        .await
        .expect(200)
        .json();
    assert_eq!(
        answer,
        json!({"instance_id": "i-0123", "trace_id": "abc-1"})
    );

    let first = app.get("/load-balancer-test").await.json()["trace_id"].clone();
    let second = app.get("/load-balancer-test").await.json()["trace_id"].clone();
    assert_ne!(first, second);
    let forged = app
        .get("/load-balancer-test?trace_id=a%0Alevel=ERROR")
        .await
        .json();
    assert_eq!(forged["trace_id"], "alevel=ERROR");
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let app = TestApp::spawn().await;

    let first = app
        .get("/api/images")
        .await
        .header("x-request-id")
        .to_owned();
    let second = app.get("/nowhere").await.header("x-request-id").to_owned();

    assert_eq!(first.len(), 32);
    assert_ne!(first, second);
}

#[tokio::test]
async fn pages_are_compressed_on_request() {
    let app = TestApp::spawn().await;

    let request = app
        .request(reqwest::Method::GET, "/gallery")
        .header("accept-encoding", "gzip");

    assert_eq!(
        send(request).await.expect(200).header("content-encoding"),
        "gzip"
    );
}

#[tokio::test]
async fn search_engines_list_nothing_unless_they_may() {
    let refusing = TestApp::spawn().await;
    let allowing = TestApp::builder()
        .set("VITRINE_SEARCH_ENGINES", "allow")
        .spawn()
        .await;
    for (app, is_refused) in [(&refusing, true), (&allowing, false)] {
        let page = app.page("/gallery").await.expect(200);
        let is_noindex = page.header("x-robots-tag") == "noindex";
        assert_eq!(is_noindex, is_refused);
        let tag = "<meta name=\"robots\" content=\"noindex\">";
        assert_eq!(page.text().contains(tag), is_refused);
        let robots = app.get("/robots.txt").await.expect(200);
        assert!(robots.header("content-type").starts_with("text/plain"));
        let refuses_all = robots.text().contains("Disallow: /\n");
        assert_eq!(refuses_all, is_refused, "{}", robots.text());
    }
}
