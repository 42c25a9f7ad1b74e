//! The documentation of the API, and that it is true: every route of the router is there, what is
//! documented is what is accepted, and every problem leads to its explanation.

use std::collections::HashSet;

use functions::testing;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;
use web::problem_kind::ProblemKind;
use web::router;

use crate::app::TestApp;
use crate::client::send;

async fn document(app: &TestApp) -> Value {
    app.get("/api/openapi.json").await.expect(200).json()
}

/// Method, path and description of each operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(|(method, operation)| (method.clone(), path.clone(), operation.clone()))
        })
        .collect()
}

#[tokio::test]
async fn the_document_changes_only_on_purpose() {
    let app = TestApp::spawn().await;

    insta::assert_json_snapshot!(document(&app).await);
}

#[tokio::test]
async fn every_route_of_the_router_is_answered_by_a_handler_of_its_own() {
    let app = TestApp::spawn().await;
    let routes = router::list();
    let distinct: HashSet<_> = routes
        .iter()
        .map(|route| (route.method.clone(), route.path.clone()))
        .collect();
    assert_eq!(distinct.len(), routes.len());
    for route in routes {
        // The stream of events does not end.
        if route.path == "/api/events" {
            continue;
        }
        let path = route
            .path
            .replace("{id}", &Uuid::nil().to_string())
            .replace("{rendition}", "thumbnail")
            .replace("{step}", "thumbnail")
            .replace("{file}", "app.js");
        let answer = send(app.request(route.method.clone(), &path)).await;
        assert_ne!(answer.status, 405, "{route:?}");
        assert!(!answer.text().contains("no such page"), "{route:?}");
    }
    app.get("/api/nothing").await.problem(404);
    let refused = send(app.request(Method::PUT, "/api/images")).await;
    refused.problem(405);
    assert_eq!(refused.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn every_operation_says_what_it_does_who_may_and_how_it_is_authorised() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{place}");
        let description = operation["description"].as_str().unwrap();
        assert!(description.starts_with("For "), "{place}: {description}");
        assert!(operation["security"].is_array(), "{place}");
        assert!(ids.insert(operation["operationId"].clone()), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{place}"
        );
        if path.starts_with("/api/") {
            for status in ["400", "401", "403", "429", "500", "503"] {
                assert!(responses.contains_key(status), "{place}: {status}");
            }
        }
    }
}

/// Every `$ref` in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_explanation() {
    let app = TestApp::spawn().await;
    let problem = app.upload("photo.jpg", b"no picture").await.json();
    let (page, slug) = problem["type"].as_str().unwrap().split_once('#').unwrap();

    let page = app.page(page).await.expect(200).text();

    assert_eq!(slug, "unsupported-type");
    for kind in ProblemKind::ALL {
        let section = format!("id=\"{}\"", kind.slug());
        assert!(page.contains(&section), "{section}");
    }
}

#[tokio::test]
async fn unknown_query_parameters_are_refused_by_name_and_those_that_exist_are_listed() {
    let app = TestApp::spawn().await;
    for (path, complaint) in [
        (
            "/api/images?cursor=abc",
            "`cursor` here; there are `limit`, `after` and `q`",
        ),
        ("/api/images?limit=2&next=abc", "`next`"),
        ("/api/images?state=failed", "`state`"),
        ("/api/images?Limit=2", "`Limit`"),
        (
            "/api/messages?q=ada",
            "`q` here; there are `limit` and `after`",
        ),
        (
            "/api/captions?days=7",
            "`days` here; this address takes none",
        ),
        ("/api/images?a%20b=1", "`a b`"),
    ] {
        let answer = app.get(path).await;
        assert!(answer.problem(400).contains(complaint), "{}", answer.text());
        assert_eq!(answer.json()["type"], "/docs/problems#unknown-parameter");
    }
    let head = send(app.request(Method::HEAD, "/api/images?cursor=abc")).await;
    head.expect(400);
    // Others add parameters to links to pages.
    app.page("/gallery?utm_source=newsletter").await.expect(200);
}

#[tokio::test]
async fn a_client_that_follows_the_link_header_sees_every_image_once() {
    let app = TestApp::spawn().await;
    let mut uploaded = app.upload_photos(0..5).await;
    uploaded.reverse();
    let mut seen = Vec::new();
    let mut next = Some("/api/images?limit=2".to_owned());
    while let Some(path) = next {
        let answer = app.get(&path).await.expect(200);
        seen.extend(crate::listing::ids(&answer.json()));
        let link = answer.header("link");
        next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .map(str::to_owned);
        assert_eq!(next.is_some(), answer.json()["next"].is_string());
    }
    assert_eq!(seen, uploaded);
}

#[tokio::test]
async fn the_link_of_a_search_goes_on_with_the_same_search() {
    let app = TestApp::spawn().await;
    app.upload_photos(0..3).await;
    app.drain().await;

    let answer = app.get("/api/images?q=photo%20mostly&limit=1").await;

    let link = answer.expect(200).header("link").to_owned();
    assert!(
        link.starts_with("</api/images?q=photo+mostly&limit=1&after="),
        "{link}"
    );
}

#[tokio::test]
async fn only_the_page_of_the_api_has_a_relaxed_policy_and_only_for_styles() {
    let app = TestApp::spawn().await;
    let policy =
        |answer: &crate::client::Answer| answer.header("content-security-policy").to_owned();

    let docs = app.page("/docs").await.expect(200);
    let others = [
        app.page("/gallery").await,
        app.page("/docs/problems").await,
        app.get("/docs/assets/swagger-ui-bundle.js").await,
    ];

    assert!(policy(&docs).contains("style-src 'self' 'unsafe-inline';"));
    assert!(policy(&docs).contains("script-src 'self';"));
    for answer in &others {
        assert_eq!(answer.status, 200);
        assert!(!policy(answer).contains("unsafe"), "{}", policy(answer));
    }
    for file in [
        "index.html",
        "swagger-initializer.js",
        "..%2f..%2fetc%2fpasswd",
    ] {
        app.get(&format!("/docs/assets/{file}")).await.problem(404);
    }
}

#[tokio::test]
async fn a_visitor_reads_the_documentation_too() {
    let app = TestApp::builder()
        .password("four random words")
        .spawn()
        .await;
    for path in ["/docs", "/docs/problems", "/api/openapi.json"] {
        app.visitor().page(path).await.expect(200);
    }
    app.visitor()
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .problem(401);
}
