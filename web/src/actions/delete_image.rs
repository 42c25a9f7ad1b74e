//! Deletes an image with its renditions and captions.

use functions::pipeline::lifecycle;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;

/// Returns false if there was no such image.
pub(crate) async fn delete_image(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<bool, Problem> {
    viewer.require(Action::Manage)?;
    Ok(lifecycle::delete(&state.db, state.store.as_ref(), id, viewer.name()).await?)
}
