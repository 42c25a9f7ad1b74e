//! Cross-site requests, and the policy of pages.

use functions::testing;
use reqwest::Method;
use reqwest::header::{ACCEPT, HOST, ORIGIN};
use web::router;

use crate::app::TestApp;
use crate::client::{Answer, BROWSER, send};

/// Calls every route that is not GET, with one more header.
async fn write_everywhere(app: &TestApp, header: (&str, &str)) -> Vec<(String, Answer)> {
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    let mut answers = Vec::new();
    for route in router::list() {
        if route.method == Method::GET {
            continue;
        }
        let path = route
            .path
            .replace("{id}", &id.to_string())
            .replace("{step}", "thumbnail");
        let request = app
            .request(route.method.clone(), &path)
            .header(header.0, header.1);
        answers.push((format!("{} {path}", route.method), send(request).await));
    }
    answers
}

#[tokio::test]
async fn a_cross_site_write_is_refused_on_every_route() {
    let app = TestApp::spawn().await;
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for (route, answer) in write_everywhere(&app, header).await {
            assert_eq!(answer.status, 403, "{route} with {header:?}");
        }
    }
    assert_eq!(app.rows().await.len(), 1);
}

#[tokio::test]
async fn a_same_origin_write_is_accepted() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .id();

    let request = app
        .request(Method::POST, &format!("/images/{id}/delete"))
        .header(ORIGIN, format!("http://{}", app.address))
        .header("sec-fetch-site", "same-origin");

    send(request).await.expect(303);
    assert!(app.rows().await.is_empty());
}

#[tokio::test]
async fn without_a_password_only_requests_to_localhost_are_answered() {
    let app = TestApp::spawn().await;
    let port = app.address.port();
    for (header, value) in [
        (HOST.as_str(), format!("rebound.example:{port}")),
        (HOST.as_str(), "192.0.2.1".to_owned()),
        ("x-forwarded-for", "192.0.2.1".to_owned()),
    ] {
        for path in ["/", "/api/images", "/api/events", "/health/ready"] {
            let request = app.request(Method::GET, path).header(header, &value);
            let answer = send(request).await;
            assert!(
                answer.problem(403).contains("VITRINE_ADMIN_PASSWORD"),
                "{path}"
            );
        }
    }
    let local = app
        .request(Method::GET, "/")
        .header(HOST, format!("localhost:{port}"));
    send(local).await.expect(200);
}

#[tokio::test]
async fn with_a_password_any_host_name_is_accepted() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;

    let request = app
        .request(Method::GET, "/gallery")
        .header(HOST, "photos.example");

    send(request).await.expect(200);
}

#[tokio::test]
async fn pages_load_scripts_of_this_server_only() {
    let app = TestApp::spawn().await;
    let id = app
        .upload("'\"><b onclick=alert(1)>.jpg", testing::photo(1, 32, 32))
        .await
        .id();
    app.drain().await;
    for path in [
        "/",
        "/gallery",
        &format!("/images/{id}"),
        &format!("/images/{id}/card"),
        "/messages",
        "/nowhere",
    ] {
        let answer = send(app.request(Method::GET, path).header(ACCEPT, BROWSER)).await;

        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("script-src 'self'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{path}"
        );
        for tag in answer.text().split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            assert!(
                !tag.starts_with("style") && !tag.contains(" style="),
                "{path}: <{tag}>"
            );
            assert!(
                !tag.starts_with("script") || tag.contains(" src=\"/static/"),
                "{path}: <{tag}>"
            );
            assert!(!tag.contains(" on"), "{path}: <{tag}>");
        }
    }
}
