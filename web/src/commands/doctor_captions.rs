//! `vitrine doctor` and captions: asks the provider for one, of a picture that ships with the
//! program.

use std::time::{Duration, Instant};

use anyhow::bail;
use functions::pipeline::provider_budget::ProviderBudget;
use functions::pipeline::setup;
use functions::steps::annotate::{
    Answered, CaptionPicture, Captioner, Subject, TextReader, sample,
};
use platform::settings::{CaptionSource, CaptionerChoice, Settings, TextReading};
use uuid::Uuid;

use crate::services::Services;

/// Says what leaves this machine, and what the provider makes of a picture. The request is entered
/// into the ledger, because it has to be paid like any other.
pub(super) async fn check(services: &Services) -> anyhow::Result<String> {
    let settings = &services.settings;
    let captioner = setup::captioner(settings)?;
    let who = describe(settings, captioner.provider());
    let Some(budget) = setup::provider_budget(settings, &services.db, captioner.as_ref()) else {
        return Ok(who);
    };
    let timeout = settings.caption_requests.timeout;
    // Slow servers take minutes, and a silent command looks as if it were stuck.
    println!("      captions: asking {who}; waiting {timeout:?} at most");
    let subject = Subject {
        picture: CaptionPicture::of(&sample(), captioner.jpeg_use())?,
        faces: 0,
        is_portrait: false,
        is_blurred: false,
        taken: None,
        language: settings.caption_language.clone(),
        more_languages: settings.more_languages.clone(),
        context: None,
    };
    let (answered, took) = ask(&budget, captioner.as_ref(), &subject).await?;
    report(&who, answered, took)
}

fn describe(settings: &Settings, provider: &str) -> String {
    let (model, base_url) = match &settings.captioner {
        CaptionerChoice::Describe => return format!("{provider}; nothing leaves this machine"),
        CaptionerChoice::Gemini(gemini) => (&gemini.model, &gemini.base_url),
        CaptionerChoice::OpenAi(openai) => (&openai.model, &openai.base_url),
    };
    let sees = match settings.caption_source {
        CaptionSource::Anonymised => "anonymised copies",
        CaptionSource::Original => "pictures as they are, faces included",
    };
    format!("{provider}, {model} at {base_url}, which sees {sees}")
}

/// Whether text in pictures is read, or why it cannot be.
pub(super) async fn text_in_pictures(settings: &Settings) -> Result<String, String> {
    if settings.text_reading == TextReading::Off {
        return Ok("not read, because of VITRINE_OCR=off".to_owned());
    }
    let Some(reader) = TextReader::on_this_machine() else {
        return Ok(
            "not read; if Tesseract is installed (on Debian tesseract-ocr and \
             tesseract-ocr-deu), offline captions quote large text"
                .to_owned(),
        );
    };
    let program = reader.program().display();
    match reader.check().await {
        Ok(languages) => Ok(format!(
            "{program} reads {languages}; offline captions quote large text"
        )),
        Err(failure) => Err(format!("{program} reads nothing: {failure}")),
    }
}

async fn ask(
    budget: &ProviderBudget,
    captioner: &dyn Captioner,
    subject: &Subject,
) -> anyhow::Result<(Answered, Duration)> {
    let paused = budget.pause().await?;
    if paused.is_some_and(|pause| pause.is_the_providers()) {
        // Whoever calls the doctor has put something right, or wants to know what is wrong.
        budget.resume().await?;
    }
    let reservation = match budget.reserve(Uuid::nil()).await? {
        Ok(reservation) => reservation,
        Err(pause) => bail!("not asked: {pause}"),
    };
    if let Some(format) = reservation.format {
        captioner.learn(format);
    }
    let begun = Instant::now();
    let answered = tokio::select! {
        answered = captioner.ask(subject) => answered,
        never = budget.keep_open(&reservation) => match never {},
    };
    let took = begun.elapsed();
    budget.settle(reservation, &answered, took).await?;
    Ok((answered, took))
}

fn report(who: &str, answered: Answered, took: Duration) -> anyhow::Result<String> {
    let seconds = took.as_secs_f32();
    let caption = match answered.result {
        Ok(caption) => caption,
        Err(error) => bail!("{who}: no caption of a drawn house after {seconds:.1} s: {error}"),
    };
    let format = answered.format.map_or_else(String::new, |format| {
        format!("; it understood {}", format.meaning())
    });
    Ok(format!(
        "{who}; of a drawn red house it says {:?} ({} tags) after {seconds:.1} s{format}",
        caption.text,
        caption.tags.len()
    ))
}
