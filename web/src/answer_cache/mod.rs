//! Pages and JSON about images, made once per change and kind of viewer instead of once per request.
//!
//! What is kept carries the number of the last change that was known before it was made, and is given
//! out only while there is none after it: nobody sees an image after it was withdrawn, on whatever
//! instance that was done.

mod answer;
pub(crate) mod cards;
pub(crate) mod freshness;
mod log_stamp;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use platform::telemetry::metrics;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use self::answer::Answer;
pub use self::freshness::Freshness;
use crate::access::{Client, Viewer};
use crate::dev;
use crate::state::AppState;

/// Bytes of all answers together.
const CAPACITY: u64 = 64 << 20;

/// Answers that are expected; more fit if they are small.
const EXPECTED: usize = 2_000;

/// A larger answer is not kept.
const LARGEST: u64 = 2 << 20;

/// Addresses that expire, and what changes without a change of an image, are made anew after this.
const LIFETIME: Duration = Duration::from_secs(60);

/// Longer headers are somebody's play; their answers are not kept.
const LONGEST_KEY: usize = 1_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct AnswerCache(Arc<Cache<Key, Arc<Answer>, ByBytes>>);

/// What an answer depends on besides the images.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The last change.
    seq: i64,
    address: String,
    viewer: String,
    origin: Option<String>,
    languages: String,
    accept: String,
    /// Why captions are paused.
    pause: Option<String>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Answer>> for ByBytes {
    fn weight(&self, key: &Key, answer: &Arc<Answer>) -> u64 {
        answer.weight() + key.address.len() as u64
    }
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(EXPECTED, CAPACITY, ByBytes)))
    }
}

/// Answers from the cache where that is right, and keeps what can be kept.
pub(crate) async fn from_cache(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(key) = key(&state, &mut parts).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let headers = parts.headers.clone();
    // One request makes the answer, and others that want the same wait for it.
    loop {
        match state.answers.0.get_value_or_guard_async(&key).await {
            Ok(answer) if answer.made_at().elapsed() < LIFETIME => {
                metrics::cached_answer(true);
                return answer.respond(&headers);
            }
            Ok(_) => {
                state.answers.0.remove(&key);
            }
            Err(guard) => {
                metrics::cached_answer(false);
                let response = next.run(Request::from_parts(parts, body)).await;
                return match keep(response).await {
                    Ok(answer) => {
                        let answer = Arc::new(answer);
                        if answer.weight() <= LARGEST {
                            // Refused only if it was removed meanwhile.
                            let _ = guard.insert(Arc::clone(&answer));
                        }
                        answer.respond(&headers)
                    }
                    Err(response) => response,
                };
            }
        }
    }
}

/// None if the answer must not be kept, or what it depends on cannot be told.
async fn key(state: &AppState, parts: &mut Parts) -> Option<Key> {
    if dev::is_on() || parts.method != Method::GET || !is_kept(&parts.uri) {
        return None;
    }
    let viewer = Viewer::from_request_parts(parts, state).await.ok()?;
    let text = |name| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let now = state.freshness.now().await.ok()?;
    let key = Key {
        address: parts.uri.path_and_query()?.as_str().to_owned(),
        viewer: viewer.kind(),
        origin: state.proxies.origin(parts.extensions.get::<Client>()),
        languages: text(header::ACCEPT_LANGUAGE).unwrap_or_default(),
        accept: text(header::ACCEPT).unwrap_or_default(),
        pause: state
            .caption_pause
            .pause()
            .await
            .ok()?
            .map(|pause| pause.to_string()),
        seq: now.seq,
    };
    // Whoever makes the answer knows what it is at least as new as.
    parts.extensions.insert(now);
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
