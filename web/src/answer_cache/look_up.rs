//! The answer to a request, from the cache where that is right, and otherwise into it where it can be kept.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use platform::telemetry::metrics;
use quick_cache::DefaultHashBuilder;
use quick_cache::sync::DefaultLifecycle;

use super::answer::Answer;
use super::{ByBytes, Key, LIFETIME};
use crate::access::{Client, Viewer};
use crate::dev;
use crate::state::AppState;

/// A larger answer is not kept.
const LARGEST: u64 = 2 << 20;

/// In bytes. Browsers send less; answers to longer requests are not kept.
const LONGEST_KEY: usize = 1_000;

/// What the cache knows about a request.
pub(crate) enum Lookup<'a> {
    /// The answer.
    Known(Response),
    /// Nothing yet. Others that ask for the same wait until this place is filled or dropped.
    Wanted(Place<'a>),
    /// Answers to such requests are not kept.
    NotKept,
}

/// A place in the cache for the answer to a request.
pub(crate) struct Place<'a> {
    guard: PlaceholderGuard<'a>,
    /// Of the request.
    headers: HeaderMap,
}

type PlaceholderGuard<'a> = quick_cache::sync::PlaceholderGuard<
    'a,
    Key,
    Arc<Answer>,
    ByBytes,
    DefaultHashBuilder,
    DefaultLifecycle<Key, Arc<Answer>>,
>;

/// Looks for the answer to a request.
pub(crate) async fn look_up<'a>(state: &'a AppState, request: &mut Request) -> Lookup<'a> {
    let Some(key) = key(state, request).await else {
        return Lookup::NotKept;
    };
    loop {
        match state.answers.0.get_value_or_guard_async(&key).await {
            Ok(answer) if answer.made_at().elapsed() < LIFETIME => {
                metrics::cached_answer(true);
                return Lookup::Known(answer.respond(request.headers()));
            }
            Ok(_) => {
                state.answers.0.remove(&key);
            }
            Err(guard) => {
                metrics::cached_answer(false);
                let headers = request.headers().clone();
                return Lookup::Wanted(Place { guard, headers });
            }
        }
    }
}

impl Place<'_> {
    /// Keeps the answer if it can be kept, and returns the form of it that the client wants.
    pub(crate) async fn fill(self, response: Response) -> Response {
        let answer = match keep(response).await {
            Ok(answer) => Arc::new(answer),
            Err(response) => return response,
        };
        if answer.weight() <= LARGEST {
            // Refused only if it was removed meanwhile.
            let _ = self.guard.insert(Arc::clone(&answer));
        }
        answer.respond(&self.headers)
    }
}

/// None if the answer must not be kept, or what it depends on cannot be told.
async fn key(state: &AppState, request: &mut Request) -> Option<Key> {
    if dev::is_on() || request.method() != Method::GET || !is_kept(request.uri()) {
        return None;
    }
    let viewer: Viewer = request.extract_parts_with_state(state).await.ok()?;
    let now = state.freshness.now().await.ok()?;
    let pause = state.caption_pause.pause().await.ok()?;
    let text = |name| {
        let value = request.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let key = Key {
        address: request.uri().path_and_query()?.as_str().to_owned(),
        viewer: viewer.kind(),
        origin: state.proxies.origin(request.extensions().get::<Client>()),
        languages: text(header::ACCEPT_LANGUAGE).unwrap_or_default(),
        accept: text(header::ACCEPT).unwrap_or_default(),
        pause: pause.map(|pause| pause.to_string()),
        seq: now.seq,
    };
    // Whoever makes the answer knows what it is at least as new as.
    request.extensions_mut().insert(now);
    let length = key.address.len() + key.languages.len() + key.accept.len();
    (length <= LONGEST_KEY).then_some(key)
}

/// Whether this address shows images and nothing else that changes.
fn is_kept(uri: &axum::http::Uri) -> bool {
    let path = uri.path();
    let is_about_one = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
    };
    let waits = uri.query().is_some_and(|query| query.contains("wait"));
    matches!(path, "/" | "/gallery" | "/api/images")
        || is_about_one("/images/")
        || (is_about_one("/api/images/") && !waits)
}

/// The answer, or the response as it was if it cannot be kept.
async fn keep(response: Response) -> Result<Answer, Response> {
    let (parts, body) = response.into_parts();
    let is_personal = parts.headers.contains_key(header::SET_COOKIE);
    if parts.status != StatusCode::OK || is_personal {
        return Err(Response::from_parts(parts, body));
    }
    let Ok(body) = body.collect().await else {
        return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    Ok(Answer::new(parts.headers, body.to_bytes()))
}
