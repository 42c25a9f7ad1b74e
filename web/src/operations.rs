//! What load balancers and operators ask.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use platform::Format;
use platform::objects::ObjectKey;
use sea_orm::ConnectionTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::info;
use uuid::Uuid;

use crate::state::AppState;

/// `GET /health`: alive and not about to stop.
pub async fn health(State(state): State<AppState>) -> Response {
    if state.draining.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining").into_response()
    } else {
        "ok".into_response()
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    database: &'static str,
    store: &'static str,
}

/// `GET /health/ready`: whether database and store answer.
pub async fn ready(State(state): State<AppState>) -> Response {
    let database = state.db.execute_unprepared("SELECT 1").await.is_ok();
    // No such object exists; what counts is whether the store answers at all.
    let nothing = ObjectKey::original(Uuid::nil(), Format::Jpeg);
    let store = state.store.size(&nothing).await.is_ok();
    let word = |works| if works { "ok" } else { "does not answer" };
    let ready = database && store;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Readiness {
        ready,
        database: word(database),
        store: word(store),
    };
    (status, Json(body)).into_response()
}

/// The query of [`load_balancer_test`].
#[derive(Deserialize)]
pub struct LoadBalancerTest {
    trace_id: Option<String>,
}

/// `GET /load-balancer-test?trace_id=`: says which instance answers, and logs it there.
pub async fn load_balancer_test(
    State(state): State<AppState>,
    Query(query): Query<LoadBalancerTest>,
) -> Json<serde_json::Value> {
    let trace_id: String = query
        .trace_id
        .unwrap_or_else(|| Uuid::new_v4().to_string())
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    info!(instance_id = %state.instance_id, %trace_id, "load balancer test");
    Json(json!({ "instance_id": &*state.instance_id, "trace_id": trace_id }))
}
