//! Which of some matches is the best. The databases rank differently, and slowly where there are many
//! matches, so this is done here.

use sea_orm::FromQueryResult;
use sea_orm::prelude::Uuid;

use super::words::{Words, folded_words};
use crate::image::Tags;

/// A match, with all that was searched.
#[derive(Clone, Debug, Default, FromQueryResult)]
pub(super) struct Texts {
    id: Uuid,
    caption_text: Option<String>,
    caption_paragraph: Option<String>,
    tags: Option<Tags>,
    file_name: String,
}

/// What a whole word counts for where it is found; the beginning of one counts half.
const IN_CAPTION: f64 = 4.0;
const IN_TAGS: f64 = 3.0;
const IN_PARAGRAPH: f64 = 2.0;
const IN_FILE_NAME: f64 = 1.0;

/// The best first; equally good ones stay in their order.
///
/// Each word of the query counts once, at the best place where it is found. Added to that is the
/// share of the caption's words that match, from 0 to 1, which tells images apart that have the words
/// in the same places.
pub(super) fn best_first(words: &Words, matches: Vec<Texts>) -> Vec<Uuid> {
    let wanted = words.folded();
    let mut scored: Vec<_> = matches
        .iter()
        .map(|texts| (score(&wanted, texts), texts.id))
        .collect();
    scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    scored.into_iter().map(|(_, id)| id).collect()
}

fn score(wanted: &[String], texts: &Texts) -> f64 {
    let caption = texts.caption_text.as_deref().unwrap_or_default();
    let paragraph = texts.caption_paragraph.as_deref().unwrap_or_default();
    let tags = texts.tags.iter().flat_map(|tags| &tags.0);
    let mut best = vec![0.0_f64; wanted.len()];
    let mut note = |text: &str, weight: f64| {
        let (mut matched, mut all) = (0.0, 0.0);
        for word in folded_words(text) {
            all += 1.0;
            let mut is_match = false;
            for (place, wanted_word) in wanted.iter().enumerate() {
                let is_last = place + 1 == wanted.len();
                let counts = if word == *wanted_word {
                    weight
                } else if is_last && word.starts_with(wanted_word) {
                    weight / 2.0
                } else {
                    continue;
                };
                is_match = true;
                best[place] = best[place].max(counts);
            }
            if is_match {
                matched += 1.0;
            }
        }
        if all == 0.0 { 0.0 } else { matched / all }
    };
    let share = note(caption, IN_CAPTION);
    note(paragraph, IN_PARAGRAPH);
    for tag in tags {
        note(tag, IN_TAGS);
    }
    note(&texts.file_name, IN_FILE_NAME);
    best.iter().sum::<f64>() + share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: u128, caption: &str, paragraph: &str, tag: &str, file_name: &str) -> Texts {
        Texts {
            id: Uuid::from_u128(number),
            caption_text: Some(caption.to_owned()),
            caption_paragraph: Some(paragraph.to_owned()),
            tags: Some(Tags(vec![tag.to_owned()])),
            file_name: file_name.to_owned(),
        }
    }

    fn ranked(words: &str, images: &[Texts]) -> Vec<u128> {
        let words = Words::parse(words);
        let ids = words.map(|words| best_first(&words, images.to_vec()));
        ids.iter().flatten().map(Uuid::as_u128).collect()
    }

    #[test]
    fn a_caption_counts_more_than_tags_a_paragraph_and_the_file_name() {
        let images = [
            image(1, "a hare", "", "", "fox.jpg"),
            image(2, "a hare", "and a fox", "", ""),
            image(3, "a hare", "", "Fox", ""),
            image(4, "a hare and a fóx", "", "", ""),
        ];
        assert_eq!(ranked("fox", &images), [4, 3, 2, 1]);
    }

    #[test]
    fn whole_words_count_more_than_beginnings() {
        let images = [
            image(1, "a foxglove", "", "", ""),
            image(2, "a fox", "", "", ""),
        ];
        assert_eq!(ranked("fox", &images), [2, 1]);
    }

    #[test]
    fn all_words_in_the_caption_come_before_one_word_there_twice() {
        let images = [
            image(1, "fox, fox, fox", "", "snow", ""),
            image(2, "in the snow of a long winter there is a fox", "", "", ""),
        ];
        assert_eq!(ranked("fox snow", &images), [2, 1]);
    }

    #[test]
    fn equally_good_matches_stay_in_their_order() {
        let same: Vec<_> = (1..=9)
            .map(|number| image(number, "a fox", "", "", ""))
            .collect();
        assert_eq!(ranked("fox", &same), (1..=9).collect::<Vec<_>>());
    }
}
