//! Orientation, date, camera and hemisphere from EXIF. They are in three directories, and only these
//! are read: a file can make the tree of all directories endless by letting them point at each other.
//! A field that cannot be read counts as absent.

use chrono::{NaiveDate, NaiveDateTime};

use super::Orientation;
use super::hemisphere::Hemisphere;
use super::limits::{MAX_EXIF_BLOCKS, MAX_EXIF_ENTRIES};

/// The longest camera name kept, in characters.
const MAX_CAMERA: usize = 80;
/// The longest text looked at, in bytes.
const MAX_TEXT: usize = 512;

/// Tags of TIFF 6.0 and Exif 2.32.
const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const EXIF_DIRECTORY: u16 = 0x8769;
const GPS_DIRECTORY: u16 = 0x8825;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const DATE_TIME_DIGITIZED: u16 = 0x9004;
/// In the directory of GPS.
const LATITUDE_REF: u16 = 1;
const LATITUDE: u16 = 2;

/// Field types of TIFF 6.0, and `UTF8` of Exif 3.0.
const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
const UTF8: u16 = 129;

/// The fields found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) orientation: Option<Orientation>,
    pub(super) taken_at: Option<NaiveDateTime>,
    pub(super) camera: Option<String>,
    pub(super) hemisphere: Option<Hemisphere>,
}

/// Reads the EXIF blocks of a file. Each field comes from the first block that has it: editors
/// leave an empty block before the camera's.
pub(super) fn read_all<'a>(blocks: impl IntoIterator<Item = &'a [u8]>) -> Metadata {
    let mut found = Metadata::default();
    for block in blocks.into_iter().take(MAX_EXIF_BLOCKS) {
        let next = read(block);
        found.orientation = found.orientation.or(next.orientation);
        found.taken_at = found.taken_at.or(next.taken_at);
        found.camera = found.camera.or(next.camera);
        found.hemisphere = found.hemisphere.or(next.hemisphere);
    }
    found
}

/// Reads an EXIF block: a TIFF header and what follows, with or without `Exif\0\0` before it.
fn read(block: &[u8]) -> Metadata {
    let tiff = Tiff::new(block.strip_prefix(b"Exif\0\0").unwrap_or(block));
    let mut fields = Fields::default();
    let mut hemisphere = None;
    if let Some(tiff) = tiff {
        tiff.read(tiff.first, &mut fields);
        if let Some(directory) = fields.exif_directory {
            tiff.read(directory, &mut fields);
        }
        hemisphere = fields
            .gps_directory
            .and_then(|directory| tiff.hemisphere(directory));
    }
    Metadata {
        orientation: fields.orientation,
        taken_at: fields.original.or(fields.digitized),
        camera: camera(fields.make, fields.model),
        hemisphere,
    }
}

/// The fields of the directories. Of several with one tag, the first counts.
#[derive(Default)]
struct Fields {
    orientation: Option<Orientation>,
    make: Option<String>,
    model: Option<String>,
    original: Option<NaiveDateTime>,
    digitized: Option<NaiveDateTime>,
    exif_directory: Option<u32>,
    gps_directory: Option<u32>,
}

