//! Requests by people who found themselves on a public picture. The place is covered at once; then
//! people who manage images answer.
//!
//! Nothing is kept about who asked but what they wrote.

use chrono::{DateTime, Utc};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "removal_request")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Under which the person sees what became of it; cannot be guessed.
    #[sea_orm(unique)]
    pub number: String,
    /// The image may be deleted since.
    pub image_id: Uuid,
    /// The box that covers the place; none if it was covered before.
    pub box_id: Option<Uuid>,
    /// The place, in pixels of the upright image.
    pub x: i32,
    pub y: i32,
    /// What the person wrote.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub state: State,
    pub answered_at: Option<DateTime<Utc>>,
    pub answered_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum State {
    /// The place is covered, and nobody has answered.
    #[sea_orm(string_value = "open")]
    Open,
    /// The place stays covered.
    #[sea_orm(string_value = "kept")]
    Kept,
    /// The cover that the request brought is taken away again.
    #[sea_orm(string_value = "reversed")]
    Reversed,
}

impl State {
    /// The name in JSON and templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::Reversed => "reversed",
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Those that nobody has answered, oldest first.
pub fn open() -> Select<Entity> {
    Entity::find()
        .filter(Column::State.eq(State::Open))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
}

/// Those of an image that nobody has answered, oldest first.
pub fn open_of(image: Uuid) -> Select<Entity> {
    open().filter(Column::ImageId.eq(image))
}

pub fn by_number(number: &str) -> Select<Entity> {
    Entity::find().filter(Column::Number.eq(number))
}
