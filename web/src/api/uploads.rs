//! `/api/uploads`: photos that clients put into the store themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::image_answer::accepted;
use super::problems::{
    DirectUploadsOff, NotFound, TooLarge, UnreadableImage, UnsupportedType, UploadStalled,
};
use crate::access::{Action, Viewer};
use crate::actions::direct_upload::{
    PendingUpload, UploadAnnouncement, begin_upload, complete_upload,
};
use crate::extract::{JsonObject, Path};
use crate::image_json::ImageJson;
use crate::problem::Problem;
use crate::state::AppState;

/// A direct upload that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PendingUpload)]
pub struct PendingUploadJson {
    id: Uuid,
    /// Where to PUT the bytes.
    #[schema(format = "uri")]
    url: String,
    /// The headers to send with them.
    headers: BTreeMap<String, String>,
    expires_at: DateTime<Utc>,
}

impl From<PendingUpload> for PendingUploadJson {
    fn from(pending: PendingUpload) -> Self {
        Self {
            id: pending.id,
            url: pending.address.url,
            headers: pending.address.headers.into_iter().collect(),
            expires_at: pending.expires_at.into(),
        }
    }
}

/// Begin a direct upload
///
/// For admins, and for visitors where `VITRINE_UPLOADS=anyone`. PUT the bytes to `url` with
/// `headers`, then complete the upload. Only where pictures are kept in S3.
#[utoipa::path(
    post, path = "/api/uploads", operation_id = "beginUpload", tag = "Direct uploads",
    request_body = UploadAnnouncement,
    responses(
        (status = 201, description = "Put the bytes there.", body = PendingUploadJson),
        TooLarge, UnsupportedType, DirectUploadsOff,
    ),
    security(("token" = ["upload"]), ("session" = []), ()),
)]
pub async fn begin(
    State(state): State<AppState>,
    viewer: Viewer,
    body: Result<JsonObject<UploadAnnouncement>, Problem>,
) -> Result<(StatusCode, Json<PendingUploadJson>), Problem> {
    viewer.require(Action::Upload)?;
    let JsonObject(announced) = body?;
    let pending = begin_upload(&state, &viewer, &announced).await?;
    Ok((StatusCode::CREATED, Json(pending.into())))
}

/// Complete a direct upload
///
/// For the client that began it. Answers like an upload; completing twice gives the same image.
#[utoipa::path(
    post, path = "/api/uploads/{id}/complete", operation_id = "completeUpload", tag = "Direct uploads",
    params(("id" = Uuid, Path)),
    responses(
        (status = 201, description = "Stored.", body = ImageJson,
            headers(("Location" = String, description = "The address of the image."))),
        (status = 200, description = "The same bytes were there already: the existing image.",
            body = ImageJson,
            headers(("Location" = String, description = "The address of the image."))),
        NotFound, UploadStalled, TooLarge, UnsupportedType, UnreadableImage, DirectUploadsOff,
    ),
    security(("token" = ["upload"]), ("session" = []), ()),
)]
pub async fn complete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let taken = complete_upload(&state, &viewer, id).await?;
    accepted(&state, &viewer, taken, Duration::ZERO).await
}
