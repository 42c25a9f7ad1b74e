//! A photo: what is known about it, and what the steps found out.
//!
//! A row is inserted before its object is stored. `stored_at` is set once the object is stored, and
//! `deleted_at` when the image goes into the trash, or before the objects are deleted. So an upload or a
//! deletion that a crash cut short can be finished later. What shows images starts at [`visible`],
//! which asks for whom.

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait as _};
use sea_orm::{
    Condition, FromJsonQueryResult, FromQueryResult, QueryOrder, QuerySelect, SelectModel, Selector,
};
use serde::{Deserialize, Serialize};

use crate::embedded::EmbeddedWords;
use crate::keyset;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "image")]
pub struct Model {
    /// A version 7 UUID, so that ids grow with time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Where the original is, as in `uploads/{id}.jpg`.
    pub object_key: String,
    /// The client's name for it, for people to read. Never part of a path.
    pub file_name: String,
    /// Media type, detected from the bytes.
    pub content_type: String,
    pub bytes: i64,
    /// In pixels, upright.
    pub width: i32,
    /// In pixels, upright.
    pub height: i32,
    /// Of the original, in lower-case hexadecimal.
    pub sha256: String,
    /// In base64; none before the thumbnail is made. <https://evanw.github.io/thumbhash/>
    pub thumbhash: Option<String>,
    /// The same of the anonymised copy; none before it is made, and if it was made by a version
    /// without this column.
    pub anonymised_thumbhash: Option<String>,
    /// By the camera's clock, which has no time zone.
    pub taken_at: Option<NaiveDateTime>,
    /// Make and model.
    pub camera: Option<String>,
    /// None before there is a caption.
    pub tags: Option<Tags>,
    /// The caption, which is also the alt text.
    pub caption_text: Option<String>,
    /// A paragraph that says more than the caption.
    #[sea_orm(column_type = "Text", nullable)]
    pub caption_paragraph: Option<String>,
    pub caption_by: Option<Author>,
    /// The captioner that wrote it: `describe`, `gemini` or `openai`.
    pub caption_provider: Option<String>,
    pub caption_model: Option<String>,
    /// Hash of the prompt's template.
    pub caption_prompt_version: Option<String>,
    /// As a BCP 47 tag.
    pub caption_language: Option<String>,
    pub caption_at: Option<DateTime<Utc>>,
    /// The same description in other languages.
    pub caption_translations: Option<Translations>,
    /// The person who found the caption right; none before somebody looked.
    pub caption_checked_by: Option<String>,
    pub caption_checked_at: Option<DateTime<Utc>>,
    /// What a person said about the picture, for the captioner.
    #[sea_orm(column_type = "Text", nullable)]
    pub context: Option<String>,
    /// The picture says nothing that needs words: its alt text is empty.
    pub decorative: bool,
    /// Words that the file brought along.
    pub embedded: Option<EmbeddedWords>,
    /// Since when the words in the copy are out of date; none if they are not.
    pub words_due: Option<DateTime<Utc>>,
    /// When words were written into the copy last.
    pub words_at: Option<DateTime<Utc>>,
    /// Size of the thumbnail; none before it is made, and if it was made before sizes were kept.
    pub thumbnail_bytes: Option<i64>,
    /// The same of the anonymised copy.
    pub anonymised_bytes: Option<i64>,
    /// The same of the anonymised copy's thumbnail.
    pub anonymised_thumbnail_bytes: Option<i64>,
    /// None for a visitor.
    pub uploaded_by: Option<String>,
    /// Hash of the `Idempotency-Key` it came with.
    pub idempotency_key: Option<String>,
    /// When the upload was accepted.
    pub uploaded_at: DateTime<Utc>,
    /// When the original was in the store.
    pub stored_at: Option<DateTime<Utc>>,
    /// When it was deleted. Until `purge_at` it is in the trash; then the objects are deleted, and the
    /// row after them.
    pub deleted_at: Option<DateTime<Utc>>,
    pub deleted_by: Option<String>,
    /// None for a deletion that nobody can undo.
    pub purge_at: Option<DateTime<Utc>>,
    /// Grows with each change of the boxes; see [`crate::image_box`].
    pub boxes_version: i32,
    /// The version of the boxes that the stored copy shows; none before there is a copy.
    pub copy_version: Option<i32>,
    /// Names the objects of the copy. Each copy has objects of its own, so that a slow worker cannot
    /// overwrite a newer one. None if there is no copy, or one from before copies had names.
    pub copy_id: Option<Uuid>,
    /// The detector, with its version, that searched the original last.
    pub detector: Option<String>,
    /// When the copy was last searched thoroughly.
    pub second_look_at: Option<DateTime<Utc>>,
    /// The number of uncertain boxes.
    pub uncertain: i32,
    /// How much the picture needs a person's look; the desk shows the highest first.
    pub risk: i32,
    pub review: Review,
    /// When somebody last released, held or withdrew it. The rule `at-once` releases only what nobody
    /// has decided about.
    pub reviewed_at: Option<DateTime<Utc>>,
    pub reviewed_by: Option<String>,
    /// When it was last released; none unless it is now, and for images from before there was a
    /// release.
    pub released_at: Option<DateTime<Utc>>,
    pub released_by: Option<String>,
    /// The version of the boxes that was released. Later ones only cover more.
    pub released_version: Option<i32>,
    /// Whether it was public before there was a release, and nobody has released it since.
    pub legacy: bool,
}

