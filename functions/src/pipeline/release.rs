//! Making an image public, and taking it back. Each decision is one transaction that locks the row of
//! the image, and is written into the publication record.
//!
//! What visitors see follows from the row alone (`entity::image::Audience`), so a decision takes effect
//! with the next request, on every instance.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::change::{self, Kind};
use entity::image::{self, Audience, Column, Model, Review};
use entity::publication_record::{Action, ActiveModel, Boxes, Entity, RecordedBox, Sending, Sent};
use entity::step::{self, StepKind, StepState};
use entity::{call, desk, image_box};
use platform::database::{begin_write, retry_conflicts};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    QueryFilter as _, QuerySelect as _,
};
use uuid::Uuid;

/// Who released an image that nobody had to release.
pub const AT_ONCE: &str = "rule:at-once";

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is as wanted, perhaps since before.
    Done,
    /// The copy does not show the boxes as they are; why, for people.
    NotReady(&'static str),
    /// The boxes have this version, and not the one that was looked at.
    Stale(i32),
    Gone,
}

/// Makes an image public. `seen` is the version of the boxes that the person looked at, if they say.
pub async fn release(
    db: &DatabaseConnection,
    id: Uuid,
    seen: Option<i32>,
    by: Option<&str>,
) -> Result<Decided, DbErr> {
    retry_conflicts(|| release_once(db, id, seen, by)).await
}

async fn release_once(
    db: &DatabaseConnection,
    id: Uuid,
    seen: Option<i32>,
    by: Option<&str>,
) -> Result<Decided, DbErr> {
    let tx = begin_write(db).await?;
    let Some(image) = locked(&tx, id).await? else {
        return Ok(Decided::Gone);
    };
    if let Some(seen) = seen
        && seen != image.boxes_version
    {
        return Ok(Decided::Stale(image.boxes_version));
    }
    if let Some(reason) = why_not(&tx, &image).await? {
        return Ok(Decided::NotReady(reason));
    }
    let is_settled = image.review == Review::Released
        && image.released_version == Some(image.boxes_version)
        && !image.legacy;
    if is_settled {
        return Ok(Decided::Done);
    }
    make_public(&tx, &image, by, entity::now()).await?;
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    Ok(Decided::Done)
}

/// Takes an image back, if it is public or set aside: somebody has to decide again.
pub async fn withdraw(
    db: &DatabaseConnection,
    id: Uuid,
    by: Option<&str>,
) -> Result<Decided, DbErr> {
    retry_conflicts(|| set_review(db, id, Review::Review, by)).await
}

/// Sets an image aside. If it was public, it is not any more.
pub async fn hold(db: &DatabaseConnection, id: Uuid, by: Option<&str>) -> Result<Decided, DbErr> {
    retry_conflicts(|| set_review(db, id, Review::Held, by)).await
}

/// Sends an image to `review`, which is not `released`.
async fn set_review(
    db: &DatabaseConnection,
    id: Uuid,
    review: Review,
    by: Option<&str>,
) -> Result<Decided, DbErr> {
    let tx = begin_write(db).await?;
    let Some(image) = locked(&tx, id).await? else {
        return Ok(Decided::Gone);
    };
    if image.review == review {
        return Ok(Decided::Done);
    }
    take_back(&tx, &image, review, by, entity::now()).await?;
    if image.review == Review::Released {
        change::record(&tx, image.id, Kind::Withdrawn).await?;
    }
    change::record(&tx, image.id, Kind::Image).await?;
    tx.commit().await?;
    Ok(Decided::Done)
}

/// Releases all images that wait for a decision and have nothing uncertain about them: their copy is
/// finished, and the second look found nothing. Returns how many.
pub async fn release_certain(db: &DatabaseConnection, by: Option<&str>) -> Result<u64, DbErr> {
    let waiting: Vec<Uuid> = desk::certain()
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let mut released = 0;
    for id in waiting {
        let done = retry_conflicts(|| release_if_certain(db, id, by)).await?;
        released += u64::from(done);
    }
    Ok(released)
}

