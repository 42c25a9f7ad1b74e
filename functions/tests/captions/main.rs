//! Captioners against a provider on a real socket: what is sent, what comes back, and what
//! becomes of trouble.

#![allow(clippy::unwrap_used)]

mod answers;
mod caption_input;
mod contract;
mod formats;
mod malformed;
mod recorded;
mod replies;
mod text_reading;
mod trouble;

use std::time::Duration;

use functions::steps::annotate::{
    Caption, CaptionError, CaptionPicture, Captioner, Gemini, JpegUse, OpenAi, Prompt, Subject,
};
use functions::testing;
use functions::testing::provider::{Answer, Provider};

/// Longer than any answer of a provider on this machine takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn subject() -> Subject {
    Subject {
        picture: CaptionPicture::of(&testing::picture(1, 64, 48), JpegUse::Sending).unwrap(),
        faces: 0,
        is_portrait: false,
        is_blurred: false,
        taken: None,
        language: "de-CH".to_owned(),
        more_languages: Vec::new(),
        context: None,
    }
}

/// The captioners that ask somebody.
fn asking(provider: &Provider) -> [Box<dyn Captioner>; 2] {
    [
        Box::new(Gemini::new(&provider.gemini(), Prompt::default(), PATIENCE).unwrap()),
        Box::new(OpenAi::new(&provider.openai(), Prompt::default(), PATIENCE).unwrap()),
    ]
}

/// What Gemini makes of this answer.
async fn gemini_given(answer: Answer) -> Result<Caption, CaptionError> {
    let provider = Provider::start().await;
    provider.always(answer);
    asking(&provider)[0].caption(&subject()).await
}

/// What an OpenAI-compatible server makes of this answer, as often as it is asked.
async fn openai_given(answer: Answer) -> Result<Caption, CaptionError> {
    let provider = Provider::start().await;
    provider.always(answer);
    asking(&provider)[1].caption(&subject()).await
}

/// Whether a caption may be shown and kept.
#[track_caller]
fn assert_legal(caption: &Caption) {
    let text = &caption.text;
    assert!(text.chars().any(char::is_alphanumeric), "{text:?}");
    assert!(text.chars().count() <= 160, "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert_eq!(text.trim(), text);
    assert!(caption.tags.len() <= 12, "{:?}", caption.tags);
    for (n, tag) in caption.tags.iter().enumerate() {
        assert_eq!(&tag.to_lowercase(), tag);
        assert!(
            !tag.is_empty() && !caption.tags[..n].contains(tag),
            "{tag:?}"
        );
    }
    assert!(!caption.provider.is_empty() && !caption.language.is_empty());
}
