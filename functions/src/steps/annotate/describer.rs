//! The offline captioner: writes a short sentence from the pixels. No AI is used, and pages say so
//! beside the caption. It keeps a gallery usable with a screen reader before any provider is configured. It
//! says what is known and guesses nothing.

mod phrases;

use async_trait::async_trait;
use entity::image::Translation;

use super::{Account, Answered, Caption, Captioner, Shape, Subject, Usage};
use phrases::Tongue;

/// Describes pictures offline, in English or German.
#[derive(Clone, Copy, Debug, Default)]
pub struct Describer;

#[async_trait]
impl Captioner for Describer {
    fn provider(&self) -> &'static str {
        "describe"
    }

    fn account(&self) -> Option<&Account> {
        None
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        let colours = &subject.picture.colours;
        let main = Tongue::of(&subject.language).unwrap_or(Tongue::English);
        let mut more: Vec<Tongue> = Vec::new();
        for language in &subject.more_languages {
            let tongue = Tongue::of(language).filter(|tongue| *tongue != main);
            more.extend(tongue.filter(|tongue| !more.contains(tongue)));
        }
        let translations = more.into_iter().map(|tongue| Translation {
            language: tongue.tag().to_owned(),
            text: tongue.sentence(subject, colours),
            paragraph: None,
        });
        let caption = Caption {
            text: main.sentence(subject, colours),
            paragraph: None,
            tags: tags(subject, colours),
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

fn tags(subject: &Subject, colours: &[String]) -> Vec<String> {
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
        .chain(colours.iter().cloned())
        .collect()
}
