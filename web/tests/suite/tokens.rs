//! Programs with a token: what each scope permits on each route, and when a token holds.

use chrono::TimeDelta;
use entity::api_token::{Column, Entity, Model, Scope};
use functions::testing;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use reqwest::{Method, RequestBuilder};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;
use uuid::Uuid;
use web::router::{self, Route};

use crate::app::TestApp;
use crate::client::{Answer, BROWSER, Client, Part, multipart, send};
use crate::sse::Events;

const PASSWORD: &str = "four random plain words";

/// Who asks, from the one who may do least.
const ROLES: [&str; 5] = ["visitor", "read", "upload", "manage", "admin"];

/// For each route, which of [`ROLES`] get what they ask for.
const ACCESS: [(&str, &str, &str); 72] = [
    ("get", "/docs", "visitor read upload manage admin"),
    ("get", "/docs/problems", "visitor read upload manage admin"),
    (
        "get",
        "/docs/assets/{file}",
        "visitor read upload manage admin",
    ),
    (
        "get",
        "/api/openapi.json",
        "visitor read upload manage admin",
    ),
    ("get", "/", "visitor read upload manage admin"),
    ("get", "/gallery", "visitor read upload manage admin"),
    ("get", "/images/{id}", "visitor read upload manage admin"),
    (
        "get",
        "/images/{id}/card",
        "visitor read upload manage admin",
    ),
    ("post", "/images/{id}/caption", "manage admin"),
    ("post", "/images/{id}/decide", "manage admin"),
    ("post", "/images/{id}/delete", "manage admin"),
    (
        "get",
        "/images/{id}/thats-me",
        "visitor read upload manage admin",
    ),
    (
        "post",
        "/images/{id}/thats-me",
        "visitor read upload manage admin",
    ),
    (
        "post",
        "/api/images/{id}/removal-requests",
        "visitor read upload manage admin",
    ),
    (
        "get",
        "/removal/{number}",
        "visitor read upload manage admin",
    ),
    ("get", "/removal-requests", "manage admin"),
    ("post", "/removal-requests/{id}", "manage admin"),
    ("get", "/review", "manage admin"),
    ("get", "/review/certain", "manage admin"),
    ("post", "/review/certain", "manage admin"),
    ("post", "/review/{id}", "manage admin"),
    ("post", "/images/{id}/notes", "manage admin"),
    ("post", "/images/{id}/steps/{step}/retry", "manage admin"),
    ("post", "/upload", "upload manage admin"),
    ("get", "/captions", "read manage admin"),
    ("post", "/captions/resume", "manage admin"),
    ("get", "/status", "read manage admin"),
    ("post", "/status/{step}/retry", "manage admin"),
    ("get", "/messages", "visitor read upload manage admin"),
    ("post", "/messages", "manage admin"),
    ("post", "/messages/{id}/delete", "manage admin"),
    ("get", "/login", "visitor read upload manage admin"),
    ("post", "/login", "visitor read upload manage admin"),
    ("post", "/logout", "visitor read upload manage admin"),
    ("get", "/tokens", "admin"),
    ("post", "/tokens", "admin"),
    ("post", "/tokens/{id}/revoke", "admin"),
    ("get", "/trash", "manage admin"),
    ("post", "/trash/{id}/restore", "manage admin"),
    ("post", "/trash/{id}/remove", "manage admin"),
    ("get", "/api/trash", "manage admin"),
    ("post", "/api/trash/{id}/restore", "manage admin"),
    ("delete", "/api/trash/{id}", "manage admin"),
    ("get", "/static/{file}", "visitor read upload manage admin"),
    ("get", "/robots.txt", "visitor read upload manage admin"),
    ("get", "/api/images", "visitor read upload manage admin"),
    ("post", "/api/images", "upload manage admin"),
    (
        "get",
        "/api/images/{id}",
        "visitor read upload manage admin",
    ),
    ("patch", "/api/images/{id}", "manage admin"),
    ("delete", "/api/images/{id}", "manage admin"),
    ("get", "/api/images/{id}/{rendition}", "read manage admin"),
    (
        "post",
        "/api/images/{id}/steps/{step}/retry",
        "manage admin",
    ),
    ("get", "/api/images/{id}/boxes", "read manage admin"),
    ("put", "/api/images/{id}/boxes", "manage admin"),
    ("post", "/api/images/{id}/release", "manage admin"),
    ("post", "/api/images/{id}/withdraw", "manage admin"),
    ("post", "/api/images/{id}/hold", "manage admin"),
    ("get", "/api/review", "manage admin"),
    ("post", "/api/review/release-certain", "manage admin"),
    ("get", "/api/records", "read manage admin"),
    ("get", "/api/captions", "read manage admin"),
    ("post", "/api/captions/resume", "manage admin"),
    ("get", "/api/status", "read manage admin"),
    ("post", "/api/steps/{step}/retry-failed", "manage admin"),
    ("post", "/api/uploads", "upload manage admin"),
    ("post", "/api/uploads/{id}/complete", "upload manage admin"),
    ("get", "/api/events", "visitor read upload manage admin"),
    ("get", "/api/messages", "visitor read upload manage admin"),
    ("post", "/api/messages", "manage admin"),
    (
        "get",
        "/api/messages/{id}",
        "visitor read upload manage admin",
    ),
    ("delete", "/api/messages/{id}", "manage admin"),
    ("get", "/health/ready", "visitor read upload manage admin"),
];

