//! The message board: writing and listing.

use entity::message::{self, ActiveModel, Entity, Model};
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseConnection, EntityTrait as _};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::cursor::Cursor;
use crate::paging::{Paging, cut};
use crate::problem::Problem;

/// Characters of a name at most.
const AUTHOR_LENGTH: usize = 80;
/// Characters of a message at most.
const BODY_LENGTH: usize = 4000;

/// A message from a client.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(example = json!({ "author": "Ada", "body": "Lovely photos!" }))]
pub struct NewMessage {
    /// At most 80 characters; control characters are removed and do not count.
    #[schema(min_length = 1)]
    pub author: String,
    /// At most 4000 characters; control characters are removed and do not count.
    #[schema(min_length = 1)]
    pub body: String,
}

/// # Errors
/// 422 if a field is empty or too long.
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

/// Whether there was such a message.
///
/// # Errors
/// 401 or 403 if the viewer may not.
pub(crate) async fn delete_message(
    db: &DatabaseConnection,
    viewer: &Viewer,
    id: Uuid,
) -> Result<bool, Problem> {
    viewer.require(Action::Manage)?;
    let deleted = Entity::delete_by_id(id).exec(db).await?;
    Ok(deleted.rows_affected > 0)
}

fn bounded(field: &str, text: &str, length: usize) -> Result<String, Problem> {
    // PostgreSQL does not store NUL, and other control characters are of no use.
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
    Err(Problem::invalid(complaint))
}

/// A page of messages, newest first, and the cursor of the next.
pub(crate) async fn newest_messages(
    db: &DatabaseConnection,
    paging: &Paging,
) -> Result<(Vec<Model>, Option<String>), Problem> {
    let after = paging.after.map(Cursor::row).transpose()?;
    let found = message::page(after, paging.limit + 1).all(db).await?;
    Ok(cut(found, paging.limit, |row| {
        Cursor::Row(row.created_at, row.id)
    }))
}
