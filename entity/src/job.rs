//! Work that is owed on one machine: a durable queue with the semantics of SQS, so that the
//! two homes differ in nothing but where a message waits.
//!
//! A claim makes a job invisible for a while and gives it a new receipt. Whoever holds the
//! receipt may extend that, delete the job or give it back; after that time the job shows
//! up again by itself.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

/// One row of `job`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The image to work on.
    pub image_id: Uuid,
    /// What to do. There is at most one job for a step.
    pub step: crate::step_kind::StepKind,
    /// What the queue is ordered by.
    pub due_at: DateTime<Utc>,
    /// Nobody may claim it before this.
    pub visible_at: DateTime<Utc>,
    /// How often it was claimed.
    pub attempts: i32,
    /// Whoever claimed it last holds this.
    pub receipt: Option<Uuid>,
    /// The trace it belongs to, as W3C's `traceparent`; none if nobody asked for it.
    pub trace: Option<String>,
}

/// A job stands on its own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The jobs that may be claimed at `now`, the most urgent first.
pub fn claimable(now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::VisibleAt.lte(now))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
}

/// The job that could have been worked on for the longest time, if nobody works on any.
pub fn oldest_waiting(now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::VisibleAt.lte(now))
        .order_by_asc(Column::VisibleAt)
        .limit(1)
}

/// The job for one step.
pub fn for_step(image_id: Uuid, step: crate::step_kind::StepKind) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image_id))
        .filter(Column::Step.eq(step))
        .limit(1)
}