/// Routes that ask nobody who they are.
const OPEN: [&str; 2] = ["/load-balancer-test", "/health"];

impl TestApp {
    /// A token made on the page by somebody who is signed in.
    pub(crate) async fn token(&self, admin: &Client, name: &str, may: &str) -> String {
        let fields = [("name", name), ("may", may)];
        let page = admin.post_form("/tokens", &fields).await.expect(201);
        assert_eq!(page.header("cache-control"), "no-store");
        token_on(&page.text()).expect("a token is shown")
    }

    async fn token_row(&self, name: &str) -> Model {
        let found = Entity::find().filter(Column::Name.eq(name));
        found.one(&self.state.db).await.unwrap().unwrap()
    }

    async fn revoke(&self, admin: &Client, name: &str) {
        let id = self.token_row(name).await.id;
        admin
            .post_form(&format!("/tokens/{id}/revoke"), &[])
            .await
            .expect(303);
    }
}

/// The token that a page shows, if it shows one.
fn token_on(page: &str) -> Option<String> {
    let token = page.split("<code class=\"secret\" id=\"token\">").nth(1)?;
    Some(token.split('<').next()?.to_owned())
}

/// A server with a password, somebody who is signed in, and a program.
async fn app_with_token(may: &str) -> (TestApp, Client, Client) {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let token = app.token(&admin, "camera", may).await;
    let program = Client::with_token(app.address, &token);
    (app, admin, program)
}

fn method_of(route: &Route) -> String {
    route.method.as_str().to_lowercase()
}

/// A request that the route answers if only the caller may make it.
fn request(client: &Client, route: &Route, id: Uuid, seed: u64) -> RequestBuilder {
    let path = route
        .path
        .replace("{id}", &id.to_string())
        .replace("{rendition}", "original")
        .replace("{step}", "thumbnail")
        .replace("{file}", "app.js");
    let request = client.request(route.method.clone(), &path);
    let form = |request: RequestBuilder, body: String| {
        request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    };
    match (method_of(route).as_str(), route.path.as_str()) {
        ("post", "/upload" | "/api/images") => {
            let bytes = testing::photo(seed, 32, 32);
            let part = Part {
                field: "file",
                name: "new.jpg",
                bytes: &bytes,
            };
            multipart(request, &[part])
        }
        ("post", "/images/{id}/caption") => form(request, "caption=Ada&tags=".to_owned()),
        ("post", "/images/{id}/decide") => form(request, "do=hold".to_owned()),
        ("post", "/images/{id}/notes") => form(request, "change=decorative".to_owned()),
        ("post", "/images/{id}/thats-me") => form(request, "cell=1".to_owned()),
        ("post", "/removal-requests/{id}") => form(request, "answer=keep".to_owned()),
        ("post", "/review/{id}") => form(request, "do=hold".to_owned()),
        ("post", "/messages") => form(request, "author=Ada&body=Hello".to_owned()),
        ("post", "/login") => form(request, "password=four+random+plain+words".to_owned()),
        ("post", "/tokens") => form(request, format!("name=token+{seed}&may=read")),
        ("post", "/api/messages") => request.json(&json!({"author": "Ada", "body": "Hello"})),
        ("post", "/api/images/{id}/removal-requests") => request.json(&json!({"x": 1, "y": 1})),
        ("patch", "/api/images/{id}") => request.json(&json!({"caption": "Ada"})),
        ("put", "/api/images/{id}/boxes") => request.json(&json!({"version": 0, "items": []})),
        ("post", "/api/uploads") => request.json(&json!({
            "file_name": "a.jpg", "content_type": "image/jpeg", "bytes": 1, "sha256": "0".repeat(64),
        })),
        _ => request,
    }
}

