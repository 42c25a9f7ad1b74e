//! The message board: writing and listing.

use axum::http::StatusCode;
use entity::message::{self, ActiveModel, Entity, Model};
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseConnection, EntityTrait as _};
use serde::Deserialize;
use uuid::Uuid;

use crate::cursor::Cursor;
use crate::paging::{Paging, cut};
use crate::problem::Problem;

/// Characters of a name at most.
const AUTHOR_LENGTH: usize = 80;
/// Characters of a message at most.
const BODY_LENGTH: usize = 4000;

/// What somebody wrote.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NewMessage {
    /// Their name.
    pub author: String,
    /// Their message.
    pub body: String,
}

/// Puts a message on the board.
///
/// # Errors
/// 422 if it is empty or too long.
pub(crate) async fn post_message(
    db: &DatabaseConnection,
    new: &NewMessage,
) -> Result<Model, Problem> {
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

/// A page of messages, newest first, and the cursor of the next one.
pub(crate) async fn newest_messages(
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
