//! `/login` and `/logout`

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use super::{Page, html};
use crate::access::{
    BROWSER_COOKIE, COOKIE, Client, Viewer, known_browser, session_token, sessions,
};
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

/// How long a browser is known after it signed in.
const BROWSER_LIFETIME: chrono::TimeDelta = chrono::TimeDelta::days(365);

#[derive(Debug, Deserialize)]
pub struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
pub struct Credentials {
    password: String,
    next: Option<String>,
}

/// The URL of the form that leads to `next` after signing in.
pub(crate) fn address(next: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("/login?{query}")
}

/// `GET /login`
pub async fn form(
    State(state): State<AppState>,
    viewer: Viewer,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Problem> {
    let next = local_path(next.as_deref());
    if !viewer.can_sign_in() {
        return Ok(Redirect::to(next).into_response());
    }
    page(&state, &viewer, next, None)
}

fn page(
    state: &AppState,
    viewer: &Viewer,
    next: &str,
    error: Option<&str>,
) -> Result<Response, Problem> {
    let context = json!({
        "page": Page::new(state, viewer, "/login", "Sign in"),
        "next": next,
        "error": error,
    });
    html(state, "login.html", &context)
}

/// `POST /login`
pub async fn sign_in(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    jar: CookieJar,
    Form(Credentials { password, next }): Form<Credentials>,
) -> Result<Response, Problem> {
    let next = local_path(next.as_deref());
    let address = client.address;
    let browser = known_browser(&jar);
    match state
        .sessions
        .sign_in(address, browser, password.into())
        .await
    {
        Ok(token) => {
            info!(%address, "signed in");
            let browser = state.sessions.name_browser()?;
            // In this order: a jar has none, and simple programs take the first cookie.
            let cookies = [
                cookie(&client, COOKIE, token, sessions::LIFETIME),
                cookie(&client, BROWSER_COOKIE, browser, BROWSER_LIFETIME),
            ];
            let headers = cookies.map(|cookie| (header::SET_COOKIE, cookie.to_string()));
            Ok((AppendHeaders(headers), Redirect::to(next)).into_response())
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            // docs/proxies.md has the line for fail2ban: keep the words.
            warn!(%address, "wrong password");
            let shown = page(&state, &viewer, next, Some("That is not the password."))?;
            Ok((StatusCode::UNAUTHORIZED, shown).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /logout`
pub async fn sign_out(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    jar: CookieJar,
) -> Result<Response, Problem> {
    if let Some(token) = session_token(&jar) {
        state.sessions.sign_out(token).await?;
    }
    let mut expired = cookie(&client, COOKIE, String::new(), chrono::TimeDelta::zero());
    expired.make_removal();
    // The browser's cache may hold pages and pictures that a visitor must not see.
    let clear = [("clear-site-data", "\"cache\"")];
    Ok((CookieJar::new().add(expired), clear, Redirect::to("/")).into_response())
}

/// Over HTTPS the name begins with `__Host-`: the browser takes it from this host alone, and sends it
/// nowhere else.
fn cookie(
    client: &Client,
    name: &str,
    value: String,
    lifetime: chrono::TimeDelta,
) -> Cookie<'static> {
    let prefix = if client.is_https { "__Host-" } else { "" };
    let mut cookie = Cookie::build((format!("{prefix}{name}"), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.is_https)
        .build();
    let lifetime = lifetime.to_std().ok();
    cookie.set_max_age(lifetime.and_then(|lifetime| lifetime.try_into().ok()));
    cookie
}

/// A path on this server; anything else, such as another site, becomes `/`.
fn local_path(next: Option<&str>) -> &str {
    match next {
        Some(next)
            if next.starts_with('/')
                && !next.starts_with("//")
                && !next.contains('\\')
                && !next.chars().any(char::is_control) =>
        {
            next
        }
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_redirects_to_pages_of_this_server_only() {
        assert_eq!(local_path(Some("/images/1?x=y")), "/images/1?x=y");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "",
        ] {
            assert_eq!(local_path(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(local_path(None), "/");
    }
}
