//! The pages.

pub mod captions;
mod cards;
mod desk_view;
pub mod docs;
pub mod errors;
pub mod gallery;
mod highlight;
pub mod image;
mod image_parts;
mod image_words;
mod languages;
pub mod login;
pub mod messages;
pub mod removal;
pub mod review;
pub mod review_form;
pub mod status;
pub mod tokens;
pub mod trash;
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
    site: PageSite<'a>,
    viewer: PageViewer<'a>,
    max_upload_mb: u64,
    /// 0 if a deletion cannot be undone.
    trash_days: i64,
    max_megapixels: u64,
    notice: Option<Notice>,
    version: &'static str,
    /// Whether search engines may list it.
    may_be_listed: bool,
}

#[derive(Debug, Serialize)]
struct PageSite<'a> {
    title: &'a str,
    reviews_each: bool,
    contact: Option<PageContact<'a>>,
}

#[derive(Debug, Serialize)]
struct PageContact<'a> {
    text: &'a str,
    href: &'a str,
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
    /// What the provider or the network said, if the text leaves it out.
    more: Option<String>,
    url: String,
    link: &'static str,
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
        text: format!("Captions are paused: {}.", first_words(&pause.detail)),
        more: more_words(&pause.detail).map(str::to_owned),
        url: "/captions".to_owned(),
        link: "See captions",
    })
}

impl<'a> Page<'a> {
    pub(crate) fn new(
        state: &'a AppState,
        viewer: &'a Viewer,
        path: &'a str,
        title: &'a str,
    ) -> Self {
        Self {
            title,
            path,
            site: PageSite {
                title: state.site.title(),
                reviews_each: state.site.reviews_each(),
                contact: state.site.contact().map(|contact| PageContact {
                    text: &contact.text,
                    href: &contact.href,
                }),
            },
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
            trash_days: state.trash_kept.num_days(),
            max_upload_mb: state.limits.max_bytes / MEGABYTE,
            max_megapixels: state.limits.picture.max_pixels / 1_000_000,
            notice: notice(state, viewer, path),
            version: env!("CARGO_PKG_VERSION"),
            may_be_listed: state.search_engines == SearchEngines::Allow,
        }
    }
}

impl Page<'_> {
    /// The page as visitors see it, for somebody who sees more at `url`.
    fn preview_of(mut self, url: &str) -> Self {
        self.notice = Some(Notice {
            kind: "info",
            text: "This is the page as visitors see it.".to_owned(),
            more: None,
            url: url.to_owned(),
            link: "Back to your own",
        });
        self
    }
}

/// Renders a page. It depends on the viewer, so shared caches must not store it.
fn html(state: &AppState, template: &str, context: &impl Serialize) -> Result<Response, Problem> {
    let text = rendered(state, template, context)?;
    Ok(([("cache-control", "private, no-cache")], Html(text)).into_response())
}

fn rendered(state: &AppState, template: &str, context: &impl Serialize) -> Result<String, Problem> {
    let text = state.templates.render(template, context);
    text.map_err(|error| Problem::internal(format!("{template}: {}", error_chain(&error))))
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

/// The day without the time, which is all that visitors are told.
fn day(instant: DateTime<Utc>) -> String {
    instant.format("%-d %b %Y").to_string()
}

/// Parts of causes that only help technicians.
const TECHNICAL: [&str; 5] = [
    "os error",
    "tcp connect",
    "dns error",
    "error sending",
    "certificate",
];

/// An error without a technical cause at its end, as in `Connection refused (os error 111)`. Pages
/// show that behind *More*.
fn first_words(error: &str) -> &str {
    match error.split_once(": ") {
        Some((first, cause)) if TECHNICAL.iter().any(|words| cause.contains(words)) => first,
        _ => error,
    }
}

/// The whole error, if [`first_words`] leaves something out.
fn more_words(error: &str) -> Option<&str> {
    (first_words(error).len() < error.len()).then_some(error)
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

#[cfg(test)]
mod tests {
    use super::{first_words, more_words};

    #[test]
    fn only_a_technical_cause_is_left_out_of_an_error() {
        let error = "Gemini cannot be reached: Connection refused (os error 111)";
        assert_eq!(first_words(error), "Gemini cannot be reached");
        assert_eq!(more_words(error), Some(error));
        let advice = "Gemini rejects the key: check GEMINI_API_KEY";
        assert_eq!(first_words(advice), advice);
        assert_eq!(more_words(advice), None);
    }
}
