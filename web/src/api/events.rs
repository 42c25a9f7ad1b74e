//! `/api/events`

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;

use crate::access::{Client, Viewer};
use crate::problem::Problem;
use crate::state::AppState;

/// Proxies close idle connections, usually after 60 seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Listen to changes
///
/// For everybody. Server-sent events: `image` with the image in JSON whenever something about it
/// changes, and `deleted` with its id. The stream begins now, or after `Last-Event-ID`, and ends
/// after 15 minutes, or with the session or token; `EventSource` reconnects by itself. The number of
/// streams is limited, per client (429) and in all (503).
#[utoipa::path(
    get, path = "/api/events", operation_id = "listenToEvents", tag = "Images",
    params(("Last-Event-ID" = Option<i64>, Header,
        description = "The `id` of the last event that was seen.")),
    responses(
        (status = 200, description = "Events, as they happen.", body = String,
            content_type = "text/event-stream",
            example = json!("event: deleted\nid: 42\ndata: {\"id\":\"019ab5d2-8a3c-7c41-9d0e-2f8f6a1b7c55\"}\n\n")),
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn listen(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let place = state.event_streams.admit(client.address)?;
    let (credentials, credential) = (state.credentials(), viewer.credential().clone());
    let events = state.live.listen(viewer, seen).await?;
    // The stream ends with the session or token, and no event follows a sign-out or revocation.
    let ended = credentials.clone().ended(credential.clone());
    let events = events.take_until(Box::pin(ended)).take_while(move |_| {
        let _held = &place;
        let (credentials, credential) = (credentials.clone(), credential.clone());
        async move { credentials.is_valid(&credential).await }
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would buffer the events otherwise.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}
