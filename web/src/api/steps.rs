//! `/api/images/{id}/steps/{step}`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use uuid::Uuid;

use super::image_json::ImageJson;
use crate::access::Viewer;
use crate::actions::retry_step::retry_step;
use crate::image_rows::ImageRows;
use crate::problem::Problem;
use crate::state::AppState;

/// `POST /api/images/{id}/steps/{step}/retry`
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((id, step)): Path<(Uuid, String)>,
) -> Result<(StatusCode, Json<ImageJson>), Problem> {
    retry_step(&state, &viewer, id, &step).await?;
    let rows = ImageRows::get(&state, id).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(ImageJson::new(&rows, &viewer, &state.url_source().await)),
    ))
}
