//! Words that travel within a picture's file: those that the public copy carries
//! ([`with_words`]), and those that an uploaded file brings along ([`embedded`]).

mod iim;
mod jpeg;
#[cfg(test)]
mod tests;
mod xmp_read;
mod xmp_write;

use entity::embedded::EmbeddedWords;

pub use jpeg::{has_xmp, with_words};

/// What a copy carries. Nothing else about the picture or its people gets into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The descriptions, the gallery's main language first.
    pub texts: Vec<Text>,
    pub rights: Rights,
}

/// A description in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// As a BCP 47 tag.
    pub language: Option<String>,
    /// IPTC `Alt Text (Accessibility)`.
    pub alt: String,
    /// IPTC `Extended Description (Accessibility)`.
    pub extended: Option<String>,
}

/// Whose the pictures are, for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// As it is to be printed beside a picture.
    pub credit: Option<String>,
    /// An address of the licence, or its terms.
    pub licence: Option<String>,
}

impl Words {
    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.rights == Rights::default()
    }
}

/// The words in an uploaded file, from its XMP and, in a JPEG, its IPTC-IIM. None if there are none.
/// What cannot be read counts as absent.
pub fn embedded(bytes: &[u8]) -> Option<EmbeddedWords> {
    let mut words = xmp_read::read(bytes).unwrap_or_default();
    if let Some(iim) = jpeg::iim(bytes) {
        let older = iim::read(&iim);
        // XMP is the newer of the two, and what current programs write last.
        words.caption = words.caption.or(older.caption);
        words.credit = words.credit.or(older.credit);
        words.copyright = words.copyright.or(older.copyright);
        if words.keywords.is_empty() {
            words.keywords = older.keywords;
        }
    }
    (words != EmbeddedWords::default()).then_some(words)
}

/// Single spaces between words, no control characters, and no marks that turn the direction of text.
pub fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| match c {
            // Marks that turn the direction of everything after them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line of at most `limit` characters, without control characters; none if nothing is left.
fn tidy(text: &str, limit: usize) -> Option<String> {
    let line: String = one_line(text).chars().take(limit).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
