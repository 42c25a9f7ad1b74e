//! The accepted picture formats. A format is detected from the bytes, never from a file's name or
//! the client's `Content-Type`, which may be wrong.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Baseline or progressive.
    Jpeg,
    /// Every colour type and depth.
    Png,
    /// GIF; the first frame of an animation.
    Gif,
    /// WebP, lossy or lossless; the first frame of an animation.
    WebP,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP];
    /// Leading bytes that [`Format::sniff`] needs at most.
    pub const SNIFF_BYTES: usize = 12;
    /// The text for people whose file has another format.
    pub const ACCEPTED: &str = "JPEG, PNG, GIF or WebP";

    /// The format that the leading bytes show, if it is accepted.
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

    /// The inverse of [`Format::extension`].
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
    fn formats_are_detected_from_bytes() {
        assert_eq!(Format::sniff(b"\xFF\xD8\xFF\xE0"), Some(Format::Jpeg));
        assert_eq!(Format::sniff(b"\x89PNG\r\n\x1a\n"), Some(Format::Png));
        assert_eq!(Format::sniff(b"GIF89a"), Some(Format::Gif));
        assert_eq!(Format::sniff(b"RIFF\0\0\0\0WEBP"), Some(Format::WebP));
    }

    #[test]
    fn other_content_is_rejected() {
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
    fn extensions_round_trip() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension("svg"), None);
    }
}
