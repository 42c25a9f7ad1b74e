//! What a snapshot consists of. Its manifest is written last, so a snapshot without one was cut short
//! and does not count.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use platform::objects::archive::Archive;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::BackupError;

/// The layout that this version writes and reads.
const FORMAT: u32 = 1;

const SNAPSHOTS: &str = "snapshots";
const MANIFEST: &str = "manifest.json";

/// Manifests and parts are read into memory: bytes of one at most.
const MAX_FILE: u64 = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The version that wrote it.
    pub vitrine: String,
    /// The moment that the rows are from, or shortly before.
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// The migrations that the schema had, oldest first.
    pub migrations: Vec<String>,
    pub tables: BTreeMap<String, TableFiles>,
    /// Images that were deleted while their objects were copied. They are not restored.
    pub gone: Vec<Uuid>,
    /// Objects that belong to the snapshot, and their bytes.
    pub objects: u64,
    pub bytes: u64,
    /// Objects that were missing or damaged when they were to be copied.
    pub missing: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFiles {
    pub rows: u64,
    /// SHA-256 of each part, in lower-case hexadecimal.
    pub parts: Vec<String>,
}

impl Manifest {
    /// 0 for a table that the snapshot has not.
    pub(super) fn rows_of(&self, table: &str) -> u64 {
        self.tables.get(table).map_or(0, |files| files.rows)
    }

    /// The numbers of the parts of a table.
    pub(super) fn parts(&self, table: &str) -> RangeInclusive<usize> {
        let parts = self.tables.get(table).map_or(0, |files| files.parts.len());
        1..=parts
    }

    pub(super) fn begun(migrations: Vec<String>) -> Self {
        let now = entity::now();
        Self {
            format: FORMAT,
            vitrine: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            finished_at: now,
            migrations,
            tables: BTreeMap::new(),
            gone: Vec::new(),
            objects: 0,
            bytes: 0,
            missing: 0,
        }
    }
}

/// A complete snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub name: String,
    pub manifest: Manifest,
}

/// Sorted by name, snapshots are sorted by time.
pub(super) fn name(started_at: DateTime<Utc>) -> String {
    started_at.format("%Y-%m-%dT%H-%M-%S%.3fZ").to_string()
}

pub(super) fn part_path(snapshot: &str, table: &str, number: usize) -> String {
    format!("{SNAPSHOTS}/{snapshot}/rows/{table}.{number:05}.jsonl.gz")
}

/// Completes a snapshot.
pub(super) async fn write(
    archive: &dyn Archive,
    name: &str,
    manifest: &Manifest,
) -> Result<(), BackupError> {
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| {
        BackupError::Refused(format!("the manifest cannot be written: {error}"))
    })?;
    let path = format!("{SNAPSHOTS}/{name}/{MANIFEST}");
    Ok(archive.put(&path, text.into()).await?)
}

/// The newest complete snapshot, or the one with this name.
pub async fn newest_snapshot(
    archive: &dyn Archive,
    wanted: Option<&str>,
) -> Result<Option<Snapshot>, BackupError> {
    let files = archive.list(SNAPSHOTS).await?;
    let names = files.iter().filter_map(|path| {
        let (folder, file) = path.rsplit_once('/')?;
        let (parent, name) = folder.rsplit_once('/')?;
        (parent == SNAPSHOTS && file == MANIFEST).then_some(name)
    });
    let newest = names
        .filter(|name| wanted.is_none_or(|wanted| wanted == *name))
        .max();
    let Some(name) = newest else { return Ok(None) };
    let path = format!("{SNAPSHOTS}/{name}/{MANIFEST}");
    let text = read(archive, &path).await?;
    let damaged = |error| BackupError::Damaged(format!("{path}: {error}"));
    let manifest: Manifest = serde_json::from_slice(&text).map_err(damaged)?;
    if manifest.format != FORMAT {
        return Err(BackupError::Refused(format!(
            "{path} has format {}, and this version reads {FORMAT}; use the version {} of vitrine",
            manifest.format, manifest.vitrine
        )));
    }
    Ok(Some(Snapshot {
        name: name.to_owned(),
        manifest,
    }))
}

/// A small file of the backup.
pub(super) async fn read(archive: &dyn Archive, path: &str) -> Result<Vec<u8>, BackupError> {
    let Some(mut file) = archive.open(path).await? else {
        return Err(BackupError::Damaged(format!("{path} is missing")));
    };
    if file.bytes > MAX_FILE {
        return Err(BackupError::Damaged(format!("{path} is too large")));
    }
    let mut content = Vec::new();
    let io = |source| BackupError::Io {
        doing: format!("reading {path}"),
        source,
    };
    while let Some(chunk) = file.stream.try_next().await.map_err(io)? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}
