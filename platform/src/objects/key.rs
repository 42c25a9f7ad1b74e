//! Object keys. A key has its path, content type and cache control, so that no other code builds
//! paths.

use std::fmt;

use uuid::Uuid;

use crate::Format;

/// The folders of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// Originals. Only a new object here starts the functions.
    Uploads,
    /// Thumbnails of the originals.
    Thumbnails,
    /// Copies without recognisable faces, and their thumbnails.
    Anonymised,
    /// Uploads that clients put into the store directly, not checked yet.
    Pending,
}

impl Area {
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

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    area: Area,
    name: String,
}

impl ObjectKey {
    /// The longest path in bytes, which all databases can index.
    pub const MAX_LENGTH: usize = 190;

    pub fn original(id: Uuid, format: Format) -> Self {
        Self {
            area: Area::Uploads,
            name: format!("{id}.{}", format.extension()),
        }
    }

    pub fn thumbnail(id: Uuid) -> Self {
        Self {
            area: Area::Thumbnails,
            name: format!("{id}.jpg"),
        }
    }

    /// The copy of an image. Each copy has a name of its own, so that a slow worker cannot overwrite a
    /// newer one; those from before copies had names have none.
    pub fn anonymised(id: Uuid, copy: Option<Uuid>) -> Self {
        Self {
            area: Area::Anonymised,
            name: match copy {
                Some(copy) => format!("{id}/{copy}.jpg"),
                None => format!("{id}.jpg"),
            },
        }
    }

    /// The thumbnail of a copy.
    pub fn anonymised_thumbnail(id: Uuid, copy: Option<Uuid>) -> Self {
        Self {
            area: Area::Anonymised,
            name: match copy {
                Some(copy) => format!("{id}/{copy}-small.jpg"),
                None => format!("{id}-small.jpg"),
            },
        }
    }

    /// Where the copies of an image are that have names of their own.
    pub(super) fn folder_of_copies(id: Uuid) -> String {
        format!("{}/{id}", Area::Anonymised.prefix())
    }

    pub fn pending(id: Uuid) -> Self {
        Self {
            area: Area::Pending,
            name: id.to_string(),
        }
    }

    /// Parses a path from a row or an event.
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

    pub fn area(&self) -> Area {
        self.area
    }

    /// Area and name with a slash between: relative, and without parts that lead out of the area.
    pub fn path(&self) -> String {
        format!("{}/{}", self.area.prefix(), self.name)
    }

    pub fn content_type(&self) -> &'static str {
        let extension = self
            .name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        Format::from_extension(extension).map_or("application/octet-stream", Format::content_type)
    }

    /// `Cache-Control` of the object, for a store that serves it directly. The address changes with
    /// the picture. Shared caches keep none: a deleted picture has to be gone. Copies are what visitors
    /// see: one that is withdrawn has to be gone from their browsers soon.
    pub fn cache_control(&self) -> &'static str {
        match self.area {
            Area::Uploads | Area::Thumbnails => "private, max-age=86400",
            Area::Anonymised => "private, max-age=900",
            Area::Pending => "no-store",
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.area.prefix(), self.name)
    }
}

/// The path is not one of our keys.
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
    fn keys_round_trip_through_text() {
        let id = Uuid::from_u128(7);
        for key in [
            ObjectKey::original(id, Format::WebP),
            ObjectKey::thumbnail(id),
            ObjectKey::anonymised(id, None),
            ObjectKey::anonymised_thumbnail(id, None),
            ObjectKey::anonymised(id, Some(Uuid::from_u128(8))),
            ObjectKey::anonymised_thumbnail(id, Some(Uuid::from_u128(8))),
            ObjectKey::pending(id),
        ] {
            assert_eq!(ObjectKey::parse(&key.path()), Ok(key));
        }
    }

    #[test]
    fn path_traversal_is_rejected() {
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
        assert_eq!(ObjectKey::anonymised(id, None).content_type(), "image/jpeg");
    }
}
