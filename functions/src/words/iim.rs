//! IPTC-IIM, the metadata of before XMP, which many programs still write: records of datasets
//! (IPTC-NAA Information Interchange Model 4.2).

use entity::embedded::EmbeddedWords;

use super::tidy;

/// Datasets of the application record.
const KEYWORDS: u8 = 25;
const CREDIT: u8 = 110;
const COPYRIGHT: u8 = 116;
const CAPTION: u8 = 120;

/// Datasets that are read.
const MAX_DATASETS: usize = 2000;

pub(super) fn read(bytes: &[u8]) -> EmbeddedWords {
    let mut words = EmbeddedWords::default();
    let mut rest = bytes;
    let mut is_utf8 = false;
    for _ in 0..MAX_DATASETS {
        let [0x1C, record, dataset, l1, l2, after @ ..] = rest else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([*l1, *l2]));
        // The highest bit announces an extended length, of which nothing here has need.
        let Some(value) = after.get(..length).filter(|_| l1 & 0x80 == 0) else {
            break;
        };
        rest = &after[length..];
        match (record, *dataset) {
            // The coded character set; this one is UTF-8 by ISO 2022.
            (1, 90) => is_utf8 = value == b"\x1b%G",
            (2, KEYWORDS) if words.keywords.len() < EmbeddedWords::MAX_KEYWORDS => {
                let keyword = tidy(&text(value, is_utf8), EmbeddedWords::KEYWORD);
                words.keywords.extend(keyword);
            }
            (2, CAPTION) => words.caption = tidy(&text(value, is_utf8), EmbeddedWords::TEXT),
            (2, CREDIT) => words.credit = tidy(&text(value, is_utf8), EmbeddedWords::TEXT),
            (2, COPYRIGHT) => words.copyright = tidy(&text(value, is_utf8), EmbeddedWords::TEXT),
            _ => {}
        }
    }
    words
}

/// Programs that declare no character set wrote UTF-8 or, long ago, Latin-1.
fn text(value: &[u8], is_utf8: bool) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) if is_utf8 => String::from_utf8_lossy(value).into_owned(),
        Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
    }
}
