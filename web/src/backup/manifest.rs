//! What a snapshot consists of. Its manifest is written last, so a snapshot without one was cut short
//! and does not count.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDateTime, Utc};
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
    Ok(archive.put(&manifest_path(name), text.into()).await?)
}

/// The moment in a snapshot's name.
pub(super) fn started_at(name: &str) -> Option<DateTime<Utc>> {
    let parsed = NaiveDateTime::parse_from_str(name, "%Y-%m-%dT%H-%M-%S%.3fZ");
    parsed.ok().map(|at| at.and_utc())
}

/// The files of each snapshot, by its name, oldest first. One that was cut short has no manifest.
pub(super) async fn files_of_snapshots(
    archive: &dyn Archive,
) -> Result<BTreeMap<String, Vec<String>>, BackupError> {
    let mut snapshots: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in archive.list(SNAPSHOTS).await? {
        let name = path
            .strip_prefix(SNAPSHOTS)
            .and_then(|rest| rest.strip_prefix('/')?.split_once('/'))
            .map(|(name, _)| name.to_owned());
        if let Some(name) = name {
            snapshots.entry(name).or_default().push(path);
        }
    }
    Ok(snapshots)
}

pub(super) fn manifest_path(name: &str) -> String {
    format!("{SNAPSHOTS}/{name}/{MANIFEST}")
}

/// The newest complete snapshot, or the one with this name.
pub async fn newest_snapshot(
    archive: &dyn Archive,
    wanted: Option<&str>,
) -> Result<Option<Snapshot>, BackupError> {
    let snapshots = files_of_snapshots(archive).await?;
    let newest = snapshots.iter().rev().find(|(name, files)| {
        wanted.is_none_or(|wanted| wanted == *name) && files.contains(&manifest_path(name))
    });
    match newest {
        Some((name, _)) => Ok(Some(open(archive, name).await?)),
        None => Ok(None),
    }
}

/// A complete snapshot.
pub(super) async fn open(archive: &dyn Archive, name: &str) -> Result<Snapshot, BackupError> {
    let path = manifest_path(name);
    let text = read(archive, &path).await?;
    let damaged = |error| BackupError::Damaged(format!("{path}: {error}"));
    let manifest: Manifest = serde_json::from_slice(&text).map_err(damaged)?;
    if manifest.format != FORMAT {
        return Err(BackupError::Refused(format!(
            "{path} has format {}, and this version reads {FORMAT}; use the version {} of vitrine",
            manifest.format, manifest.vitrine
        )));
    }
    Ok(Snapshot {
        name: name.to_owned(),
        manifest,
    })
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
