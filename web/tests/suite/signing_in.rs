//! Signing in and out.

use entity::session;
use futures::future::join_all;
use reqwest::Method;
use sea_orm::EntityTrait as _;

use crate::app::TestApp;
use crate::client::{BROWSER, Client, send};

const PASSWORD: &str = "four random plain words";

/// Whether the gallery shows that this client is signed in.
/// Signs in and returns the session's cookie as name and value.
async fn session_cookie(browser: &Client) -> String {
    let answer = browser
        .post_form("/login", &[("password", PASSWORD)])
        .await
        .expect(303);
    let cookie = answer.header("set-cookie").split(';').next();
    cookie.unwrap().to_owned()
}

async fn is_signed_in(client: &Client) -> bool {
    let page = client.page("/gallery").await.expect(200).text();
    page.contains("Sign out")
}

async fn sessions(app: &TestApp) -> usize {
    let found = session::Entity::find().all(&app.state.db).await.unwrap();
    found.len()
}

#[tokio::test]
async fn the_right_password_opens_a_session() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let browser = app.visitor();
    assert!(!is_signed_in(&browser).await);

    let answer = browser
        .post_form("/login", &[("password", PASSWORD)])
        .await
        .expect(303);

    assert_eq!(answer.header("location"), "/");
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"),
        "{cookie}"
    );
    assert!(cookie.contains("; Path=/"), "{cookie}");
    assert!(is_signed_in(&browser).await);
    assert!(!is_signed_in(&app.visitor()).await);
}

#[tokio::test]
async fn behind_a_tls_proxy_the_cookie_is_secure() {
    let trusting = TestApp::builder()
        .password(PASSWORD)
        .set("VITRINE_TRUSTED_PROXIES", "127.0.0.1")
        .spawn()
        .await;
    let strangers = TestApp::builder().password(PASSWORD).spawn().await;
    for (app, is_https) in [(&trusting, true), (&strangers, false)] {
        let request = app
            .request(Method::POST, "/login")
            .header("x-forwarded-proto", "HTTPS")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("password=four+random+plain+words");

        let answer = send(request).await.expect(303);

        // The session's is the first.
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("vitrine_session="), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), is_https, "{cookie}");
        assert_eq!(cookie.starts_with("__Host-"), is_https, "{cookie}");
        let transport = answer.header("strict-transport-security");
        assert_eq!(!transport.is_empty(), is_https);
        let sent_back = cookie.split(';').next().unwrap();
        let page = app.request(Method::GET, "/").header("cookie", sent_back);
        let page = send(page.header("accept", BROWSER)).await.text();
        assert!(page.contains("Sign out"), "{page}");
    }
}

#[tokio::test]
async fn a_guesser_cannot_lock_out_a_browser_that_was_signed_in_before() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let browser = app.sign_in(PASSWORD).await;
    browser.post("/logout").await.expect(303);
    for _ in 0..8 {
        app.post_form("/login", &[("password", "guess")]).await;
    }

    let stranger = app.post_form("/login", &[("password", PASSWORD)]).await;
    assert_eq!(stranger.status, 429);
    let known = browser.post_form("/login", &[("password", PASSWORD)]).await;
    assert_eq!(known.status, 303);
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let fields = [("password", "guess"), ("next", "/messages")];

    let answer = app.post_form("/login", &fields).await.expect(401);

    assert_eq!(answer.header("set-cookie"), "");
    let page = answer.text();
    assert!(page.contains("That is not the password."));
    assert!(page.contains("name=\"next\" value=\"/messages\""));
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test]
async fn signing_out_ends_the_session_of_a_copied_cookie() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let browser = app.visitor();
    let cookie = session_cookie(&browser).await;
    assert_eq!(sessions(&app).await, 1);

    let answer = browser.post_form("/logout", &[]).await.expect(303);

    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(sessions(&app).await, 0);
    assert!(!is_signed_in(&browser).await);
    let kept = app
        .request(Method::GET, "/gallery")
        .header("cookie", cookie);
    assert!(!send(kept).await.text().contains("Sign out"));
}

#[tokio::test]
async fn the_database_holds_no_token_that_opens_a_session() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    app.sign_in(PASSWORD).await;
    let row = session::Entity::find()
        .one(&app.state.db)
        .await
        .unwrap()
        .unwrap();

    let copied = format!("vitrine_session={}", row.id);
    let request = app
        .request(Method::GET, "/gallery")
        .header("cookie", copied);

    assert!(!send(request).await.text().contains("Sign out"));
}

#[tokio::test]
async fn an_expired_session_is_ignored() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let browser = app.sign_in(PASSWORD).await;
    assert!(is_signed_in(&browser).await);

    session::Entity::update_many()
        .col_expr(
            session::Column::ExpiresAt,
            sea_orm::sea_query::Expr::value(entity::now()),
        )
        .exec(&app.state.db)
        .await
        .unwrap();

    assert!(!is_signed_in(&browser).await);
}

#[tokio::test]
async fn signing_in_never_redirects_to_another_site() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    for (next, leads_to) in [
        ("/images/1?x=y", "/images/1?x=y"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let fields = [("password", PASSWORD), ("next", next)];

        let answer = app.visitor().post_form("/login", &fields).await.expect(303);

        assert_eq!(answer.header("location"), leads_to);
    }
}

#[tokio::test]
async fn a_signed_in_user_is_redirected_from_the_form() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let browser = app.sign_in(PASSWORD).await;

    let answer = browser.page("/login?next=/messages").await.expect(303);

    assert_eq!(answer.header("location"), "/messages");
}

#[tokio::test]
async fn after_many_wrong_passwords_even_the_right_one_has_to_wait() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let mut last = app.post_form("/login", &[("password", "guess")]).await;
    for _ in 0..20 {
        if last.status != 401 {
            break;
        }
        last = app.post_form("/login", &[("password", "guess")]).await;
    }

    let answer = last.expect(429);
    let right = app.post_form("/login", &[("password", PASSWORD)]).await;

    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(answer.text().contains("Too many wrong passwords"));
    assert_eq!(right.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_wrong_passwords_do_not_bypass_the_wait() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;

    let guesses = (0..40).map(|_| app.post_form("/login", &[("password", "guess")]));
    let answers = join_all(guesses).await;

    let checked = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(checked <= 6, "{checked} guesses were checked");
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions() {
    let app = TestApp::builder().password(PASSWORD).spawn().await;
    let cookie = session_cookie(&app.visitor()).await;
    let twin = TestApp::builder()
        .password(PASSWORD)
        .on_the_data_of(&app)
        .spawn()
        .await;
    let changed = TestApp::builder()
        .password("another one")
        .on_the_data_of(&app)
        .spawn()
        .await;
    let gallery_on = async |app: &TestApp| {
        let request = app
            .request(Method::GET, "/gallery")
            .header("cookie", &cookie);
        send(request).await.text()
    };

    assert!(gallery_on(&twin).await.contains("Sign out"));
    assert!(!gallery_on(&changed).await.contains("Sign out"));
}
