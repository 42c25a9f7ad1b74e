//! The words of a query, and where they are in a text.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Further words are ignored.
const MAX_WORDS: usize = 16;
/// In characters. InnoDB does not index words of more than 84, with our prefix.
const MAX_LENGTH: usize = 80;

/// The words of a query. None of them can be an operator of a query language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Splits a query. None if nothing can match it: it has no word, or one that is too long to be
    /// indexed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<String> = Vec::new();
        for run in runs(text).take(MAX_WORDS) {
            let word = without_marks(&text[run]);
            if word.chars().count() > MAX_LENGTH {
                return None;
            }
            words.push(word);
        }
        (!words.is_empty()).then_some(Self(words))
    }

    /// The matches in a text as ranges of bytes, whole words from left to right.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let wanted = self.folded();
        runs(text)
            .filter(|run| {
                let word = folded(&text[run.clone()]);
                wanted.contains(&word) || wanted.last().is_some_and(|last| word.starts_with(last))
            })
            .collect()
    }

    /// Each word as [`folded_words`] would give it.
    pub(super) fn folded(&self) -> Vec<String> {
        self.0.iter().map(|word| word.to_lowercase()).collect()
    }

    /// All words as one expression: `before` and `after` enclose each, `between` joins them, and
    /// `prefix` marks the last one as a prefix.
    pub(super) fn join(&self, before: &str, after: &str, prefix: &str, between: &str) -> String {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|word| format!("{before}{word}{after}"))
            .collect();
        words.join(between) + prefix
    }
}

/// The words of a text, in lower case and without diacritics.
pub(super) fn folded_words(text: &str) -> impl Iterator<Item = String> {
    runs(text).map(|run| folded(&text[run]))
}

fn folded(word: &str) -> String {
    without_marks(word).to_lowercase()
}

/// The runs of letters and digits in a text, as ranges of bytes. Diacritics stay with their letter.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, _) = characters.find(|(_, c)| is_word(*c))?;
        let mut end = text.len();
        while let Some((position, c)) = characters.peek() {
            if !is_word(*c) && !is_accent(*c) {
                end = *position;
                break;
            }
            characters.next();
        }
        Some(start..end)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

/// A diacritic that is ignored.
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn without_marks(word: &str) -> String {
    word.nfd().filter(|c| !is_accent(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<String> {
        Words::parse(text).map(|words| words.0).unwrap_or_default()
    }

    #[test]
    fn queries_are_split_into_words_without_diacritics() {
        for (text, words) in [
            ("A red fox", vec!["A", "red", "fox"]),
            (
                "Zoë's  été-2024.jpg",
                vec!["Zoe", "s", "ete", "2024", "jpg"],
            ),
            ("Zoe\u{308}", vec!["Zoe"]),
            ("snow_fox|NEAR(a,b)", vec!["snow", "fox", "NEAR", "a", "b"]),
            ("\"+-<>~*@():&!' 🦊 —", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parsed(text), words, "{text}");
        }
    }

    #[test]
    fn long_queries_are_cut() {
        assert_eq!(parsed(&"a ".repeat(5000)).len(), MAX_WORDS);
        assert_eq!(Words::parse(&"a".repeat(10_000)), None);
        assert_eq!(parsed(&"a".repeat(MAX_LENGTH)).len(), 1);
    }

    #[test]
    fn words_match_whole_and_the_last_one_by_prefix() {
        let text = "Zoé's fox, the Foxes and a Zoe\u{308}tic zoo.";
        for (words, found) in [
            ("zoe", vec!["Zoé", "Zoe\u{308}tic"]),
            ("ZOË fox", vec!["Zoé", "fox", "Foxes"]),
            ("the", vec!["the"]),
            ("nothing", vec![]),
        ] {
            let ranges = Words::parse(words).map(|words| words.found_in(text));
            let marked: Vec<_> = ranges
                .into_iter()
                .flatten()
                .map(|range| &text[range])
                .collect();
            assert_eq!(marked, found, "{words}");
        }
    }
}
