//! What each step does with a stored image: load it, work, store the rendition. What a step finds
//! out is returned as a [`StepOutput`], which the caller writes into the rows.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use entity::image::{Author, Column, Entity, Model, Review};
use entity::image_box;
use entity::publication_record::Action;
use entity::step::StepKind;
use platform::objects::{Body, ObjectKey};
use platform::settings::ReleaseRule;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};
use tokio::time::sleep;
use tracing::{Instrument as _, info_span, warn};
use uuid::Uuid;

use crate::pipeline::boxes;
use crate::pipeline::captions;
use crate::pipeline::context::Context;
use crate::pipeline::original_key::original_key;
use crate::pipeline::outcomes::StepError;
use crate::pipeline::pixel_workers::{Job, PictureFile};
use crate::pipeline::provider_budget::RequestCost;
use crate::pipeline::release;
use crate::steps::annotate::{Caption, CaptionError, Subject, Taken};
use crate::steps::anonymise::{self, Difficulty, Found, Look, Search};

/// Requests to a provider within one attempt, if they fail for a moment: with one failure in five
/// requests, five attempts would soon be used up.
const TRIES: u32 = 3;

/// No request is repeated later than this after the first: slow failures wait for the next attempt.
const SOON: Duration = Duration::from_secs(5);

/// What a step found out about an image. Sizes are in bytes.
#[derive(Clone)]
pub(crate) enum StepOutput {
    Thumbnail {
        thumbhash: String,
        bytes: i64,
    },
    Anonymised(Box<FinishedCopy>),
    Caption(Caption, RequestCost),
    /// A person has described it already.
    Described,
}

/// A copy that is stored.
#[derive(Clone)]
pub(crate) struct FinishedCopy {
    /// Names its objects.
    copy_id: Uuid,
    /// The version of the boxes that it was made from, without what was found on the way.
    boxes_version: i32,
    detector: String,
    found: Vec<Found>,
    looked_thoroughly: bool,
    difficulty: Difficulty,
    thumbhash: String,
    bytes: i64,
    thumbnail_bytes: i64,
}

/// What became of an output.
pub(crate) enum Written {
    Done {
        /// The copy in whose place another one is stored, if one is.
        replaced_copy: Option<Option<Uuid>>,
    },
    /// The image is not what it was when the work began.
    Outdated,
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
    let (_, made) = ctx.pixels.thumbnail(&original, &limits, size).await?;
    drop(original);
    let bytes = put(ctx, &ObjectKey::thumbnail(image.id), made.jpeg).await?;
    Ok(StepOutput::Thumbnail {
        thumbhash: BASE64.encode(made.thumbhash),
        bytes,
    })
}

async fn make_anonymised(ctx: &Context, image: &Model) -> Result<StepOutput, StepError> {
    let original = original(ctx, image).await?;
    let regions = boxes::regions(&ctx.db, image).await?;
    let detector = ctx.pixels.detector_name();
    let has_searched = image.detector.as_deref() == Some(detector);
    let search = match &image.detector {
        _ if has_searched => Search::No,
        None if image.copy_version.is_none() => Search::First,
        _ => Search::Rerun,
    };
    let look = match (search, image.second_look_at) {
        (Search::No, Some(_)) => Look::Quick,
        _ => Look::Thorough,
    };
    let request = anonymise::Request {
        cover: regions.cover,
        spared: regions.spared,
        search,
        look,
        thumbnail_size: ctx.options.thumbnail_size,
    };
    let limits = ctx.options.limits;
    let made = ctx.pixels.anonymise(&original, &limits, request).await?;
    drop(original);
    let copy_id = Uuid::now_v7();
    let key = ObjectKey::anonymised_thumbnail(image.id, Some(copy_id));
    let thumbnail_bytes = put(ctx, &key, made.thumbnail).await?;
    let key = ObjectKey::anonymised(image.id, Some(copy_id));
    let bytes = put(ctx, &key, made.jpeg).await?;
    Ok(StepOutput::Anonymised(Box::new(FinishedCopy {
        copy_id,
        boxes_version: image.boxes_version,
        detector: detector.to_owned(),
        found: made.found,
        looked_thoroughly: look == Look::Thorough,
        difficulty: made.difficulty,
        thumbhash: BASE64.encode(made.thumbhash),
        bytes,
        thumbnail_bytes,
    })))
}

