//! `/api/captions`: what captions cost, who wrote them, and why they wait if they do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::access::Viewer;
use crate::actions::caption_report::{Report, caption_report, resume_captions};
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /api/captions`
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Json<Report>, Problem> {
    Ok(Json(caption_report(&state, &viewer).await?))
}

/// `POST /api/captions/resume`
pub async fn resume(State(state): State<AppState>, viewer: Viewer) -> Result<StatusCode, Problem> {
    resume_captions(&state, &viewer).await?;
    Ok(StatusCode::NO_CONTENT)
}
