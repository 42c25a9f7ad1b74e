//! What each step does with a stored image: load it, work, store the rendition. What a step finds
//! out is returned as a [`StepOutput`], which the caller writes into the rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use entity::image::{Author, Column, Entity, Faces, Model};
use entity::step::StepKind;
use platform::objects::{Body, ObjectKey};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _};
use tokio::time::sleep;
use tracing::{Instrument as _, info_span, warn};
use uuid::Uuid;

use crate::pipeline::captions;
use crate::pipeline::context::Context;
use crate::pipeline::original_key::original_key;
use crate::pipeline::outcomes::StepError;
use crate::pipeline::provider_budget::RequestCost;
use crate::steps::annotate::{self, Caption, CaptionError, Subject};
use crate::steps::{anonymise, thumbnail};

/// Requests to a provider within one attempt, if they fail for a moment: with one failure in five
/// requests, five attempts would soon be used up.
const TRIES: u32 = 3;

/// No request is repeated later than this after the first, so that slow failures do not outlast a
/// lease.
const SOON: Duration = Duration::from_secs(5);

/// What a step found out about an image. Sizes are in bytes.
pub(crate) enum StepOutput {
    Thumbnail {
        thumbhash: String,
        bytes: i64,
    },
    Anonymised {
        faces: Faces,
        thumbhash: String,
        bytes: i64,
        thumbnail_bytes: i64,
    },
    Caption(Caption, RequestCost),
    /// A person has described it already.
    Described,
}

pub(crate) async fn run(
    step: StepKind,
    ctx: &Context,
    image: &Model,
) -> Result<StepOutput, StepError> {
    match step {
        StepKind::Thumbnail => make_thumbnail(ctx, image).await,
        StepKind::Anonymise => make_anonymised(ctx, image).await,
        StepKind::Annotate => write_caption(ctx, image).await,
    }
}

async fn make_thumbnail(ctx: &Context, image: &Model) -> Result<StepOutput, StepError> {
    let original = original(ctx, image).await?;
    let (size, limits) = (ctx.options.thumbnail_size, ctx.options.limits);
    let made = ctx
        .cpu
        .run(pixels(image), move || {
            thumbnail::make(&original, size, &limits)
        })
        .await??;
    let bytes = put(ctx, &ObjectKey::thumbnail(image.id), made.jpeg).await?;
    Ok(StepOutput::Thumbnail {
        thumbhash: BASE64.encode(made.thumbhash),
        bytes,
    })
}

async fn make_anonymised(ctx: &Context, image: &Model) -> Result<StepOutput, StepError> {
    let original = original(ctx, image).await?;
    let (size, limits) = (ctx.options.thumbnail_size, ctx.options.limits);
    let detector = Arc::clone(&ctx.detector);
    let made = ctx
        .cpu
        .run(pixels(image), move || {
            anonymise::make(&original, detector.as_ref(), size, &limits)
        })
        .await??;
    let key = ObjectKey::anonymised_thumbnail(image.id);
    let thumbnail_bytes = put(ctx, &key, made.thumbnail).await?;
    let bytes = put(ctx, &ObjectKey::anonymised(image.id), made.jpeg).await?;
    Ok(StepOutput::Anonymised {
        faces: Faces(made.faces),
        thumbhash: BASE64.encode(made.thumbhash),
        bytes,
        thumbnail_bytes,
    })
}

async fn write_caption(ctx: &Context, image: &Model) -> Result<StepOutput, StepError> {
    if image.caption_by == Some(Author::Person) {
        return Ok(StepOutput::Described);
    }
    let original = original(ctx, image).await?;
    let (limits, source) = (ctx.options.limits, ctx.options.caption_source);
    let detector = Arc::clone(&ctx.detector);
    // If `anonymise` is done, its faces need not be found again.
    let known = image.faces.as_ref().map(|faces| faces.0.clone());
    let input = ctx
        .cpu
        .run(pixels(image), move || {
            annotate::prepare(&original, &limits, detector.as_ref(), known, source)
        })
        .await??;
    let subject = Subject {
        picture: input.picture,
        faces: input.faces,
        language: ctx.options.caption_language.clone(),
    };
    let (caption, cost) = ask(ctx, image.id, &subject).await?;
    Ok(StepOutput::Caption(caption, cost))
}

