//! `/api/status`: how Vitrine is doing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problems::NotFound;
use crate::access::Viewer;
use crate::actions::status_report::{Report, retry_failed, status_report};
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Status
///
/// For admins. What waits, what failed and why, room on the disk, today's captions, and versions.
#[utoipa::path(
    get, path = "/api/status", operation_id = "status", tag = "Operations",
    responses((status = 200, description = "The report.", body = Report)),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Json<Report>, Problem> {
    Ok(Json(status_report(&state, &viewer).await?))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Retried {
    /// How many steps were queued.
    queued: u64,
}

/// Retry all that failed
///
/// For admins. Queues every step of this kind that failed, with a new round of attempts: 5000 at most
/// at once. What a provider refused stays refused.
#[utoipa::path(
    post, path = "/api/steps/{step}/retry-failed", operation_id = "retryFailed", tag = "Operations",
    params(
        ("step" = String, Path, description = "`thumbnail`, `anonymise` or `annotate`.",
            example = "annotate"),
    ),
    responses(
        (status = 202, description = "They are queued.", body = Retried),
        NotFound,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(step): Path<String>,
) -> Result<(StatusCode, Json<Retried>), Problem> {
    let queued = retry_failed(&state, &viewer, &step).await?;
    Ok((StatusCode::ACCEPTED, Json(Retried { queued })))
}
