//! The list of images: newest first, or for a search the best match first.

use entity::image;
use entity::search::{self, Words};
use sea_orm::QuerySelect as _;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::cursor::{Cursor, LAST};
use crate::image_rows::ImageRows;
use crate::paging::{Paging, cut};
use crate::problem::Problem;
use crate::state::AppState;

/// How many places an image may move in the ranking between two pages of a search without being
/// left out or shown twice.
const DRIFT: u64 = 50;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Words to look for in captions, paragraphs, tags and, for admins, file names.
    q: Option<String>,
}

type Found = (Vec<Uuid>, Option<String>);

impl Search {
    /// The query, unless it is blank.
    pub fn text(&self) -> Option<&str> {
        self.q
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// The words in it, if it has any.
    pub fn words(&self) -> Option<Words> {
        self.text().and_then(Words::parse)
    }

    /// A page of images, and the cursor of the next.
    pub(crate) async fn page(
        &self,
        state: &AppState,
        viewer: &Viewer,
        paging: &Paging,
    ) -> Result<(Vec<ImageRows>, Option<String>), Problem> {
        let (ids, next) = self.ids(state, viewer, paging).await?;
        let audience = viewer.audience();
        let rows = ImageRows::load(&state.db, &state.caption_pause, &audience, &ids).await?;
        Ok((rows, next))
    }

    /// Which images are on a page, and the cursor of the next. A text without words finds nothing.
    pub(crate) async fn ids(
        &self,
        state: &AppState,
        viewer: &Viewer,
        paging: &Paging,
    ) -> Result<Found, Problem> {
        match (self.text(), self.words()) {
            (None, _) => newest(state, viewer, paging).await,
            (Some(_), Some(words)) => best(state, viewer, paging, &words).await,
            (Some(_), None) => Ok((Vec::new(), None)),
        }
    }
}

async fn newest(state: &AppState, viewer: &Viewer, paging: &Paging) -> Result<Found, Problem> {
    let audience = viewer.audience();
    let after = paging.after.map(Cursor::row).transpose()?;
    let after = after.map(|(uploaded_at, id)| image::Cursor { uploaded_at, id });
    let found = image::page(&audience, after, paging.limit + 1)
        .select_only()
        .columns([image::Column::UploadedAt, image::Column::Id])
        .into_tuple()
        .all(&state.db)
        .await?;
    let (found, next) = cut(found, paging.limit, |&(uploaded_at, id)| {
        Cursor::Row(uploaded_at, id)
    });
    Ok((found.into_iter().map(|(_, id)| id).collect(), next))
}

async fn best(
    state: &AppState,
    viewer: &Viewer,
    paging: &Paging,
    words: &Words,
) -> Result<Found, Problem> {
    let after = paging.after.map(Cursor::rank).transpose()?;
    let shown = after.map_or(0, |(shown, _)| u64::from(shown));
    let skipped = shown.saturating_sub(DRIFT);
    let limit = shown - skipped + paging.limit + 1 + DRIFT;
    let in_file_names = viewer.may(Action::SeeDetails);
    let audience = viewer.audience();
    let mut ids = search::best(&state.db, words, &audience, in_file_names, skipped, limit).await?;
    let begin = after.map_or(0, |(_, last)| {
        last.iter()
            .find_map(|last| ids.iter().position(|id| id == last))
            .map_or_else(
                // All of them were deleted, and later images moved up.
                || to_usize(shown - skipped).saturating_sub(LAST),
                |position| position + 1,
            )
    });
    let end = ids.len().min(begin + to_usize(paging.limit));
    let next = (end < ids.len()).then(|| {
        let shown = u32::try_from(to_usize(skipped) + end).unwrap_or(u32::MAX);
        let mut last = [Uuid::nil(); LAST];
        for (last, id) in last.iter_mut().zip(ids[..end].iter().rev()) {
            *last = *id;
        }
        Cursor::Rank(shown, last).encode()
    });
    ids.truncate(end);
    ids.drain(..begin.min(end));
    Ok((ids, next))
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
