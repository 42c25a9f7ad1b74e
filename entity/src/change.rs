//! The log of what happened to images: the source of the live updates. Any instance reads it, so any
//! instance can serve any browser, and a browser that was away asks for what follows the last number
//! it saw.
//!
//! Numbers are in the order of commits. By themselves, PostgreSQL and MySQL may commit 8 before 7, and
//! a reader that had read up to 8 would miss 7. So a transaction that records a change locks the one
//! row of `change_turn` before it gets its number, until its commit. SQLite has one writer at a time
//! anyway.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, QueryOrder, QuerySelect, Select};

use crate::change_commit_lock;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Grows with each change and is never used twice.
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub image_id: Uuid,
    pub kind: Kind,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Kind {
    /// It was created or changed.
    #[sea_orm(string_value = "image")]
    Image,
    /// Visitors, who saw it, do not see it any more; a change of the kind before or after this one tells
    /// everybody else what happened.
    #[sea_orm(string_value = "withdrawn")]
    Withdrawn,
    /// It was deleted.
    #[sea_orm(string_value = "deleted")]
    Deleted,
}

/// None to the image, because a change outlives it.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Records a change in the transaction that makes it. Call it last, before nothing but further
/// changes and the commit: it takes a lock that every writer needs, so a transaction that waits for
/// another row after that would deadlock with the one that holds it.
pub async fn record(tx: &DatabaseTransaction, image_id: Uuid, kind: Kind) -> Result<(), DbErr> {
    change_commit_lock::Entity::find()
        .lock_exclusive()
        .all(tx)
        .await?;
    let row = ActiveModel {
        image_id: Set(image_id),
        kind: Set(kind),
        at: Set(crate::now()),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The changes after `seq`, oldest first.
pub fn since(seq: i64, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::Seq.gt(seq))
        .order_by_asc(Column::Seq)
        .limit(limit)
}

pub fn latest() -> Select<Entity> {
    Entity::find().order_by_desc(Column::Seq).limit(1)
}
