//! The three things we want from EXIF: which way is up, when, and with what. A file's metadata
//! is the least trustworthy part of it, so whatever cannot be read counts as absent.

use chrono::{NaiveDate, NaiveDateTime};
use exif::{Exif, In, Reader, Tag, Value};

use super::Orientation;

/// The longest camera name kept, in characters.
const MAX_CAMERA: usize = 80;
/// The most EXIF bytes looked at; a JPEG segment holds 65,533.
const MAX_BYTES: usize = 1 << 20;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) orientation: Orientation,
    pub(super) taken_at: Option<NaiveDateTime>,
    pub(super) camera: Option<String>,
}

/// Reads an EXIF block: a TIFF header and what follows, with or without `Exif\0\0` before it.
pub(super) fn read(mut block: Vec<u8>) -> Metadata {
    if block.starts_with(b"Exif\0\0") {
        block.drain(..6);
    }
    if block.len() > MAX_BYTES {
        return Metadata::default();
    }
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let Ok(exif) = reader
        .read_raw(block)
        .or_else(|error| error.distill_partial_result(|_| {}))
    else {
        return Metadata::default();
    };
    Metadata {
        orientation: exif
            .get_field(Tag::Orientation, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0))
            .map(Orientation::from_exif)
            .unwrap_or_default(),
        taken_at: [Tag::DateTimeOriginal, Tag::DateTimeDigitized, Tag::DateTime]
            .into_iter()
            .find_map(|tag| instant(ascii(&exif, tag)?)),
        camera: camera(text(&exif, Tag::Make), text(&exif, Tag::Model)),
    }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

/// A text field on one line: control characters become spaces, runs of spaces one.
fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let raw = String::from_utf8_lossy(ascii(exif, tag)?).replace(
        |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER,
        " ",
    );
    let words: Vec<&str> = raw.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(MAX_CAMERA).collect();
    (!line.is_empty()).then_some(line)
}

/// `2016:04:30 17:05:09`, as EXIF writes it; cameras with no clock set write zeros or spaces.
fn instant(ascii: &[u8]) -> Option<NaiveDateTime> {
    let at = exif::DateTime::from_ascii(ascii).ok()?;
    NaiveDate::from_ymd_opt(at.year.into(), at.month.into(), at.day.into())
        .filter(|_| at.year > 0)?
        .and_hms_opt(at.hour.into(), at.minute.into(), at.second.into())
}

/// `Canon` and `Canon EOS 70D` is one name, not two: many models begin with their make.
fn camera(make: Option<String>, model: Option<String>) -> Option<String> {
    let name = match (make, model) {
        (Some(make), Some(model)) => {
            let brand = make.split(' ').next().unwrap_or_default().to_lowercase();
            if model.to_lowercase().starts_with(&brand) {
                model
            } else {
                format!("{make} {model}")
            }
        }
        (make, model) => model.or(make)?,
    };
    Some(name.chars().take(MAX_CAMERA).collect())
}

#[cfg(test)]
mod tests {
    use super::{Metadata, camera, instant, read};

    fn named(make: &str, model: &str) -> Option<String> {
        camera(Some(make.to_owned()), Some(model.to_owned()))
    }

    #[test]
    fn a_camera_is_named_once() {
        assert_eq!(named("Canon", "Canon EOS 70D").unwrap(), "Canon EOS 70D");
        assert_eq!(
            named("NIKON CORPORATION", "NIKON D90").unwrap(),
            "NIKON D90"
        );
        assert_eq!(named("Apple", "iPhone 6").unwrap(), "Apple iPhone 6");
        assert_eq!(camera(None, Some("X100".into())).unwrap(), "X100");
        assert_eq!(camera(None, None), None);
    }

    #[test]
    fn a_date_that_cannot_be_is_absent() {
        assert!(instant(b"2016:04:30 17:05:09").is_some());
        for bad in [
            &b"0000:00:00 00:00:00"[..],
            b"2016:02:30 10:00:00",
            b"    :  :     :  :  ",
            b"",
        ] {
            assert_eq!(instant(bad), None);
        }
    }

    #[test]
    fn nonsense_counts_as_absent() {
        for block in [
            &b""[..],
            b"Exif\0\0",
            b"II*\0\xff\xff\xff\xff",
            b"MM\0*\0\0\0\x08\xff\xff",
        ] {
            assert_eq!(read(block.to_vec()), Metadata::default());
        }
    }
}
