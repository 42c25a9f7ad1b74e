//! Headers that every answer has unless its handler sets another value: what browsers may load
//! and frame.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use platform::objects::ObjectStore;
use tower_http::set_header::SetResponseHeaderLayer;

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

/// Adds them to every answer of this router.
pub(crate) fn add(mut router: Router<AppState>, store: &dyn ObjectStore) -> Router<AppState> {
    let policy = content_security_policy(store);
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, &policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_str(value) else {
            unreachable!("origins and keywords are ASCII");
        };
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, value));
    }
    router
}
