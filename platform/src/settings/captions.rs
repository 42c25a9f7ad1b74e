//! Settings of captioners. Half a configuration is an error, never a silent fallback: nobody should
//! learn from a bill which provider was used.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::reader::{Reader, SettingError};

/// The captioner.
#[derive(Clone, Debug)]
pub enum CaptionerChoice {
    /// The offline describer: no key, no network, no AI.
    Describe,
    Gemini(GeminiSettings),
    /// A server that speaks OpenAI's chat completions: Ollama, vLLM, LM Studio, OpenAI.
    OpenAi(OpenAiSettings),
}

#[derive(Clone, Debug)]
pub struct GeminiSettings {
    /// Visible ASCII, valid in a header.
    pub api_key: SecretString,
    /// Valid in a path.
    pub model: String,
    /// The address before `/v1beta`, without a slash at the end.
    pub base_url: String,
}

/// A server that is compatible with OpenAI's.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// The address before `/chat/completions`, without a slash at the end.
    pub base_url: String,
    pub model: String,
    /// Visible ASCII, valid in a header; none if the server needs no key.
    pub api_key: Option<SecretString>,
}

/// The picture that is sent to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptionSource {
    /// With every detected face made unrecognisable.
    Anonymised,
    /// Unchanged.
    Original,
}

impl CaptionSource {
    /// The name in settings and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymised => "anonymised",
            Self::Original => "original",
        }
    }
}

/// Whether text in pictures is read for captions that are made offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextReading {
    /// With Tesseract, if it is installed.
    Auto,
    Off,
}

/// Limits on requests to a provider, for all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptionLimits {
    /// Requests a day in UTC; none for no limit.
    pub per_day: Option<u32>,
    /// Requests in any minute; none for no limit.
    pub per_minute: Option<u32>,
}

/// The price of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionPrice {
    /// As in `USD`.
    pub currency: String,
    /// For a million tokens sent.
    pub sent: f64,
    /// For a million tokens received.
    pub received: f64,
}

/// Languages of one request at most.
const MAX_LANGUAGES: usize = 6;

#[derive(Clone, Copy)]
enum Wanted {
    Auto,
    Describe,
    Gemini,
    OpenAi,
}

pub(super) fn captioner(reader: &Reader) -> Result<CaptionerChoice, SettingError> {
    let choices = [
        ("auto", Wanted::Auto),
        ("gemini", Wanted::Gemini),
        ("openai", Wanted::OpenAi),
        ("describe", Wanted::Describe),
    ];
    match reader.choice("VITRINE_CAPTIONER", Wanted::Auto, &choices)? {
        Wanted::Describe => Ok(CaptionerChoice::Describe),
        Wanted::Gemini => gemini(reader),
        Wanted::OpenAi => openai(reader),
        Wanted::Auto if reader.text("GEMINI_API_KEY").is_some() => gemini(reader),
        Wanted::Auto if reader.text("OPENAI_BASE_URL").is_some() => openai(reader),
        Wanted::Auto => Ok(CaptionerChoice::Describe),
    }
}

pub(super) fn source(reader: &Reader) -> Result<CaptionSource, SettingError> {
    reader.choice(
        "VITRINE_CAPTION_SOURCE",
        CaptionSource::Anonymised,
        &[
            ("anonymised", CaptionSource::Anonymised),
            ("original", CaptionSource::Original),
        ],
    )
}

pub(super) fn text_reading(reader: &Reader) -> Result<TextReading, SettingError> {
    reader.choice(
        "VITRINE_OCR",
        TextReading::Auto,
        &[("auto", TextReading::Auto), ("off", TextReading::Off)],
    )
}

/// The language of captions, and those in which they say the same besides.
pub(super) fn languages(reader: &Reader) -> Result<(String, Vec<String>), SettingError> {
    let (one, several) = ("VITRINE_CAPTION_LANGUAGE", "VITRINE_CAPTION_LANGUAGES");
    let Some(list) = reader.text(several) else {
        let language = reader.text_or(one, "en");
        if !is_language(language) {
            return Err(reader.bad(one, "is not a BCP 47 language tag"));
        }
        return Ok((language.to_owned(), Vec::new()));
    };
    let mut languages: Vec<String> = Vec::new();
    for language in list.split([',', ' ']).filter(|part| !part.is_empty()) {
        if !is_language(language) {
            return Err(reader.bad(several, "is no list of BCP 47 language tags"));
        }
        if !languages
            .iter()
            .any(|known| known.eq_ignore_ascii_case(language))
        {
            languages.push(language.to_owned());
        }
    }
    if languages.is_empty() || languages.len() > MAX_LANGUAGES {
        return Err(reader.bad(several, "does not have 1 to 6 languages"));
    }
    let first = languages.remove(0);
    if reader.text(one).is_some_and(|language| language != first) {
        return Err(reader.bad(
            one,
            "is not the first of VITRINE_CAPTION_LANGUAGES; set one of the two",
        ));
    }
    Ok((first, languages))
}

