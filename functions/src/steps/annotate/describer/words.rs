//! Which words of Tesseract's count. A caption that says something wrong is worse than one that
//! leaves something out, so a line counts only if each of its words was read twice and the same.

use crate::words::one_line;

/// How sure Tesseract has to be of a word, of 100.
const SURE: f32 = 80.0;

/// Height of a line, as a share of the picture's shorter side, at least: the size of signs and
/// banners. Name badges and papers are smaller.
const LARGE: f32 = 0.03;

/// How much of two places is in both, at least, if they are the same.
const SAME_PLACE: f32 = 0.5;

/// Letters and digits of the longest word of a line, at least. Leaves and railings look like short
/// words.
const LONG_WORD: usize = 3;

/// All text is cut to this many characters.
const MOST: usize = 80;

/// A word that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// The block, paragraph and line it is in.
    line: [u32; 3],
    /// Left, top, width and height, in pixels.
    place: [f32; 4],
    /// Of 100.
    confidence: f32,
    /// Without punctuation around it.
    text: String,
}

/// Tesseract's table of tab-separated values. Rows that are no words are left out.
pub(super) fn words(table: &str) -> Vec<Word> {
    table.lines().filter_map(word).collect()
}

fn word(row: &str) -> Option<Word> {
    const WORD: &str = "5";
    let columns: Vec<&str> = row.split('\t').collect();
    let [level, _, block, paragraph, line, _, numbers @ .., text] = &columns[..] else {
        return None;
    };
    let [left, top, width, height, confidence] = numbers else {
        return None;
    };
    let text = one_line(text);
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    let number = |text: &str| text.parse::<f32>().ok().filter(|n| n.is_finite());
    let is_word = *level == WORD && !text.is_empty();
    let word = Word {
        line: [
            block.parse().ok()?,
            paragraph.parse().ok()?,
            line.parse().ok()?,
        ],
        place: [number(left)?, number(top)?, number(width)?, number(height)?],
        confidence: number(confidence)?,
        text: text.to_owned(),
    };
    is_word.then_some(word)
}

impl Word {
    /// Whether it is made of letters and digits. Within it there may be a hyphen, an apostrophe, a
    /// full stop or a colon: `E-Mail`, `20:30`.
    fn is_spelled(&self) -> bool {
        self.text
            .split(['-', '\'', '’', '.', ':'])
            .all(|part| !part.is_empty() && part.chars().all(char::is_alphanumeric))
    }

    fn letters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphanumeric()).count()
    }

    fn is_sure(&self) -> bool {
        self.confidence >= SURE && self.is_spelled()
    }

    fn height(&self) -> f32 {
        self.place[3]
    }

    fn is_same(&self, other: &Self) -> bool {
        other.is_sure() && self.text == other.text && overlap(self.place, other.place) >= SAME_PLACE
    }
}

/// What is in both places, as a share of what is in either.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let shared = |start: usize| {
        let end = |place: [f32; 4]| place[start] + place[start + 2];
        (end(a).min(end(b)) - a[start].max(b[start])).max(0.0)
    };
    let both = shared(0) * shared(1);
    both / (a[2] * a[3] + b[2] * b[3] - both).max(1.0)
}

/// Whether there is a line that a second look may confirm.
pub(super) fn is_worth_another_look(words: &[Word], shorter_side: u32) -> bool {
    lines(words).any(|line| is_candidate(line, shorter_side))
}

/// The lines that were read the same twice, as one text.
pub(super) fn certain(first: &[Word], second: &[Word], shorter_side: u32) -> Option<String> {
    let confirmed = lines(first).filter(|line| {
        let twice: Option<Vec<Word>> = line.iter().map(|word| twice(word, second)).collect();
        twice.is_some_and(|line| is_candidate(&line, shorter_side))
    });
    let words: Vec<&str> = confirmed.flatten().map(|word| word.text.as_str()).collect();
    shortened(&words.join(" "), MOST)
}

fn lines(words: &[Word]) -> impl Iterator<Item = &[Word]> {
    words.chunk_by(|a, b| a.line == b.line)
}

fn is_candidate(line: &[Word], shorter_side: u32) -> bool {
    let heights = line.iter().map(Word::height);
    line.iter().all(Word::is_sure)
        && line.iter().any(|word| word.letters() >= LONG_WORD)
        && heights.fold(0.0, f32::max) >= LARGE * shorter_side as f32
}

/// The word with the lower of its two heights, if it was read a second time.
fn twice(word: &Word, second: &[Word]) -> Option<Word> {
    let other = second.iter().find(|other| word.is_same(other))?;
    let [left, top, width, height] = word.place;
    Some(Word {
        place: [left, top, width, height.min(other.height())],
        ..word.clone()
    })
}

