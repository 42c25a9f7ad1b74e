//! Every route there is, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::routes;

use crate::guards::{self, Guards};
use crate::openapi::{self, Api};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::routes::Routes;
use crate::state::AppState;
use crate::{api, assets, dev, operations, pages, response_headers};

pub use crate::routes::Route;

fn routes() -> Routes {
    Routes::new()
        .get("/", pages::gallery::show)
        .get("/gallery", pages::gallery::show)
        .get("/images/{id}", pages::image::show)
        .get("/images/{id}/card", pages::gallery::card)
        .post("/images/{id}/caption", pages::image::describe)
        .post("/images/{id}/decide", pages::image::decide)
        .post("/images/{id}/notes", pages::image::note)
        .post("/images/{id}/delete", pages::image::delete)
        .post("/images/{id}/steps/{step}/retry", pages::image::retry)
        .get("/images/{id}/thats-me", pages::removal::form)
        .post("/images/{id}/thats-me", pages::removal::request)
        .get("/removal/{number}", pages::removal::show)
        .get("/removal-requests", pages::removal::list)
        .post("/removal-requests/{id}", pages::removal::answer)
        .get("/review", pages::review::show)
        .get("/review/certain", pages::review::contact_sheet)
        .post("/review/certain", pages::review::release_certain)
        .post("/review/{id}", pages::review_form::post)
        .post("/upload", pages::upload::receive)
        .get("/captions", pages::captions::show)
        .post("/captions/resume", pages::captions::resume)
        .get("/status", pages::status::show)
        .post("/status/{step}/retry", pages::status::retry)
        .get("/messages", pages::messages::show)
        .post("/messages", pages::messages::post)
        .post("/messages/{id}/delete", pages::messages::delete)
        .get("/login", pages::login::form)
        .post("/login", pages::login::sign_in)
        .post("/logout", pages::login::sign_out)
        .get("/tokens", pages::tokens::show)
        .post("/tokens", pages::tokens::add)
        .post("/tokens/{id}/revoke", pages::tokens::revoke)
        .get("/trash", pages::trash::show)
        .post("/trash/{id}/restore", pages::trash::restore)
        .post("/trash/{id}/remove", pages::trash::remove)
        .get("/docs", pages::docs::show)
        .get("/docs/problems", pages::docs::problems)
        .get("/docs/assets/{file}", pages::docs::asset)
        .get("/static/{file}", assets::serve)
        .get("/robots.txt", operations::robots)
        .api(routes!(api::images::list, api::images::upload::upload))
        .api(routes!(
            api::images::show,
            api::images::edit::edit,
            api::images::delete
        ))
        .api(routes!(api::removal_requests::request))
        .api(routes!(api::trash::list))
        .api(routes!(api::trash::remove))
        .api(routes!(api::trash::restore))
        .api(routes!(api::renditions::show))
        .api(routes!(api::steps::retry))
        .api(routes!(api::boxes::show, api::boxes::replace))
        .api(routes!(api::release::release))
        .api(routes!(api::release::withdraw))
        .api(routes!(api::release::hold))
        .api(routes!(api::review::list))
        .api(routes!(api::review::release_certain))
        .api(routes!(api::records::list))
        .api(routes!(api::captions::show))
        .api(routes!(api::captions::resume))
        .api(routes!(api::status::show))
        .api(routes!(api::status::retry))
        .api(routes!(api::uploads::begin))
        .api(routes!(api::uploads::complete))
        .api(routes!(api::events::listen))
        .api(routes!(api::messages::list, api::messages::post))
        .api(routes!(api::messages::show, api::messages::delete))
        .api(routes!(openapi::show))
        .api(routes!(operations::ready))
        .api(routes!(operations::load_balancer_test))
        // Load balancers ask by address, not by name.
        .unguarded(routes!(operations::health))
}

/// Every route, for tests that try each of them.
pub fn list() -> Vec<Route> {
    routes().list()
}

/// The router of the whole server.
pub(crate) fn router(state: AppState) -> serde_json::Result<Router> {
    let routes = routes().split();
    let guards = Guards {
        state: state.clone(),
        api: Arc::new(Api::new(routes.document)?),
    };
    let around_all = ServiceBuilder::new()
        .layer(from_fn_with_state(
            response_headers::for_every_answer(&state),
            guards::around_all,
        ))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal("a handler panicked").into_response()
        }))
        .layer(CompressionLayer::new());
    Ok(routes
        .guarded
        .merge(dev::routes())
        .fallback(pages::errors::not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(guards, guards::around_handlers))
        .merge(routes.unguarded)
        .with_state(state)
        .layer(around_all))
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        ProblemKind::MethodNotAllowed,
        "this address does not take this method",
    )
}
