//! The three functions on a stored image: load, work, store the rendition. What they find out
//! comes back as a [`Finding`]; writing it into the rows is the caller's.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use entity::image::{Column, Entity, Faces, Model};
use entity::step::Name;
use platform::objects::{Body, ObjectKey};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::annotate::{self, Caption, Subject};
use crate::context::Context;
use crate::error::WorkError;
use crate::{anonymise, captions, thumbnail};

/// What a function found out about an image.
pub(crate) enum Finding {
    Thumbhash(String),
    Faces(Faces),
    Caption(Caption),
}

pub(crate) async fn run(step: Name, ctx: &Context, image: &Model) -> Result<Finding, WorkError> {
    match step {
        Name::Thumbnail => make_thumbnail(ctx, image).await,
        Name::Anonymise => make_anonymised(ctx, image).await,
        Name::Annotate => write_caption(ctx, image).await,
    }
}

async fn make_thumbnail(ctx: &Context, image: &Model) -> Result<Finding, WorkError> {
    let original = original(ctx, image).await?;
    let (size, limits) = (ctx.options.thumbnail_size, ctx.options.limits);
    let made = ctx
        .cpu
        .run(pixels(image), move || {
            thumbnail::make(&original, size, &limits)
        })
        .await??;
    put(ctx, &ObjectKey::thumbnail(image.id), made.jpeg).await?;
    Ok(Finding::Thumbhash(BASE64.encode(made.thumbhash)))
}

async fn make_anonymised(ctx: &Context, image: &Model) -> Result<Finding, WorkError> {
    let original = original(ctx, image).await?;
    let (size, limits) = (ctx.options.thumbnail_size, ctx.options.limits);
    let detector = Arc::clone(&ctx.detector);
    let made = ctx
        .cpu
        .run(pixels(image), move || {
            anonymise::make(&original, detector.as_ref(), size, &limits)
        })
        .await??;
    // The small one first: where it is, the large one follows.
    put(
        ctx,
        &ObjectKey::anonymised_thumbnail(image.id),
        made.thumbnail,
    )
    .await?;
    put(ctx, &ObjectKey::anonymised(image.id), made.jpeg).await?;
    Ok(Finding::Faces(Faces(made.faces)))
}

async fn write_caption(ctx: &Context, image: &Model) -> Result<Finding, WorkError> {
    let original = original(ctx, image).await?;
    let (limits, source) = (ctx.options.limits, ctx.options.caption_source);
    let detector = Arc::clone(&ctx.detector);
    // If anonymise was here first, its faces need not be found again.
    let known = image.faces.as_ref().map(|faces| faces.0.clone());
    let sight = ctx
        .cpu
        .run(pixels(image), move || {
            annotate::look(&original, &limits, detector.as_ref(), known, source)
        })
        .await??;
    let subject = Subject {
        picture: sight.picture,
        faces: sight.faces,
        taken_at: image.taken_at,
        camera: image.camera.clone(),
        language: ctx.options.caption_language.clone(),
    };
    Ok(Finding::Caption(ctx.captioner.caption(&subject).await?))
}

async fn original(ctx: &Context, image: &Model) -> Result<Bytes, WorkError> {
    let key = ObjectKey::parse(&image.object_key)
        .map_err(|invalid| WorkError::Permanent(format!("{}: {invalid}", image.object_key)))?;
    Ok(ctx.store.get(&key).await?)
}

async fn put(ctx: &Context, key: &ObjectKey, jpeg: Vec<u8>) -> Result<(), WorkError> {
    Ok(ctx.store.put(key, Body::Bytes(jpeg.into())).await?)
}

fn pixels(image: &Model) -> u64 {
    u64::from(image.width.unsigned_abs()) * u64::from(image.height.unsigned_abs())
}

impl Finding {
    /// Writes it into the rows. A caption that a person wrote stays.
    pub(crate) async fn write(self, tx: &DatabaseTransaction, image_id: Uuid) -> Result<(), DbErr> {
        let row = Entity::update_many().filter(Column::Id.eq(image_id));
        let row = match self {
            Self::Thumbhash(hash) => row.col_expr(Column::Thumbhash, Expr::value(hash)),
            Self::Faces(faces) => row.col_expr(Column::Faces, Expr::value(faces)),
            Self::Caption(caption) => {
                captions::by_machine(tx, image_id, caption).await?;
                return Ok(());
            }
        };
        row.exec(tx).await?;
        Ok(())
    }
}
