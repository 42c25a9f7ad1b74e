//! The images of a snapshot, read from its files.

use chrono::{DateTime, Utc};
use platform::objects::ObjectKey;
use platform::objects::archive::Archive;
use sea_orm::JsonValue;
use serde::Deserialize;
use uuid::Uuid;

use super::BackupError;
use super::manifest::Manifest;
use super::rows::Part;

/// What is needed of the row of an image to find its objects.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ImageRow {
    pub(super) id: Uuid,
    object_key: String,
    bytes: u64,
    sha256: String,
    thumbhash: Option<String>,
    thumbnail_bytes: Option<u64>,
    copy_version: Option<i32>,
    pub(super) copy_id: Option<Uuid>,
    anonymised_bytes: Option<u64>,
    anonymised_thumbnail_bytes: Option<u64>,
    words_at: Option<DateTime<Utc>>,
    stored_at: Option<DateTime<Utc>>,
}

/// An object that belongs to a snapshot.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: ObjectKey,
    /// As the row says; none if it does not.
    pub(super) bytes: Option<u64>,
    /// Of originals.
    pub(super) sha256: Option<String>,
    /// When it was last written to after it was made.
    pub(super) changed_at: Option<DateTime<Utc>>,
}

impl Wanted {
    /// Where it is in the backup.
    pub(super) fn path(&self) -> String {
        format!("objects/{}", self.key.path())
    }

    pub(super) fn is_original(&self) -> bool {
        self.sha256.is_some()
    }
}

impl ImageRow {
    pub(super) fn objects(&self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        if self.stored_at.is_none() {
            return wanted;
        }
        if let Ok(key) = ObjectKey::parse(&self.object_key) {
            wanted.push(Wanted {
                key,
                bytes: Some(self.bytes),
                sha256: Some(self.sha256.clone()),
                changed_at: None,
            });
        }
        let rendition = |key, bytes, changed_at| Wanted {
            key,
            bytes,
            sha256: None,
            changed_at,
        };
        if self.thumbhash.is_some() {
            let key = ObjectKey::thumbnail(self.id);
            wanted.push(rendition(key, self.thumbnail_bytes, None));
        }
        if self.copy_version.is_some() {
            let key = ObjectKey::anonymised(self.id, self.copy_id);
            wanted.push(rendition(key, self.anonymised_bytes, self.words_at));
            let key = ObjectKey::anonymised_thumbnail(self.id, self.copy_id);
            wanted.push(rendition(key, self.anonymised_thumbnail_bytes, None));
        }
        wanted
    }
}

/// The images of one part of the table, counted from 1.
pub(super) async fn images_of_part(
    archive: &dyn Archive,
    snapshot: &str,
    manifest: &Manifest,
    number: usize,
) -> Result<Vec<ImageRow>, BackupError> {
    let table = "image";
    let part = Part::read(archive, snapshot, manifest, table, number).await?;
    let names: Vec<_> = part.columns.iter().map(|column| &column.name).collect();
    let rows = part.rows.into_iter().map(|row| {
        let cells = names.iter().map(|name| (*name).clone()).zip(row);
        let object: serde_json::Map<String, JsonValue> = cells.collect();
        serde_json::from_value(JsonValue::Object(object))
            .map_err(|error| BackupError::Damaged(format!("a row of {table}: {error}")))
    });
    rows.collect()
}
