//! `/api/events`

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::AppState;

/// Proxies close connections on which nothing happens; the usual limit is 60 seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /api/events`: `image` and `deleted`, from `Last-Event-ID` or from now on.
pub async fn listen(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let (tokens, token) = (state.tokens.clone(), viewer.token());
    let events = state.live.listen(viewer, seen).await?;
    // The stream ends with the token, and no event follows a revocation.
    let events = events
        .take_until(Box::pin(state.tokens.ended(token)))
        .take_while(move |_| {
            let tokens = tokens.clone();
            async move { tokens.still_holds(token).await }
        });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would collect the events otherwise.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}
