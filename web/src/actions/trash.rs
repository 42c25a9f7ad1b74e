//! The trash: what is in it, bringing images back, and removing them for good.

use entity::image::{self, Model};
use functions::pipeline::trash;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::cursor::Cursor;
use crate::paging::{Paging, cut};
use crate::problem::Problem;
use crate::state::AppState;

/// A page of the images in the trash, those that were deleted last first, and the cursor of the next.
pub(crate) async fn list_trash(
    state: &AppState,
    viewer: &Viewer,
    paging: &Paging,
) -> Result<(Vec<Model>, Option<String>), Problem> {
    viewer.require(Action::Manage)?;
    let after = paging.after.map(Cursor::row).transpose()?;
    let page = image::trash_page(entity::now(), after, paging.limit + 1);
    let rows = page.all(&state.db).await?;
    Ok(cut(rows, paging.limit, |image| {
        Cursor::Row(image.deleted_at.unwrap_or(image.uploaded_at), image.id)
    }))
}

/// Returns false if it is not in the trash.
pub(crate) async fn restore_image(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<bool, Problem> {
    viewer.require(Action::Manage)?;
    let (db, store) = (&state.db, state.store.as_ref());
    Ok(trash::restore(db, store, &state.dispatch, id, viewer.name()).await?)
}

/// Returns false if it is not in the trash.
pub(crate) async fn purge_image(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<bool, Problem> {
    viewer.require(Action::Manage)?;
    Ok(trash::purge_now(&state.db, state.store.as_ref(), id).await?)
}
