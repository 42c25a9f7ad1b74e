//! `/api/images`

pub mod edit;
pub mod upload;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::image_answer::{Wait, settled};
use super::problems::NotFound;
use crate::access::Viewer;
use crate::actions::delete_image::delete_image;
use crate::actions::list_images::Search;
use crate::extract::{Path, Query};
use crate::image_json::ImageJson;
use crate::paging::{Page, Paging, PagingQuery};
use crate::problem::Problem;
use crate::state::AppState;

/// List images
///
/// For everybody. Newest first; with `q`, the best match first.
#[utoipa::path(
    get, path = "/api/images", operation_id = "listImages", tag = "Images",
    params(PagingQuery, Search),
    responses(
        (status = 200, description = "A page of images.", body = Page<ImageJson>,
            headers(("Link" = String,
                description = "The next page, as in `</api/images?after=…>; rel=\"next\"`."))),
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let (rows, next) = search.page(&state, &viewer, &paging).await?;
    let urls = state.url_source().await;
    let items = rows
        .iter()
        .map(|rows| ImageJson::new(rows, &viewer, &urls))
        .collect();
    let page: Page<ImageJson> = Page { items, next };
    Ok(page.respond(&uri))
}

/// Read an image
///
/// For everybody. With `wait`, the answer comes once no step is queued or running, or when the
/// time is up: look at `state`.
#[utoipa::path(
    get, path = "/api/images/{id}", operation_id = "readImage", tag = "Images",
    params(("id" = Uuid, Path), Wait),
    responses(
        (status = 200, description = "The image.", body = ImageJson),
        NotFound,
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Query(wait): Query<Wait>,
) -> Result<Json<ImageJson>, Problem> {
    settled(&state, &viewer, id, wait.patience()?).await
}

/// Delete an image
///
/// For admins. Nobody sees it any more. For `VITRINE_TRASH_DAYS` it can be brought back; then its
/// original, renditions and captions are removed.
#[utoipa::path(
    delete, path = "/api/images/{id}", operation_id = "deleteImage", tag = "Images",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It is deleted."), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if delete_image(&state, &viewer, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("image"))
    }
}
