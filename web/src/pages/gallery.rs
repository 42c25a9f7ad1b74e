//! `/`, `/gallery` and the card of one image.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::view::ImageView;
use super::{Page, html};
use crate::access::Viewer;
use crate::actions::list_images::Search;
use crate::extract::{Path, Query};
use crate::paging::Paging;
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /` and `GET /gallery`
pub async fn show(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let text = search.text();
    let words = search.words();
    let (rows, next) = search.page(&state, &viewer, &paging).await?;
    let urls = state.url_source().await;
    let images: Vec<_> = rows
        .iter()
        .map(|rows| ImageView::new(rows, &viewer, &urls).marking(words.as_ref()))
        .collect();
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
        "images": images,
        "next_url": next_url,
        "query": text,
        "is_home": is_home,
    });
    html(&state, "gallery.html", &context)
}

/// `GET /images/{id}/card`: live updates put it into the gallery, or into the results of `q`.
pub async fn card(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let rows = state.image(&viewer, id).await?;
    let image = ImageView::new(&rows, &viewer, &state.url_source().await);
    let context = json!({
        "page": Page::new(&state, &viewer, "/gallery", "Gallery"),
        "image": image.marking(search.words().as_ref()),
    });
    html(&state, "card.html", &context)
}
