//! Request bodies that have to keep coming: a minimum rate rather than a total time, so that slow
//! phones can upload and idle clients cannot hold a connection. No other code times an upload.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::registry::Slot;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// How long a client may send nothing.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a body may be slower than [`RATE`].
const START: Duration = Duration::from_secs(20);

/// The least rate over the whole of a body, in bytes a second: GPRS is five times as fast.
const RATE: u64 = 1024;

/// How much of an unread body is received before the answer is sent anyway.
const DISCARDED_BYTES: usize = 64 * 1024 * 1024;

/// The same in time.
const DISCARD: Duration = Duration::from_secs(10);

/// Whether the body of a request came too slowly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stalled(Arc<AtomicBool>);

/// The part of a body that a handler left unread.
pub(super) struct Rest {
    body: Arc<Mutex<Option<Body>>>,
    stalled: Stalled,
    /// A client that waits for `100 Continue` sends nothing before it is asked to.
    expects_continue: bool,
}

/// Puts a request's body under the minimum rate. While it is awaited, its connection counts as one
/// that waits for its client.
pub(super) fn paced(request: Request, slot: Option<Arc<Slot>>) -> (Request, Rest) {
    let (mut parts, body) = request.into_parts();
    let rest = Rest {
        body: Arc::default(),
        stalled: Stalled::default(),
        expects_continue: parts.headers.contains_key(header::EXPECT),
    };
    if body.is_end_stream() {
        return (Request::from_parts(parts, body), rest);
    }
    parts.extensions.insert(rest.stalled.clone());
    let now = Instant::now();
    let body = Body::new(Paced {
        body: Some(body),
        begun: now,
        bytes: 0,
        deadline: Box::pin(sleep_until(now + SILENCE)),
        stalled: rest.stalled.clone(),
        rest: Arc::clone(&rest.body),
        polled: false,
        slot,
    });
    (Request::from_parts(parts, body), rest)
}

impl Rest {
    /// Reads on, so that a client which is still sending gets to read the answer; within bounds, and
    /// without keeping any of it.
    pub(super) async fn discard(self) {
        let body = {
            let mut rest = self.body.lock().unwrap_or_else(PoisonError::into_inner);
            rest.take()
        };
        let Some(body) = body.filter(|_| !self.expects_continue && !self.stalled.is_set()) else {
            return;
        };
        let mut chunks = body.into_data_stream();
        let discard = async {
            let mut bytes = 0;
            while let Some(Ok(chunk)) = chunks.next().await {
                bytes += chunk.len();
                if bytes > DISCARDED_BYTES {
                    return;
                }
            }
        };
        // Whether it ended or its time did: the answer goes out now.
        let _ = timeout(DISCARD, discard).await;
    }
}

impl Stalled {
    /// None for a request without a body.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// The handler's answer, or a 408 in its place if the body came too slowly.
    pub(crate) fn judge(&self, response: Response) -> Response {
        if !self.is_set() {
            return response;
        }
        let mut refused = Problem::new(
            ProblemKind::UploadStalled,
            "the request came too slowly or stood still; send it again",
        )
        .into_response();
        let headers = refused.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        refused
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Paced {
    body: Option<Body>,
    begun: Instant,
    bytes: u64,
    deadline: Pin<Box<Sleep>>,
    stalled: Stalled,
    rest: Arc<Mutex<Option<Body>>>,
    polled: bool,
    /// Told whether the connection waits for its client.
    slot: Option<Arc<Slot>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly or stood still")]
struct TooSlow;

impl Paced {
    /// The earlier of two: the end of the allowed silence, or of the time these bytes may take.
    fn next_deadline(&self, now: Instant) -> Instant {
        let earned = Duration::from_secs(self.bytes / RATE);
        (now + SILENCE).min(self.begun + START + earned)
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if !this.polled {
            // The time before the handler reads the body does not count against the client.
            this.polled = true;
            this.begun = Instant::now();
            let deadline = this.next_deadline(this.begun);
            this.deadline.as_mut().reset(deadline);
            return self.poll_frame(cx);
        }
        let polled = Pin::new(body).poll_frame(cx);
        if let Some(slot) = &this.slot {
            slot.waits_for_client(polled.is_pending());
        }
        if let Poll::Ready(frame) = polled {
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
            {
                this.bytes += data.len() as u64;
                let deadline = this.next_deadline(Instant::now());
                this.deadline.as_mut().reset(deadline);
            }
            return Poll::Ready(frame);
        }
        ready!(this.deadline.as_mut().poll(cx));
        this.stalled.set();
        this.body = None;
        Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    fn of(chunks: impl futures::Stream<Item = Bytes> + Send + 'static) -> Request {
        Request::new(Body::from_stream(chunks.map(Ok::<_, std::io::Error>)))
    }

    async fn read(request: Request) -> Result<usize, axum::Error> {
        let mut chunks = request.into_body().into_data_stream();
        let mut bytes = 0;
        while let Some(chunk) = chunks.next().await {
            bytes += chunk?.len();
        }
        Ok(bytes)
    }

    fn every(wait: Duration, bytes: usize, times: usize) -> impl futures::Stream<Item = Bytes> {
        stream::iter(0..times).then(move |_| async move {
            tokio::time::sleep(wait).await;
            Bytes::from(vec![0; bytes])
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_phone_may_take_an_hour() {
        let (request, _rest) = paced(of(every(Duration::from_secs(4), 8 * 1024, 900)), None);
        assert_eq!(read(request).await.unwrap(), 900 * 8 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_or_trickles_ends_within_a_minute() {
        for body in [
            of(every(Duration::from_secs(3600), 1, 1)),
            of(every(Duration::from_secs(5), 1, 1000)),
        ] {
            let begun = Instant::now();
            let (request, rest) = paced(body, None);
            assert!(read(request).await.is_err());
            assert!(rest.stalled.is_set());
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unread_body_is_discarded_within_bounds() {
        let begun = Instant::now();
        let (request, rest) = paced(of(every(Duration::from_secs(1), 10, 5)), None);
        drop(request);
        rest.discard().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));

        let (request, rest) = paced(of(every(Duration::from_secs(1), 10, 5_000)), None);
        drop(request);
        rest.discard().await;
        assert!(begun.elapsed() < Duration::from_secs(16));
    }
}