/// Whether the caller was told that they may not.
fn is_denied(answer: &Answer) -> bool {
    let to_login = answer.status == 303 && answer.header("location").starts_with("/login");
    matches!(answer.status, 401 | 403) || to_login
}

#[tokio::test]
async fn every_route_permits_what_the_scope_says_and_no_more() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let photo = testing::photo(99, 32, 32);
    let released = admin.upload("released.jpg", photo).await.id();
    app.drain().await;
    app.release(released).await;
    for route in router::list() {
        if OPEN.contains(&route.path.as_str()) {
            continue;
        }
        let known = ACCESS
            .iter()
            .find(|(method, path, _)| *method == method_of(&route) && *path == route.path);
        let (_, _, permitted) = known.unwrap_or_else(|| panic!("who may do that? {route:?}"));
        for (role, seed) in ROLES.into_iter().zip(0..) {
            let client = match role {
                "visitor" => app.visitor(),
                "admin" => app.sign_in(PASSWORD).await,
                scope => {
                    let name = format!("{scope} for {} {}", route.method, route.path);
                    let token = app.token(&admin, &name, scope).await;
                    Client::with_token(app.address, &token)
                }
            };
            let photo = testing::photo(100 + seed, 32, 32);
            // An image that is not released is none for visitors, whatever they ask for.
            let id = if route.path.ends_with("{rendition}") {
                released
            } else {
                admin.upload("ada-lovelace.jpg", photo).await.id()
            };

            let answer = request(&client, &route, id, 200 + seed);
            let answer = if route.path == "/api/events" {
                // It has no end: that it begins is the answer.
                let status = answer.send().await.unwrap().status().as_u16();
                assert_eq!(status, 200, "{role}");
                continue;
            } else {
                send(answer).await
            };

            let is_permitted = permitted.split(' ').any(|permitted| permitted == role);
            assert_eq!(
                is_denied(&answer),
                !is_permitted,
                "{role}, {route:?}: {answer:?}"
            );
            // A wrong request would prove nothing about access.
            let is_wrong = matches!(answer.status, 400 | 405 | 415 | 422 | 500..);
            // The folder cannot take uploads by itself, which it says once it is known who asks.
            assert!(!is_wrong || answer.status == 501, "{route:?}: {answer:?}");
            if role == "upload" {
                assert!(!answer.text().contains("lovelace"), "{route:?}");
            }
            if is_denied(&answer) && !matches!(role, "visitor" | "admin") {
                assert_eq!(answer.status, 403);
                assert_eq!(
                    answer.header("www-authenticate"),
                    "Bearer error=\"insufficient_scope\""
                );
            }
        }
    }
    for (method, path, _) in ACCESS {
        let exists = router::list()
            .iter()
            .any(|route| method == method_of(route) && path == route.path);
        assert!(exists, "{method} {path}");
    }
}

#[tokio::test]
async fn a_token_that_reads_sees_what_an_admin_sees() {
    let (app, admin, program) = app_with_token("read").await;
    let id = admin
        .upload("ada-lovelace.jpg", testing::photo(1, 64, 48))
        .await
        .id();
    app.drain().await;

    for path in [
        format!("/api/images/{id}"),
        "/api/images?q=lovelace".to_owned(),
        format!("/api/images/{id}/original"),
        format!("/api/images/{id}/thumbnail"),
    ] {
        let seen = program.get(&path).await.expect(200);
        assert_eq!(
            seen.body,
            admin.get(&path).await.expect(200).body,
            "{path} differs"
        );
    }
    let report = async |client: &Client| {
        let mut report = client.get("/api/captions").await.expect(200).json();
        assert!(report["counted_at"].take().is_string());
        report
    };
    assert_eq!(report(&program).await, report(&admin).await);
}

