//! The offline captioner: writes a short sentence from the pixels and the date. No AI service is used,
//! and pages say so beside the caption. It keeps a gallery usable with a screen reader before any
//! provider is configured. It says what is known and guesses nothing.

mod phrases;
mod text_reader;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use entity::image::Translation;

use super::{Account, Answered, Caption, Captioner, JpegUse, Shape, Subject, Usage};
use phrases::Tongue;
pub use text_reader::TextReader;

/// Describes pictures offline, in English or German.
#[derive(Clone, Debug, Default)]
pub struct Describer {
    reader: Option<Arc<TextReader>>,
}

impl Describer {
    /// One that names text in pictures as well.
    pub fn with_text(reader: TextReader) -> Self {
        Self {
            reader: Some(Arc::new(reader)),
        }
    }
}

#[async_trait]
impl Captioner for Describer {
    fn provider(&self) -> &'static str {
        "describe"
    }

    fn account(&self) -> Option<&Account> {
        None
    }

    fn jpeg_use(&self) -> JpegUse {
        match self.reader {
            Some(_) => JpegUse::Reading,
            None => JpegUse::Nothing,
        }
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        let text = match &self.reader {
            Some(reader) => reader.read(&subject.picture).await,
            None => None,
        };
        let sentence = |tongue: Tongue| tongue.sentence(subject, text.as_deref());
        let main = Tongue::of(&subject.language).unwrap_or(Tongue::English);
        let mut more: Vec<Tongue> = Vec::new();
        for language in &subject.more_languages {
            let tongue = Tongue::of(language).filter(|tongue| *tongue != main);
            more.extend(tongue.filter(|tongue| !more.contains(tongue)));
        }
        let translations = more.into_iter().map(|tongue| Translation {
            language: tongue.tag().to_owned(),
            text: sentence(tongue),
            paragraph: None,
        });
        let caption = Caption {
            text: sentence(main),
            paragraph: None,
            tags: tags(subject),
            provider: self.provider().to_owned(),
            model: None,
            prompt_version: None,
            language: main.tag().to_owned(),
            translations: translations.collect(),
        };
        Answered {
            usage: Usage::default(),
            format: None,
            result: Ok(caption),
        }
    }
}

fn tags(subject: &Subject) -> Vec<String> {
    let shape = match subject.shape() {
        Shape::Landscape => "landscape",
        Shape::Portrait => "portrait",
        Shape::Square => "square",
    };
    let people: &[&str] = match subject.faces {
        0 => &[],
        1 => &["people"],
        2..=4 => &["people", "group"],
        _ => &["people", "group", "crowd"],
    };
    [shape]
        .iter()
        .chain(people)
        .map(|tag| (*tag).to_owned())
        .chain(subject.picture.colours.iter().cloned())
        .collect()
}
