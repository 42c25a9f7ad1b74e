//! How an image is created, queued again and deleted, in rows and store. Each intention is
//! committed before it is carried out, so that the sweeper can finish what a crash cut short.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use entity::change::{self, Kind};
use entity::embedded::EmbeddedWords;
use entity::image::{self, ActiveModel, Audience, Model, Review};
use entity::publication_record::Action;
use entity::step::{self, StepKind, StepState};
use entity::{job, outbox};
use futures::TryStreamExt as _;
use platform::Format;
use platform::database::{begin_write, retry_conflicts};
use platform::objects::{Body, ObjectKey, ObjectStore, StoreError};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    QuerySelect as _, SqlErr,
};
use tracing::{Instrument as _, info_span};
use uuid::Uuid;

use crate::pipeline::dispatch::Dispatch;
use crate::pipeline::original_key::{BadKey, original_key};
use crate::pipeline::release;

/// Why something was not finished. Trying again continues where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    BadKey(#[from] BadKey),
    /// The idempotency key belongs to other bytes.
    #[error("this Idempotency-Key came with another file before; use a new one for each file")]
    KeyTaken,
}

/// A photo that was received and verified.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// The client's name for it.
    pub file_name: String,
    pub format: Format,
    pub bytes: u64,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// In lower-case hexadecimal.
    pub sha256: String,
    /// By the camera's clock.
    pub taken_at: Option<NaiveDateTime>,
    /// Make and model.
    pub camera: Option<String>,
    /// Words that the file brought along.
    pub embedded: Option<EmbeddedWords>,
    /// What the sender says about it, for the captioner.
    pub context: Option<String>,
    /// None for a visitor.
    pub uploaded_by: Option<String>,
    /// Hash of the idempotency key.
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    Created(Model),
    /// The same bytes were there already.
    Existing(Model),
}

