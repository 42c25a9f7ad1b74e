//! Deletes an image with its renditions and captions: into the trash first, where there is one.

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
    let (db, store) = (&state.db, state.store.as_ref());
    Ok(lifecycle::delete(db, store, id, viewer.name(), state.trash_kept).await?)
}
