//! `/`, `/gallery` and the card of one image.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use entity::search::Words;
use serde_json::json;
use uuid::Uuid;

use super::languages::Languages;
use super::view::ImageView;
use super::{Page, cards, html};
use crate::access::Viewer;
use crate::actions::list_images::Search;
use crate::answer_cache::freshness::Moment;
use crate::extract::{Path, Query};
use crate::paging::Paging;
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /` and `GET /gallery`
pub async fn show(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    languages: Languages,
    moment: Option<Extension<Moment>>,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let text = search.text();
    let words = search.words();
    let (cards, next): (Vec<Arc<str>>, _) = match &words {
        Some(words) => found(&state, &viewer, &languages, &paging, &search, words).await?,
        None => {
            let now = match moment {
                Some(Extension(moment)) => moment,
                None => state.freshness.now().await?,
            };
            let (ids, next) = search.ids(&state, &viewer, &paging).await?;
            let cards = cards::of(&state, &viewer, &languages, &now, &ids).await?;
            (cards, next)
        }
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(text) = text {
        query.append_pair("q", text);
    }
    let next_url = next.map(|cursor| {
        let query = query.append_pair("after", &cursor).finish();
        format!("/gallery?{query}")
    });
    let is_home = uri.path() == "/";
    let title = if is_home { "Photos" } else { "Gallery" };
    let context = json!({
        "page": Page::new(&state, &viewer, uri.path(), title),
        "cards": cards,
        "next_url": next_url,
        "query": text,
        "is_home": is_home,
    });
    html(&state, "gallery.html", &context)
}

/// The cards of a search, with its words marked.
async fn found(
    state: &AppState,
    viewer: &Viewer,
    languages: &Languages,
    paging: &Paging,
    search: &Search,
    words: &Words,
) -> Result<(Vec<Arc<str>>, Option<String>), Problem> {
    let (rows, next) = search.page(state, viewer, paging).await?;
    let urls = state.url_source().await;
    let page = Page::new(state, viewer, "/gallery", "Gallery");
    let cards = rows.iter().map(|rows| {
        let image = ImageView::new(rows, viewer, &urls).in_language(rows, languages);
        Ok(cards::card(state, &page, image.marking(Some(words)))?.into())
    });
    Ok((cards.collect::<Result<_, Problem>>()?, next))
}

/// `GET /images/{id}/card`: live updates put it into the gallery, or into the results of `q`.
pub async fn card(
    State(state): State<AppState>,
    viewer: Viewer,
    languages: Languages,
    Path(id): Path<Uuid>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let rows = state.image(&viewer, id).await?;
    let image =
        ImageView::new(&rows, &viewer, &state.url_source().await).in_language(&rows, &languages);
    let context = json!({
        "page": Page::new(&state, &viewer, "/gallery", "Gallery"),
        "image": image.marking(search.words().as_ref()),
    });
    html(&state, "card.html", &context)
}
