//! What happened to images, in order: the source of the live updates. Any instance reads it,
//! so any instance can serve any browser, and a browser that was away asks from the last
//! number it saw.
//!
//! Numbers are given in the order of commits. Left to themselves, PostgreSQL and MySQL may commit
//! 8 before 7, and who had read up to 8 by then would never hear of 7. So whoever writes a change
//! down holds the one row of `change_commit_lock` from before it gets its number until its commit. SQLite
//! has one writer at a time anyway.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, QueryOrder, QuerySelect, Select};

use crate::change_commit_lock;

/// One row of `change`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Grows with each change and is never used twice.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The image.
    pub image_id: Uuid,
    /// What happened to it.
    pub kind: Kind,
    /// When.
    pub at: DateTime<Utc>,
}

/// What happened to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Kind {
    /// It is new, or something about it is.
    #[sea_orm(string_value = "image")]
    Image,
    /// It is gone.
    #[sea_orm(string_value = "deleted")]
    Deleted,
}

/// A change stands on its own: it outlives the image it tells of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Writes down that something happened, in the transaction that makes it happen. Call it when
/// everything else is done and only further changes and the commit are to follow: until then all
/// others wait for their turn, and one who in turn held a row that this transaction still needs
/// would wait for ever.
///
/// # Errors
/// If the database does not answer.
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

/// The changes behind `seq`, oldest first.
pub fn since(seq: i64, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::Seq.gt(seq))
        .order_by_asc(Column::Seq)
        .limit(limit)
}

/// The newest change.
pub fn latest() -> Select<Entity> {
    Entity::find().order_by_desc(Column::Seq).limit(1)
}