/// False if somebody decided, or changed the boxes, meanwhile.
async fn release_if_certain(
    db: &DatabaseConnection,
    id: Uuid,
    by: Option<&str>,
) -> Result<bool, DbErr> {
    let tx = begin_write(db).await?;
    let Some(image) = locked(&tx, id).await? else {
        return Ok(false);
    };
    if image.review != Review::Review
        || !is_certain(&image)
        || why_not(&tx, &image).await?.is_some()
    {
        return Ok(false);
    }
    make_public(&tx, &image, by, entity::now()).await?;
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether the second look found nothing to be uncertain about.
pub(crate) fn is_certain(image: &Model) -> bool {
    image.uncertain == 0 && image.second_look_at.is_some()
}

async fn locked(tx: &DatabaseTransaction, id: Uuid) -> Result<Option<Model>, DbErr> {
    image::visible_by_id(&Audience::Staff, id)
        .lock_exclusive()
        .one(tx)
        .await
}

/// Why it cannot be released.
async fn why_not(tx: &DatabaseTransaction, image: &Model) -> Result<Option<&'static str>, DbErr> {
    let step = step::Entity::find_by_id((image.id, StepKind::Anonymise))
        .one(tx)
        .await?;
    Ok(match step.map(|step| step.state) {
        Some(StepState::Queued | StepState::Running) => {
            Some("the copy is still being made; release it once it is done")
        }
        Some(StepState::Failed | StepState::Blocked) => {
            Some("the copy could not be made; have it made again first")
        }
        _ if image.copy_version != Some(image.boxes_version) => {
            Some("the copy does not show the boxes as they are; have it made again first")
        }
        _ => None,
    })
}

/// Makes an image public whose row is locked.
pub(crate) async fn make_public(
    tx: &DatabaseTransaction,
    image: &Model,
    by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let name = by.map(str::to_owned);
    image::Entity::update_many()
        .filter(Column::Id.eq(image.id))
        .col_expr(Column::Review, Expr::value(Review::Released))
        .col_expr(Column::ReviewedAt, Expr::value(now))
        .col_expr(Column::ReviewedBy, Expr::value(name.clone()))
        .col_expr(Column::ReleasedAt, Expr::value(now))
        .col_expr(Column::ReleasedBy, Expr::value(name))
        .col_expr(Column::ReleasedVersion, Expr::value(image.boxes_version))
        .col_expr(Column::Legacy, Expr::value(false))
        .exec(tx)
        .await?;
    record(tx, image, Action::Released, by, now).await
}

/// Sends an image whose row is locked to `review`, which is not `released`.
pub(crate) async fn take_back(
    tx: &DatabaseTransaction,
    image: &Model,
    review: Review,
    by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    unrelease(tx, image.id, review, by, now).await?;
    if image.review == Review::Released {
        record(tx, image, Action::Withdrawn, by, now).await?;
    }
    Ok(())
}

/// The same without a line in the publication record.
pub(crate) async fn unrelease(
    tx: &DatabaseTransaction,
    image: Uuid,
    review: Review,
    by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    image::Entity::update_many()
        .filter(Column::Id.eq(image))
        .col_expr(Column::Review, Expr::value(review))
        .col_expr(Column::ReviewedAt, Expr::value(now))
        .col_expr(Column::ReviewedBy, Expr::value(by.map(str::to_owned)))
        .col_expr(Column::ReleasedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::ReleasedBy, Expr::value(None::<String>))
        .col_expr(Column::ReleasedVersion, Expr::value(None::<i32>))
        .col_expr(Column::Legacy, Expr::value(false))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes down what is public, or was, with the boxes and the caption that hold now.
pub(crate) async fn record(
    tx: &DatabaseTransaction,
    image: &Model,
    action: Action,
    by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let boxes = image_box::of(image.id).all(tx).await?;
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        image_id: Set(image.id),
        action: Set(action),
        at: Set(now),
        by_name: Set(by.map(str::to_owned)),
        sha256: Set(image.sha256.clone()),
        boxes_version: Set(image.boxes_version),
        boxes: Set(Boxes(boxes.iter().map(RecordedBox::from).collect())),
        detector: Set(image.detector.clone()),
        caption_text: Set(image.caption_text.clone()),
        caption_by: Set(image.caption_by),
        caption_provider: Set(image.caption_provider.clone()),
        caption_model: Set(image.caption_model.clone()),
        prompt_version: Set(image.caption_prompt_version.clone()),
        sent: Set(sent(tx, image.id).await?),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes down that the words of an image changed, if it is public.
pub(crate) async fn record_new_words(
    tx: &DatabaseTransaction,
    id: Uuid,
    by: Option<&str>,
) -> Result<(), DbErr> {
    let image = image::Entity::find_by_id(id).one(tx).await?;
    match image.filter(|image| image.review == Review::Released) {
        Some(image) => record(tx, &image, Action::Revised, by, entity::now()).await,
        None => Ok(()),
    }
}

/// The requests to providers about this image.
async fn sent(tx: &DatabaseTransaction, id: Uuid) -> Result<Sent, DbErr> {
    let calls = call::Entity::find()
        .filter(call::Column::ImageId.eq(id))
        .all(tx)
        .await?;
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts
            .entry((call.provider, call.model, call.rendition))
            .or_insert(0) += 1;
    }
    let sendings = counts
        .into_iter()
        .map(|((provider, model, rendition), requests)| Sending {
            provider,
            model,
            rendition,
            requests,
        });
    Ok(Sent(sendings.collect()))
}
