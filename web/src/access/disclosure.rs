//! What somebody learns about an image beside its pictures. [`told`] decides; the API, the pages
//! and the events ask a [`Disclosure`], and the table in `docs/access.md` is generated.

use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};
use entity::image::Model;
use entity::image_box::{self, Covers};

/// How close somebody is to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insight {
    /// Sees the anonymised copy alone.
    Copy,
    /// Sees the original because it is public.
    PublicOriginal,
    /// May see everything.
    Trusted,
}

impl Insight {
    const ALL: [Self; 3] = [Self::Copy, Self::PublicOriginal, Self::Trusted];

    fn label(self) -> &'static str {
        match self {
            Self::Copy => "visitor; token `upload`, of what it did not upload",
            Self::PublicOriginal => "the same, where `VITRINE_PUBLIC_RENDITION=original`",
            Self::Trusted => {
                "token `upload`, of its own uploads; tokens `read` and `manage`; admin"
            }
        }
    }
}

/// What is known about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Caption, paragraph, tags, and which captioner or that a person wrote them.
    Texts,
    /// The state of the image and of each step, and how often a step was tried.
    States,
    /// When it was uploaded, described, and worked on.
    UploadTime,
    /// Width and height in pixels.
    Dimensions,
    MediaType,
    /// The thumbhash, and the blurred picture made from it.
    Placeholder,
    /// In bytes.
    FileSize,
    FileName,
    Checksum,
    /// Who uploaded it.
    Sender,
    /// When the photo was taken.
    TakenTime,
    Camera,
    /// Number, boxes and scores.
    Faces,
    /// The reason why a step failed, and each attempt with its duration.
    Attempts,
    /// Whether it is released, by whom and when.
    Release,
}

impl Fact {
    const ALL: [Self; 15] = [
        Self::Texts,
        Self::States,
        Self::UploadTime,
        Self::Dimensions,
        Self::MediaType,
        Self::Placeholder,
        Self::FileSize,
        Self::FileName,
        Self::Checksum,
        Self::Sender,
        Self::TakenTime,
        Self::Camera,
        Self::Faces,
        Self::Attempts,
        Self::Release,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Texts => {
                "caption, paragraph, tags, in each language, who or what wrote them, whether a person checked them, and whether the picture is decorative"
            }
            Self::States => "state of the image and of its steps",
            Self::UploadTime => "when it was uploaded, described and worked on",
            Self::Dimensions => "width and height",
            Self::MediaType => "media type",
            Self::Placeholder => "thumbhash and blurred placeholder",
            Self::FileSize => "size of the original in bytes",
            Self::FileName => "file name",
            Self::Checksum => "checksum",
            Self::Sender => "who uploaded it",
            Self::TakenTime => "when it was taken",
            Self::Camera => "camera",
            Self::Faces => "number, boxes and scores of faces",
            Self::Attempts => "why a step failed, and its attempts",
            Self::Release => "whether it is released, by whom and when",
        }
    }
}

/// How much of a fact somebody learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Fully,
    /// The day without the time.
    ByDay,
    /// The month or the season, in the words of a caption that was made offline.
    ByMonthInTexts,
    /// That of the anonymised copy, once it is made.
    OfTheCopy,
    Nothing,
}

impl Told {
    fn label(self) -> &'static str {
        match self {
            Self::Fully => "✓",
            Self::ByDay => "the day",
            Self::ByMonthInTexts => "the month or the season, in an offline caption",
            Self::OfTheCopy => "of the copy",
            Self::Nothing => "–",
        }
    }
}

/// The decision.
pub fn told(fact: Fact, insight: Insight) -> Told {
    match (fact, insight) {
        (_, Insight::Trusted) | (Fact::Texts | Fact::States, _) => Told::Fully,
        (Fact::UploadTime, _) => Told::ByDay,
        (Fact::Dimensions | Fact::MediaType | Fact::Placeholder, Insight::Copy) => Told::OfTheCopy,
        (
            Fact::Dimensions | Fact::MediaType | Fact::Placeholder | Fact::FileSize,
            Insight::PublicOriginal,
        ) => Told::Fully,
        (Fact::FileSize, Insight::Copy) => Told::Nothing,
        (Fact::TakenTime, _) => Told::ByMonthInTexts,
        (
            Fact::FileName
            | Fact::Checksum
            | Fact::Sender
            | Fact::Camera
            | Fact::Faces
            | Fact::Attempts
            | Fact::Release,
            _,
        ) => Told::Nothing,
    }
}

/// An instant, as exactly as somebody may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    instant: DateTime<Utc>,
    by_day: bool,
}

impl Moment {
    /// For JSON: midnight UTC where only the day is told.
    pub fn instant(self) -> DateTime<Utc> {
        self.instant
    }

