//! Deletes old snapshots, and then the objects that no snapshot has any more, so that what was deleted
//! from the gallery leaves its backups too.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use platform::objects::archive::Archive;
use serde::Serialize;

use super::BackupError;
use super::images::{Wanted, images_of_part};
use super::manifest::{files_of_snapshots, manifest_path, open, started_at};

const OBJECTS: &str = "objects";

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    pub snapshots: u64,
    pub objects: u64,
    /// A snapshot that has no manifest, because it is being taken or was cut short: it may need
    /// objects that no other has, so none was deleted.
    pub unfinished: Option<String>,
}

/// Deletes the snapshots from before `oldest`, but never the newest complete one, and the objects that
/// the others do not need. It may be cut short at any time: run it again.
pub async fn prune(archive: &dyn Archive, oldest: DateTime<Utc>) -> Result<Pruned, BackupError> {
    let mut pruned = Pruned::default();
    let mut kept = files_of_snapshots(archive).await?;
    let is_complete = |name: &String, files: &[String]| files.contains(&manifest_path(name));
    let newest = kept
        .iter()
        .rev()
        .find(|(name, files)| is_complete(name, files))
        .map(|(name, _)| name.clone());
    let Some(newest) = newest else {
        return Ok(pruned);
    };
    let is_old = |name: &String| started_at(name).is_some_and(|at| at < oldest);
    let old: BTreeMap<_, _> = kept
        .extract_if(.., |name, _| *name != newest && is_old(name))
        .collect();
    for (name, files) in old {
        delete_snapshot(archive, &name, &files).await?;
        pruned.snapshots += 1;
    }
    pruned.unfinished = kept
        .iter()
        .find(|(name, files)| !is_complete(name, files))
        .map(|(name, _)| name.clone());
    if pruned.unfinished.is_none() {
        pruned.objects = delete_objects(archive, kept.keys()).await?;
    }
    Ok(pruned)
}

/// The manifest goes first: a snapshot without one does not count.
async fn delete_snapshot(
    archive: &dyn Archive,
    name: &str,
    files: &[String],
) -> Result<(), BackupError> {
    archive.delete(&manifest_path(name)).await?;
    for path in files {
        archive.delete(path).await?;
    }
    Ok(())
}

/// Deletes the objects that these snapshots do not need. Returns how many.
async fn delete_objects(
    archive: &dyn Archive,
    snapshots: impl Iterator<Item = &String>,
) -> Result<u64, BackupError> {
    let mut needed = HashSet::new();
    for name in snapshots {
        let snapshot = open(archive, name).await?;
        for number in snapshot.manifest.parts("image") {
            let images = images_of_part(archive, name, &snapshot.manifest, number).await?;
            let here = images
                .iter()
                .filter(|image| !snapshot.manifest.gone.contains(&image.id));
            for image in here {
                needed.extend(image.objects().iter().map(Wanted::path));
            }
        }
    }
    let mut deleted = 0;
    for path in archive.list(OBJECTS).await? {
        if !needed.contains(&path) {
            archive.delete(&path).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
