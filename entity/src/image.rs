//! A photo that somebody put in: what is known about it and what the functions found out.
//!
//! A row comes before its object. `stored_at` is set once the object is safely there;
//! `deleted_at` is set before the objects go. Both ends of a life can therefore be cut
//! short by a crash and finished later. Everybody who shows images starts at [`visible`].

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{
    Condition, FromJsonQueryResult, FromQueryResult, QueryOrder, QuerySelect, SelectModel, Selector,
};
use serde::{Deserialize, Serialize};

/// One row of `image`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "image")]
pub struct Model {
    /// A version 7 UUID, so that ids grow with time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Where the original is, as in `uploads/{id}.jpg`.
    pub object_key: String,
    /// What the client called it. For people to read; never part of a path.
    pub file_name: String,
    /// Media type, found from the bytes.
    pub content_type: String,
    /// Size of the original in bytes.
    pub bytes: i64,
    /// Width in pixels once upright.
    pub width: i32,
    /// Height in pixels once upright.
    pub height: i32,
    /// SHA-256 of the original, in lower-case hexadecimal.
    pub sha256: String,
    /// The placeholder in base64, once the thumbnail is made. See <https://evanw.github.io/thumbhash/>.
    pub thumbhash: Option<String>,
    /// When the photo was taken by the camera's clock, which knows no time zone.
    pub taken_at: Option<NaiveDateTime>,
    /// Make and model of the camera.
    pub camera: Option<String>,
    /// The faces that were made unrecognisable, once that is done.
    pub faces: Option<Faces>,
    /// Tags, once there is a caption.
    pub tags: Option<Tags>,
    /// The caption, which is also the alt text.
    pub caption_text: Option<String>,
    /// A paragraph that says more than the caption.
    #[sea_orm(column_type = "Text", nullable)]
    pub caption_paragraph: Option<String>,
    /// Who wrote the caption.
    pub caption_by: Option<Author>,
    /// The captioner that wrote it: `describe`, `gemini` or `openai`.
    pub caption_provider: Option<String>,
    /// The provider's model.
    pub caption_model: Option<String>,
    /// Hash of the prompt's template.
    pub caption_prompt_version: Option<String>,
    /// Language of the caption as a BCP 47 tag.
    pub caption_language: Option<String>,
    /// When the caption was written.
    pub caption_at: Option<DateTime<Utc>>,
    /// Who uploaded it; none for a visitor.
    pub uploaded_by: Option<String>,
    /// Hash of the `Idempotency-Key` it came with.
    pub idempotency_key: Option<String>,
    /// When the upload was accepted.
    pub uploaded_at: DateTime<Utc>,
    /// When the object was in the store.
    pub stored_at: Option<DateTime<Utc>>,
    /// When somebody deleted it. The row follows as soon as the objects are gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Who wrote a caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// A captioner.
    #[sea_orm(string_value = "machine")]
    Machine,
    /// Somebody who edited it. A machine never overwrites that.
    #[sea_orm(string_value = "person")]
    Person,
}

/// A face: its box in pixels of the upright image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Left edge, within the image.
    pub x: i32,
    /// Upper edge, within the image.
    pub y: i32,
    /// Width, at least 1; the box ends within the image.
    pub width: u32,
    /// Height, at least 1; the box ends within the image.
    pub height: u32,
    /// How sure the detector is, from 0 to 1. Rows that SeetaFace wrote, which was the detector
    /// before, have its scale: 2 and more.
    pub score: f32,
    /// Whether that is enough to do without a person's look. Rows that SeetaFace wrote do not say;
    /// it had no doubts.
    #[serde(default)]
    pub certainty: Certainty,
}

/// Whether a detector is sure of a face. Either way the face is covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It is.
    #[default]
    Sure,
    /// A person should look.
    Uncertain,
}

/// Faces as kept in a JSON column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Faces(pub Vec<Face>);

/// Tags as kept in a JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Tags(pub Vec<String>);

/// What belongs to an image.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its three steps.
    #[sea_orm(has_many = "super::step::Entity")]
    Step,
}

