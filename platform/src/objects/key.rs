//! Object keys. A key knows its path, its content type and how long it may be cached, so that
//! nobody else puts paths together.

use std::fmt;

use uuid::Uuid;

use crate::Format;

/// The folders of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// Originals. A new object here, and only here, sets the functions going.
    Uploads,
    /// Small pictures of the originals.
    Thumbnails,
    /// Copies without recognisable faces.
    Anonymised,
    /// What clients have put into the store themselves and nobody has looked at yet.
    Pending,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Uploads,
        Self::Thumbnails,
        Self::Anonymised,
        Self::Pending,
    ];

    /// The first part of the path.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Thumbnails => "thumbnails",
            Self::Anonymised => "anonymised",
            Self::Pending => "pending",
        }
    }
}

/// The key of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    area: Area,
    name: String,
}

impl ObjectKey {
    /// The longest path, in bytes; what all databases can index.
    pub const MAX_LENGTH: usize = 190;

    /// The original of an image.
    pub fn original(id: Uuid, format: Format) -> Self {
        Self {
            area: Area::Uploads,
            name: format!("{id}.{}", format.extension()),
        }
    }

    /// The small picture of the original.
    pub fn thumbnail(id: Uuid) -> Self {
        Self {
            area: Area::Thumbnails,
            name: format!("{id}.jpg"),
        }
    }

    /// The copy without recognisable faces.
    pub fn anonymised(id: Uuid) -> Self {
        Self {
            area: Area::Anonymised,
            name: format!("{id}.jpg"),
        }
    }

    /// The small picture of the copy without recognisable faces.
    pub fn anonymised_thumbnail(id: Uuid) -> Self {
        Self {
            area: Area::Anonymised,
            name: format!("{id}-small.jpg"),
        }
    }

    /// What a client puts into the store itself.
    pub fn pending(id: Uuid) -> Self {
        Self {
            area: Area::Pending,
            name: id.to_string(),
        }
    }

    /// Reads a path, as it stands in a row or an event.
    pub fn parse(path: &str) -> Result<Self, InvalidKey> {
        let (prefix, name) = path.split_once('/').ok_or(InvalidKey)?;
        let area = Area::ALL
            .into_iter()
            .find(|area| area.prefix() == prefix)
            .ok_or(InvalidKey)?;
        let harmless = |part: &str| {
            !matches!(part, "" | "." | "..")
                && !part.contains(['\\', ':'])
                && !part.starts_with('.')
        };
        if path.len() > Self::MAX_LENGTH
            || name.chars().any(char::is_control)
            || !name.split('/').all(harmless)
        {
            return Err(InvalidKey);
        }
        Ok(Self {
            area,
            name: name.to_owned(),
        })
    }

    /// The folder it is in.
    pub fn area(&self) -> Area {
        self.area
    }

    /// Area and name with a slash between: relative, and without parts that lead elsewhere.
    pub fn path(&self) -> String {
        format!("{}/{}", self.area.prefix(), self.name)
    }

    /// Media type of the object.
    pub fn content_type(&self) -> &'static str {
        let extension = self
            .name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        Format::from_extension(extension).map_or("application/octet-stream", Format::content_type)
    }

    /// `Cache-Control` of the object, for a store that hands it out itself. The addresses change
    /// with the picture. Nobody in between keeps any: a picture that was deleted has to be gone.
    pub fn cache_control(&self) -> &'static str {
        match self.area {
            Area::Uploads | Area::Thumbnails | Area::Anonymised => "private, max-age=86400",
            Area::Pending => "no-store",
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.area.prefix(), self.name)
    }
}

/// The text is no key of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "keys are uploads/…, thumbnails/…, anonymised/… or pending/…, at most 190 bytes, without hidden \
     parts"
)]
pub struct InvalidKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_way_through_text() {
        let id = Uuid::from_u128(7);
        for key in [
            ObjectKey::original(id, Format::WebP),
            ObjectKey::thumbnail(id),
            ObjectKey::anonymised(id),
            ObjectKey::anonymised_thumbnail(id),
            ObjectKey::pending(id),
        ] {
            assert_eq!(ObjectKey::parse(&key.path()), Ok(key));
        }
    }

    #[test]
    fn a_key_that_would_lead_out_of_the_store_is_refused() {
        for path in [
            "uploads/../secret",
            "uploads/a/../../b",
            "/etc/passwd",
            "uploads//x.jpg",
            "uploads/",
            "uploads",
            "uploads/a\0b",
            "uploads/.hidden",
            "uploads/c:\\x",
            "elsewhere/x.jpg",
        ] {
            assert_eq!(ObjectKey::parse(path), Err(InvalidKey), "{path}");
        }
        let long = format!("uploads/{}", "x".repeat(200));
        assert_eq!(ObjectKey::parse(&long), Err(InvalidKey));
    }

    #[test]
    fn the_content_type_follows_from_the_key() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            ObjectKey::original(id, Format::Png).content_type(),
            "image/png"
        );
        assert_eq!(ObjectKey::anonymised(id).content_type(), "image/jpeg");
    }
}