    /// For people.
    pub fn text(self) -> String {
        let format = if self.by_day {
            "%-d %b %Y"
        } else {
            "%-d %b %Y, %H:%M UTC"
        };
        self.instant.format(format).to_string()
    }

    /// For the attribute `datetime`.
    pub fn attribute(self) -> String {
        if self.by_day {
            self.instant.format("%Y-%m-%d").to_string()
        } else {
            self.instant.to_rfc3339()
        }
    }
}

/// An image as somebody may know it.
#[derive(Clone, Copy, Debug)]
pub struct Disclosure<'a> {
    image: &'a Model,
    insight: Insight,
}

impl<'a> Disclosure<'a> {
    pub(super) fn new(image: &'a Model, insight: Insight) -> Self {
        Self { image, insight }
    }

    fn told(self, fact: Fact) -> Told {
        told(fact, self.insight)
    }

    /// Whether somebody learns all of it.
    pub fn tells(self, fact: Fact) -> bool {
        self.told(fact) == Told::Fully
    }

    /// The fact where it is told, or that of the copy, which there is once faces were looked for.
    fn either<T>(self, fact: Fact, original: Option<T>, copy: Option<T>) -> Option<T> {
        match self.told(fact) {
            Told::Fully => original,
            Told::OfTheCopy => copy.filter(|_| self.image.is_public()),
            Told::ByDay | Told::ByMonthInTexts | Told::Nothing => None,
        }
    }

    /// Of the upload, or of something that was done to the image.
    pub fn moment(self, instant: DateTime<Utc>) -> Moment {
        let by_day = !self.tells(Fact::UploadTime);
        let midnight = || instant.date_naive().and_time(NaiveTime::MIN).and_utc();
        Moment {
            instant: if by_day { midnight() } else { instant },
            by_day,
        }
    }

    /// In pixels. The copy has the size of the upright original.
    pub fn dimensions(self) -> Option<(i32, i32)> {
        let size = Some((self.image.width, self.image.height));
        self.either(Fact::Dimensions, size, size)
    }

    pub fn media_type(self) -> &'a str {
        if self.tells(Fact::MediaType) {
            &self.image.content_type
        } else {
            "image/jpeg"
        }
    }

    /// In Base64.
    pub fn thumbhash(self) -> Option<&'a str> {
        let original = self.image.thumbhash.as_deref();
        let copy = self.image.anonymised_thumbhash.as_deref();
        self.either(Fact::Placeholder, original, copy)
    }

    pub fn bytes(self) -> Option<i64> {
        self.tells(Fact::FileSize).then_some(self.image.bytes)
    }

    pub fn file_name(self) -> Option<&'a str> {
        self.tells(Fact::FileName)
            .then_some(self.image.file_name.as_str())
    }

    pub fn sha256(self) -> Option<&'a str> {
        self.tells(Fact::Checksum)
            .then_some(self.image.sha256.as_str())
    }

    pub fn uploaded_by(self) -> Option<&'a str> {
        let sender = self.image.uploaded_by.as_deref();
        sender.filter(|_| self.tells(Fact::Sender))
    }

    pub fn taken_at(self) -> Option<NaiveDateTime> {
        self.image.taken_at.filter(|_| self.tells(Fact::TakenTime))
    }

    pub fn camera(self) -> Option<&'a str> {
        let camera = self.image.camera.as_deref();
        camera.filter(|_| self.tells(Fact::Camera))
    }

    /// The boxes of covered faces.
    pub fn faces(self, boxes: &[image_box::Model]) -> Option<Vec<&image_box::Model>> {
        let is_covered =
            |row: &&image_box::Model| row.covers == Covers::Face && row.state.is_covered();
        self.tells(Fact::Faces)
            .then(|| boxes.iter().filter(is_covered).collect())
    }
}

/// The decision as a table in Markdown.
pub fn table() -> String {
    let row = |first: &str, cells: [&str; 3]| format!("| {first} | {} |\n", cells.join(" | "));
    let mut table = row("", Insight::ALL.map(Insight::label));
    table.push_str("|---|---|---|---|\n");
    for fact in Fact::ALL {
        let cells = Insight::ALL.map(|insight| told(fact, insight).label());
        table.push_str(&row(fact.label(), cells));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::table;

    const BEGIN: &str = "<!-- made by `make access` -->\n";
    const END: &str = "<!-- end -->\n";

    #[test]
    fn the_table_in_the_documentation_is_what_the_code_decides() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (found, after) = rest.split_once(END).unwrap();
        if std::env::var_os("VITRINE_UPDATE_DOCS").is_some() {
            let updated = [before, BEGIN, &table(), END, after].concat();
            std::fs::write(path, updated).unwrap();
            return;
        }
        assert_eq!(
            found,
            table(),
            "docs/access.md is out of date; run `make access`"
        );
    }
}
