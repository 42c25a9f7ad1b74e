//! From settings to what the functions need, the same for a server, a command and a Lambda
//! function. The closed choices of the settings are matched here, once.

use std::path::PathBuf;
use std::sync::Arc;

use entity::step::StepKind;
use platform::objects::{ObjectStore, S3Store, StoreError};
use platform::settings::{CaptionerChoice, QueueChoice, Settings, Storage};
use platform::{aws, database};
use sea_orm::{DatabaseConnection, DbErr};

use crate::drivers::lambda::Function;
use crate::faces;
use crate::picture::Limits;
use crate::pipeline::context::{Context, Options};
use crate::pipeline::cpu_pool::CpuPool;
use crate::pipeline::provider_budget::ProviderBudget;
use crate::pipeline::sqs::SqsQueues;
use crate::steps::annotate::{
    self, Captioner, Describer, Gemini, OpenAi, PATIENCE, Prompt, PromptError,
};

/// The functions cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The captioner.
    #[error(transparent)]
    Captioner(#[from] annotate::SetupError),
    /// The file with the prompt.
    #[error("VITRINE_CAPTION_PROMPT={}: {source}", file.display())]
    PromptFile {
        /// Where it should be.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What stands in it.
    #[error("VITRINE_CAPTION_PROMPT={}: {source}", file.display())]
    Prompt {
        /// Where it is.
        file: PathBuf,
        /// What is wrong with it.
        source: PromptError,
    },
    /// The database of a Lambda function.
    #[error("the database cannot be opened; see DATABASE_SECRET_ARN: {0}")]
    Database(#[from] DbErr),
    /// The store of a Lambda function.
    #[error("the store cannot be used; see VITRINE_STORAGE: {0}")]
    Store(#[from] StoreError),
    /// A Lambda function shares nothing with the others but a bucket.
    #[error(
        "VITRINE_STORAGE names no bucket; on Lambda it has to, as in VITRINE_STORAGE=s3://photos"
    )]
    NoBucket,
}

/// What the functions need, over this database and this store, working on `threads` pictures at
/// once.
///
/// # Errors
/// If the captioner cannot be set up.
pub fn context(
    settings: &Settings,
    db: DatabaseConnection,
    store: Arc<dyn ObjectStore>,
    threads: usize,
) -> Result<Context, SetupError> {
    let captioner = captioner(settings)?;
    Ok(Context {
        provider_budget: provider_budget(settings, &db, captioner.as_ref()),
        db,
        store,
        captioner,
        detector: Arc::new(faces::bundled()),
        cpu: CpuPool::new(threads, settings.max_pixels),
        options: Options {
            thumbnail_size: settings.thumbnail_size,
            limits: Limits {
                max_pixels: settings.max_pixels,
            },
            caption_language: settings.caption_language.clone(),
            caption_source: settings.caption_source,
            max_attempts: Options::MAX_ATTEMPTS,
            backoff: Options::BACKOFF,
        },
    })
}

/// How much captions may cost, if the captioner asks anybody.
pub fn provider_budget(
    settings: &Settings,
    db: &DatabaseConnection,
    captioner: &dyn Captioner,
) -> Option<ProviderBudget> {
    Some(ProviderBudget::new(
        db.clone(),
        captioner.account()?.clone(),
        settings.caption_limits,
        settings.caption_price.clone(),
    ))
}

/// The captioner that was chosen. It is asked for nothing yet.
///
/// # Errors
/// If it cannot be set up.
pub fn captioner(settings: &Settings) -> Result<Arc<dyn Captioner>, SetupError> {
    Ok(match &settings.captioner {
        CaptionerChoice::Describe => Arc::new(Describer),
        CaptionerChoice::Gemini(gemini) => {
            Arc::new(Gemini::new(gemini, prompt(settings)?, PATIENCE)?)
        }
        CaptionerChoice::OpenAi(openai) => {
            Arc::new(OpenAi::new(openai, prompt(settings)?, PATIENCE)?)
        }
    })
}

fn prompt(settings: &Settings) -> Result<Prompt, SetupError> {
    let Some(file) = settings.caption_prompt.clone() else {
        return Ok(Prompt::default());
    };
    let template = match std::fs::read_to_string(&file) {
        Ok(template) => template,
        Err(source) => return Err(SetupError::PromptFile { file, source }),
    };
    Prompt::from_template(&template).map_err(|source| SetupError::Prompt { file, source })
}

/// One function as it runs on Lambda. `follows_traces` says whether traces are exported, so that
/// it is worth it to ask the store which one an object belongs to.
///
/// # Errors
/// If something it stands on cannot be used.
pub async fn function(
    settings: &Settings,
    step: StepKind,
    follows_traces: bool,
) -> Result<Function, SetupError> {
    let Storage::S3(bucket) = &settings.storage else {
        return Err(SetupError::NoBucket);
    };
    let config = aws::config(&settings.aws).await;
    // S3 itself tells the functions of new originals.
    let store = S3Store::new(&config, bucket, None).await?;
    let db = database::connect(&settings.database).await?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut ctx = context(settings, db, Arc::new(store), threads)?;
    // The queue delivers a message once more than that. The last time it is only written down that
    // nobody came back from the others, before the message goes to the dead-letter queue.
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
