//! Sessions of people who are signed in. The browser has a random token; the row has only a keyed
//! hash of it, so that a copy of the database opens no session.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The token's keyed hash, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The session with this id, unless it has expired.
pub fn live(id: &str, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find_by_id(id.to_owned()).filter(Column::ExpiresAt.gt(now))
}
