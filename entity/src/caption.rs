//! Every caption an image has had. The one that holds is on the image's own row; this is the
//! history, which nobody edits.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::image::{Author, Tags};

/// One row of `caption`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "caption")]
pub struct Model {
    /// A version 7 UUID; for captions older than this table, the image's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The image it describes.
    pub image_id: Uuid,
    /// The caption.
    #[sea_orm(column_type = "Text")]
    pub text: String,
    /// The paragraph that went with it.
    #[sea_orm(column_type = "Text", nullable)]
    pub paragraph: Option<String>,
    /// The tags that went with it.
    pub tags: Option<Tags>,
    /// Who wrote it.
    pub written_by: Author,
    /// The name of the person who wrote it.
    pub author_name: Option<String>,
    /// The captioner that wrote it.
    pub provider: Option<String>,
    /// The provider's model.
    pub model: Option<String>,
    /// Hash of the prompt's template.
    pub prompt_version: Option<String>,
    /// Its language as a BCP 47 tag.
    pub language: Option<String>,
    /// Tokens sent to the provider.
    pub tokens_in: Option<i32>,
    /// Tokens that came back.
    pub tokens_out: Option<i32>,
    /// What it cost, in millionths of the currency that prices are set in.
    pub cost_micros: Option<i64>,
    /// How long the provider took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A caption is read by itself.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The captions of an image, the newest first.
pub fn history(image_id: Uuid, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::ImageId.eq(image_id))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}
