//! The sentences of the describer, in the languages that its authors can vouch for.

use super::words::shortened;
use crate::steps::annotate::{Season, Shape, Subject, Taken};

/// The longest sentence, in characters: about as much as screen readers say in one go.
const MOST: usize = 160;

/// Larger groups are not counted to the head: faces are overlooked in them.
const COUNTED: usize = 12;

#[rustfmt::skip]
const MONTHS: [[&str; 12]; 2] = [
    [
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ],
    [
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ],
];

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

    /// What is known of a picture, in at most [`MOST`] characters: its colours are left out first, then
    /// the end of its text.
    pub(super) fn sentence(self, subject: &Subject, text: Option<&str>) -> String {
        let what = self.what(subject);
        let what = match subject.taken {
            Some(taken) => format!("{what}, {}", self.when(taken)),
            None => what,
        };
        let colours = self.colours(&subject.picture.colours);
        let ways = [
            format!("{what}{colours}{}.", self.with_text(text, MOST)),
            format!("{what}{}.", self.with_text(text, MOST)),
        ];
        let fitting = ways.into_iter().find(|way| way.chars().count() <= MOST);
        fitting.unwrap_or_else(|| {
            let room = MOST.saturating_sub(what.chars().count() + 1);
            format!("{what}{}.", self.with_text(text, room))
        })
    }

    /// The end of a sentence that quotes a text, in at most as many characters.
    fn with_text(self, text: Option<&str>, room: usize) -> String {
        let (open, close) = match self {
            Self::English => (", with the text “", '”'),
            Self::German => (", mit dem Text „", '“'),
        };
        let room = room.saturating_sub(open.chars().count() + 1);
        let text = text.and_then(|text| shortened(text, room));
        text.map_or_else(String::new, |text| format!("{open}{text}{close}"))
    }

    /// When it was taken. A season that reaches into the next year has both: `winter 2025/26`.
    fn when(self, taken: Taken) -> String {
        let taken_in = match self {
            Self::English => "taken in",
            Self::German => "aufgenommen im",
        };
        match taken {
            Taken::Month { year, month } => {
                let month = MONTHS[self as usize][month as usize - 1];
                format!("{taken_in} {month} {year}")
            }
            Taken::Season { season, year, ends } => {
                let season = self.season(season);
                match ends % 100 {
                    _ if ends == year => format!("{taken_in} {season} {year}"),
                    0 => format!("{taken_in} {season} {year}/{ends}"),
                    last => format!("{taken_in} {season} {year}/{last:02}"),
                }
            }
        }
    }

    fn season(self, season: Season) -> &'static str {
        match (self, season) {
            (Self::English, Season::Spring) => "spring",
            (Self::English, Season::Summer) => "summer",
            (Self::English, Season::Autumn) => "autumn",
            (Self::English, Season::Winter) => "winter",
            (Self::German, Season::Spring) => "Frühling",
            (Self::German, Season::Summer) => "Sommer",
            (Self::German, Season::Autumn) => "Herbst",
            (Self::German, Season::Winter) => "Winter",
        }
    }

    fn what(self, subject: &Subject) -> String {
        let noun = self.noun(subject);
        let blurred = match self {
            Self::English => "blurred ",
            Self::German => "unscharfes ",
        };
        capitalised(match subject.is_blurred {
            true => format!("{blurred}{noun}"),
            false => noun,
        })
    }

    /// What it is, as in the middle of a sentence.
    fn noun(self, subject: &Subject) -> String {
        let (shape, faces) = (subject.shape(), subject.faces);
        match self {
            Self::English => {
                let photo = match shape {
                    Shape::Landscape => "landscape-format photo",
                    Shape::Portrait => "portrait-format photo",
                    Shape::Square => "square photo",
                };
                match faces {
                    0 => photo.to_owned(),
                    1 if subject.is_portrait => "portrait of one person".to_owned(),
                    1 => format!("{photo} of one person"),
                    2 => format!("{photo} of two people"),
                    // Not the group is blurred.
                    n if subject.is_blurred => format!("photo of {} people", self.number(n)),
                    n => format!("group of {} people", self.number(n)),
                }
            }
            Self::German => {
                let photo = match shape {
                    Shape::Landscape => "Foto im Querformat",
                    Shape::Portrait => "Foto im Hochformat",
                    Shape::Square => "quadratisches Foto",
                };
                match faces {
                    0 => photo.to_owned(),
                    1 if subject.is_portrait => "Porträt einer Person".to_owned(),
                    1 => format!("{photo} mit einer Person"),
                    2 => format!("{photo} mit zwei Personen"),
                    n if subject.is_blurred => format!("Foto von {} Personen", self.number(n)),
                    n => format!("Gruppe von {} Personen", self.number(n)),
                }
            }
        }
    }

    /// The colours, given in English.
    fn colours(self, colours: &[String]) -> String {
        let colours: Vec<&str> = colours.iter().map(|colour| self.colour(colour)).collect();
        let mostly = match self {
            Self::English => "mostly",
            Self::German => "vor allem",
        };
        match colours.is_empty() {
            true => String::new(),
            false => format!(", {mostly} {}", self.listed(&colours)),
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

fn capitalised(text: String) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}
