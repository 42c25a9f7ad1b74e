//! `/api/captions`: what captions cost, who wrote them, and why they wait if they do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::access::Viewer;
use crate::actions::caption_report::{Report, caption_report, resume_captions};
use crate::problem::Problem;
use crate::state::AppState;

/// Report on captions
///
/// For admins. Requests, tokens and cost of the last 30 days, and why captions wait if they do.
#[utoipa::path(
    get, path = "/api/captions", operation_id = "reportOnCaptions", tag = "Captions",
    responses((status = 200, description = "The report.", body = Report)),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Json<Report>, Problem> {
    Ok(Json(caption_report(&state, &viewer).await?))
}

/// Resume captions
///
/// For admins. Ends a pause that the provider caused; limits of this server stay.
#[utoipa::path(
    post, path = "/api/captions/resume", operation_id = "resumeCaptions", tag = "Captions",
    responses((status = 204, description = "Captions are made again.")),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn resume(State(state): State<AppState>, viewer: Viewer) -> Result<StatusCode, Problem> {
    resume_captions(&state, &viewer).await?;
    Ok(StatusCode::NO_CONTENT)
}
