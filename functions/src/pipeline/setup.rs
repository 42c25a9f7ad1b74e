//! From settings to the [`Context`] of the steps, the same for a server, a command and a Lambda
//! function. The closed choices of the settings are matched here, once.

use std::path::PathBuf;
use std::sync::Arc;

use platform::objects::ObjectStore;
use platform::settings::{CaptionerChoice, Settings, TextReading};
use sea_orm::DatabaseConnection;

use crate::picture::Limits;
use crate::pipeline::context::{Context, Options};
use crate::pipeline::pixel_workers::PixelWorkers;
use crate::pipeline::provider_budget::ProviderBudget;
use crate::steps::annotate::{
    self, Captioner, Describer, Gemini, OpenAi, Prompt, PromptError, TextReader,
};
use crate::words::Rights;

/// The captioner cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Captioner(#[from] annotate::SetupError),
    /// The file with the prompt cannot be read.
    #[error("VITRINE_CAPTION_PROMPT={}: {source}", file.display())]
    PromptFile {
        file: PathBuf,
        source: std::io::Error,
    },
    /// The file holds no valid prompt.
    #[error("VITRINE_CAPTION_PROMPT={}: {source}", file.display())]
    Prompt { file: PathBuf, source: PromptError },
}

/// What the steps need.
pub fn context(
    settings: &Settings,
    db: DatabaseConnection,
    store: Arc<dyn ObjectStore>,
    pixels: PixelWorkers,
) -> Result<Context, SetupError> {
    let captioner = captioner(settings)?;
    Ok(Context {
        provider_budget: provider_budget(settings, &db, captioner.as_ref()),
        db,
        store,
        captioner,
        pixels,
        options: Options {
            thumbnail_size: settings.thumbnail_size,
            limits: Limits {
                max_pixels: settings.max_pixels,
            },
            caption_language: settings.caption_language.clone(),
            more_languages: settings.more_languages.clone(),
            caption_source: settings.caption_source,
            rights: Rights {
                credit: settings.credit.clone(),
                licence: settings.licence.clone(),
            },
            caption_timeout: settings.caption_requests.timeout,
            release: settings.release,
            max_attempts: Options::MAX_ATTEMPTS,
            backoff: Options::BACKOFF,
        },
    })
}

/// The limits on requests; none if the captioner sends no requests.
pub fn provider_budget(
    settings: &Settings,
    db: &DatabaseConnection,
    captioner: &dyn Captioner,
) -> Option<ProviderBudget> {
    let budget = ProviderBudget::new(
        db.clone(),
        captioner.account()?.clone(),
        settings.caption_limits,
        settings.caption_requests.at_once,
        settings.caption_price.clone(),
    );
    Some(budget.sending(settings.caption_source))
}

/// The captioner that was chosen. Nothing is sent to it yet.
pub fn captioner(settings: &Settings) -> Result<Arc<dyn Captioner>, SetupError> {
    let timeout = settings.caption_requests.timeout;
    Ok(match &settings.captioner {
        CaptionerChoice::Describe => Arc::new(describer(settings)),
        CaptionerChoice::Gemini(gemini) => {
            Arc::new(Gemini::new(gemini, prompt(settings)?, timeout)?)
        }
        CaptionerChoice::OpenAi(openai) => {
            Arc::new(OpenAi::new(openai, prompt(settings)?, timeout)?)
        }
    })
}

fn describer(settings: &Settings) -> Describer {
    let reader = match settings.text_reading {
        TextReading::Auto => TextReader::on_this_machine(),
        TextReading::Off => None,
    };
    reader.map_or_else(Describer::default, Describer::with_text)
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
