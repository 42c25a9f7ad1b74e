//! `/api/images/{id}/steps/{step}`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;

use super::image_answer::one;
use super::problems::{NotFound, StepBlocked};
use crate::access::Viewer;
use crate::actions::retry_step::retry_step;
use crate::extract::Path;
use crate::image_json::ImageJson;
use crate::problem::Problem;
use crate::state::AppState;

/// Run a step again
///
/// For admins. The step is queued, with a new round of attempts; a step that is queued or running
/// already is left alone.
#[utoipa::path(
    post, path = "/api/images/{id}/steps/{step}/retry", operation_id = "retryStep", tag = "Images",
    params(
        ("id" = Uuid, Path),
        ("step" = String, Path, description = "`thumbnail`, `anonymise` or `annotate`.",
            example = "annotate"),
    ),
    responses(
        (status = 202, description = "It is queued.", body = ImageJson),
        NotFound, StepBlocked,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((id, step)): Path<(Uuid, String)>,
) -> Result<(StatusCode, Json<ImageJson>), Problem> {
    retry_step(&state, &viewer, id, &step).await?;
    Ok((StatusCode::ACCEPTED, one(&state, &viewer, id).await?))
}
