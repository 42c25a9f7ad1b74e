//! `/api/images/{id}/removal-requests`: "that's me".

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::{InvalidContent, NotFound, TooLarge, UnsupportedType};
use crate::access::Client;
use crate::actions::removal_requests::{NewRequest, request_removal};
use crate::extract::{JsonObject, Path};
use crate::problem::Problem;
use crate::state::AppState;

/// A request that was noted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RemovalRequest)]
pub struct RemovalRequestJson {
    /// Cannot be guessed, and is not shown again.
    #[schema(example = "7kq2mf3xw9ra4vdn8ht6")]
    number: String,
    /// The page that says what became of it.
    #[schema(format = "uri-reference", example = "/removal/7kq2mf3xw9ra4vdn8ht6")]
    url: String,
}

/// Ask to be covered
///
/// For everybody, on a released image. The place is covered at once: the image is hidden until its copy
/// shows the cover. People who manage images look at the request afterwards. Where
/// `VITRINE_REMOVAL_REQUESTS=off`, there is no such address.
#[utoipa::path(
    post, path = "/api/images/{id}/removal-requests", operation_id = "requestRemoval", tag = "Release",
    params(("id" = Uuid, Path)),
    request_body = NewRequest,
    responses(
        (status = 201, description = "The place is covered, and the request noted.",
            body = RemovalRequestJson,
            headers(("Location" = String, description = "The page that says what became of it."))),
        NotFound, TooLarge, UnsupportedType, InvalidContent,
    ),
    security(("token" = []), ("session" = []), ()),
)]
pub async fn request(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
    body: Result<JsonObject<NewRequest>, Problem>,
) -> Result<Response, Problem> {
    let JsonObject(wanted) = body?;
    let request = request_removal(&state, &client, id, wanted).await?;
    let url = format!("/removal/{}", request.number);
    let location = [("location", url.clone())];
    let number = request.number;
    let body = Json(RemovalRequestJson { number, url });
    Ok((StatusCode::CREATED, location, body).into_response())
}