#[tokio::test]
async fn a_token_that_uploads_sees_its_own_uploads_and_of_others_what_visitors_see() {
    let (app, admin, program) = app_with_token("upload").await;
    let other = app.token(&admin, "scanner", "upload").await;
    let other = Client::with_token(app.address, &other);
    let own = program
        .upload("own.jpg", testing::photo(1, 64, 48))
        .await
        .expect(201)
        .id();
    let admins = admin
        .upload("ada-lovelace.jpg", testing::photo(2, 64, 48))
        .await
        .id();
    app.drain().await;
    for id in [own, admins] {
        app.release(id).await;
    }

    let seen = program.image(own).await;
    assert_eq!(seen, admin.image(own).await);
    assert_eq!(seen["uploaded_by"], "token:camera");
    program
        .get(&format!("/api/images/{own}/original"))
        .await
        .expect(200);
    assert_eq!(
        program.image(admins).await,
        app.visitor().image(admins).await
    );
    assert_eq!(other.image(own).await, app.visitor().image(own).await);
    other
        .get(&format!("/api/images/{own}/original"))
        .await
        .problem(403);
    // The bytes of somebody else's photo make it nobody's own.
    let again = program
        .upload("guess.jpg", testing::photo(2, 64, 48))
        .await
        .expect(200);
    assert_eq!(again.json()["file_name"], format!("{admins}.jpg"));
    program
        .delete(&format!("/api/images/{own}"))
        .await
        .problem(403);
}

#[tokio::test]
async fn where_anyone_may_upload_a_token_that_reads_still_writes_nothing() {
    let app = TestApp::builder()
        .password(PASSWORD)
        .anyone_may_upload()
        .spawn()
        .await;
    let admin = app.sign_in(PASSWORD).await;
    let message = json!({"author": "Ada", "body": "Hello"});
    for (may, status) in [("read", 403), ("upload", 201)] {
        let token = app.token(&admin, may, may).await;
        let program = Client::with_token(app.address, &token);
        let photo = testing::photo(1, 32, 32);
        assert_eq!(program.upload("photo.jpg", photo).await.status, status);
        let posted = program.post_json("/api/messages", &message).await;
        assert_eq!(posted.status, status);
    }
}

