//! From settings to a function on Lambda.

use std::sync::Arc;

use entity::step::StepKind;
use platform::objects::{S3Store, StoreError};
use platform::settings::{QueueChoice, Settings, Storage};
use platform::{aws, database};
use sea_orm::DbErr;
use tracing::warn;

use super::function::Function;
use crate::pipeline::pixel_workers::{MemoryBudget, PixelError, PixelWorkers};
use crate::pipeline::setup::{self, context};
use crate::pipeline::sqs::SqsQueues;

/// The function cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    #[error(transparent)]
    Captioner(#[from] setup::SetupError),
    #[error(transparent)]
    Pixels(#[from] PixelError),
    #[error("the database cannot be opened; see DATABASE_SECRET_ARN: {0}")]
    Database(#[from] DbErr),
    #[error("the store cannot be used; see VITRINE_STORAGE: {0}")]
    Store(#[from] StoreError),
    #[error(
        "VITRINE_STORAGE names no bucket; on Lambda it has to, as in VITRINE_STORAGE=s3://photos"
    )]
    NoBucket,
}

/// A function, with a database and a store of its own. `follows_traces` says whether traces are
/// exported.
pub(super) async fn function(
    settings: &Settings,
    step: StepKind,
    follows_traces: bool,
) -> Result<Function, SetupError> {
    let Storage::S3(bucket) = &settings.storage else {
        return Err(SetupError::NoBucket);
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pixels = PixelWorkers::new(threads, MemoryBudget::of_this_machine());
    // A worker starts while the rest is set up.
    let starting = pixels.clone();
    let confined = tokio::spawn(async move { starting.warm().await });
    let config = aws::config(&settings.aws).await;
    // S3 itself tells the functions of new originals.
    let store = S3Store::new(&config, bucket, None).await?;
    let db = database::connect(&settings.database).await?;
    if let Some(gap) = confined
        .await
        .map_err(|error| PixelError::NotStarted(error.to_string()))??
        .gap()
    {
        warn!("{gap}");
    }
    let mut ctx = context(settings, db, Arc::new(store), pixels)?;
    // The queue delivers a message once more than that. In the last delivery the step is only marked
    // as failed, because no attempt has written down its outcome; then the message goes to the
    // dead-letter queue.
    ctx.options.max_attempts = settings.max_receives - 1;
    Ok(Function {
        step,
        ctx,
        queues: match &settings.queue {
            QueueChoice::Jobs => None,
            QueueChoice::Sqs(address) => Some(SqsQueues::connect(&config, address)),
        },
        max_bytes: settings.max_upload_bytes,
        follows_traces,
    })
}
