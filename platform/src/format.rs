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
    /// HEIF coded as HEVC, as phones store photos; the primary picture counts.
    Heic,
    /// HEIF coded as AV1; the primary picture counts.
    Avif,
}

impl Format {
    /// Every format, for tests and for messages that list them.
    pub const ALL: [Self; 6] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::WebP,
        Self::Heic,
        Self::Avif,
    ];
    /// How many leading bytes [`Format::sniff`] needs at most.
    pub const SNIFF_BYTES: usize = 64;
    /// What to tell somebody whose file is something else.
    pub const ACCEPTED: &str = "JPEG, PNG, GIF, WebP, HEIC or AVIF";

    /// The format that the leading bytes show, if it is accepted.
    ///
    /// The signatures are those of the WHATWG MIME Sniffing Standard, section 6.1, and the brands
    /// of ISO/IEC 23008-12, annex B, and of the AV1 Image File Format.
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
            [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] => Self::of_brands(head, brands),
            _ => None,
        }
    }

    /// What the brands of an ISO base media file say, first the major one. `mif1` and `msf1` are
    /// HEIF in any coding, which the compatible ones then tell.
    fn of_brands(head: &[u8], brands: &[u8]) -> Option<Self> {
        let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
        let brands = &brands[..brands.len().min(length.saturating_sub(8))];
        let major = brands.first_chunk::<4>()?;
        let (compatible, _) = brands.get(8..).unwrap_or_default().as_chunks::<4>();
        let avif = |brand: &[u8; 4]| matches!(brand, b"avif" | b"avis");
        match major {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
                Some(Self::Heic)
            }
            brand if avif(brand) => Some(Self::Avif),
            b"mif1" | b"mif2" | b"mif3" | b"msf1" => Some(match compatible.iter().any(avif) {
                true => Self::Avif,
                false => Self::Heic,
            }),
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
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// The format with this media type. Phones call HEIC `image/heif` as well.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        if content_type.eq_ignore_ascii_case("image/heif") {
            return Some(Self::Heic);
        }
        Self::ALL
            .into_iter()
            .find(|format| format.content_type().eq_ignore_ascii_case(content_type))
    }

    /// The extension used in object keys, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Heic => "heic",
            Self::Avif => "avif",
        }
    }

    /// Whether files of this format are commonly named so.
    pub fn is_extension(self, extension: &str) -> bool {
        let extension = extension.to_ascii_lowercase();
        extension == self.extension()
            || matches!(
                (self, &*extension),
                (Self::Jpeg, "jpeg" | "jpe" | "jfif") | (Self::Heic, "heif" | "hif")
            )
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
    fn brands_tell_heic_from_avif() {
        let sniff = |length: u8, brands: &[u8]| {
            Format::sniff(&[&[0, 0, 0, length], &b"ftyp"[..], brands].concat())
        };
        assert_eq!(sniff(24, b"heic\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(sniff(16, b"heix\0\0\0\0"), Some(Format::Heic));
        assert_eq!(sniff(24, b"mif1\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(sniff(24, b"mif1\0\0\0\0mif1avif"), Some(Format::Avif));
        assert_eq!(sniff(24, b"avif\0\0\0\0mif1miaf"), Some(Format::Avif));
        // What follows the box is no brand.
        assert_eq!(sniff(20, b"mif1\0\0\0\0mif1avif"), Some(Format::Heic));
        assert_eq!(sniff(24, b"isom\0\0\0\0mif1heic"), None);
        assert_eq!(sniff(8, b"heic\0\0\0\0"), None);
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
    fn extensions_round_trip() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension("svg"), None);
    }
}
