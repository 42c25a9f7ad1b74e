//! Captions in rows: the current one on the image, and the history of all. A machine never
//! overwrites a person's caption: the one conditional update in [`by_machine`] decides, so a race
//! changes nothing.

use chrono::{DateTime, Utc};
use entity::caption::{ActiveModel, Entity};
use entity::change::{self, Kind};
use entity::image::{self, Audience, Author, Column, Model, Tags, Translations};
use platform::database::{begin_write, retry_conflicts};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    QueryFilter as _, QuerySelect as _, UpdateMany,
};
use uuid::Uuid;

use crate::pipeline::provider_budget::RequestCost;
use crate::pipeline::release;
use crate::steps::annotate::Caption;

/// A person's change to caption and tags. None leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub caption: Option<Words>,
    pub tags: Option<Vec<String>>,
}

/// A person's caption. It replaces the machine's, together with its paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    /// A paragraph that says more than the caption.
    pub paragraph: Option<String>,
}

/// What became of an [`Edit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    Saved,
    /// There are tags to save, and no caption that they could go with.
    NoCaption,
    /// There is no such image, perhaps no longer.
    Gone,
}

/// Writes a captioner's caption. False, and nothing is changed, if a person wrote one before.
pub(crate) async fn by_machine(
    tx: &DatabaseTransaction,
    image_id: Uuid,
    caption: Caption,
    cost: RequestCost,
) -> Result<bool, DbErr> {
    let now = entity::now();
    let tags = Tags(caption.tags);
    let translations =
        (!caption.translations.is_empty()).then_some(Translations(caption.translations));
    let updated = new_caption(now)
        .filter(Column::Id.eq(image_id))
        .filter(
            Condition::any()
                .add(Column::CaptionBy.is_null())
                .add(Column::CaptionBy.eq(Author::Machine)),
        )
        .col_expr(Column::CaptionText, Expr::value(caption.text.clone()))
        .col_expr(
            Column::CaptionParagraph,
            Expr::value(caption.paragraph.clone()),
        )
        .col_expr(Column::CaptionBy, Expr::value(Author::Machine))
        .col_expr(
            Column::CaptionProvider,
            Expr::value(caption.provider.clone()),
        )
        .col_expr(Column::CaptionModel, Expr::value(caption.model.clone()))
        .col_expr(
            Column::CaptionPromptVersion,
            Expr::value(caption.prompt_version.clone()),
        )
        .col_expr(
            Column::CaptionLanguage,
            Expr::value(caption.language.clone()),
        )
        .col_expr(
            Column::CaptionTranslations,
            Expr::value(translations.clone()),
        )
        .col_expr(Column::Tags, Expr::value(tags.clone()))
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        image_id: Set(image_id),
        text: Set(caption.text),
        paragraph: Set(caption.paragraph),
        tags: Set(Some(tags)),
        written_by: Set(Author::Machine),
        author_name: Set(None),
        provider: Set(Some(caption.provider.clone())),
        model: Set(caption.model),
        prompt_version: Set(caption.prompt_version),
        language: Set(Some(caption.language)),
        translations: Set(translations),
        tokens_in: Set(cost.tokens_in),
        tokens_out: Set(cost.tokens_out),
        cost_micros: Set(cost.cost_micros),
        duration_ms: Set(cost.duration_ms),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    release::record_new_words(tx, image_id, Some(&caption.provider)).await?;
    Ok(true)
}

/// What every new caption changes besides itself. The caller adds the caption, and the image.
fn new_caption(now: DateTime<Utc>) -> UpdateMany<image::Entity> {
    image::Entity::update_many()
        .col_expr(Column::CaptionAt, Expr::value(now))
        .col_expr(Column::CaptionCheckedBy, Expr::value(None::<String>))
        .col_expr(Column::CaptionCheckedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::WordsDue, Expr::value(now))
}

/// Writes a person's caption and tags.
pub async fn by_person(
    db: &DatabaseConnection,
    image_id: Uuid,
    name: Option<&str>,
    edit: Edit,
) -> Result<Edited, DbErr> {
    retry_conflicts(|| edit_once(db, image_id, name, edit.clone())).await
}