fn is_language(tag: &str) -> bool {
    tag.len() <= 35
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

pub(super) fn limits(reader: &Reader) -> Result<CaptionLimits, SettingError> {
    let limit = |name| match reader.text(name) {
        None => Ok(None),
        Some(_) => reader.number(name, 1, 1..=10_000_000).map(Some),
    };
    Ok(CaptionLimits {
        per_day: limit("VITRINE_CAPTION_DAILY_LIMIT")?,
        per_minute: limit("VITRINE_CAPTION_PER_MINUTE")?,
    })
}

pub(super) fn price(reader: &Reader) -> Result<Option<CaptionPrice>, SettingError> {
    let name = "VITRINE_CAPTION_PRICE";
    let Some(text) = reader.text(name) else {
        return Ok(None);
    };
    let bad = || reader.bad(name, "is not a currency with two prices");
    let parts: Vec<_> = text.split_whitespace().collect();
    let [currency, sent, received] = parts[..] else {
        return Err(bad());
    };
    let price = |text: &str| {
        let price: f64 = text.parse().ok()?;
        (0.0..=1e6).contains(&price).then_some(price)
    };
    let is_currency = currency.len() <= 8 && !currency.contains(|c: char| c.is_ascii_digit());
    match (price(sent), price(received)) {
        (Some(sent), Some(received)) if is_currency => Ok(Some(CaptionPrice {
            currency: currency.to_owned(),
            sent,
            received,
        })),
        _ => Err(bad()),
    }
}

fn gemini(reader: &Reader) -> Result<CaptionerChoice, SettingError> {
    let api_key = key(reader, "GEMINI_API_KEY")?.ok_or_else(|| {
        reader.missing(
            "GEMINI_API_KEY",
            "captions by Gemini need a key",
            "or use VITRINE_CAPTIONER=describe",
        )
    })?;
    let model = reader.text_or("GEMINI_MODEL", "gemini-3.5-flash").trim();
    let is_name = model.len() <= 100
        && model
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_name {
        return Err(reader.bad("GEMINI_MODEL", "is not the name of a model"));
    }
    Ok(CaptionerChoice::Gemini(GeminiSettings {
        api_key,
        model: model.to_owned(),
        base_url: address(reader, "GEMINI_BASE_URL")?
            .unwrap_or_else(|| "https://generativelanguage.googleapis.com".to_owned()),
    }))
}

fn openai(reader: &Reader) -> Result<CaptionerChoice, SettingError> {
    let needs = |name| {
        reader.missing(
            name,
            "captions by an OpenAI-compatible server need OPENAI_BASE_URL and OPENAI_MODEL",
            "or use VITRINE_CAPTIONER=describe",
        )
    };
    let base_url = address(reader, "OPENAI_BASE_URL")?.ok_or_else(|| needs("OPENAI_BASE_URL"))?;
    let model = reader
        .text("OPENAI_MODEL")
        .ok_or_else(|| needs("OPENAI_MODEL"))?
        .trim();
    if model.chars().count() > 160 {
        return Err(reader.bad("OPENAI_MODEL", "is longer than 160 characters"));
    }
    Ok(CaptionerChoice::OpenAi(OpenAiSettings {
        base_url,
        model: model.to_owned(),
        api_key: key(reader, "OPENAI_API_KEY")?,
    }))
}

fn key(reader: &Reader, name: &str) -> Result<Option<SecretString>, SettingError> {
    let Some(key) = reader.text(name).map(str::trim) else {
        return Ok(None);
    };
    if key.chars().all(|c| c.is_ascii_graphic()) {
        Ok(Some(key.into()))
    } else {
        // The value is a secret, so it is not repeated.
        Err(SettingError::new(format!(
            "{name} holds something that no key has: a space, a line break or a letter beyond \
             ASCII; copy the key again"
        )))
    }
}

/// The address of a server, without a slash at the end.
pub(super) fn address(reader: &Reader, name: &str) -> Result<Option<String>, SettingError> {
    let Some(text) = reader.text(name).map(str::trim) else {
        return Ok(None);
    };
    if text.contains('@') {
        // The value may hold a secret, so it is not repeated.
        return Err(SettingError::new(format!(
            "{name} holds an @: a user name or a password in an address would end up in logs; \
             take it out"
        )));
    }
    let url = Url::parse(text).map_err(|_| reader.bad(name, "is not an address"))?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return Err(reader.bad(
            name,
            "is not an address that begins with http: or https: and ends with its path",
        ));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}
