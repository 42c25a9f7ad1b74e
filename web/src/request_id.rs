//! A number for each request, in every log line about it, in the answer and in problems, so that
//! what somebody reports can be found. It is the number of the trace: if whoever asks has one
//! already (W3C's `traceparent`), theirs.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use platform::telemetry::{self, TRACEPARENT, metrics};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, error_span};
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: String;
}

/// The number of the request that is being answered; none outside of any.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Middleware that gives each request its number, and tells whoever follows or counts requests
/// how it went.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(|route| route.as_str().to_owned());
    let span = span(&request, method, route.as_deref());
    let id = telemetry::begin(&span, traceparent(&request));
    // Where nothing is logged, answers have their numbers all the same.
    let id = id.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let begun = Instant::now();
    let answered = CURRENT.scope(id.clone(), next.run(request));
    let mut response = answered.instrument(span.clone()).await;
    let took = begun.elapsed();
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("error.type", status.as_str());
        span.record("otel.status_code", "ERROR");
    }
    span.in_scope(|| debug!(millis = took.as_millis(), "answered"));
    let answered = metrics::Request {
        method,
        route,
        status: status.as_u16(),
    };
    metrics::request(&answered, took);
    if let Ok(value) = id.parse() {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

fn traceparent(request: &Request) -> Option<&str> {
    request.headers().get(TRACEPARENT)?.to_str().ok()
}

fn span(request: &Request, method: &'static str, route: Option<&str>) -> Span {
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    };
    error_span!(
        "request",
        otel.name = name,
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        url.scheme = "http",
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
        trace_id = Empty,
        image_id = Empty,
    )
}

/// Anybody may invent methods; what is counted by method must not grow with them.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}