async fn edit_once(
    db: &DatabaseConnection,
    image_id: Uuid,
    name: Option<&str>,
    edit: Edit,
) -> Result<Edited, DbErr> {
    let tx = begin_write(db).await?;
    // One edit at a time, so that the history has them in the order in which they were current.
    let image = image::visible_by_id(&Audience::Staff, image_id).lock_exclusive();
    let Some(image) = image.one(&tx).await? else {
        return Ok(Edited::Gone);
    };
    let Some(Words { text, paragraph }) = edit.caption.or_else(|| words_of(&image)) else {
        return Ok(Edited::NoCaption);
    };
    let tags = edit.tags.map_or_else(|| tags_of(&image), Tags);
    let now = entity::now();
    new_caption(now)
        .filter(Column::Id.eq(image_id))
        .col_expr(Column::CaptionText, Expr::value(text.clone()))
        .col_expr(Column::CaptionParagraph, Expr::value(paragraph.clone()))
        .col_expr(Column::CaptionBy, Expr::value(Author::Person))
        .col_expr(Column::CaptionProvider, Expr::value(None::<String>))
        .col_expr(Column::CaptionModel, Expr::value(None::<String>))
        .col_expr(Column::CaptionPromptVersion, Expr::value(None::<String>))
        .col_expr(Column::CaptionLanguage, Expr::value(None::<String>))
        .col_expr(
            Column::CaptionTranslations,
            Expr::value(None::<Translations>),
        )
        .col_expr(Column::Tags, Expr::value(tags.clone()))
        .exec(&tx)
        .await?;
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        image_id: Set(image_id),
        text: Set(text),
        paragraph: Set(paragraph),
        tags: Set(Some(tags)),
        written_by: Set(Author::Person),
        author_name: Set(name.map(str::to_owned)),
        created_at: Set(now),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(&tx).await?;
    release::record_new_words(&tx, image_id, name).await?;
    change::record(&tx, image_id, Kind::Image).await?;
    tx.commit().await?;
    Ok(Edited::Saved)
}

/// What a person says about an image besides its caption. What is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Words for the captioner; an empty text removes them.
    pub context: Option<String>,
    /// The picture says nothing that needs words.
    pub decorative: Option<bool>,
    /// Whether the caption was found right, and by whom.
    pub checked: Option<Check>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub is_right: bool,
    /// None for a person without a name.
    pub by: Option<String>,
    /// The caption that the person saw, if they say: nothing is written if it is another one by now.
    pub seen: Option<String>,
}

/// Writes notes. False if there is no such image, or no caption that could be checked.
pub async fn note(db: &DatabaseConnection, image_id: Uuid, notes: Notes) -> Result<bool, DbErr> {
    retry_conflicts(|| note_once(db, image_id, notes.clone())).await
}

async fn note_once(db: &DatabaseConnection, image_id: Uuid, notes: Notes) -> Result<bool, DbErr> {
    let tx = begin_write(db).await?;
    let now = entity::now();
    let mut update = image::Entity::update_many()
        .filter(Column::Id.eq(image_id))
        .filter(Column::StoredAt.is_not_null())
        .filter(Column::DeletedAt.is_null());
    if let Some(context) = notes.context {
        let context = Some(context).filter(|context| !context.is_empty());
        update = update.col_expr(Column::Context, Expr::value(context));
    }
    if let Some(decorative) = notes.decorative {
        update = update
            .col_expr(Column::Decorative, Expr::value(decorative))
            .col_expr(Column::WordsDue, Expr::value(now));
    }
    if let Some(Check { is_right, by, seen }) = notes.checked {
        if let Some(seen) = seen {
            update = update.filter(Column::CaptionText.eq(seen));
        }
        update = update
            .filter(Column::CaptionText.is_not_null())
            .col_expr(
                Column::CaptionCheckedBy,
                Expr::value(by.filter(|_| is_right)),
            )
            .col_expr(
                Column::CaptionCheckedAt,
                Expr::value(is_right.then_some(now)),
            );
    }
    let updated = update.exec(&tx).await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    change::record(&tx, image_id, Kind::Image).await?;
    tx.commit().await?;
    Ok(true)
}

fn words_of(image: &Model) -> Option<Words> {
    Some(Words {
        text: image.caption_text.clone()?,
        paragraph: image.caption_paragraph.clone(),
    })
}

fn tags_of(image: &Model) -> Tags {
    image.tags.clone().unwrap_or_default()
}