/// Asks the captioner if the budget allows. The reservation is made at the last moment: an earlier
/// one would count for a minute in which nothing is sent.
async fn ask(
    ctx: &Context,
    image_id: Uuid,
    subject: &Subject,
) -> Result<(Caption, RequestCost), StepError> {
    let Some(provider_budget) = &ctx.provider_budget else {
        return Ok((
            ctx.captioner.caption(subject).await?,
            RequestCost::default(),
        ));
    };
    let first = Instant::now();
    let mut tries = 0;
    loop {
        let reservation = provider_budget
            .reserve(image_id)
            .await?
            .map_err(StepError::Paused)?;
        let begun = Instant::now();
        let answered = ctx.captioner.ask(subject).await;
        let settled = provider_budget
            .settle(reservation, &answered, begun.elapsed())
            .await;
        let (cost, pause) = settled.unwrap_or_else(|error| {
            // The caption is paid for: it is kept although its entry is not.
            warn!(image = %image_id, %error, "the outcome of a request is not in the ledger");
            Default::default()
        });
        if let Some(pause) = pause {
            return Err(StepError::Paused(pause));
        }
        tries += 1;
        let may_try_again = tries < TRIES && first.elapsed() < SOON;
        match answered.result {
            Err(CaptionError::Transient {
                retry_after: None, ..
            }) if may_try_again => sleep(ctx.options.backoff / 10 * tries).await,
            result => return Ok((result?, cost)),
        }
    }
}

async fn original(ctx: &Context, image: &Model) -> Result<Bytes, StepError> {
    let key = original_key(image)?;
    let span = info_span!("store get", key = %key);
    Ok(ctx.store.get(&key).instrument(span).await?)
}

/// Stores a rendition, and returns its size in bytes.
async fn put(ctx: &Context, key: &ObjectKey, jpeg: Vec<u8>) -> Result<i64, StepError> {
    let bytes = i64::try_from(jpeg.len()).unwrap_or(i64::MAX);
    let span = info_span!("store put", key = %key);
    let put = ctx.store.put(key, Body::Bytes(jpeg.into()));
    put.instrument(span).await?;
    Ok(bytes)
}

fn pixels(image: &Model) -> u64 {
    u64::from(image.width.unsigned_abs()) * u64::from(image.height.unsigned_abs())
}

impl StepOutput {
    /// Writes it into the rows. A caption that a person wrote stays.
    pub(crate) async fn write(self, tx: &DatabaseTransaction, image_id: Uuid) -> Result<(), DbErr> {
        let row = Entity::update_many().filter(Column::Id.eq(image_id));
        let row = match self {
            Self::Thumbnail { thumbhash, bytes } => row
                .col_expr(Column::Thumbhash, Expr::value(thumbhash))
                .col_expr(Column::ThumbnailBytes, Expr::value(bytes)),
            Self::Anonymised {
                faces,
                thumbhash,
                bytes,
                thumbnail_bytes,
            } => row
                .col_expr(Column::Faces, Expr::value(faces))
                .col_expr(Column::AnonymisedThumbhash, Expr::value(thumbhash))
                .col_expr(Column::AnonymisedBytes, Expr::value(bytes))
                .col_expr(
                    Column::AnonymisedThumbnailBytes,
                    Expr::value(thumbnail_bytes),
                ),
            Self::Caption(caption, cost) => {
                captions::by_machine(tx, image_id, caption, cost).await?;
                return Ok(());
            }
            Self::Described => return Ok(()),
        };
        row.exec(tx).await?;
        Ok(())
    }
}
