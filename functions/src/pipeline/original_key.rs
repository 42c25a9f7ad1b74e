//! Where the original of an image is, from its row.

use entity::image::Model;
use platform::objects::{InvalidKey, ObjectKey};
use uuid::Uuid;

/// A row holds an object key that no code of ours writes.
#[derive(Debug, thiserror::Error)]
#[error("the image {id} has the object key {path:?}, and {source}")]
pub struct BadKey {
    id: Uuid,
    path: String,
    source: InvalidKey,
}

/// Where the original of an image is.
pub(crate) fn original_key(image: &Model) -> Result<ObjectKey, BadKey> {
    ObjectKey::parse(&image.object_key).map_err(|source| BadKey {
        id: image.id,
        path: image.object_key.clone(),
        source,
    })
}
