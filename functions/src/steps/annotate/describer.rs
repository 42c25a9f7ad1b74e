//! The offline captioner: a plain sentence from the pixels, which says that it was made
//! without AI. It keeps a gallery usable with a screen reader before any provider is configured.

use async_trait::async_trait;

use super::{Account, Answered, Caption, Captioner, Shape, Subject, Usage};

/// Describes pictures offline, in English.
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
        let caption = Caption {
            text: sentence(subject, colours),
            paragraph: None,
            tags: tags(subject, colours),
            provider: self.provider().to_owned(),
            model: None,
            prompt_version: None,
            language: "en".to_owned(),
        };
        Answered {
            usage: Usage::default(),
            result: Ok(caption),
        }
    }
}

fn sentence(subject: &Subject, colours: &[String]) -> String {
    let shape = match subject.shape() {
        Shape::Landscape => "Landscape",
        Shape::Portrait => "Portrait-format",
        Shape::Square => "Square",
    };
    let faces = match subject.faces {
        0 => String::new(),
        1 => " with one face".to_owned(),
        n => format!(" with {} faces", number(n)),
    };
    // Visitors read it: they are not told when and with which camera a photo was taken.
    format!(
        "{shape} photo{faces}, mostly {} (described from its pixels, without AI).",
        listed(colours)
    )
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

fn listed(words: &[String]) -> String {
    match words {
        [] => "without colour".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Small numbers in words.
fn number(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS
        .get(n)
        .map_or_else(|| n.to_string(), |word| (*word).to_owned())
}
