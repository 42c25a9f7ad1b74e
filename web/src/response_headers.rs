//! Headers that every answer has unless its handler sets another value: what browsers may load
//! and frame, and that search engines list nothing.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use platform::objects::ObjectStore;
use platform::settings::SearchEngines;

use crate::state::AppState;

/// Nothing inline, no frames, and nothing from other origins but pictures that the store serves
/// itself. Placeholders are `data:` URLs, and previews of pictures to be uploaded `blob:` URLs.
fn content_security_policy(store: &dyn ObjectStore) -> String {
    let pictures = store.presigning().map_or_else(String::new, |presigning| {
        format!(" {}", presigning.origin())
    });
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: \
         blob:{pictures}; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri \
         'none'; frame-ancestors 'none'"
    )
}

/// What every answer has, unless it says otherwise.
pub(crate) fn for_every_answer(state: &AppState) -> Arc<HeaderMap> {
    let policy = content_security_policy(state.store.as_ref());
    let Ok(policy) = HeaderValue::try_from(policy) else {
        unreachable!("origins and keywords are ASCII");
    };
    let mut headers = HeaderMap::from_iter([(header::CONTENT_SECURITY_POLICY, policy)]);
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if state.search_engines == SearchEngines::Refuse {
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    }
    Arc::new(headers)
}

pub(crate) fn add_missing(missing: &HeaderMap, response: &mut Response) {
    for (name, value) in missing {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
}

/// Answers depend on the viewer. Unless a handler says otherwise, no cache in between
/// may keep it, and a browser asks again.
pub(crate) fn private_by_default(response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
    }
    let is_private = headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|value| value.as_bytes().starts_with(b"private"));
    if is_private {
        headers.insert(
            header::VARY,
            HeaderValue::from_static("authorization, cookie"),
        );
    }
}

/// Once a browser has reached this server over HTTPS, it should never use plain HTTP.
pub(crate) fn strict_transport(response: &mut Response) {
    response.headers_mut().insert(
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000"),
    );
}
