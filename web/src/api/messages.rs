//! `/api/messages`

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use entity::message::{self, ActiveModel, Entity, Model};
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseConnection, EntityTrait as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Page, Paging, cut};
use crate::access::{Action, Viewer};
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::state::AppState;

/// Characters of a name at most.
const AUTHOR_LENGTH: usize = 80;
/// Characters of a message at most.
const BODY_LENGTH: usize = 4000;

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

/// What somebody wrote.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NewMessage {
    /// Their name.
    pub author: String,
    /// Their message.
    pub body: String,
}

/// `POST /api/messages`
pub async fn post(
    State(state): State<AppState>,
    viewer: Viewer,
    body: Result<Json<NewMessage>, JsonRejection>,
) -> Result<Response, Problem> {
    viewer.require(Action::PostMessage)?;
    let Json(new) = body?;
    let row = write(&state.db, &new).await?;
    let location = [("location", format!("/api/messages/{}", row.id))];
    Ok((StatusCode::CREATED, location, Json(MessageJson::from(row))).into_response())
}

/// Puts a message on the board.
///
/// # Errors
/// 422 if it is empty or too long.
pub(crate) async fn write(db: &DatabaseConnection, new: &NewMessage) -> Result<Model, Problem> {
    let row = Model {
        id: Uuid::now_v7(),
        author: bounded("author", &new.author, AUTHOR_LENGTH)?,
        body: bounded("body", &new.body, BODY_LENGTH)?,
        created_at: entity::now(),
    };
    let active = ActiveModel {
        id: Set(row.id),
        author: Set(row.author.clone()),
        body: Set(row.body.clone()),
        created_at: Set(row.created_at),
    };
    Entity::insert(active).exec_without_returning(db).await?;
    Ok(row)
}

fn bounded(field: &str, text: &str, length: usize) -> Result<String, Problem> {
    // Control characters say nothing, and PostgreSQL keeps no NUL.
    let text: String = text
        .replace("\r\n", "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    let text = text.trim();
    let complaint = match text.chars().count() {
        0 => format!("{field} is empty; write something"),
        count if count > length => {
            format!("{field} has {count} characters; {length} are the most")
        }
        _ => return Ok(text.to_owned()),
    };
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, complaint))
}

/// `GET /api/messages`
pub async fn list(
    State(state): State<AppState>,
    paging: Paging,
) -> Result<Json<Page<MessageJson>>, Problem> {
    let (rows, next) = newest(&state.db, &paging).await?;
    let items = rows.into_iter().map(MessageJson::from).collect();
    Ok(Json(Page { items, next }))
}

/// A page of messages, newest first, and the cursor of the next one.
pub(crate) async fn newest(
    db: &DatabaseConnection,
    paging: &Paging,
) -> Result<(Vec<Model>, Option<String>), Problem> {
    let after = paging.after.map(Cursor::row).transpose()?;
    let found = message::page(after, paging.limit + 1).all(db).await?;
    let (rows, more) = cut(found, paging.limit);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| Cursor::Row(row.created_at, row.id).encode());
    Ok((rows, next))
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
