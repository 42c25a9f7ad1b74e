//! Every caption that an image has had. The current one is on the image's row; this is the history,
//! which is only appended to.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::image::{Author, Tags, Translations};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "caption")]
pub struct Model {
    /// A version 7 UUID; for a caption older than this table, the id of the image.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub image_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub text: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub paragraph: Option<String>,
    pub tags: Option<Tags>,
    pub written_by: Author,
    /// The name of the person who wrote it.
    pub author_name: Option<String>,
    /// The captioner that wrote it: `describe`, `gemini` or `openai`.
    pub provider: Option<String>,
    pub model: Option<String>,
    /// Hash of the prompt's template.
    pub prompt_version: Option<String>,
    /// As a BCP 47 tag.
    pub language: Option<String>,
    /// The same in other languages.
    pub translations: Option<Translations>,
    pub tokens_in: Option<i32>,
    pub tokens_out: Option<i32>,
    /// In millionths of the currency that prices are set in.
    pub cost_micros: Option<i64>,
    /// Time until the provider's answer, in milliseconds.
    pub duration_ms: Option<i32>,
    pub created_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The captions of an image, newest first.
pub fn history(image_id: Uuid, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image_id))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}
