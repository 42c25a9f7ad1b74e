//! Who is signed in. The browser holds a random token; the row holds only a keyed hash of it,
//! so that a copy of the database opens no session.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row of `session`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The token's keyed hash, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Who it is; accounts will give members their own names.
    pub user_name: String,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When the session ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// A session stands on its own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The session with this id, unless it has ended.
pub fn live(id: &str, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find_by_id(id.to_owned()).filter(Column::ExpiresAt.gt(now))
}
