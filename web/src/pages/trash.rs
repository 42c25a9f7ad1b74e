//! `/trash`: deleted images, to bring them back or to remove them for good.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use entity::image::Model;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Page, date_and_time, html, or_login};
use crate::access::Viewer;
use crate::actions::trash::{list_trash, purge_image, restore_image};
use crate::extract::Path;
use crate::paging::Paging;
use crate::problem::Problem;
use crate::state::AppState;

#[derive(Debug, Serialize)]
struct TrashView {
    id: String,
    file_name: String,
    caption: Option<String>,
    deleted_at: Option<String>,
    deleted_text: Option<String>,
    deleted_by: Option<String>,
    purge_at: Option<String>,
    purge_text: Option<String>,
}

impl TrashView {
    fn new(row: Model) -> Self {
        Self {
            id: row.id.to_string(),
            file_name: row.file_name,
            caption: row.caption_text,
            deleted_at: row.deleted_at.map(|at| at.to_rfc3339()),
            deleted_text: row.deleted_at.map(date_and_time),
            deleted_by: row.deleted_by,
            purge_at: row.purge_at.map(|at| at.to_rfc3339()),
            purge_text: row.purge_at.map(date_and_time),
        }
    }
}

/// `GET /trash`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    paging: Paging,
) -> Result<Response, Problem> {
    let (rows, next) = match list_trash(&state, &viewer, &paging).await {
        Ok(found) => found,
        Err(problem) => return Ok(or_login(problem, "/trash")),
    };
    let images: Vec<_> = rows.into_iter().map(TrashView::new).collect();
    let context = json!({
        "page": Page::new(&state, &viewer, "/trash", "Trash"),
        "images": images,
        "next": next,
    });
    html(&state, "trash.html", &context)
}

/// `POST /trash/{id}/restore`
pub async fn restore(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Response {
    match restore_image(&state, &viewer, id).await {
        Ok(true) => Redirect::to(&format!("/images/{id}")).into_response(),
        // Somebody was faster, or its time was up.
        Ok(false) => Redirect::to("/trash").into_response(),
        Err(problem) => or_login(problem, "/trash"),
    }
}

/// `POST /trash/{id}/remove`
pub async fn remove(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Response {
    match purge_image(&state, &viewer, id).await {
        Ok(true | false) => Redirect::to("/trash").into_response(),
        Err(problem) => or_login(problem, "/trash"),
    }
}
