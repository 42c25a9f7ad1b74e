//! `/api/messages`

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use entity::message::{Entity, Model};
use sea_orm::EntityTrait as _;
use serde::Serialize;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::actions::messages::{NewMessage, newest_messages, post_message};
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::state::AppState;

/// A message in JSON.
#[derive(Debug, Serialize)]
pub struct MessageJson {
    id: Uuid,
    author: String,
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

/// `POST /api/messages`
pub async fn post(
    State(state): State<AppState>,
    viewer: Viewer,
    body: Result<Json<NewMessage>, JsonRejection>,
) -> Result<Response, Problem> {
    viewer.require(Action::PostMessage)?;
    let Json(new) = body?;
    let row = post_message(&state.db, &new).await?;
    let location = [("location", format!("/api/messages/{}", row.id))];
    Ok((StatusCode::CREATED, location, Json(MessageJson::from(row))).into_response())
}

/// `GET /api/messages`
pub async fn list(
    State(state): State<AppState>,
    paging: Paging,
) -> Result<Json<Page<MessageJson>>, Problem> {
    let (rows, next) = newest_messages(&state.db, &paging).await?;
    let items = rows.into_iter().map(MessageJson::from).collect();
    Ok(Json(Page { items, next }))
}

/// `GET /api/messages/{id}`
pub async fn show(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<MessageJson>, Problem> {
    let row = Entity::find_by_id(id).one(&state.db).await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found("message"))
}
