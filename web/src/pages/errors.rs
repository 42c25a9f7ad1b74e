//! Problems as pages, for browsers: the same status and text as a program gets.

use axum::RequestExt as _;
use axum::extract::Request;
use axum::http::{StatusCode, header};
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

/// Who gets problems as pages; none for a program.
pub(crate) async fn reader(state: &AppState, request: &mut Request) -> Option<Viewer> {
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
        && !request.uri().path().starts_with("/api/");
    if !wants_page {
        return None;
    }
    request.extract_parts_with_state(state).await.ok()
}

/// The response, or a page in its place if it is a problem and somebody reads it.
pub(crate) fn as_page(state: &AppState, reader: Option<Viewer>, response: Response) -> Response {
    match (response.extensions().get::<Problem>(), reader) {
        (Some(problem), Some(viewer)) => page(state, &viewer, problem).unwrap_or(response),
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
