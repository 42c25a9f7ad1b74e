//! The durable queue of one machine. It has the semantics of SQS, so that both homes differ only in
//! where a message waits.
//!
//! A claim makes a job invisible for a while and gives it a new receipt. The worker with the receipt
//! may extend that time, delete the job or give it back; otherwise the job becomes visible again by
//! itself.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::step_kind::StepKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub image_id: Uuid,
    /// There is at most one job for a step of an image.
    pub step: StepKind,
    /// The order of the queue.
    pub due_at: DateTime<Utc>,
    /// It cannot be claimed before.
    pub visible_at: DateTime<Utc>,
    /// How often it was claimed.
    pub attempts: i32,
    /// Held by the worker that claimed it last.
    pub receipt: Option<Uuid>,
    /// The trace it belongs to, as W3C's `traceparent`.
    pub trace: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The jobs of these steps that may be claimed at `now`, most urgent first. A later version may have
/// left jobs of steps that this one does not know.
pub fn claimable(now: DateTime<Utc>, steps: impl IntoIterator<Item = StepKind>) -> Select<Entity> {
    Entity::find()
        .filter(Column::VisibleAt.lte(now))
        .filter(Column::Step.is_in(steps))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
}

/// The oldest claimable job.
pub fn oldest_waiting(now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::VisibleAt.lte(now))
        .filter(Column::Step.is_in(StepKind::ALL))
        .order_by_asc(Column::VisibleAt)
        .limit(1)
}

/// The job for one step of an image.
pub fn for_step(image_id: Uuid, step: StepKind) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image_id))
        .filter(Column::Step.eq(step))
        .limit(1)
}
