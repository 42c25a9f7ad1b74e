//! Where Prometheus reads metrics: a listener of its own, so that it can be kept inside a network, and
//! is reachable when the other one is busy.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use platform::telemetry::{CONTENT_TYPE, Scrape};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::connections::{self, Limits, Rules};

/// Few programs read metrics.
const LIMITS: Limits = Limits {
    total: 32,
    per_client: 16,
};

/// Serves `GET /metrics` until `stop`.
pub(crate) async fn serve(listener: TcpListener, scrape: Scrape, stop: CancellationToken) {
    let router = Router::new()
        .route("/metrics", get(show))
        .with_state(scrape);
    let rules = Rules {
        limits: LIMITS,
        looks_up_owner: false,
        is_proxy: Arc::new(|_| false),
    };
    if let Err(error) = connections::serve(listener, router, rules, stop).await {
        error!(%error, "metrics are no longer served");
    }
}

async fn show(State(scrape): State<Scrape>) -> Response {
    match scrape.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            error!(error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
