//! Who made an image public or took it back, when, and what exactly was shown. Rows are only added.
//! They outlive the image, because publishers have to answer for it later, too.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{FromJsonQueryResult, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::image::Author;
use crate::image_box;
use crate::keyset;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "publication_record")]
pub struct Model {
    /// A version 7 UUID, so that ids grow with time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub image_id: Uuid,
    pub action: Action,
    pub at: DateTime<Utc>,
    /// The person, program or rule.
    pub by_name: Option<String>,
    /// Of the original, in lower-case hexadecimal.
    pub sha256: String,
    pub boxes_version: i32,
    pub boxes: Boxes,
    /// The detector, with its version, that had searched last.
    pub detector: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub caption_text: Option<String>,
    pub caption_by: Option<Author>,
    pub caption_provider: Option<String>,
    pub caption_model: Option<String>,
    pub prompt_version: Option<String>,
    /// What had been sent to providers until then.
    pub sent: Sent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It became public.
    #[sea_orm(string_value = "released")]
    Released,
    /// It was public, and boxes or words changed.
    #[sea_orm(string_value = "revised")]
    Revised,
    /// It is no longer public.
    #[sea_orm(string_value = "withdrawn")]
    Withdrawn,
    /// It was public, and was deleted.
    #[sea_orm(string_value = "deleted")]
    Deleted,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Revised => "revised",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
        }
    }
}

/// A box as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedBox {
    pub id: Uuid,
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    pub shape: image_box::Shape,
    pub covers: image_box::Covers,
    pub state: image_box::State,
    pub reason: Option<String>,
    pub by_kind: image_box::ByKind,
    pub by_name: Option<String>,
    pub version: Option<String>,
}

impl From<&image_box::Model> for RecordedBox {
    fn from(row: &image_box::Model) -> Self {
        Self {
            id: row.id,
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
            shape: row.shape,
            covers: row.covers,
            state: row.state,
            reason: row.reason.clone(),
            by_kind: row.by_kind,
            by_name: row.by_name.clone(),
            version: row.version.clone(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Boxes(pub Vec<RecordedBox>);

/// Requests about an image to one model of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    pub provider: String,
    pub model: Option<String>,
    /// The picture of which a small copy was sent: `anonymised` or `original`; none if that was not
    /// kept at the time.
    pub rendition: Option<String>,
    pub requests: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Sent(pub Vec<Sending>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

fn newest_first() -> Select<Entity> {
    Entity::find()
        .order_by_desc(Column::At)
        .order_by_desc(Column::Id)
}

/// A page of records after the cursor, newest first.
pub fn page(after: Option<(DateTime<Utc>, Uuid)>, limit: u64) -> Select<Entity> {
    let mut select = newest_first();
    if let Some((at, id)) = after {
        select = select.filter(keyset::before((Column::At, Column::Id), (at, id)));
    }
    select.limit(limit)
}

/// The records of an image, newest first.
pub fn of(image: Uuid) -> Select<Entity> {
    newest_first().filter(Column::ImageId.eq(image))
}