/// At most `limit` characters of a text, cut between words; none if no word fits.
pub(super) fn shortened(text: &str, limit: usize) -> Option<String> {
    let mut kept = String::new();
    let mut room = limit;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count() + usize::from(!kept.is_empty());
        if length > room {
            break;
        }
        room -= length;
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as Tesseract prints it: the line, the place, the confidence and the text.
    fn row(line: u32, place: [u32; 4], confidence: f32, text: &str) -> String {
        let [left, top, width, height] = place;
        format!("5\t1\t{line}\t1\t1\t1\t{left}\t{top}\t{width}\t{height}\t{confidence}\t{text}\n")
    }

    fn read_twice(rows: &str) -> Option<String> {
        let words = words(rows);
        certain(&words, &words, 1000)
    }

    #[test]
    fn large_words_that_were_read_twice_are_certain() {
        let rows = row(1, [0, 0, 300, 40], 96.0, "Summer")
            + &row(1, [320, 0, 200, 40], 91.0, "Fair,")
            + &row(2, [0, 100, 200, 40], 80.0, "“2026”");
        assert_eq!(read_twice(&rows).as_deref(), Some("Summer Fair 2026"));
    }

    #[test]
    fn a_line_of_which_one_word_is_uncertain_is_left_out() {
        let sure = row(1, [0, 0, 300, 40], 96.0, "Parking");
        let unsure = row(1, [320, 0, 90, 40], 79.0, "not");
        assert_eq!(read_twice(&sure).as_deref(), Some("Parking"));
        assert_eq!(read_twice(&(sure.clone() + &unsure)), None);
        let both = words(&(sure.clone() + &unsure.replace("79", "99")));
        assert_eq!(certain(&both, &words(&sure), 1000), None);
        // Marks without letters are edges of signs and leaves.
        let mark = row(1, [320, 0, 5, 40], 20.0, "|");
        assert_eq!(read_twice(&(sure + &mark)).as_deref(), Some("Parking"));
    }

    #[test]
    fn what_two_looks_read_differently_is_left_out() {
        let read = |text, left| words(&row(1, [left, 0, 300, 40], 96.0, text));
        let (parking, barking) = (read("Parking", 0), read("Barking", 0));
        assert_eq!(certain(&parking, &barking, 1000), None);
        assert_eq!(certain(&parking, &read("Parking", 200), 1000), None);
        let nearly = certain(&parking, &read("Parking", 20), 1000);
        assert_eq!(nearly.as_deref(), Some("Parking"));
    }

    #[test]
    fn small_lines_are_left_out() {
        let text = |height| read_twice(&row(1, [0, 0, 300, height], 96.0, "Parking"));
        assert_eq!(text(29), None);
        assert_eq!(text(30).as_deref(), Some("Parking"));
        let tall = words(&row(1, [0, 0, 300, 40], 96.0, "Parking"));
        let low = words(&row(1, [0, 0, 300, 25], 96.0, "Parking"));
        assert!(is_worth_another_look(&tall, 1000));
        assert!(!is_worth_another_look(&low, 1000));
        assert_eq!(certain(&tall, &low, 1000), None, "the lower height counts");
    }

    #[test]
    fn words_are_letters_and_digits() {
        let text = |text| read_twice(&row(1, [0, 0, 300, 40], 96.0, text));
        for good in ["Café", "20:30", "E-Mail", "d’Or", "example.org"] {
            assert_eq!(text(good).as_deref(), Some(good));
        }
        for (written, expected) in [("«Fest!»", "Fest"), ("\u{202e}Fest\u{7}", "Fest")] {
            assert_eq!(text(written).as_deref(), Some(expected));
        }
        for bad in [
            "a=b",
            "or",
            "x",
            "|||",
            "fo<b>o",
            "Fe\u{202e}st",
            "a--b",
            "",
        ] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_table_that_is_none_has_no_words() {
        for table in [
            "",
            "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
            "5\t1\t1",
            "5\t1\t1\t1\t1\t1\t0\t0\tNaN\t40\t96\tParking",
            "5\t1\t-1\t1\t1\t1\t0\t0\t300\t40\t96\tParking",
            "4\t1\t1\t1\t1\t0\t0\t0\t300\t40\t96\tParking",
            "5\t1\t1\t1\t1\t1\t0\t0\t300\t40\t96\tPark\ting",
        ] {
            assert_eq!(words(table), [], "{table}");
        }
    }

    #[test]
    fn long_text_is_cut_between_words() {
        let line = "Gartenfest ".repeat(9);
        let rows = row(1, [0, 0, 900, 40], 96.0, &line);
        assert_eq!(read_twice(&rows), None, "one word has no spaces");
        let rows: String = (0..9)
            .map(|n| row(n, [0, n * 50, 300, 40], 96.0, "Gartenfest"))
            .collect();
        let text = read_twice(&rows).unwrap();
        assert_eq!(text, "Gartenfest ".repeat(7).trim_end());
        assert_eq!(shortened(&"a".repeat(81), 80), None);
    }
}
