//! `/login` and `/logout`

use std::net::SocketAddr;

use axum::Form;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;
use serde_json::json;

use super::{Page, html};
use crate::access::{COOKIE, Viewer, sessions};
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

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
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Credentials { password, next }): Form<Credentials>,
) -> Result<Response, Problem> {
    let next = local_path(next.as_deref());
    match state.sessions.sign_in(from.ip(), password.into()).await {
        Ok(token) => {
            let jar = CookieJar::new().add(session_cookie(&headers, token));
            Ok((jar, Redirect::to(next)).into_response())
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            let shown = page(&state, &viewer, next, Some("That is not the password."))?;
            Ok((StatusCode::UNAUTHORIZED, shown).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /logout`
pub async fn sign_out(
    State(state): State<AppState>,
    headers: HeaderMap,
    jar: CookieJar,
) -> Result<Response, Problem> {
    if let Some(cookie) = jar.get(COOKIE) {
        state.sessions.sign_out(cookie.value()).await?;
    }
    let mut expired = session_cookie(&headers, String::new());
    expired.make_removal();
    // The browser's cache may hold pages and pictures that a visitor must not see.
    let clear = [("clear-site-data", "\"cache\"")];
    Ok((CookieJar::new().add(expired), clear, Redirect::to("/")).into_response())
}

fn session_cookie(headers: &HeaderMap, token: String) -> Cookie<'static> {
    // A TLS-terminating proxy sets this header. A client that forges it affects only its own cookie.
    let is_https = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let mut cookie = Cookie::build((COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https)
        .build();
    let lifetime = sessions::LIFETIME.to_std().ok();
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
