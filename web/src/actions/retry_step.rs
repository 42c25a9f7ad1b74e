//! Runs a step again, with a new round of attempts.

use entity::change::{self, Kind};
use entity::step::{StepKind, StepState};
use functions::pipeline::lifecycle::requeue;
use platform::database::begin_write;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

pub(crate) async fn retry_step(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    step: &str,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let name: StepKind = step.parse().map_err(|_| Problem::not_found("step"))?;
    let rows = state.image(id).await?;
    match rows.step(name).map(|step| step.state) {
        None => return Err(Problem::not_found("step")),
        Some(StepState::Blocked) => {
            return Err(Problem::new(
                ProblemKind::StepBlocked,
                "the provider refused this picture, and that is final",
            ));
        }
        // It is queued already.
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
