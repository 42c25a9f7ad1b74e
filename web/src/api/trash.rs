//! `/api/trash`: deleted images that can be brought back.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use entity::image::Model;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::image_answer::one;
use super::problems::NotFound;
use crate::access::Viewer;
use crate::actions::trash::{list_trash, purge_image, restore_image};
use crate::extract::Path;
use crate::image_json::ImageJson;
use crate::paging::{Page, Paging, PagingQuery};
use crate::problem::Problem;
use crate::state::AppState;

/// A deleted image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrashedImage)]
pub struct TrashedJson {
    id: Uuid,
    #[schema(example = "harbour.jpg")]
    file_name: String,
    bytes: i64,
    #[schema(required)]
    caption: Option<String>,
    uploaded_at: DateTime<Utc>,
    #[schema(required)]
    deleted_at: Option<DateTime<Utc>>,
    #[schema(required)]
    deleted_by: Option<String>,
    /// When it is removed for good.
    #[schema(required)]
    purge_at: Option<DateTime<Utc>>,
}

impl From<Model> for TrashedJson {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            file_name: row.file_name,
            bytes: row.bytes,
            caption: row.caption_text,
            uploaded_at: row.uploaded_at,
            deleted_at: row.deleted_at,
            deleted_by: row.deleted_by,
            purge_at: row.purge_at,
        }
    }
}

/// List the trash
///
/// For admins. What was deleted last comes first.
#[utoipa::path(
    get, path = "/api/trash", operation_id = "listTrash", tag = "Images",
    params(PagingQuery),
    responses(
        (status = 200, description = "A page of deleted images.", body = Page<TrashedJson>,
            headers(("Link" = String,
                description = "The next page, as in `</api/trash?after=…>; rel=\"next\"`."))),
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
) -> Result<Response, Problem> {
    let (rows, next) = list_trash(&state, &viewer, &paging).await?;
    let items = rows.into_iter().map(TrashedJson::from).collect();
    let page: Page<TrashedJson> = Page { items, next };
    Ok(page.respond(&uri))
}

/// Bring an image back
///
/// For admins. One that was public has to be released again.
#[utoipa::path(
    post, path = "/api/trash/{id}/restore", operation_id = "restoreImage", tag = "Images",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The image.", body = ImageJson),
        NotFound,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn restore(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Json<ImageJson>, Problem> {
    if restore_image(&state, &viewer, id).await? {
        one(&state, &viewer, id).await
    } else {
        Err(Problem::not_found("image in the trash"))
    }
}

/// Remove a deleted image for good
///
/// For admins. The original, every copy and the captions are gone.
#[utoipa::path(
    delete, path = "/api/trash/{id}", operation_id = "removeImage", tag = "Images",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It is gone."), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn remove(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if purge_image(&state, &viewer, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("image in the trash"))
    }
}
