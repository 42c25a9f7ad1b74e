//! Problems as pages, for browsers: the same status and text as a program gets.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Page, html, sentence};
use crate::access::Viewer;
use crate::problem::Problem;
use crate::request_id;
use crate::state::AppState;

/// The fallback of the router.
pub async fn not_found() -> Problem {
    Problem::not_found("page")
}

/// Middleware that turns problems into pages for browsers.
pub async fn as_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
        && !request.uri().path().starts_with("/api/");
    let (mut parts, body) = request.into_parts();
    let viewer = if wants_page {
        Viewer::from_request_parts(&mut parts, &state).await.ok()
    } else {
        None
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    match (response.extensions().get::<Problem>(), viewer) {
        (Some(problem), Some(viewer)) => page(&state, &viewer, problem).unwrap_or(response),
        _ => response,
    }
}

fn page(state: &AppState, viewer: &Viewer, problem: &Problem) -> Option<Response> {
    let status = problem.status();
    let heading = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        status if status.is_server_error() => "Something went wrong",
        _ => "This is not possible",
    };
    let context = json!({
        "page": Page::new(state, viewer, "", heading),
        "status": status.as_u16(),
        "heading": heading,
        "detail": sentence(problem.detail()),
        "trace_id": request_id::current().filter(|_| status.is_server_error()),
    });
    let shown = html(state, "error.html", &context).ok()?;
    let mut response = (status, shown).into_response();
    if let Some(seconds) = problem.retry_after() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    Some(response)
}
