//! The targets by their names.

use platform::Format;

use crate::{pictures, texts};

#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Headers and metadata of all formats.
    Inspect,
    /// The decoder of one format.
    Decode(Format),
    /// Multipart forms with photos.
    Form,
    /// Events of S3 in all their envelopes.
    Events,
    /// Replies of providers of captions.
    Captions,
    /// Cursors of lists.
    Cursor,
}

impl Target {
    const ALL: [(&str, Self); 11] = [
        ("inspect", Self::Inspect),
        ("jpeg", Self::Decode(Format::Jpeg)),
        ("png", Self::Decode(Format::Png)),
        ("gif", Self::Decode(Format::Gif)),
        ("webp", Self::Decode(Format::WebP)),
        ("heic", Self::Decode(Format::Heic)),
        ("avif", Self::Decode(Format::Avif)),
        ("form", Self::Form),
        ("events", Self::Events),
        ("captions", Self::Captions),
        ("cursor", Self::Cursor),
    ];

    pub(crate) fn from_environment() -> Self {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        let Some((_, target)) = found else {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            eprintln!("FUZZ_TARGET has to be one of {names}");
            std::process::exit(2);
        };
        target
    }

    pub(crate) fn run(self, data: &[u8]) {
        match self {
            Self::Inspect => pictures::inspect(data),
            Self::Decode(format) => pictures::decode(format, data),
            Self::Form => texts::form(data),
            Self::Events => texts::events(data),
            Self::Captions => texts::captions(data),
            Self::Cursor => texts::cursor(data),
        }
    }
}
