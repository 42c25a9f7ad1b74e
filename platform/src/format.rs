//! The picture formats Vitrine takes. The format is read from the bytes and never from
//! a file's name or the client's `Content-Type`, which both lie.

use serde::{Deserialize, Serialize};

/// A format that is accepted for upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG, every colour type and depth.
    Png,
    /// GIF; of an animation the first frame counts.
    Gif,
    /// WebP, lossy or lossless; of an animation the first frame counts.
    WebP,
}

impl Format {
    /// Every format, for tests and for messages that list them.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP];
    /// How many leading bytes [`Format::sniff`] needs at most.
    pub const SNIFF_BYTES: usize = 12;
    /// What to tell somebody whose file is something else.
    pub const ACCEPTED: &str = "JPEG, PNG, GIF or WebP";

    /// The format that the leading bytes announce, if it is one of ours.
    ///
    /// The signatures are those of the WHATWG MIME Sniffing Standard, section 6.1.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            _ => None,
        }
    }

    /// The media type, as in `image/jpeg`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    /// The extension used in object keys, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }

    /// The format with this extension, as written by [`Format::extension`].
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_format_comes_from_the_bytes() {
        assert_eq!(Format::sniff(b"\xFF\xD8\xFF\xE0"), Some(Format::Jpeg));
        assert_eq!(Format::sniff(b"\x89PNG\r\n\x1a\n"), Some(Format::Png));
        assert_eq!(Format::sniff(b"GIF89a"), Some(Format::Gif));
        assert_eq!(Format::sniff(b"RIFF\0\0\0\0WEBP"), Some(Format::WebP));
    }

    #[test]
    fn everything_else_is_no_format_of_ours() {
        for head in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'>"[..],
            b"RIFF\0\0\0\0WAVE",
            b"GIF88a",
            b"\xFF\xD8",
            b"",
        ] {
            assert_eq!(Format::sniff(head), None, "{head:?}");
        }
    }

    #[test]
    fn every_extension_leads_back_to_its_format() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension("svg"), None);
    }
}
