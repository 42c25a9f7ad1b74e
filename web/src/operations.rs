//! What load balancers and operators call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use platform::Format;
use platform::database::report_refused_login;
use platform::disk::Space;
use platform::objects::ObjectKey;
use platform::settings::SearchEngines;
use sea_orm::ConnectionTrait as _;
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract::Query;
use crate::state::AppState;

/// Health
///
/// For everybody, without session or token. Whether the server is alive and not about to stop.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "Operations",
    responses(
        (status = 200, description = "Alive.", body = String, example = json!("ok")),
        (status = 503, description = "About to stop.", body = String, example = json!("draining")),
    ),
    security(()),
)]
pub async fn health(State(state): State<AppState>) -> Response {
    if state.draining.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining").into_response()
    } else {
        "ok".into_response()
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    /// `ok`, or `does not answer`.
    database: &'static str,
    /// `ok`, or `does not answer`.
    store: &'static str,
    /// `ok`, or `nearly full`: no photos are taken any more.
    disk: &'static str,
}

/// Readiness
///
/// For everybody. Whether database and store answer, and uploads have room on this server's disk.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "readiness", tag = "Operations",
    responses(
        (status = 200, description = "All is well.", body = Readiness,
            example = json!({"ready": true, "database": "ok", "store": "ok", "disk": "ok"})),
        (status = 503, description = "Something is not.", body = Readiness,
            example = json!({
                "ready": false, "database": "ok", "store": "does not answer", "disk": "ok",
            })),
    ),
    security(()),
)]
pub async fn ready(State(state): State<AppState>) -> Response {
    let asked = state.db.execute_unprepared("SELECT 1").await;
    let database = asked.inspect_err(report_refused_login).is_ok();
    // There is no such object; what matters is whether the store answers.
    let nothing = ObjectKey::original(Uuid::nil(), Format::Jpeg);
    let store = state.store.size(&nothing).await.is_ok();
    let word = |works| if works { "ok" } else { "does not answer" };
    let disk = has_room(&state);
    let ready = database && store && disk;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Readiness {
        ready,
        database: word(database),
        store: word(store),
        disk: if disk { "ok" } else { "nearly full" },
    };
    (status, Json(body)).into_response()
}

/// A folder that is gone is the matter of database and store.
fn has_room(state: &AppState) -> bool {
    let spaces = [state.scratch.space(), Space::at(&state.data)];
    spaces
        .into_iter()
        .flatten()
        .all(|space| !space.is_nearly_full())
}

/// `GET /robots.txt`
pub async fn robots(State(state): State<AppState>) -> &'static str {
    match state.search_engines {
        SearchEngines::Refuse => "User-agent: *\nDisallow: /\n",
        SearchEngines::Allow => "User-agent: *\nDisallow:\n",
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LoadBalancerTest {
    /// What the instance logs, so that it can be found there. Made up if it is left out.
    trace_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AnsweredBy {
    #[schema(value_type = String)]
    instance_id: Arc<str>,
    trace_id: String,
}

/// Load balancer test
///
/// For everybody. Says which instance answers; the instance logs the trace id.
#[utoipa::path(
    get, path = "/load-balancer-test", operation_id = "testLoadBalancer", tag = "Operations",
    params(LoadBalancerTest),
    responses((status = 200, description = "The instance.", body = AnsweredBy)),
    security(()),
)]
pub async fn load_balancer_test(
    State(state): State<AppState>,
    Query(query): Query<LoadBalancerTest>,
) -> Json<AnsweredBy> {
    let trace_id: String = query
        .trace_id
        .unwrap_or_else(|| Uuid::new_v4().to_string())
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    info!(instance_id = %state.instance_id, %trace_id, "load balancer test");
    Json(AnsweredBy {
        instance_id: Arc::clone(&state.instance_id),
        trace_id,
    })
}
