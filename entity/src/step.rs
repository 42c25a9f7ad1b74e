//! One step of one image. The state here is what people see; the work itself waits in `job` (one
//! machine) or in a queue (AWS).
//!
//! A rolling update, or one that was rolled back, leaves rows of steps that this version does not
//! know. The finders leave them alone.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Condition, Expr, Query, SelectStatement};
use sea_orm::{
    FromJsonQueryResult, FromQueryResult, JoinType, QueryOrder, QuerySelect, SelectModel, Selector,
    UpdateMany,
};
use serde::{Deserialize, Serialize};

use crate::{image, job};

pub use crate::step_kind::{StepKind, UnknownStep};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub image_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: StepKind,
    pub state: StepState,
    /// Attempts begun since a person last queued it.
    pub attempts: i32,
    /// Why it is not done, in words for people.
    pub error: Option<String>,
    /// When it was created, or last put back to the beginning.
    pub queued_at: DateTime<Utc>,
    /// When the last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// None while it is pending.
    pub finished_at: Option<DateTime<Utc>>,
    /// The last attempts, oldest first.
    pub history: Option<History>,
    /// When a message for it was last sent again because nothing had happened for long; on AWS.
    pub resent_at: Option<DateTime<Utc>>,
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
    /// A worker is working on it.
    #[sea_orm(string_value = "running")]
    Running,
    /// Succeeded.
    #[sea_orm(string_value = "done")]
    Done,
    /// Given up, with the reason in `error`. A person can retry it.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// The provider refused the picture. Final.
    #[sea_orm(string_value = "blocked")]
    Blocked,
}

impl StepState {
    /// The name in rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }

    /// Whether it still has to be done.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1 since a person last queued the step.
    pub attempt: i32,
    pub started_at: DateTime<Utc>,
    /// None while it runs, and for ever if its worker died.
    pub finished_at: Option<DateTime<Utc>>,
    /// The state it led to.
    pub state: StepState,
    pub error: Option<String>,
    /// Whether the provider's answer could not be used: such an attempt is repeated once only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unusable_answer: bool,
    /// Whether work on the pixels crashed or broke a limit: such an attempt is repeated once only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crashed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct History(pub Vec<Attempt>);

impl History {
    pub const KEPT: usize = 20;

    /// Adds an attempt and drops the oldest ones beyond [`History::KEPT`].
    pub fn push(&mut self, attempt: Attempt) {
        self.0.push(attempt);
        let surplus = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..surplus);
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "image::Entity",
        from = "Column::ImageId",
        to = "image::Column::Id"
    )]
    Image,
    #[sea_orm(
        belongs_to = "job::Entity",
        from = "(Column::ImageId, Column::Name)",
        to = "(job::Column::ImageId, job::Column::Step)"
    )]
    Job,
}

impl ActiveModelBehavior for ActiveModel {}

fn known() -> Select<Entity> {
    Entity::find().filter(Column::Name.is_in(StepKind::ALL))
}

/// The steps of one image.
pub fn of(image_id: Uuid) -> Select<Entity> {
    known().filter(Column::ImageId.eq(image_id))
}

/// The steps of several images.
pub fn of_all(image_ids: impl IntoIterator<Item = Uuid>) -> Select<Entity> {
    known().filter(Column::ImageId.is_in(image_ids))
}

/// Puts steps back to the beginning, for a new round of attempts. An attempt of an earlier round that
/// is still running has lost. The caller adds the filter; without one it resets every step.
pub fn new_round(queued_at: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(StepState::Queued))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::Error, Expr::value(None::<String>))
        .col_expr(Column::FinishedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::QueuedAt, Expr::value(queued_at))
}

fn pending() -> Select<Entity> {
    in_states([StepState::Queued, StepState::Running])
}

/// The steps of visible images in these states.
fn in_states(states: impl IntoIterator<Item = StepState>) -> Select<Entity> {
    known()
        .join(JoinType::InnerJoin, Relation::Image.def())
        .filter(image::is_stored())
        .filter(Column::State.is_in(states))
}