/// Whether an image is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Review {
    /// Somebody has to decide.
    #[sea_orm(string_value = "review")]
    Review,
    /// Somebody decided that it is not to be public for now.
    #[sea_orm(string_value = "held")]
    Held,
    #[sea_orm(string_value = "released")]
    Released,
}

impl Review {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

/// Whom a query is for. Everything that reads images for somebody says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People who manage images, and the program itself: every image.
    Staff,
    /// Visitors: what is public.
    Public,
    /// A program that uploads: what is public, and its own uploads.
    Uploader(String),
}

impl Audience {
    /// What makes an image visible to them, besides being stored and not deleted.
    pub fn sees(&self) -> Condition {
        let public = Condition::all()
            .add(Column::Review.eq(Review::Released))
            .add(
                Expr::col((Entity, Column::CopyVersion))
                    .eq(Expr::col((Entity, Column::BoxesVersion))),
            );
        match self {
            Self::Staff => Condition::all(),
            Self::Public => public,
            Self::Uploader(name) => Condition::any()
                .add(public)
                .add(Column::UploadedBy.eq(name.as_str())),
        }
    }
}

/// Who wrote a caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
#[serde(rename_all = "lowercase")]
pub enum Author {
    #[sea_orm(string_value = "machine")]
    Machine,
    /// A person. A machine never overwrites their caption.
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
    /// The detector's confidence, from 0 to 1. Rows from before YuNet-s have SeetaFace's scale: 2 and
    /// more.
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Tags(pub Vec<String>);

/// A description in one more language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// As a BCP 47 tag.
    pub language: String,
    /// The alt text.
    pub text: String,
    pub paragraph: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Translations(pub Vec<Translation>);

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A keyset cursor in the list of images, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub uploaded_at: DateTime<Utc>,
    pub id: Uuid,
}

impl Model {
    /// Whether visitors see it: it is released, and the copy shows the boxes as they are now. It is
    /// hidden for the moment in which a copy is made that covers more.
    pub fn is_public(&self) -> bool {
        self.review == Review::Released && self.copy_version == Some(self.boxes_version)
    }

    /// Whether these people see it.
    pub fn is_visible_to(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Staff => true,
            Audience::Public => self.is_public(),
            Audience::Uploader(name) => self.is_public() || self.uploaded_by.as_ref() == Some(name),
        }
    }

    /// Whether its deletion cannot be undone at `now`.
    pub fn is_being_removed(&self, now: DateTime<Utc>) -> bool {
        self.deleted_at.is_some() && self.purge_at.is_none_or(|purge_at| purge_at <= now)
    }

    pub fn cursor(&self) -> Cursor {
        Cursor {
            uploaded_at: self.uploaded_at,
            id: self.id,
        }
    }
}

/// The origin that some captions have in common, and the number of images with such a caption.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Provenance {
    pub caption_by: Option<Author>,
    pub caption_provider: Option<String>,
    pub caption_model: Option<String>,
    pub caption_prompt_version: Option<String>,
    pub caption_language: Option<String>,
    pub images: i64,
}

/// The origins of the captions of all images, most frequent first.
pub fn provenance() -> Selector<SelectModel<Provenance>> {
    let kinds = [
        Column::CaptionBy,
        Column::CaptionProvider,
        Column::CaptionModel,
        Column::CaptionPromptVersion,
        Column::CaptionLanguage,
    ];
    let mut select = stored()
        .filter(Column::CaptionText.is_not_null())
        .select_only()
        .column_as(Column::Id.count(), "images");
    for kind in kinds {
        select = select.column(kind).group_by(kind);
    }
    select.order_by_desc(Column::Id.count()).into_model()
}

