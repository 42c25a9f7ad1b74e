//! One line in the log about each request, once its answer has been sent or was given up: status,
//! bytes of the body, and time. It names the route, not the path, and neither address nor query:
//! those may be personal.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tracing::{Span, info};

/// A request that is being answered. Dropping it writes the line.
pub(crate) struct Line {
    /// With the method, the route and the trace id.
    span: Span,
    begun: Instant,
    status: u16,
    bytes: u64,
}

impl Line {
    pub(crate) fn new(span: Span, begun: Instant, status: u16) -> Self {
        Self {
            span,
            begun,
            status,
            bytes: 0,
        }
    }

    /// Writes the line at the end of the response's body.
    pub(crate) fn at_end_of(self, response: Response) -> Response {
        response.map(|body| Body::new(Counted { body, line: self }))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let millis = self.begun.elapsed().as_secs_f64() * 1000.0;
        // Digits beyond microseconds are noise.
        let millis = (millis * 1000.0).round() / 1000.0;
        let Self { status, bytes, .. } = *self;
        self.span
            .in_scope(|| info!(status, bytes, millis, "answered"));
    }
}

struct Counted {
    body: Body,
    line: Line,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.line.bytes += length as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
