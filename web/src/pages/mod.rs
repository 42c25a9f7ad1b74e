//! The pages.

pub mod captions;
pub mod docs;
pub mod errors;
pub mod gallery;
mod highlight;
pub mod image;
pub mod login;
pub mod messages;
pub mod tokens;
pub mod upload;
mod view;

use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use platform::settings::{MEGABYTE, SearchEngines};
use serde::Serialize;

use crate::access::{Action, Role, Viewer};
use crate::error_chain::error_chain;
use crate::problem::Problem;
use crate::state::AppState;

/// What the layout of every page needs.
#[derive(Debug, Serialize)]
pub(crate) struct Page<'a> {
    title: &'a str,
    path: &'a str,
    viewer: PageViewer<'a>,
    max_upload_mb: u64,
    max_megapixels: u64,
    notice: Option<Notice>,
    version: &'static str,
    /// Whether search engines may list it.
    may_be_listed: bool,
}

#[derive(Debug, Serialize)]
struct PageViewer<'a> {
    role: &'static str,
    name: Option<&'a str>,
    may_upload: bool,
    may_post: bool,
    may_manage: bool,
    may_manage_tokens: bool,
    can_sign_in: bool,
    signed_in: bool,
}

/// A line above a page's content.
#[derive(Debug, Serialize)]
struct Notice {
    kind: &'static str,
    text: String,
    url: &'static str,
}

/// A notice for people who manage the gallery.
fn notice(state: &AppState, viewer: &Viewer, path: &str) -> Option<Notice> {
    let pause = state.caption_pause.last_pause()?;
    let is_news = viewer.may(Action::Manage) && path != "/captions" && pause.needs_attention();
    is_news.then(|| Notice {
        kind: if pause.is_the_providers() {
            "error"
        } else {
            "info"
        },
        text: format!("Captions are paused: {}.", pause.detail),
        url: "/captions",
    })
}

impl<'a> Page<'a> {
    pub(crate) fn new(state: &AppState, viewer: &'a Viewer, path: &'a str, title: &'a str) -> Self {
        Self {
            title,
            path,
            viewer: PageViewer {
                role: match viewer.role() {
                    Role::Admin => "admin",
                    Role::Program(_) => "program",
                    Role::Visitor => "visitor",
                },
                name: viewer.name(),
                may_upload: viewer.may(Action::Upload),
                may_post: viewer.may(Action::PostMessage),
                may_manage: viewer.may(Action::Manage),
                may_manage_tokens: viewer.may(Action::ManageTokens),
                can_sign_in: viewer.can_sign_in(),
                signed_in: viewer.is_signed_in(),
            },
            max_upload_mb: state.limits.max_bytes / MEGABYTE,
            max_megapixels: state.limits.picture.max_pixels / 1_000_000,
            notice: notice(state, viewer, path),
            version: env!("CARGO_PKG_VERSION"),
            may_be_listed: state.search_engines == SearchEngines::Allow,
        }
    }
}

/// Renders a page. It depends on the viewer, so shared caches must not store it.
fn html(state: &AppState, template: &str, context: &impl Serialize) -> Result<Response, Problem> {
    let text = state
        .templates
        .render(template, context)
        .map_err(|error| Problem::internal(format!("{template}: {}", error_chain(&error))))?;
    Ok(([("cache-control", "private, no-cache")], Html(text)).into_response())
}

/// Redirects to the login page, and from there back to `next`, where signing in would help.
fn or_login(problem: Problem, next: &str) -> Response {
    if problem.status() == axum::http::StatusCode::UNAUTHORIZED {
        Redirect::to(&login::address(next)).into_response()
    } else {
        problem.into_response()
    }
}

/// The detail of a problem, which begins in lower case and has no full stop, as a sentence.
fn sentence(detail: &str) -> String {
    let mut rest = detail.chars();
    match rest.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), rest.as_str()),
        None => String::new(),
    }
}

fn date_and_time(instant: DateTime<Utc>) -> String {
    instant.format("%-d %b %Y, %H:%M UTC").to_string()
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    let mega = MEGABYTE as f64;
    match bytes {
        b if b < 1024.0 => format!("{b} bytes"),
        b if b < mega => format!("{:.0} KB", b / 1024.0),
        b if b < 10.0 * mega => format!("{:.1} MB", b / mega),
        b => format!("{:.0} MB", b / mega),
    }
}
