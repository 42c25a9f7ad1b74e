//! The sentences of the describer, in the languages that its authors can vouch for.

use crate::steps::annotate::{Shape, Subject};

/// Larger groups are not counted to the head: faces are overlooked in them.
const COUNTED: usize = 12;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    English,
    German,
}

impl Tongue {
    /// The one for a BCP 47 tag, if there is one.
    pub(super) fn of(language: &str) -> Option<Self> {
        let primary = language.split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What is in the picture, and its colours, given in English. Not when and with what it was taken:
    /// visitors read it, and are not told.
    pub(super) fn sentence(self, subject: &Subject, colours: &[String]) -> String {
        let what = self.what(subject);
        let colours: Vec<&str> = colours.iter().map(|colour| self.colour(colour)).collect();
        let mostly = match self {
            Self::English => "mostly",
            Self::German => "vor allem",
        };
        format!("{what}, {mostly} {}.", self.listed(&colours))
    }

    fn what(self, subject: &Subject) -> String {
        let (shape, faces) = (subject.shape(), subject.faces);
        match self {
            Self::English => {
                let photo = match shape {
                    Shape::Landscape => "Landscape-format photo",
                    Shape::Portrait => "Portrait-format photo",
                    Shape::Square => "Square photo",
                };
                match faces {
                    0 => photo.to_owned(),
                    1 if subject.is_portrait => "Portrait of one person".to_owned(),
                    1 => format!("{photo} of one person"),
                    2 => format!("{photo} of two people"),
                    n => format!("Group of {} people", self.number(n)),
                }
            }
            Self::German => {
                let photo = match shape {
                    Shape::Landscape => "Foto im Querformat",
                    Shape::Portrait => "Foto im Hochformat",
                    Shape::Square => "Quadratisches Foto",
                };
                match faces {
                    0 => photo.to_owned(),
                    1 if subject.is_portrait => "Porträt einer Person".to_owned(),
                    1 => format!("{photo} mit einer Person"),
                    2 => format!("{photo} mit zwei Personen"),
                    n => format!("Gruppe von {} Personen", self.number(n)),
                }
            }
        }
    }

    /// A number from three on: small ones in words, large ones to the nearest five.
    fn number(self, n: usize) -> String {
        const WORDS: [[&str; COUNTED - 2]; 2] = [
            [
                "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            ],
            [
                "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
            ],
        ];
        let word = n.checked_sub(3).and_then(|at| WORDS[self as usize].get(at));
        let about = match self {
            Self::English => "about",
            Self::German => "etwa",
        };
        word.map_or_else(
            || format!("{about} {}", (n + 2) / 5 * 5),
            |word| (*word).to_owned(),
        )
    }

    fn colour(self, english: &str) -> &str {
        if self == Self::English {
            return english;
        }
        match english {
            "black" => "schwarz",
            "white" => "weiß",
            "grey" => "grau",
            "red" => "rot",
            "orange" => "orange",
            "yellow" => "gelb",
            "green" => "grün",
            "blue" => "blau",
            "purple" => "violett",
            "pink" => "rosa",
            "brown" => "braun",
            other => other,
        }
    }

    fn listed(self, words: &[&str]) -> String {
        let and = match self {
            Self::English => "and",
            Self::German => "und",
        };
        match words {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [rest @ .., last] => format!("{} {and} {last}", rest.join(", ")),
        }
    }
}
