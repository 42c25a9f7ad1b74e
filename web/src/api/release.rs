//! `/api/images/{id}/release`, `…/withdraw` and `…/hold`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::image_answer::one;
use super::problems::{NotFound, NotReady, OutdatedBoxes, TooLarge, UnsupportedType};
use crate::access::{Action, Viewer};
use crate::actions::release_image::{Decision, Seen, decide};
use crate::extract::{JsonObject, Path};
use crate::image_json::ImageJson;
use crate::problem::Problem;
use crate::state::AppState;

/// What was looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReleaseRequest)]
pub struct ReleaseRequest {
    /// The version of the boxes that was seen: if they have another one by now, nothing is released.
    version: Option<i32>,
    /// The caption that was seen: it counts as checked if it is still that one.
    caption: Option<String>,
}

/// Release an image
///
/// For admins. Visitors see it from now on. Refused while the copy does not show the boxes as they are.
/// Repeating it changes nothing.
#[utoipa::path(
    post, path = "/api/images/{id}/release", operation_id = "releaseImage", tag = "Release",
    params(("id" = Uuid, Path)),
    request_body = Option<ReleaseRequest>,
    responses(
        (status = 200, description = "It is released.", body = ImageJson),
        NotFound, NotReady, OutdatedBoxes, TooLarge, UnsupportedType,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn release(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    body: Result<Option<JsonObject<ReleaseRequest>>, Problem>,
) -> Result<Json<ImageJson>, Problem> {
    viewer.require(Action::Manage)?;
    let ReleaseRequest { version, caption } =
        body?.map(|JsonObject(request)| request).unwrap_or_default();
    let seen = Seen { version, caption };
    decide(&state, &viewer, id, Decision::Release(seen)).await?;
    one(&state, &viewer, id).await
}

/// Withdraw an image
///
/// For admins. Visitors do not see it from now on, and somebody has to decide again, also about one that
/// was held. Presigned addresses of its pictures that were handed out before expire within 45 minutes.
/// Repeating it changes nothing.
#[utoipa::path(
    post, path = "/api/images/{id}/withdraw", operation_id = "withdrawImage", tag = "Release",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "It is not public.", body = ImageJson), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn withdraw(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Json<ImageJson>, Problem> {
    decide(&state, &viewer, id, Decision::Withdraw).await?;
    one(&state, &viewer, id).await
}

/// Hold an image
///
/// For admins. Sets it aside: it is not public, and not among those that wait for a decision. Repeating
/// it changes nothing.
#[utoipa::path(
    post, path = "/api/images/{id}/hold", operation_id = "holdImage", tag = "Release",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "It is held.", body = ImageJson), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn hold(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Json<ImageJson>, Problem> {
    decide(&state, &viewer, id, Decision::Hold).await?;
    one(&state, &viewer, id).await
}
