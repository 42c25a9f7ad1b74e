//! What one function does to one image. The state here is what people see; the work that is
//! still owed is in `job` (one machine) or in a queue (AWS).

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{FromJsonQueryResult, JoinType, QuerySelect};
use serde::{Deserialize, Serialize};

pub use crate::step_kind::{StepKind, UnknownStep};

/// One row of `step`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "step")]
pub struct Model {
    /// The image it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub image_id: Uuid,
    /// The function that does it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: StepKind,
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun since it was last queued by a person.
    pub attempts: i32,
    /// Why it is not done, in words for people.
    pub error: Option<String>,
    /// When it was last queued.
    pub queued_at: DateTime<Utc>,
    /// When the last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it came to an end.
    pub finished_at: Option<DateTime<Utc>>,
    /// The last attempts, oldest first.
    pub history: Option<History>,
}

/// `queued → running → done | failed | blocked`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Waiting for a worker, or for the next attempt.
    #[sea_orm(string_value = "queued")]
    Queued,
    /// A worker is at it.
    #[sea_orm(string_value = "running")]
    Running,
    /// Finished well.
    #[sea_orm(string_value = "done")]
    Done,
    /// Given up, with the reason in `error`. Somebody can have it tried again.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// The provider refused the picture. Final.
    #[sea_orm(string_value = "blocked")]
    Blocked,
}

impl StepState {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }

    /// Whether work is still owed.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// One attempt at a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number since the step was last queued by a person, from 1.
    pub attempt: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it runs, and for good if its worker died.
    pub finished_at: Option<DateTime<Utc>>,
    /// The state it led to.
    pub state: StepState,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Whether a provider answered something of no use, which is worth a second try only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unusable_answer: bool,
}

/// Attempts as kept in a JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct History(pub Vec<Attempt>);

impl History {
    /// How many attempts are kept.
    pub const KEPT: usize = 20;

    /// Adds an attempt and forgets the oldest ones beyond [`History::KEPT`].
    pub fn push(&mut self, attempt: Attempt) {
        self.0.push(attempt);
        let surplus = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..surplus);
    }
}

/// What a step belongs to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its image.
    #[sea_orm(
        belongs_to = "super::image::Entity",
        from = "Column::ImageId",
        to = "super::image::Column::Id"
    )]
    Image,
    /// The work that is owed for it.
    #[sea_orm(
        belongs_to = "super::job::Entity",
        from = "(Column::ImageId, Column::Name)",
        to = "(super::job::Column::ImageId, super::job::Column::Step)"
    )]
    Job,
}

impl Related<super::image::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Image.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The steps of one image.
pub fn of(image_id: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::ImageId.eq(image_id))
}

/// The steps of several images.
pub fn of_all(image_ids: impl IntoIterator<Item = Uuid>) -> Select<Entity> {
    Entity::find().filter(Column::ImageId.is_in(image_ids))
}

/// Steps of visible images on which work is owed although no job stands for them.
pub fn pending_without_job(limit: u64) -> Select<Entity> {
    Entity::find()
        .join(JoinType::InnerJoin, Relation::Image.def())
        .join(JoinType::LeftJoin, Relation::Job.def())
        .filter(super::image::Column::StoredAt.is_not_null())
        .filter(super::image::Column::DeletedAt.is_null())
        .filter(Column::State.is_in([StepState::Queued, StepState::Running]))
        .filter(super::job::Column::Id.is_null())
        .limit(limit)
}