/// The images that exist: stored and not deleted.
pub fn stored() -> Select<Entity> {
    Entity::find().filter(is_stored())
}

pub(crate) fn is_stored() -> Condition {
    Condition::all()
        .add(Column::StoredAt.is_not_null())
        .add(Column::DeletedAt.is_null())
}

/// The images that these people see. Whatever shows images starts here.
pub fn visible(audience: &Audience) -> Select<Entity> {
    Entity::find().filter(is_visible(audience))
}

fn is_visible(audience: &Audience) -> Condition {
    is_stored().add(audience.sees())
}

pub fn visible_by_id(audience: &Audience, id: Uuid) -> Select<Entity> {
    visible(audience).filter(Column::Id.eq(id))
}

/// Those of some images that these people see, in no particular order.
pub fn visible_among(audience: &Audience, ids: impl IntoIterator<Item = Uuid>) -> Select<Entity> {
    Entity::find()
        .filter(Column::Id.is_in(ids))
        .filter(checked(is_visible(audience)))
}

/// The condition in a form for which no database uses an index. SQLite would rather look up what is
/// not deleted, which is nearly every image, than forty keys or a range.
fn checked(condition: Condition) -> Expr {
    let case: Expr = CaseStatement::new().case(condition, 1).finally(0).into();
    case.eq(1)
}

/// What images are ordered by in lists.
const AGE: (Column, Column) = (Column::UploadedAt, Column::Id);

/// A page of visible images after the cursor, newest first.
pub fn page(audience: &Audience, after: Option<Cursor>, limit: u64) -> Select<Entity> {
    let mut select = visible(audience);
    if let Some(Cursor { uploaded_at, id }) = after {
        select = select.filter(keyset::before(AGE, (uploaded_at, id)));
    }
    select
        .order_by_desc(Column::UploadedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}

/// The next newer visible image.
pub fn newer_than(audience: &Audience, cursor: Cursor) -> Select<Entity> {
    visible(audience)
        .filter(keyset::after(AGE, (cursor.uploaded_at, cursor.id)))
        .order_by_asc(Column::UploadedAt)
        .order_by_asc(Column::Id)
        .limit(1)
}

/// Stored images whose copies carry words that are out of date at `now`.
pub fn words_due(now: DateTime<Utc>, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(Column::WordsDue.lte(now))
        .filter(checked(is_stored()))
        .order_by_asc(Column::WordsDue)
        .limit(limit)
}

/// The image with these bytes, visible or not.
pub fn by_sha256(sha256: &str) -> Select<Entity> {
    Entity::find().filter(Column::Sha256.eq(sha256))
}

/// The image that came with this (hashed) idempotency key.
pub fn by_idempotency_key(hash: &str) -> Select<Entity> {
    Entity::find().filter(Column::IdempotencyKey.eq(hash))
}

/// Uploads accepted before `instant` whose object has not been stored.
pub fn unfinished_before(instant: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::StoredAt.is_null())
        .filter(checked(Column::DeletedAt.is_null().into()))
        .filter(Column::UploadedAt.lt(instant))
}

/// A range, for which SQLite uses an index; for `IS NOT NULL` it reads the whole table.
fn is_deleted() -> Expr {
    Column::DeletedAt.gt(DateTime::UNIX_EPOCH)
}

/// Images that are to be removed for good, at `now`.
pub fn being_deleted(now: DateTime<Utc>) -> Select<Entity> {
    let is_due = Condition::any()
        .add(Column::PurgeAt.is_null())
        .add(Column::PurgeAt.lte(now));
    Entity::find().filter(is_deleted()).filter(is_due)
}

/// Deleted images that can be brought back at `now`.
pub fn in_trash(now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(is_deleted())
        .filter(Column::StoredAt.is_not_null())
        .filter(Column::PurgeAt.gt(now))
}

/// A page of the trash after the cursor (instant of the deletion and id), newest deletion first.
pub fn trash_page(
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: u64,
) -> Select<Entity> {
    let mut select = in_trash(now);
    if let Some(last) = after {
        select = select.filter(keyset::before((Column::DeletedAt, Column::Id), last));
    }
    select
        .order_by_desc(Column::DeletedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
}

/// The image whose original is at this key.
pub fn by_object_key(key: &str) -> Select<Entity> {
    Entity::find().filter(Column::ObjectKey.eq(key))
}
