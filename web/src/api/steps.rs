//! `/api/images/{id}/steps/{step}`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use entity::change::{self, Kind};
use entity::step::{Name, State as StepState};
use functions::lifecycle::requeue;
use platform::database::begin_write;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{ImageJson, ImageRows};

/// `POST /api/images/{id}/steps/{step}/retry`
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((id, step)): Path<(Uuid, String)>,
) -> Result<(StatusCode, Json<ImageJson>), Problem> {
    try_again(&state, &viewer, id, &step).await?;
    let rows = ImageRows::get(&state, id).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(ImageJson::new(&rows, &viewer, &state.links().await)),
    ))
}

/// Puts a step back to the beginning.
pub(crate) async fn try_again(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    step: &str,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let name: Name = step.parse().map_err(|_| Problem::not_found("step"))?;
    let rows = ImageRows::get(state, id).await?;
    match rows.step(name).map(|step| step.state) {
        None => return Err(Problem::not_found("step")),
        Some(StepState::Blocked) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "the provider refused this picture, and that is final",
            ));
        }
        // It is on its way already.
        Some(StepState::Queued | StepState::Running) => return Ok(()),
        Some(StepState::Done | StepState::Failed) => {}
    }
    let tx = begin_write(&state.db).await?;
    requeue(&tx, id, &[name]).await?;
    state.dispatch.push(&tx, &rows.image, &[name]).await?;
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    state.dispatch.ring();
    Ok(())
}
