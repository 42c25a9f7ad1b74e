//! Every address there is, on one screen.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use platform::objects::ObjectStore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::access::{authenticate, refuse_strangers};
use crate::problem::Problem;
use crate::state::AppState;
use crate::{api, assets, dev, media, operations, pages, request_id};

/// Nothing inline, nothing from elsewhere but pictures that the store hands out itself, no
/// frames. Placeholders are data: addresses, and pictures that are about to be uploaded are blob:
/// addresses.
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

/// The router of the whole server.
pub(crate) fn router(state: AppState) -> Router {
    let policy = content_security_policy(state.store.as_ref());
    let routes = Router::new()
        .merge(dev::routes())
        .route("/", get(pages::gallery::show))
        .route("/gallery", get(pages::gallery::show))
        .route("/images/{id}", get(pages::image::show))
        .route("/images/{id}/card", get(pages::gallery::card))
        .route("/images/{id}/caption", post(pages::image::describe))
        .route("/images/{id}/delete", post(pages::image::delete))
        .route("/images/{id}/steps/{step}/retry", post(pages::image::retry))
        .route("/upload", post(pages::upload::receive))
        .route("/captions", get(pages::captions::show))
        .route("/captions/resume", post(pages::captions::resume))
        .route(
            "/messages",
            get(pages::messages::show).post(pages::messages::post),
        )
        .route(
            "/login",
            get(pages::login::form).post(pages::login::sign_in),
        )
        .route("/logout", post(pages::login::sign_out))
        .route("/tokens", get(pages::tokens::show).post(pages::tokens::add))
        .route("/tokens/{id}/revoke", post(pages::tokens::revoke))
        .route("/static/{file}", get(assets::serve))
        .route(
            "/api/images",
            get(api::images::list).post(api::images::upload),
        )
        .route(
            "/api/images/{id}",
            get(api::images::show)
                .patch(api::images::edit)
                .delete(api::images::delete),
        )
        .route("/api/images/{id}/{rendition}", get(media::show))
        .route(
            "/api/images/{id}/steps/{step}/retry",
            post(api::steps::retry),
        )
        .route("/api/captions", get(api::captions::show))
        .route("/api/captions/resume", post(api::captions::resume))
        .route("/api/uploads", post(api::uploads::begin))
        .route("/api/uploads/{id}/complete", post(api::uploads::complete))
        .route("/api/events", get(api::events::listen))
        .route(
            "/api/messages",
            get(api::messages::list).post(api::messages::post),
        )
        .route("/api/messages/{id}", get(api::messages::show))
        .route("/health/ready", get(operations::ready))
        .route("/load-balancer-test", get(operations::load_balancer_test))
        .fallback(pages::errors::not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(rejections_as_problems))
        .layer(from_fn_with_state(state.clone(), refuse_strangers))
        .layer(from_fn_with_state(state.clone(), pages::errors::as_pages))
        .layer(from_fn_with_state(state.clone(), authenticate))
        // A load balancer calls by address, and needs to know nothing else.
        .route("/health", get(operations::health))
        .with_state(state);
    with_headers(routes, &policy)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal("a handler panicked").into_response()
        }))
        .layer(from_fn(request_id::assign))
}

fn with_headers(mut router: Router, policy: &str) -> Router {
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, policy),
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
            unreachable!("addresses and words are ASCII");
        };
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, value));
    }
    router
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take this method",
    )
}

/// What axum refuses by itself (a path that is no id, a query that cannot be read) comes as
/// plain text; programs are promised problems, and people pages.
async fn rejections_as_problems(request: Request, next: axum::middleware::Next) -> Response {
    let response = next.run(request).await;
    let is_text = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if is_text && response.status().is_client_error() {
        return Problem::new(
            response.status(),
            "this request cannot be read; see the documentation",
        )
        .into_response();
    }
    response
}
