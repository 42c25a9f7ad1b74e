//! Signing in and out.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use super::{Page, html};
use crate::access::{BROWSER_COOKIE, Client, Viewer, cookie, known_browser, sessions};
use crate::problem::Problem;
use crate::state::AppState;

/// How long a browser is known after it signed in, in seconds.
const BROWSER_LIFETIME: i64 = 365 * 24 * 60 * 60;

/// The query of [`form`].
#[derive(Debug, Deserialize)]
pub struct Next {
    next: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Credentials {
    password: String,
    next: Option<String>,
}

/// The address of the form for somebody who wants to go to `next`.
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
    let next = ours(next.as_deref());
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
    headers: HeaderMap,
    Form(Credentials { password, next }): Form<Credentials>,
) -> Result<Response, Problem> {
    let next = ours(next.as_deref());
    let address = client.address;
    let browser = known_browser(&headers);
    match state
        .sessions
        .sign_in(address, browser, password.into())
        .await
    {
        Ok(token) => {
            info!(%address, "signed in");
            let lifetime = sessions::LIFETIME.num_seconds();
            let browser = state.sessions.name_browser()?;
            let cookies = AppendHeaders([
                (
                    header::SET_COOKIE,
                    set_cookie(&client, crate::access::COOKIE, &token, lifetime)?,
                ),
                (
                    header::SET_COOKIE,
                    set_cookie(&client, BROWSER_COOKIE, &browser, BROWSER_LIFETIME)?,
                ),
            ]);
            Ok((cookies, Redirect::to(next)).into_response())
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            // docs/operations.md has the line for fail2ban: keep the words.
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
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(token) = cookie(&headers) {
        state.sessions.sign_out(token).await?;
    }
    let cookie = set_cookie(&client, crate::access::COOKIE, "", 0)?;
    // The browser may hold pages and pictures that a visitor must not see.
    let clear = ("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok((
        [(header::SET_COOKIE.as_str(), cookie), clear],
        Redirect::to("/"),
    )
        .into_response())
}

/// Over HTTPS the name begins with `__Host-`: the browser takes it from this host alone, and sends it
/// nowhere else.
fn set_cookie(
    client: &Client,
    name: &str,
    value: &str,
    lifetime: i64,
) -> Result<HeaderValue, Problem> {
    let (prefix, secure) = if client.is_https {
        ("__Host-", "; Secure")
    } else {
        ("", "")
    };
    format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lifetime}{secure}")
        .parse()
        .map_err(Problem::internal)
}

/// An address of ours to go on to; anything else leads home.
fn ours(next: Option<&str>) -> &str {
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
    fn signing_in_leads_to_our_own_pages_only() {
        assert_eq!(ours(Some("/images/1?x=y")), "/images/1?x=y");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "",
        ] {
            assert_eq!(ours(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(ours(None), "/");
    }
}