/// How many steps of a kind are in a state.
#[derive(Clone, Debug, FromQueryResult)]
pub struct StateCount {
    pub name: StepKind,
    pub state: StepState,
    pub steps: i64,
}

/// The steps of visible images that are not done, counted.
pub fn counts_of_not_done() -> Selector<SelectModel<StateCount>> {
    in_states([
        StepState::Queued,
        StepState::Running,
        StepState::Failed,
        StepState::Blocked,
    ])
    .select_only()
    .column(Column::Name)
    .column(Column::State)
    .column_as(Column::ImageId.count(), "steps")
    .group_by(Column::Name)
    .group_by(Column::State)
    .into_model()
}

/// How many steps of a kind failed for the same reason.
#[derive(Clone, Debug, FromQueryResult)]
pub struct FailureCount {
    pub name: StepKind,
    pub state: StepState,
    pub error: Option<String>,
    pub steps: i64,
}

/// The most frequent reasons why steps of visible images failed or were refused.
pub fn counts_of_failures(limit: u64) -> Selector<SelectModel<FailureCount>> {
    in_states([StepState::Failed, StepState::Blocked])
        .select_only()
        .column(Column::Name)
        .column(Column::State)
        .column(Column::Error)
        .column_as(Column::ImageId.count(), "steps")
        .group_by(Column::Name)
        .group_by(Column::State)
        .group_by(Column::Error)
        .order_by_desc(Expr::cust("steps"))
        .limit(limit)
        .into_model()
}

/// A failure, with the image's name for people.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Failure {
    pub image_id: Uuid,
    pub file_name: String,
    pub name: StepKind,
    pub error: Option<String>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The last steps of visible images that failed or were refused.
pub fn latest_failures(limit: u64) -> Selector<SelectModel<Failure>> {
    in_states([StepState::Failed, StepState::Blocked])
        .select_only()
        .columns([
            Column::ImageId,
            Column::Name,
            Column::Error,
            Column::FinishedAt,
        ])
        .column(image::Column::FileName)
        .order_by_desc(Column::FinishedAt)
        .limit(limit)
        .into_model()
}

/// The step that has waited longest.
pub fn oldest_queued() -> Select<Entity> {
    in_states([StepState::Queued])
        .order_by_asc(Column::QueuedAt)
        .limit(1)
}

/// Images with a step of this kind that failed, so that it can be tried again.
pub fn failed(kind: StepKind, limit: u64) -> Selector<SelectModel<OfImage>> {
    in_states([StepState::Failed])
        .filter(Column::Name.eq(kind))
        .select_only()
        .column(Column::ImageId)
        .limit(limit)
        .into_model()
}

#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct OfImage {
    pub image_id: Uuid,
}

/// Pending steps of visible images that have no job.
pub fn pending_without_job(limit: u64) -> Select<Entity> {
    pending()
        .join(JoinType::LeftJoin, Relation::Job.def())
        .filter(job::Column::Id.is_null())
        .limit(limit)
}

/// Pending steps of visible images with which nothing has happened since `instant`.
pub fn stuck_since(instant: DateTime<Utc>, limit: u64) -> Select<Entity> {
    let earlier = |column: Column| {
        Condition::any()
            .add(column.is_null())
            .add(column.lt(instant))
    };
    pending()
        .filter(Column::QueuedAt.lt(instant))
        .filter(earlier(Column::StartedAt))
        .filter(earlier(Column::ResentAt))
        .limit(limit)
}

/// Visible images, uploaded since `instant`, that have no row for this step because a version that
/// does not know the step created them.
pub fn images_without(kind: StepKind, instant: DateTime<Utc>, limit: u64) -> Select<image::Entity> {
    image::stored()
        .filter(image::Column::UploadedAt.gte(instant))
        .filter(image::Column::Id.not_in_subquery(images_with(kind)))
        .limit(limit)
}

fn images_with(kind: StepKind) -> SelectStatement {
    Query::select()
        .column(Column::ImageId)
        .from(Entity)
        .and_where(Column::Name.eq(kind))
        .take()
}
