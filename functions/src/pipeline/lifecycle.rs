//! The beginning and the end of an image's life in the rows and the store. Both are written
//! down before they are carried out, so that whatever cuts them short can be made good.

use chrono::{DateTime, NaiveDateTime, Utc};
use entity::change::{self, Kind};
use entity::image::{self, ActiveModel, Model};
use entity::job;
use entity::step::{self, StepKind, StepState};
use platform::Format;
use platform::database::begin_write;
use platform::objects::{Body, ObjectKey, ObjectStore, StoreError};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    QueryFilter as _, SqlErr,
};
use tracing::{Instrument as _, info_span};
use uuid::Uuid;

/// Why something did not come to its end. Trying again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The database did not answer.
    #[error("the database did not answer: {0}")]
    Database(#[from] DbErr),
    /// The store did not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The idempotency key belongs to other bytes.
    #[error("this Idempotency-Key came with another file before; use a new one for each file")]
    KeyTaken,
}

/// A photo that was received and found to be one.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// What the client called it.
    pub file_name: String,
    /// Found from the bytes.
    pub format: Format,
    /// Size in bytes.
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
    /// Who sent it; none for a visitor.
    pub uploaded_by: Option<String>,
    /// Hash of the idempotency key, if there was one.
    pub idempotency_key: Option<String>,
}

/// What became of a photo that was received.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It is new.
    Created(Model),
    /// The same bytes were there already.
    Existing(Model),
}

/// Takes a photo in: rows first, then the object, whose arrival sets the functions going.
///
/// # Errors
/// If the database or the store does not answer. The rows may stay behind then; sending the
/// same bytes again completes them, and the sweeper forgets them after a while.
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

/// Whether the idempotency key is what stands in the way: somebody uses it for several files,
/// and another one of them was faster.
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

/// Makes an image of an object that is in the store already. None if there is an image of that
/// object, or with the same bytes.
///
/// # Errors
/// If the database does not answer.
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

/// The three steps of a new image, waiting.
fn new_steps(image_id: Uuid) -> impl Iterator<Item = step::ActiveModel> {
    let queued_at = entity::now();
    StepKind::ALL
        .into_iter()
        .map(move |name| step::ActiveModel {
            image_id: Set(image_id),
            name: Set(name),
            state: Set(StepState::Queued),
            attempts: Set(0),
            queued_at: Set(queued_at),
            ..Default::default()
        })
}

async fn store_original(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    image: Model,
    body: Body,
) -> Result<Model, LifecycleError> {
    let key = ObjectKey::parse(&image.object_key)
        .map_err(|invalid| DbErr::Custom(format!("{}: {invalid}", image.object_key)))?;
    let span = info_span!("store put", key = %key);
    store.put(&key, body).instrument(span).await?;
    let stored_at = mark_stored(db, image.id).await?;
    // Two may have sent the same bytes, and the image of the faster one may be deleted already.
    if is_gone(db, image.id).await? {
        store.delete(&key).await?;
    }
    Ok(Model {
        stored_at: Some(stored_at),
        ..image
    })
}

/// Notes that the original is in the store: from now on the image can be seen.
///
/// # Errors
/// If the database does not answer.
pub async fn mark_stored(db: &DatabaseConnection, id: Uuid) -> Result<DateTime<Utc>, DbErr> {
    let now = entity::now();
    let tx = begin_write(db).await?;
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .filter(image::Column::StoredAt.is_null())
        .col_expr(image::Column::StoredAt, Expr::value(now))
        .exec(&tx)
        .await?;
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    Ok(now)
}

/// Puts steps of an image back to the beginning: a new round of attempts. Returns how many
/// steps that were; the caller sees to it that somebody delivers them, and at last records the
/// change.
///
/// # Errors
/// If the database does not answer.
pub async fn requeue<C: ConnectionTrait>(
    db: &C,
    image_id: Uuid,
    steps: &[StepKind],
) -> Result<u64, DbErr> {
    let updated = step::Entity::update_many()
        .filter(step::Column::ImageId.eq(image_id))
        .filter(step::Column::Name.is_in(steps.iter().copied()))
        .col_expr(step::Column::State, Expr::value(StepState::Queued))
        .col_expr(step::Column::Attempts, Expr::value(0))
        .col_expr(step::Column::Error, Expr::value(None::<String>))
        .col_expr(step::Column::FinishedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(step::Column::QueuedAt, Expr::value(entity::now()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected)
}

/// Deletes an image with everything made from it. False if there was none.
///
/// # Errors
/// If the database or the store does not answer. Once it was marked, nobody sees it any more,
/// and the sweeper brings the deletion to its end.
pub async fn delete(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    id: Uuid,
) -> Result<bool, LifecycleError> {
    let tx = begin_write(db).await?;
    let Some(image) = image::visible_by_id(id).one(&tx).await? else {
        return Ok(false);
    };
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .col_expr(image::Column::DeletedAt, Expr::value(entity::now()))
        .exec(&tx)
        .await?;
    change::record(&tx, id, Kind::Deleted).await?;
    tx.commit().await?;
    purge(db, store, &image).await?;
    Ok(true)
}

/// Removes the objects of an image whose deletion was begun, and then its rows.
///
/// # Errors
/// If the database or the store does not answer; calling it again goes on where it stopped.
pub async fn purge(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    image: &Model,
) -> Result<(), LifecycleError> {
    if let Ok(original) = ObjectKey::parse(&image.object_key) {
        store.delete(&original).await?;
    }
    remove_renditions(store, image.id).await?;
    let tx = begin_write(db).await?;
    // Workers lock a step first and its image second; who does it the other way round would wait
    // for them while they wait for us.
    step::Entity::delete_many()
        .filter(step::Column::ImageId.eq(image.id))
        .exec(&tx)
        .await?;
    job::Entity::delete_many()
        .filter(job::Column::ImageId.eq(image.id))
        .exec(&tx)
        .await?;
    image::Entity::delete_by_id(image.id).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the image was deleted, or is being deleted. Who has stored an object asks this
/// afterwards: a deletion that begins later than that removes the object itself.
pub(crate) async fn is_gone(db: &DatabaseConnection, id: Uuid) -> Result<bool, DbErr> {
    let row = image::Entity::find_by_id(id).one(db).await?;
    Ok(row.is_none_or(|image| image.deleted_at.is_some()))
}

/// Removes everything that was made from an original.
///
/// # Errors
/// If the store does not answer.
pub async fn remove_renditions(store: &dyn ObjectStore, id: Uuid) -> Result<(), StoreError> {
    for key in [
        ObjectKey::thumbnail(id),
        ObjectKey::anonymised(id),
        ObjectKey::anonymised_thumbnail(id),
    ] {
        store.delete(&key).await?;
    }
    Ok(())
}
