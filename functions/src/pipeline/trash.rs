//! The trash: deleted images, which nobody sees, until they are removed for good. Their objects stay
//! where they are meanwhile; rows decide who sees them.

use chrono::{DateTime, Utc};
use entity::change::{self, Kind};
use entity::image::{self, Column, Model, Review};
use entity::step::{self, StepKind};
use platform::database::{begin_write, retry_conflicts};
use platform::objects::{ObjectKey, ObjectStore, StoreError};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};
use uuid::Uuid;

use crate::pipeline::dispatch::Dispatch;
use crate::pipeline::lifecycle::{LifecycleError, purge, rerun};
use crate::pipeline::release;

/// Brings an image back from the trash. One that was public has to be released again. False if it is
/// not there.
pub async fn restore(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    dispatch: &Dispatch,
    id: Uuid,
    by: Option<&str>,
) -> Result<bool, LifecycleError> {
    let Some(image) = retry_conflicts(|| take_out(db, id, by)).await? else {
        return Ok(false);
    };
    let owed = owed(db, store, &image).await?;
    if !owed.is_empty() {
        rerun(db, dispatch, &owed).await?;
    }
    Ok(true)
}

/// The image as it was in the trash. None if it is not there.
async fn take_out(
    db: &DatabaseConnection,
    id: Uuid,
    by: Option<&str>,
) -> Result<Option<Model>, DbErr> {
    let tx = begin_write(db).await?;
    let found = image::in_trash(entity::now())
        .filter(Column::Id.eq(id))
        .lock_exclusive();
    let Some(image) = found.one(&tx).await? else {
        return Ok(None);
    };
    image::Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::DeletedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::DeletedBy, Expr::value(None::<String>))
        .col_expr(Column::PurgeAt, Expr::value(None::<DateTime<Utc>>))
        .exec(&tx)
        .await?;
    if image.review == Review::Released {
        // The record has the deletion already.
        release::unrelease(&tx, id, Review::Review, by, entity::now()).await?;
    }
    change::record(&tx, id, Kind::Image).await?;
    tx.commit().await?;
    Ok(Some(image))
}

/// The steps that were interrupted by the deletion: jobs of deleted images are dropped, and a worker
/// that was at it removed what it had made.
async fn owed(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    image: &Model,
) -> Result<Vec<(Uuid, StepKind)>, LifecycleError> {
    let mut owed = Vec::new();
    for step in step::of(image.id).all(db).await? {
        if step.state.is_pending() || is_lost(store, image, step.name).await? {
            owed.push((image.id, step.name));
        }
    }
    Ok(owed)
}

async fn is_lost(
    store: &dyn ObjectStore,
    image: &Model,
    step: StepKind,
) -> Result<bool, StoreError> {
    let key = match step {
        StepKind::Thumbnail if image.thumbhash.is_some() => ObjectKey::thumbnail(image.id),
        StepKind::Anonymise if image.copy_version.is_some() => {
            ObjectKey::anonymised(image.id, image.copy_id)
        }
        _ => return Ok(false),
    };
    Ok(store.size(&key).await?.is_none())
}

/// Removes an image in the trash for good, now. False if it is not there.
pub async fn purge_now(
    db: &DatabaseConnection,
    store: &dyn ObjectStore,
    id: Uuid,
) -> Result<bool, LifecycleError> {
    let found = image::in_trash(entity::now()).filter(Column::Id.eq(id));
    let Some(image) = found.one(db).await? else {
        return Ok(false);
    };
    purge(db, store, &image).await?;
    Ok(true)
}
