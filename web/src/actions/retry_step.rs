//! Starts a step over: a new round of attempts.

use axum::http::StatusCode;
use entity::change::{self, Kind};
use entity::step::{StepKind, StepState};
use functions::pipeline::lifecycle::requeue;
use platform::database::begin_write;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::image_rows::ImageRows;
use crate::problem::Problem;
use crate::state::AppState;

/// Puts a step back to the beginning.
pub(crate) async fn retry_step(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    step: &str,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let name: StepKind = step.parse().map_err(|_| Problem::not_found("step"))?;
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
    state.dispatch.notify();
    Ok(())
}
