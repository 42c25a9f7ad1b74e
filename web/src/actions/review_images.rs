//! The list of the release desk: what needs a look, the most urgent first.

use entity::desk::{self, Wanted};
use entity::image::{self, Audience};
use sea_orm::{PaginatorTrait as _, QuerySelect as _};

use crate::access::{Action, Viewer};
use crate::cursor::Cursor;
use crate::image_rows::ImageRows;
use crate::paging::{Paging, cut};
use crate::problem::Problem;
use crate::state::AppState;

/// A page of the desk.
pub(crate) struct DeskPage {
    pub(crate) rows: Vec<ImageRows>,
    pub(crate) next: Option<String>,
    /// The number of images with this filter, on all pages.
    pub(crate) left: u64,
}

pub(crate) async fn review_images(
    state: &AppState,
    viewer: &Viewer,
    wanted: &Wanted,
    paging: &Paging,
) -> Result<DeskPage, Problem> {
    viewer.require(Action::Manage)?;
    let select = match paging.after {
        Some(cursor) => desk::page_after(wanted, cursor.risk()?),
        None => desk::page(wanted),
    };
    let found = select
        .limit(paging.limit + 1)
        .select_only()
        .columns([image::Column::Risk, image::Column::Id])
        .into_tuple()
        .all(&state.db)
        .await?;
    let (found, next) = cut(found, paging.limit, |&(risk, id)| Cursor::Risk(risk, id));
    let ids: Vec<_> = found.into_iter().map(|(_, id)| id).collect();
    let audience = Audience::Staff;
    Ok(DeskPage {
        rows: ImageRows::load(&state.db, &state.caption_pause, &audience, &ids).await?,
        next,
        left: desk::page(wanted).count(&state.db).await?,
    })
}
