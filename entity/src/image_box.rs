//! What is covered on the public copy of an image, and what a person decided to leave: one row for
//! each box.
//!
//! A row is never changed, except that it is removed: a box that a person moves is a new row that
//! replaces the old one. Each change of the boxes of an image has a number, `image.boxes_version`, so
//! the boxes of every version can be read again.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder};
use serde::{Deserialize, Serialize};

use crate::image;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "box")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub image_id: Uuid,
    /// Left edge in pixels of the upright image; the box lies within it.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// At least 1.
    pub width: i32,
    /// At least 1.
    pub height: i32,
    pub shape: Shape,
    pub covers: Covers,
    pub state: State,
    pub by_kind: ByKind,
    /// The person or the detector.
    pub by_name: Option<String>,
    /// The detector with its version.
    pub version: Option<String>,
    /// The search in which a detector found it.
    pub pass: Option<Pass>,
    /// The detector's confidence, from 0 to 1.
    pub score: Option<f32>,
    /// Why it stays uncovered.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    /// The version of the boxes that is the first to have it.
    pub added_in: i32,
    /// When a person removed or replaced it.
    pub removed_at: Option<DateTime<Utc>>,
    pub removed_by: Option<String>,
    /// The first version without it.
    pub removed_in: Option<i32>,
    /// The box that a person put in its place.
    pub replaced_by: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Around the box, so that the box and more is covered.
    #[sea_orm(string_value = "ellipse")]
    Ellipse,
    #[sea_orm(string_value = "rectangle")]
    Rectangle,
}

impl Shape {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ellipse => "ellipse",
            Self::Rectangle => "rectangle",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Covers {
    #[sea_orm(string_value = "face")]
    Face,
    /// A badge, a number plate, a screen.
    #[sea_orm(string_value = "other")]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum State {
    #[sea_orm(string_value = "cover")]
    Cover,
    /// It is not covered, because a person said so.
    #[sea_orm(string_value = "keep")]
    Keep,
    /// It is covered, and a person should look.
    #[sea_orm(string_value = "uncertain")]
    Uncertain,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cover => "cover",
            Self::Keep => "keep",
            Self::Uncertain => "uncertain",
        }
    }

    pub fn is_covered(self) -> bool {
        self != Self::Keep
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum ByKind {
    #[sea_orm(string_value = "detector")]
    Detector,
    #[sea_orm(string_value = "person")]
    Person,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Pass {
    /// The first search of the original.
    #[sea_orm(string_value = "first")]
    First,
    /// The search of the finished copy.
    #[sea_orm(string_value = "second")]
    Second,
    /// A search of the original by another version of the detector.
    #[sea_orm(string_value = "rerun")]
    Rerun,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "image::Entity",
        from = "Column::ImageId",
        to = "image::Column::Id"
    )]
    Image,
}

impl ActiveModelBehavior for ActiveModel {}

/// The boxes that images have now, oldest first.
pub fn of_all(images: impl IntoIterator<Item = Uuid>) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.is_in(images))
        .filter(Column::RemovedIn.is_null())
        .order_by_asc(Column::Id)
}

/// The boxes that an image has now, oldest first.
pub fn of(image: Uuid) -> Select<Entity> {
    of_all([image])
}

/// The boxes that an image had in a version, oldest first.
pub fn at_version(image: Uuid, version: i32) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image))
        .filter(Column::AddedIn.lte(version))
        .filter(
            Condition::any()
                .add(Column::RemovedIn.is_null())
                .add(Column::RemovedIn.gt(version)),
        )
        .order_by_asc(Column::Id)
}

/// The boxes that a person had removed by a version, without another one in their place. Detectors do
/// not add them again.
pub fn set_aside(image: Uuid, version: i32) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image))
        .filter(Column::RemovedIn.lte(version))
        .filter(Column::ReplacedBy.is_null())
}
