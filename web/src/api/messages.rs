//! `/api/messages`

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use entity::message::{Entity, Model};
use sea_orm::EntityTrait as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::{InvalidContent, NotFound, TooLarge, UnsupportedType};
use crate::access::{Action, Client, Viewer};
use crate::actions::messages::{NewMessage, delete_message, newest_messages, post_message};
use crate::extract::{JsonObject, Path};
use crate::paging::{Page, Paging, PagingQuery};
use crate::problem::Problem;
use crate::state::AppState;

/// A message on the board.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageJson {
    id: Uuid,
    #[schema(example = "Ada")]
    author: String,
    #[schema(example = "Lovely photos!")]
    body: String,
    created_at: DateTime<Utc>,
}

impl From<Model> for MessageJson {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            author: row.author,
            body: row.body,
            created_at: row.created_at,
        }
    }
}

/// Post a message
///
/// For admins, and for visitors where `VITRINE_UPLOADS=anyone`.
#[utoipa::path(
    post, path = "/api/messages", operation_id = "postMessage", tag = "Messages",
    request_body = NewMessage,
    responses(
        (status = 201, description = "It is on the board.", body = MessageJson,
            headers(("Location" = String, description = "The address of the message."))),
        TooLarge, UnsupportedType, InvalidContent,
    ),
    security(("token" = ["upload"]), ("session" = []), ()),
)]
pub async fn post(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    body: Result<JsonObject<NewMessage>, Problem>,
) -> Result<Response, Problem> {
    state.admit(&viewer, &client, Action::PostMessage)?;
    let JsonObject(new) = body?;
    let row = post_message(&state.db, &new).await?;
    let location = [("location", format!("/api/messages/{}", row.id))];
    Ok((StatusCode::CREATED, location, Json(MessageJson::from(row))).into_response())
}

/// List messages
///
/// For everybody. Newest first.
#[utoipa::path(
    get, path = "/api/messages", operation_id = "listMessages", tag = "Messages",
    params(PagingQuery),
    responses(
        (status = 200, description = "A page of messages.", body = Page<MessageJson>,
            headers(("Link" = String,
                description = "The next page, as in `</api/messages?after=…>; rel=\"next\"`."))),
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    paging: Paging,
) -> Result<Response, Problem> {
    let (rows, next) = newest_messages(&state.db, &paging).await?;
    let items = rows.into_iter().map(MessageJson::from).collect();
    let page: Page<MessageJson> = Page { items, next };
    Ok(page.respond(&uri))
}

/// Read a message
///
/// For everybody.
#[utoipa::path(
    get, path = "/api/messages/{id}", operation_id = "readMessage", tag = "Messages",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The message.", body = MessageJson), NotFound),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<MessageJson>, Problem> {
    let row = Entity::find_by_id(id).one(&state.db).await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found("message"))
}

/// Delete a message
///
/// For admins.
#[utoipa::path(
    delete, path = "/api/messages/{id}", operation_id = "deleteMessage", tag = "Messages",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It is deleted."), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if delete_message(&state.db, &viewer, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("message"))
    }
}
