//! The cards of the gallery.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::languages::Languages;
use super::view::ImageView;
use super::{Page, rendered};
use crate::access::Viewer;
use crate::answer_cache::freshness::Moment;
use crate::image_rows::ImageRows;
use crate::problem::Problem;
use crate::state::AppState;

/// The cards of those of these images that the viewer sees, in this order: as they were at `now`, or
/// newer.
pub(super) async fn of(
    state: &AppState,
    viewer: &Viewer,
    languages: &Languages,
    now: &Moment,
    ids: &[Uuid],
) -> Result<Vec<Arc<str>>, Problem> {
    let pause = state.caption_pause.pause().await?;
    let pause = pause.map(|pause| pause.to_string());
    // All that a card depends on besides its image.
    let kind: Arc<str> = format!("{} {languages:?} {pause:?}", viewer.kind()).into();
    let mut cards: HashMap<Uuid, Arc<str>> = ids
        .iter()
        .filter_map(|id| Some((*id, state.cards.get(*id, &kind, now)?)))
        .collect();
    let missing: Vec<_> = ids
        .iter()
        .copied()
        .filter(|id| !cards.contains_key(id))
        .collect();
    let audience = viewer.audience();
    let urls = state.url_source().await;
    let page = Page::new(state, viewer, "/gallery", "Gallery");
    for rows in ImageRows::load(&state.db, &state.caption_pause, &audience, &missing).await? {
        let image = ImageView::new(&rows, viewer, &urls).in_language(&rows, languages);
        let html: Arc<str> = card(state, &page, image)?.into();
        state
            .cards
            .put(rows.image.id, &kind, now, Arc::clone(&html));
        cards.insert(rows.image.id, html);
    }
    Ok(ids.iter().filter_map(|id| cards.remove(id)).collect())
}

/// One card, as `/images/{id}/card` answers it.
pub(super) fn card(state: &AppState, page: &Page<'_>, image: ImageView) -> Result<String, Problem> {
    rendered(state, "card.html", &json!({ "page": page, "image": image }))
}
