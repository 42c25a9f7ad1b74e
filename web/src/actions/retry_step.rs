//! Runs a step again, with a new round of attempts.

use entity::step::{StepKind, StepState};
use functions::pipeline::lifecycle::rerun;
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
    let rows = state.image(viewer, id).await?;
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
    if rerun(&state.db, &state.dispatch, &[(id, name)])
        .await?
        .is_empty()
    {
        // It has been deleted meanwhile.
        return Err(Problem::not_found("image"));
    }
    Ok(())
}