impl Related<super::step::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Step.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// A place in the list of images, newest first. Stable while others are added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the image at the cursor was uploaded.
    pub uploaded_at: DateTime<Utc>,
    /// The image at the cursor.
    pub id: Uuid,
}

impl Model {
    /// The cursor that points at this image.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            uploaded_at: self.uploaded_at,
            id: self.id,
        }
    }
}

/// What some captions have in common, and how many they are.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Provenance {
    /// Who wrote them.
    pub caption_by: Option<Author>,
    /// Which captioner.
    pub caption_provider: Option<String>,
    /// Which model.
    pub caption_model: Option<String>,
    /// From which prompt.
    pub caption_prompt_version: Option<String>,
    /// In which language.
    pub caption_language: Option<String>,
    /// How many images have such a caption.
    pub images: i64,
}

/// Where the captions of visible images come from, the most frequent first.
pub fn provenance() -> Selector<SelectModel<Provenance>> {
    let kinds = [
        Column::CaptionBy,
        Column::CaptionProvider,
        Column::CaptionModel,
        Column::CaptionPromptVersion,
        Column::CaptionLanguage,
    ];
    let mut select = visible()
        .filter(Column::CaptionText.is_not_null())
        .select_only()
        .column_as(Column::Id.count(), "images");
    for kind in kinds {
        select = select.column(kind).group_by(kind);
    }
    select.order_by_desc(Column::Id.count()).into_model()
}

/// The images that exist for those who look: stored and not deleted.
pub fn visible() -> Select<Entity> {
    Entity::find()
        .filter(Column::StoredAt.is_not_null())
        .filter(Column::DeletedAt.is_null())
}

/// One image that exists for those who look.
pub fn visible_by_id(id: Uuid) -> Select<Entity> {
    visible().filter(Column::Id.eq(id))
}

/// Of some images, those that exist for those who look, in no order.
pub fn visible_among(ids: impl IntoIterator<Item = Uuid>) -> Select<Entity> {
    visible().filter(Column::Id.is_in(ids))
}

/// A page of visible images, newest first, that begins behind `after`.
pub fn page(after: Option<Cursor>, limit: u64) -> Select<Entity> {
    let mut select = visible();
    if let Some(Cursor { uploaded_at, id }) = after {
        select = select.filter(
            Condition::any()
                .add(Column::UploadedAt.lt(uploaded_at))
                .add(
                    Condition::all()
                        .add(Column::UploadedAt.eq(uploaded_at))
                        .add(Column::Id.lt(id)),
                ),
        );
    }
    select
        .order_by_desc(Column::UploadedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}

/// The visible image just newer than `cursor`.
pub fn newer_than(cursor: Cursor) -> Select<Entity> {
    visible()
        .filter(
            Condition::any()
                .add(Column::UploadedAt.gt(cursor.uploaded_at))
                .add(
                    Condition::all()
                        .add(Column::UploadedAt.eq(cursor.uploaded_at))
                        .add(Column::Id.gt(cursor.id)),
                ),
        )
        .order_by_asc(Column::UploadedAt)
        .order_by_asc(Column::Id)
        .limit(1)
}

/// The image with these bytes, in whatever part of its life.
pub fn by_sha256(sha256: &str) -> Select<Entity> {
    Entity::find().filter(Column::Sha256.eq(sha256))
}

/// The image that came with this (hashed) idempotency key.
pub fn by_idempotency_key(hash: &str) -> Select<Entity> {
    Entity::find().filter(Column::IdempotencyKey.eq(hash))
}

/// Uploads that were accepted before `instant` and whose object never arrived.
pub fn unfinished_before(instant: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::StoredAt.is_null())
        .filter(Column::DeletedAt.is_null())
        .filter(Column::UploadedAt.lt(instant))
}

/// Images whose deletion was begun.
pub fn being_deleted() -> Select<Entity> {
    Entity::find().filter(Column::DeletedAt.is_not_null())
}

/// The image whose original is at this key.
pub fn by_object_key(key: &str) -> Select<Entity> {
    Entity::find().filter(Column::ObjectKey.eq(key))
}
