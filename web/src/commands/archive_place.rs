//! Where a backup is, from the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use platform::aws;
use platform::objects::Scratch;
use platform::objects::archive::{Archive, FolderArchive, S3Archive};
use platform::settings::{Settings, Storage};

/// Opens a folder, or a bucket and a prefix in it: `s3://bucket/prefix`.
pub(super) async fn open(settings: &Settings, place: &str) -> anyhow::Result<Box<dyn Archive>> {
    let Some(address) = place.strip_prefix("s3://") else {
        return folder(settings, Path::new(place));
    };
    let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
    ensure!(
        !bucket.is_empty(),
        "{place} names no bucket; write, for example, s3://my-backups/vitrine"
    );
    ensure!(
        settings.storage != Storage::S3(bucket.to_owned()),
        "bucket {bucket} has the pictures themselves; back up into another one"
    );
    let scratch = Scratch::open(&settings.data.join("incoming"))
        .context("the folder for unfinished files in the data folder cannot be made")?;
    let config = aws::config(&settings.aws).await;
    Ok(Box::new(S3Archive::new(&config, bucket, prefix, scratch)))
}

fn folder(settings: &Settings, folder: &Path) -> anyhow::Result<Box<dyn Archive>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let folder = folder.canonicalize()?;
    if let Storage::Folder(objects) = &settings.storage {
        let objects: PathBuf = objects.canonicalize().unwrap_or_else(|_| objects.clone());
        ensure!(
            !folder.starts_with(&objects) && !objects.starts_with(&folder),
            "{} has the pictures themselves; back up into a folder outside, best on another disk",
            folder.display()
        );
    }
    Ok(Box::new(FolderArchive::open(&folder)?))
}