#[tokio::test]
async fn what_is_no_valid_token_is_refused_with_and_without_a_password() {
    let unknown = format!("Bearer vt_{}", "0".repeat(64));
    let values = [&*unknown, "Bearer", "Bearer vt_", "bearer guess", "vt_0000"];
    for who in ["a visitor", "signed in", "at the keyboard"] {
        for value in values {
            // One for each, because an address with many wrong tokens is asked to wait.
            let app = match who {
                "at the keyboard" => TestApp::spawn().await,
                _ => TestApp::builder().password(PASSWORD).spawn().await,
            };
            let client = match who {
                "signed in" => app.sign_in(PASSWORD).await,
                _ => app.visitor(),
            };
            for path in ["/api/images", "/api/messages", "/gallery", "/static/app.js"] {
                let request = client
                    .request(Method::GET, path)
                    .header(AUTHORIZATION, value)
                    .header(ACCEPT, BROWSER);
                let answer = send(request).await;
                answer.problem(401);
                assert_eq!(
                    answer.header("www-authenticate"),
                    "Bearer error=\"invalid_token\"",
                    "{who}: {path}, {value}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_in_the_address_is_no_token() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let token = app.token(&admin, "camera", "manage").await;
    for name in ["access_token", "token", "bearer"] {
        // The API takes no such parameter, and a page ignores it.
        let path = format!("/api/captions?{name}={token}");
        app.visitor().get(&path).await.problem(400);
        let page = app.visitor().page(&format!("/tokens?{name}={token}")).await;
        assert!(is_denied(&page), "{page:?}");
    }
}

#[tokio::test]
async fn without_a_password_a_token_limits_its_holder_all_the_same() {
    let app = TestApp::spawn().await;
    let token = app.token(&app, "camera", "read").await;
    let program = Client::with_token(app.address, &token);

    program.get("/api/captions").await.expect(200);
    program
        .upload("photo.jpg", testing::photo(1, 32, 32))
        .await
        .problem(403);
    program.page("/tokens").await.expect(403);
    // It opens no door to other machines either.
    let rebound = program
        .request(Method::GET, "/api/images")
        .header(HOST, "rebound.example");
    send(rebound).await.problem(403);
}

#[tokio::test]
async fn with_a_cookie_and_a_token_the_token_counts() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let admin = app.sign_in(PASSWORD).await;
    let token = app.token(&admin, "camera", "read").await;
    let both = |method, path: &str| {
        let request = admin.request(method, path);
        request.header(AUTHORIZATION, format!("Bearer {token}"))
    };

    send(both(Method::GET, "/api/captions")).await.expect(200);
    send(both(Method::POST, "/api/captions/resume"))
        .await
        .problem(403);
    send(both(Method::GET, "/tokens")).await.expect(403);
    admin.get("/tokens").await.expect(200);
}

#[tokio::test]
async fn a_request_with_a_token_needs_no_origin_of_ours() {
    let (app, admin, program) = app_with_token("manage").await;
    let message = json!({"author": "Ada", "body": "Hello"});
    let foreign = |client: &Client| {
        let request = client.request(Method::POST, "/api/messages").json(&message);
        request.header(ORIGIN, "https://app.example")
    };

    send(foreign(&program)).await.expect(201);
    send(foreign(&admin)).await.problem(403);
    // A token that does not hold makes no difference.
    let guess = Client::with_token(app.address, &format!("vt_{}", "0".repeat(64)));
    send(foreign(&guess)).await.problem(401);
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_refused_at_once() {
    let (app, admin, program) = app_with_token("read").await;
    let token = app.token(&admin, "short", "read").await;
    let short = Client::with_token(app.address, &token);
    for client in [&program, &short] {
        client.get("/api/captions").await.expect(200);
    }

    app.revoke(&admin, "camera").await;
    Entity::update_many()
        .filter(Column::Name.eq("short"))
        .col_expr(Column::ExpiresAt, Expr::value(entity::now()))
        .exec(&app.state.db)
        .await
        .unwrap();

    for client in [&program, &short] {
        // No more, because an address with many wrong tokens is asked to wait.
        for path in ["/api/captions", "/api/messages"] {
            client.get(path).await.problem(401);
        }
    }
    let page = admin.page("/tokens").await.expect(200).text();
    assert!(page.contains("<td>revoked ") && page.contains("<td>expired "));
    assert!(page.contains("There are no tokens."));
    // It stays revoked as of the first time.
    let revoked_at = app.token_row("camera").await.revoked_at;
    app.revoke(&admin, "camera").await;
    assert_eq!(app.token_row("camera").await.revoked_at, revoked_at);
}

#[tokio::test]
async fn a_stream_of_events_ends_when_its_token_is_revoked() {
    let (app, admin, program) = app_with_token("read").await;
    let mut seen = Events::listen(&program).await;
    let mut known = Events::listen(&admin).await;
    let upload = |seed| admin.upload("photo.jpg", testing::photo(seed, 32, 32));
    upload(1).await.expect(201);
    assert_eq!(seen.next().await.unwrap().name, "image");

    // An event right behind the revocation is not seen any more.
    app.revoke(&admin, "camera").await;
    let id = upload(2).await.expect(201).id();

    let mut rest = Vec::new();
    while let Some(event) = seen.next().await {
        rest.push(event.data["id"].clone());
    }
    assert!(!rest.contains(&json!(id.to_string())), "{rest:?}");
    known
        .image_that(|image| image["id"] == id.to_string())
        .await;
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_ends_with_its_token_too() {
    let (app, admin, program) = app_with_token("upload").await;
    let mut seen = Events::listen(&program).await;

    app.revoke(&admin, "camera").await;

    assert!(seen.next().await.is_none());
}

#[tokio::test]
async fn the_last_use_is_recorded_to_the_minute() {
    let (app, _, program) = app_with_token("read").await;
    let used = async || app.token_row("camera").await.last_used_at;
    assert_eq!(used().await, None);

    program.get("/api/images").await.expect(200);
    let first = used().await.unwrap();
    program.get("/api/images").await.expect(200);
    assert_eq!(used().await, Some(first), "within the minute");

    let earlier = first - TimeDelta::minutes(2);
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(earlier))
        .exec(&app.state.db)
        .await
        .unwrap();
    program.get("/api/images").await.expect(200);
    assert!(used().await.unwrap() >= first);
}

#[tokio::test]
async fn many_wrong_tokens_have_to_wait_and_keep_out_neither_right_ones_nor_passwords() {
    let (app, _, program) = app_with_token("read").await;
    let guess = Client::with_token(app.address, &format!("vt_{}", "0".repeat(64)));
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(guess.get("/api/images").await.status);
    }

    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[9], 429);
    let waiting = guess.get("/api/images").await;
    assert!(waiting.problem(429).contains("too many wrong tokens"));
    assert!(waiting.header("retry-after").parse::<u32>().unwrap() >= 1);
    program.get("/api/captions").await.expect(200);
    app.sign_in(PASSWORD).await;
    app.visitor().get("/api/images").await.expect(200);
}

#[tokio::test]
async fn an_upload_with_a_wrong_token_gets_to_read_why_it_is_refused() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let guess = Client::with_token(app.address, &format!("vt_{}", "0".repeat(64)));
    let mut large = testing::photo(1, 64, 64);
    large.resize(20 * 1024 * 1024, 0);

    guess.upload("photo.jpg", large).await.problem(401);

    assert!(app.rows().await.is_empty());
    assert_eq!(app.unfinished_files(), Vec::<String>::new());
}

#[tokio::test]
async fn the_database_holds_no_token_that_can_be_used() {
    let (app, _, _) = app_with_token("manage").await;
    let row = app.token_row("camera").await;
    assert_eq!((row.scope, &*row.created_by), (Scope::Manage, "admin"));
    for copied in [row.hash.clone(), format!("vt_{}", row.hash)] {
        let thief = Client::with_token(app.address, &copied);
        thief.get("/api/images").await.problem(401);
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_a_name_is_used_once() {
    let (app, admin, _) = app_with_token("read").await;
    let page = admin.page("/tokens").await.expect(200).text();
    assert_eq!(token_on(&page), None);
    assert!(page.contains("<th scope=\"row\">camera</th>"));

    app.revoke(&admin, "camera").await;
    let fields = [("name", "camera"), ("may", "manage")];
    let page = admin.post_form("/tokens", &fields).await.expect(409);

    assert_eq!(token_on(&page.text()), None);
    assert!(page.text().contains("choose another"));
    assert!(page.text().contains("value=\"manage\" checked"));
}

#[tokio::test]
async fn a_form_for_a_token_that_cannot_be_made_says_why() {
    let app = TestApp::spawn().await;
    for (name, may, days) in [
        ("", "read", ""),
        (&*"x".repeat(65), "read", ""),
        ("camera", "everything", ""),
        ("camera", "read", "0"),
        ("camera", "read", "-1"),
        ("camera", "read", "soon"),
        ("camera", "read", "99999"),
    ] {
        let fields = [("name", name), ("may", may), ("days", days)];
        let answer = app.post_form("/tokens", &fields).await.expect(422);
        assert!(answer.text().contains("role=\"alert\""), "{fields:?}");
    }
    assert!(Entity::find().all(&app.state.db).await.unwrap().is_empty());
    let fields = [("name", "camera"), ("may", "read"), ("days", " 30 ")];
    app.post_form("/tokens", &fields).await.expect(201);
    let row = app.token_row("camera").await;
    assert_eq!(row.expires_at, Some(row.created_at + TimeDelta::days(30)));
}

#[tokio::test]
async fn a_token_holds_on_every_instance_and_is_revoked_on_each() {
    let (app, admin, program) = app_with_token("read").await;
    let twin = TestApp::builder()
        .password("another one")
        .on_the_data_of(&app)
        .spawn()
        .await;
    let there = program.at(twin.address);
    let mut seen = Events::listen(&there).await;
    there.get("/api/captions").await.expect(200);

    app.revoke(&admin, "camera").await;

    there.get("/api/captions").await.problem(401);
    assert!(seen.next().await.is_none());
}

#[tokio::test]
async fn names_of_tokens_are_shown_as_text() {
    let app = TestApp::spawn().await;
    let name = "<b onclick=alert(1)>\"'";
    app.token(&app, name, "read").await;

    let page = app.page("/tokens").await.expect(200).text();

    assert!(!page.contains("<b onclick"));
    assert!(page.contains("&lt;b onclick"));
}
