//! The readers of providers' replies, for `web/examples/fuzz`: any bytes become an answer within its bounds or
//! a reason.

use std::sync::LazyLock;
use std::time::Duration;

use platform::settings::{GeminiSettings, OpenAiSettings};
use reqwest::StatusCode;

use super::answer::Answer;
use super::http::Reply;
use super::{CaptionError, Gemini, OpenAi, Prompt};

/// Characters of a caption at most.
const ALT_TEXT: usize = 160;

/// Characters of a reason at most.
const REASON: usize = 400;

static GEMINI: LazyLock<Gemini> = LazyLock::new(|| {
    let settings = GeminiSettings {
        api_key: "a-key".into(),
        model: "a-model".to_owned(),
        base_url: "http://127.0.0.1:1".to_owned(),
    };
    Gemini::new(&settings, Prompt::default(), Duration::from_secs(1)).expect("it can be set up")
});

static OPENAI: LazyLock<OpenAi> = LazyLock::new(|| {
    let settings = OpenAiSettings {
        api_key: None,
        model: "a-model".to_owned(),
        base_url: "http://127.0.0.1:1".to_owned(),
    };
    OpenAi::new(&settings, Prompt::default(), Duration::from_secs(1)).expect("it can be set up")
});

/// Reads a reply as one of either provider.
///
/// # Panics
/// If what comes of it is out of bounds.
pub fn read(status: u16, body: &[u8]) {
    let reply = Reply {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        body: body.to_vec(),
        retry_after: None,
    };
    check(GEMINI.read_any(&reply));
    check(OPENAI.read_any(&reply));
}

fn check(read: Result<Answer, CaptionError>) {
    match read {
        Ok(answer) => {
            let length = answer.alt_text.chars().count();
            assert!((1..=ALT_TEXT).contains(&length), "{answer:?}");
        }
        Err(error) => {
            let length = error.to_string().chars().count();
            assert!((1..=REASON).contains(&length), "{error}");
        }
    }
}
