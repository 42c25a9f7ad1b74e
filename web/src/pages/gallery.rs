//! `/`, `/gallery` and the card of one image.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::view::ImageView;
use super::{Page, html};
use crate::access::Viewer;
use crate::api::Paging;
use crate::api::images::{Search, newest};
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::ImageRows;

/// `GET /` and `GET /gallery`
pub async fn show(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let words = search.words();
    let (rows, next) = newest(&state.db, &viewer, &paging, words).await?;
    let images: Vec<_> = rows
        .iter()
        .map(|rows| ImageView::new(rows, &viewer))
        .collect();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(words) = words {
        query.append_pair("q", words);
    }
    let next_url = next.map(|cursor| {
        let query = query.append_pair("after", &cursor).finish();
        format!("/gallery?{query}")
    });
    let is_home = uri.path() == "/";
    let title = if is_home { "Photos" } else { "Gallery" };
    let context = json!({
        "page": Page::new(&state, &viewer, uri.path(), title),
        "images": images,
        "next_url": next_url,
        "query": words,
        "is_home": is_home,
    });
    html(&state, "gallery.html", &context)
}

/// `GET /images/{id}/card`: what live updates put into the gallery.
pub async fn card(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let rows = ImageRows::get(&state.db, id).await?;
    let context = json!({
        "page": Page::new(&state, &viewer, "/gallery", "Gallery"),
        "image": ImageView::new(&rows, &viewer),
    });
    html(&state, "card.html", &context)
}