async fn write_caption(ctx: &Context, image: &Model) -> Result<StepOutput, StepError> {
    if image.caption_by == Some(Author::Person) {
        return Ok(StepOutput::Described);
    }
    let original = original(ctx, image).await?;
    let job = Job::CaptionInput {
        // If `anonymise` is done, its faces need not be found again.
        known: match image.copy_version {
            Some(_) => Some(boxes::regions(&ctx.db, image).await?.into()),
            None => None,
        },
        source: ctx.options.caption_source,
        jpeg_use: ctx.captioner.jpeg_use(),
    };
    let limits = ctx.options.limits;
    let (inspection, input) = ctx.pixels.caption_input(&original, &limits, job).await?;
    drop(original);
    let subject = Subject {
        picture: input.picture,
        faces: input.faces,
        is_portrait: input.is_portrait,
        is_blurred: input.is_blurred,
        taken: Taken::of(&inspection, entity::now()),
        language: ctx.options.caption_language.clone(),
        more_languages: ctx.options.more_languages.clone(),
        context: image.context.clone(),
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
        if let Some(format) = reservation.format {
            ctx.captioner.learn(format);
        }
        let begun = Instant::now();
        let answered = tokio::select! {
            answered = ctx.captioner.ask(subject) => answered,
            never = provider_budget.keep_open(&reservation) => match never {},
        };
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

async fn original(ctx: &Context, image: &Model) -> Result<PictureFile, StepError> {
    let key = original_key(image)?;
    let span = info_span!("store get", key = %key);
    let bytes = image.bytes.unsigned_abs();
    let file = ctx.pixels.object(ctx.store.as_ref(), &key, bytes);
    Ok(file.instrument(span).await?)
}

/// Stores a rendition, and returns its size in bytes.
async fn put(ctx: &Context, key: &ObjectKey, jpeg: Vec<u8>) -> Result<i64, StepError> {
    let bytes = i64::try_from(jpeg.len()).unwrap_or(i64::MAX);
    let span = info_span!("store put", key = %key);
    let put = ctx.store.put(key, Body::Bytes(jpeg.into()));
    put.instrument(span).await?;
    Ok(bytes)
}

impl StepOutput {
    /// The copy that was stored.
    pub(crate) fn copy(&self) -> Option<Uuid> {
        match self {
            Self::Anonymised(copy) => Some(copy.copy_id),
            _ => None,
        }
    }

    /// Writes it into the rows. A caption that a person wrote stays.
    pub(crate) async fn write(
        self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        image_id: Uuid,
    ) -> Result<Written, DbErr> {
        match self {
            Self::Thumbnail { thumbhash, bytes } => {
                Entity::update_many()
                    .filter(Column::Id.eq(image_id))
                    .col_expr(Column::Thumbhash, Expr::value(thumbhash))
                    .col_expr(Column::ThumbnailBytes, Expr::value(bytes))
                    .exec(tx)
                    .await?;
            }
            Self::Anonymised(copy) => return copy.write(ctx, tx, image_id).await,
            Self::Caption(caption, cost) => {
                captions::by_machine(tx, image_id, caption, cost).await?;
            }
            Self::Described => {}
        }
        Ok(Written::Done {
            replaced_copy: None,
        })
    }
}

impl FinishedCopy {
    async fn write(
        self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        image_id: Uuid,
    ) -> Result<Written, DbErr> {
        let image = Entity::find_by_id(image_id)
            .lock_exclusive()
            .one(tx)
            .await?;
        let Some(image) = image.filter(|image| image.boxes_version == self.boxes_version) else {
            return Ok(Written::Outdated);
        };
        let now = entity::now();
        let version = boxes::add_found(tx, &image, &self.detector, &self.found, now).await?;
        let rows = image_box::of(image_id).all(tx).await?;
        let had_a_copy = image.copy_version.is_some();
        let (was_public, replaced) = (image.review == Review::Released, image.copy_id);
        let image = Model {
            boxes_version: version,
            copy_version: Some(version),
            copy_id: Some(self.copy_id),
            detector: Some(self.detector),
            second_look_at: if self.looked_thoroughly {
                Some(now)
            } else {
                image.second_look_at
            },
            uncertain: boxes::uncertain(&rows),
            risk: boxes::risk(&image, &rows, self.difficulty),
            ..image
        };
        Entity::update_many()
            .filter(Column::Id.eq(image_id))
            .col_expr(Column::BoxesVersion, Expr::value(image.boxes_version))
            .col_expr(Column::CopyVersion, Expr::value(image.copy_version))
            .col_expr(Column::CopyId, Expr::value(image.copy_id))
            .col_expr(Column::Detector, Expr::value(image.detector.clone()))
            .col_expr(Column::SecondLookAt, Expr::value(image.second_look_at))
            .col_expr(Column::Uncertain, Expr::value(image.uncertain))
            .col_expr(Column::Risk, Expr::value(image.risk))
            .col_expr(Column::AnonymisedThumbhash, Expr::value(self.thumbhash))
            .col_expr(Column::AnonymisedBytes, Expr::value(self.bytes))
            .col_expr(Column::WordsDue, Expr::value(now))
            .col_expr(
                Column::AnonymisedThumbnailBytes,
                Expr::value(self.thumbnail_bytes),
            )
            .exec(tx)
            .await?;
        let is_undecided = image.review == Review::Review && image.reviewed_at.is_none();
        if was_public && !self.found.is_empty() {
            let by = image.detector.as_deref().unwrap_or_default();
            release::record(tx, &image, Action::Revised, Some(by), now).await?;
        } else if ctx.options.release == ReleaseRule::AtOnce
            && is_undecided
            && release::is_certain(&image)
        {
            release::make_public(tx, &image, Some(release::AT_ONCE), now).await?;
        }
        Ok(Written::Done {
            replaced_copy: had_a_copy.then_some(replaced),
        })
    }
}
