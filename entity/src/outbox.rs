//! Messages to the queues of AWS that are to be sent. A row is written in the transaction that
//! makes its step pending, and deleted once SQS has accepted the message: a crash in between
//! sends it twice, and never not at all.
//!
//! A sender holds the rows it is sending until `due_at`. If it dies, they are due again by
//! themselves.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::step_kind::StepKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub image_id: Uuid,
    pub step: StepKind,
    /// No sender may take the row before.
    pub due_at: DateTime<Utc>,
    /// The trace it belongs to, as W3C's `traceparent`.
    pub trace: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The messages that a sender may take at `now`, oldest first.
pub fn due(now: DateTime<Utc>, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::DueAt.lte(now))
        .filter(Column::Step.is_in(StepKind::ALL))
        .order_by_asc(Column::Id)
        .limit(limit)
}