/// Stores a photo: rows first, then the object, whose arrival starts the functions.
///
/// # Errors
/// The rows may stay behind. Sending the same bytes again completes them, and the sweeper deletes
/// them after a while.
pub async fn accept(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    new: NewImage,
    body: Body,
) -> Result<Accepted, LifecycleError> {
    loop {
        match insert(db, &new).await {
            Ok(image) => {
                return Ok(Accepted::Created(
                    store_original(db, store, image, body).await?,
                ));
            }
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(image) = image::by_sha256(&new.sha256).one(db).await? else {
            if is_key_taken(db, &new).await? {
                return Err(LifecycleError::KeyTaken);
            }
            // Deleted between the two statements.
            continue;
        };
        if image.deleted_at.is_some() {
            purge(db, store, &image).await?;
            continue;
        }
        if image.stored_at.is_none() {
            // An earlier upload of the same bytes was cut short: this one completes it.
            return Ok(Accepted::Existing(
                store_original(db, store, image, body).await?,
            ));
        }
        return Ok(Accepted::Existing(image));
    }
}

/// Whether the idempotency key is the duplicate: a client uses it for several files at once.
async fn is_key_taken(db: &DatabaseConnection, new: &NewImage) -> Result<bool, DbErr> {
    let Some(key) = &new.idempotency_key else {
        return Ok(false);
    };
    let holder = image::by_idempotency_key(key).one(db).await?;
    Ok(holder.is_some_and(|image| image.sha256 != new.sha256))
}

fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Creates the image of an object that is in the store already. None if that object, or the same
/// bytes, have an image.
pub(crate) async fn adopt_stored(
    db: &DatabaseConnection,
    key: &ObjectKey,
    new: &NewImage,
) -> Result<Option<Model>, DbErr> {
    let image = match insert_at(db, Uuid::now_v7(), key, new).await {
        Ok(image) => image,
        Err(error) if is_duplicate(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stored_at = mark_stored(db, image.id).await?;
    Ok(Some(Model {
        stored_at: Some(stored_at),
        ..image
    }))
}

async fn insert(db: &DatabaseConnection, new: &NewImage) -> Result<Model, DbErr> {
    let id = Uuid::now_v7();
    insert_at(db, id, &ObjectKey::original(id, new.format), new).await
}

async fn insert_at(
    db: &DatabaseConnection,
    id: Uuid,
    key: &ObjectKey,
    new: &NewImage,
) -> Result<Model, DbErr> {
    let row = ActiveModel {
        id: Set(id),
        object_key: Set(key.path()),
        file_name: Set(new.file_name.clone()),
        content_type: Set(new.format.content_type().to_owned()),
        bytes: Set(i64::try_from(new.bytes).unwrap_or(i64::MAX)),
        width: Set(i32::try_from(new.width).unwrap_or(i32::MAX)),
        height: Set(i32::try_from(new.height).unwrap_or(i32::MAX)),
        sha256: Set(new.sha256.clone()),
        taken_at: Set(new.taken_at),
        camera: Set(new.camera.clone()),
        embedded: Set(new.embedded.clone()),
        context: Set(new.context.clone()),
        decorative: Set(false),
        uploaded_by: Set(new.uploaded_by.clone()),
        idempotency_key: Set(new.idempotency_key.clone()),
        uploaded_at: Set(entity::now()),
        ..Default::default()
    };
    let tx = begin_write(db).await?;
    image::Entity::insert(row)
        .exec_without_returning(&tx)
        .await?;
    step::Entity::insert_many(new_steps(id))
        .exec_without_returning(&tx)
        .await?;
    let image = image::Entity::find_by_id(id)
        .one(&tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotInserted)?;
    tx.commit().await?;
    Ok(image)
}

fn new_steps(image_id: Uuid) -> impl Iterator<Item = step::ActiveModel> {
    let queued_at = entity::now();
    StepKind::ALL
        .map(|kind| new_step(image_id, kind, queued_at))
        .into_iter()
}

fn new_step(image_id: Uuid, kind: StepKind, queued_at: DateTime<Utc>) -> step::ActiveModel {
    step::ActiveModel {
        image_id: Set(image_id),
        name: Set(kind),
        state: Set(StepState::Queued),
        attempts: Set(0),
        queued_at: Set(queued_at),
        ..Default::default()
    }
}

/// Gives visible images, uploaded since `instant`, the row of a step that they lack, queued. Returns
/// how many: `limit` at most.
pub(crate) async fn add_missing_steps(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    kind: StepKind,
    instant: DateTime<Utc>,
    limit: u64,
) -> Result<usize, DbErr> {
    let images: Vec<Uuid> = step::images_without(kind, instant, limit)
        .select_only()
        .column(image::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let now = entity::now();
    let mut added = 0;
    for id in images {
        let tx = begin_write(db).await?;
        let inserted = step::Entity::insert(new_step(id, kind, now))
            .exec_without_returning(&tx)
            .await;
        match inserted {
            Ok(_) => {}
            // Another sweeper was faster, or the image has been deleted.
            Err(error) if error.sql_err().is_some() => continue,
            Err(error) => return Err(error),
        }
        dispatch.push(&tx, &[(id, kind)]).await?;
        change::record(&tx, id, Kind::Image).await?;
        tx.commit().await?;
        added += 1;
    }
    if added > 0 {
        dispatch.notify();
    }
    Ok(added)
}

async fn store_original(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    image: Model,
    body: Body,
) -> Result<Model, LifecycleError> {
    let key = original_key(&image)?;
    let span = info_span!("store put", key = %key);
    store.put(&key, body).instrument(span).await?;
    let stored_at = mark_stored(db, image.id).await?;
    // The same bytes may have been uploaded twice at once, and their image deleted meanwhile.
    if is_gone(db, image.id).await? {
        store.delete(&key).await?;
    }
    Ok(Model {
        stored_at: Some(stored_at),
        ..image
    })
}

/// Notes that the original is in the store, which makes the image visible.
pub async fn mark_stored(db: &DatabaseConnection, id: Uuid) -> Result<DateTime<Utc>, DbErr> {
    let now = entity::now();
    retry_conflicts(|| mark_stored_at(db, id, now)).await?;
    Ok(now)
}

async fn mark_stored_at(
    db: &DatabaseConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let tx = begin_write(db).await?;
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .filter(image::Column::StoredAt.is_null())
        .col_expr(image::Column::StoredAt, Expr::value(now))
        .exec(&tx)
        .await?;
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await
}

/// Puts steps back to the beginning, for a new round of attempts, and queues them. Returns those
/// that were: steps that a provider blocked stay blocked, and steps of deleted images are left out.
pub async fn rerun(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    wanted: &[(Uuid, StepKind)],
) -> Result<Vec<(Uuid, StepKind)>, DbErr> {
    retry_conflicts(|| rerun_once(db, dispatch, wanted)).await
}

async fn rerun_once(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    wanted: &[(Uuid, StepKind)],
) -> Result<Vec<(Uuid, StepKind)>, DbErr> {
    let queued_at = entity::now();
    let tx = begin_write(db).await?;
    // Lock order: steps, then images, then the lock on changes. Jobs and messages lock their image.
    for kind in StepKind::ALL {
        let of_kind = wanted.iter().filter(|(_, wanted)| *wanted == kind);
        step::new_round(queued_at)
            .filter(step::Column::Name.eq(kind))
            .filter(step::Column::ImageId.is_in(of_kind.map(|(id, _)| *id)))
            .filter(step::Column::State.ne(StepState::Blocked))
            .exec(&tx)
            .await?;
    }
    let ids: BTreeSet<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
    let visible: Vec<Uuid> = image::visible_among(&Audience::Staff, ids.iter().copied())
        .select_only()
        .column(image::Column::Id)
        .into_tuple()
        .all(&tx)
        .await?;
    let queued = step::of_all(visible)
        .filter(step::Column::QueuedAt.eq(queued_at))
        .all(&tx)
        .await?;
    let queued: Vec<_> = queued
        .into_iter()
        .map(|step| (step.image_id, step.name))
        .filter(|step| wanted.contains(step))
        .collect();
    dispatch.push(&tx, &queued).await?;
    let changed: BTreeSet<Uuid> = queued.iter().map(|(id, _)| *id).collect();
    for id in changed {
        change::record(&tx, id, Kind::Image).await?;
    }
    tx.commit().await?;
    dispatch.notify();
    Ok(queued)
}

/// Queues pending steps with which nothing has happened since `instant`, without a new round of
/// attempts: the message that should have started them is lost, or in a dead-letter queue. Returns
/// how many: `limit` at most.
pub(crate) async fn resend_stuck(
    db: &DatabaseConnection,
    dispatch: &Dispatch,
    instant: DateTime<Utc>,
    without: &[StepKind],
    limit: u64,
) -> Result<usize, DbErr> {
    let stuck = step::stuck_since(instant, limit)
        .filter(step::Column::Name.is_not_in(without.iter().copied()))
        .all(db)
        .await?;
    let now = entity::now();
    let mut resent = 0;
    for step in stuck {
        let tx = begin_write(db).await?;
        // Another sweeper may be faster, and the step may have moved on.
        let updated = step::Entity::update_many()
            .filter(step::Column::ImageId.eq(step.image_id))
            .filter(step::Column::Name.eq(step.name))
            .filter(step::Column::State.eq(step.state))
            .filter(step::Column::QueuedAt.eq(step.queued_at))
            .filter(
                Condition::any()
                    .add(step::Column::ResentAt.is_null())
                    .add(step::Column::ResentAt.lt(instant)),
            )
            .col_expr(step::Column::ResentAt, Expr::value(now))
            .exec(&tx)
            .await?;
        if updated.rows_affected == 1 {
            dispatch.push(&tx, &[(step.image_id, step.name)]).await?;
            resent += 1;
        }
        tx.commit().await?;
    }
    if resent > 0 {
        dispatch.notify();
    }
    Ok(resent)
}

/// Puts an image into the trash for the time that it is `kept`, or deletes it at once with everything
/// made from it. Nobody sees it any more. False if there was none.
///
/// # Errors
/// The image may be invisible already; the sweeper finishes the deletion then.
pub async fn delete(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    id: Uuid,
    by: Option<&str>,
    kept: TimeDelta,
) -> Result<bool, LifecycleError> {
    let now = entity::now();
    let purge_at = (kept > TimeDelta::zero()).then(|| now + kept);
    let Some(image) = retry_conflicts(|| mark_deleted(db, id, by, now, purge_at)).await? else {
        return Ok(false);
    };
    if purge_at.is_none() {
        purge(db, store, &image).await?;
    }
    Ok(true)
}

/// The image as it was before. None if there was none.
async fn mark_deleted(
    db: &DatabaseConnection,
    id: Uuid,
    by: Option<&str>,
    now: DateTime<Utc>,
    purge_at: Option<DateTime<Utc>>,
) -> Result<Option<Model>, DbErr> {
    let tx = begin_write(db).await?;
    let found = image::visible_by_id(&Audience::Staff, id).lock_exclusive();
    let Some(image) = found.one(&tx).await? else {
        return Ok(None);
    };
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .col_expr(image::Column::DeletedAt, Expr::value(now))
        .col_expr(image::Column::DeletedBy, Expr::value(by.map(str::to_owned)))
        .col_expr(image::Column::PurgeAt, Expr::value(purge_at))
        .exec(&tx)
        .await?;
    if image.review == Review::Released {
        release::record(&tx, &image, Action::Deleted, by, now).await?;
        change::record(&tx, id, Kind::Withdrawn).await?;
    }
    change::record(&tx, id, Kind::Deleted).await?;
    tx.commit().await?;
    Ok(Some(image))
}

/// Removes the objects of a deleted image, and then its rows. Does nothing if it was brought back
/// from the trash meanwhile.
pub async fn purge(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    image: &Model,
) -> Result<(), LifecycleError> {
    // From here on nobody can bring it back, and the sweeper finishes what is begun.
    let begun = image::Entity::update_many()
        .filter(image::Column::Id.eq(image.id))
        .filter(image::Column::DeletedAt.is_not_null())
        .col_expr(image::Column::PurgeAt, Expr::value(entity::now()))
        .exec(db)
        .await?;
    if begun.rows_affected == 0 {
        return Ok(());
    }
    let original = ObjectKey::parse(&image.object_key).ok();
    if let Some(original) = &original {
        store.delete(original).await?;
    }
    remove_renditions(store, image.id).await?;
    if let Some(original) = &original {
        store.delete_versions(image.id, original).await;
    }
    retry_conflicts(|| delete_rows(db, image.id)).await?;
    Ok(())
}

async fn delete_rows(db: &DatabaseConnection, id: Uuid) -> Result<(), DbErr> {
    let tx = begin_write(db).await?;
    // Lock order: step, then image, as workers do.
    step::Entity::delete_many()
        .filter(step::Column::ImageId.eq(id))
        .exec(&tx)
        .await?;
    job::Entity::delete_many()
        .filter(job::Column::ImageId.eq(id))
        .exec(&tx)
        .await?;
    outbox::Entity::delete_many()
        .filter(outbox::Column::ImageId.eq(id))
        .exec(&tx)
        .await?;
    image::Entity::delete_by_id(id).exec(&tx).await?;
    tx.commit().await
}

/// Whether the image was deleted, or is being deleted. Ask after storing one of its objects: only
/// a deletion that begins later removes that object.
pub(crate) async fn is_gone(db: &DatabaseConnection, id: Uuid) -> Result<bool, DbErr> {
    let row = image::Entity::find_by_id(id).one(db).await?;
    Ok(row.is_none_or(|image| image.deleted_at.is_some()))
}

/// The copies are listed, because a kill between storing a copy and noting it leaves one that no row
/// names.
async fn remove_renditions(store: &dyn ObjectStore, id: Uuid) -> Result<(), StoreError> {
    store.delete(&ObjectKey::thumbnail(id)).await?;
    remove_copy(store, id, None).await?;
    let mut copies = store.copies(id);
    while let Some(listed) = copies.try_next().await? {
        store.delete(&listed.key).await?;
    }
    Ok(())
}

/// Removes the objects of a copy.
pub(crate) async fn remove_copy(
    store: &dyn ObjectStore,
    id: Uuid,
    copy: Option<Uuid>,
) -> Result<(), StoreError> {
    store.delete(&ObjectKey::anonymised(id, copy)).await?;
    store
        .delete(&ObjectKey::anonymised_thumbnail(id, copy))
        .await
}
