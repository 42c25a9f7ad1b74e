//! The id of a request: in every log line about it, in the answer and in problems, so that a
//! reported problem can be found in the log. It is the trace id, which the client can set with
//! `traceparent` (W3C Trace Context).

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use platform::telemetry::{self, TRACEPARENT, metrics};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, error_span};
use uuid::Uuid;

use crate::request_log::Line;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the current request; none outside of requests.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Middleware that gives each request its id, and records it in a span and in the metrics.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(|route| route.as_str().to_owned());
    let span = span(&request, method, route.as_deref());
    let id = telemetry::begin(&span, traceparent(&request));
    // Without tracing there is no trace id, and answers still have an id.
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
    let answered = metrics::Request {
        method,
        route,
        status: status.as_u16(),
    };
    metrics::request(&answered, took);
    if let Ok(value) = id.parse() {
        response.headers_mut().insert("x-request-id", value);
    }
    Line::new(span, begun, status.as_u16()).at_end_of(response)
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

/// Clients can invent methods; the label of a metric must come from a closed set.
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
