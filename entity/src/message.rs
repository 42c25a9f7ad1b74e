//! The message board.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::keyset;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// 80 characters at most.
    pub author: String,
    /// 4,000 characters at most.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A page of messages after the cursor (instant and id), newest first.
pub fn page(after: Option<(DateTime<Utc>, Uuid)>, limit: u64) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some((created_at, id)) = after {
        let columns = (Column::CreatedAt, Column::Id);
        select = select.filter(keyset::before(columns, (created_at, id)));
    }
    select
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}