/// A block with its byte order, and where its first directory is.
struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    first: u32,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let little_endian = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let mut tiff = Self {
            bytes,
            little_endian,
            first: 0,
        };
        tiff.first = tiff.long(4)?;
        Some(tiff)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self.little_endian {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self.little_endian {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        })
    }

    /// Where the entries of a directory are.
    fn entries(&self, directory: u32) -> Option<impl Iterator<Item = usize> + use<>> {
        let directory = directory as usize;
        let count = self.short(directory)?.min(MAX_EXIF_ENTRIES);
        Some((0..usize::from(count)).map(move |n| directory + 2 + n * 12))
    }

    /// The hemisphere, from the latitude in the directory of GPS.
    fn hemisphere(&self, directory: u32) -> Option<Hemisphere> {
        let (mut letter, mut degrees) = (None, None);
        for entry in self.entries(directory)? {
            let (tag, kind) = (self.short(entry)?, self.short(entry + 2)?);
            match tag {
                LATITUDE_REF if letter.is_none() => letter = self.text(entry, kind),
                LATITUDE if degrees.is_none() => degrees = self.degrees(entry, kind),
                _ => {}
            }
            if letter.is_some() && degrees.is_some() {
                break;
            }
        }
        Hemisphere::of(letter?, degrees?)
    }

    /// An angle in degrees, minutes and seconds.
    fn degrees(&self, entry: usize, kind: u16) -> Option<f64> {
        if kind != RATIONAL || self.long(entry + 4)? != 3 {
            return None;
        }
        let start = self.long(entry + 8)? as usize;
        let part = |n: usize| {
            let at = start.checked_add(n * 8)?;
            let (above, below) = (self.long(at)?, self.long(at.checked_add(4)?)?);
            (below > 0).then(|| f64::from(above) / f64::from(below))
        };
        Some(part(0)? + part(1)? / 60.0 + part(2)? / 3600.0)
    }

    /// Reads one directory up to its end or the end of the block.
    fn read(&self, directory: u32, fields: &mut Fields) -> Option<()> {
        for entry in self.entries(directory)? {
            let (tag, kind) = (self.short(entry)?, self.short(entry + 2)?);
            match tag {
                ORIENTATION => {
                    let value = self.number(entry, kind).and_then(Orientation::from_exif);
                    fields.orientation = fields.orientation.or(value);
                }
                MAKE if fields.make.is_none() => fields.make = self.line(entry, kind),
                MODEL if fields.model.is_none() => fields.model = self.line(entry, kind),
                EXIF_DIRECTORY if fields.exif_directory.is_none() => {
                    fields.exif_directory = self.number(entry, kind);
                }
                GPS_DIRECTORY if fields.gps_directory.is_none() => {
                    fields.gps_directory = self.number(entry, kind);
                }
                DATE_TIME_ORIGINAL if fields.original.is_none() => {
                    fields.original = self.text(entry, kind).and_then(instant);
                }
                DATE_TIME_DIGITIZED if fields.digitized.is_none() => {
                    fields.digitized = self.text(entry, kind).and_then(instant);
                }
                _ => {}
            }
        }
        Some(())
    }

    /// The first number of an entry.
    fn number(&self, entry: usize, kind: u16) -> Option<u32> {
        match kind {
            BYTE => self.bytes.get(entry + 8).copied().map(u32::from),
            SHORT => self.short(entry + 8).map(u32::from),
            LONG => self.long(entry + 8),
            _ => None,
        }
    }

    /// The bytes of a text up to its end or [`MAX_TEXT`].
    fn text(&self, entry: usize, kind: u16) -> Option<&'a [u8]> {
        if !matches!(kind, ASCII | UNDEFINED | UTF8) {
            return None;
        }
        let length = self.long(entry + 4)? as usize;
        let start = match length {
            0..=4 => entry + 8,
            _ => self.long(entry + 8)? as usize,
        };
        let rest = self.bytes.get(start..)?;
        let text = &rest[..length.min(rest.len()).min(MAX_TEXT)];
        Some(text.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// A text on one line: control characters become spaces, runs of spaces one.
    fn line(&self, entry: usize, kind: u16) -> Option<String> {
        let raw = String::from_utf8_lossy(self.text(entry, kind)?).replace(
            |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER,
            " ",
        );
        let words: Vec<&str> = raw.split_whitespace().collect();
        let line: String = words.join(" ").chars().take(MAX_CAMERA).collect();
        (!line.is_empty()).then_some(line)
    }
}

/// `2016:04:30 17:05:09`, as EXIF writes it; cameras with no clock set write zeros or spaces.
fn instant(text: &[u8]) -> Option<NaiveDateTime> {
    let text = text.get(..19)?;
    let separators = [(4, b':'), (7, b':'), (10, b' '), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| text[*at] != *byte) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_u32, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
            Some(number * 10 + digit)
        })
    };
    let year = i32::try_from(number(0..4)?).ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?.and_hms_opt(
        number(11..13)?,
        number(14..16)?,
        number(17..19)?,
    )
}

/// `Canon` and `Canon EOS 70D` make `Canon EOS 70D`: many models begin with their make.
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
    fn an_impossible_date_counts_as_absent() {
        let good = instant(b"2016:04:30 17:05:09").unwrap();
        assert_eq!(good.to_string(), "2016-04-30 17:05:09");
        for bad in [
            &b"0000:00:00 00:00:00"[..],
            b"2016:02:30 10:00:00",
            b"2016:04:30 24:00:00",
            b"2016-04-30T17:05:09",
            b"+016:04:30 17:05:09",
            b"    :  :     :  :  ",
            b"2016:04:30",
            b"",
        ] {
            assert_eq!(instant(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn nonsense_counts_as_absent() {
        for block in [
            &b""[..],
            b"Exif\0\0",
            b"II*\0\xff\xff\xff\xff",
            b"MM\0*\0\0\0\x08\xff\xff",
            b"MM\0*\0\0\0\x08\0\x01\x01\x10\0\x02\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(read(block), Metadata::default());
        }
    }
}
