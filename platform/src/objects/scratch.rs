//! Unfinished files. Each process has a folder of its own with a file lock, which the operating
//! system releases when the process ends. So a folder whose lock is free is abandoned and is
//! deleted, without guessing by age.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::disk::Space;

const LOCK: &str = "lock";

/// A folder for unfinished files.
#[derive(Debug, Clone)]
pub struct Scratch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parent: PathBuf,
    own: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Creates the folder of this process below `parent`.
    pub fn open(parent: &Path) -> io::Result<Self> {
        loop {
            let own = parent.join(Uuid::new_v4().to_string());
            fs::create_dir_all(&own)?;
            let lock = match File::create(own.join(LOCK)) {
                Ok(lock) => lock,
                // Another process deleted the folder before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match lock.try_lock() {
                Ok(()) if own.join(LOCK).exists() => {
                    let inner = Inner {
                        parent: parent.to_owned(),
                        own,
                        _lock: lock,
                    };
                    return Ok(Self {
                        inner: Arc::new(inner),
                    });
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    pub async fn file(&self) -> io::Result<ScratchFile> {
        let path = self.inner.own.join(Uuid::new_v4().to_string());
        let file = tokio::fs::File::create_new(&path).await?;
        Ok(ScratchFile {
            path,
            file: Some(file),
            hasher: Box::default(),
            bytes: 0,
            _scratch: self.clone(),
        })
    }

    /// The room on the disk of these files.
    pub fn space(&self) -> io::Result<Space> {
        Space::at(&self.inner.parent)
    }

    /// Deletes the folders of dead processes. Returns the number of files.
    pub fn clear_abandoned(&self) -> io::Result<usize> {
        let mut cleared = 0;
        for entry in fs::read_dir(&self.inner.parent)? {
            let folder = entry?.path();
            if folder == self.inner.own || !folder.is_dir() {
                continue;
            }
            let Ok(lock) = OpenOptions::new().write(true).open(folder.join(LOCK)) else {
                // It is being created or deleted at this moment.
                continue;
            };
            if lock.try_lock().is_ok() {
                cleared += fs::read_dir(&folder)?.count().saturating_sub(1);
                fs::remove_dir_all(&folder)?;
            }
        }
        Ok(cleared)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // What stays, the next process deletes.
        let _ = fs::remove_dir_all(&self.own);
    }
}

/// A file that is being written. It is hashed and counted meanwhile, so that a store can verify it.
/// It is deleted when this is dropped.
#[derive(Debug)]
pub struct ScratchFile {
    path: PathBuf,
    file: Option<tokio::fs::File>,
    hasher: Box<Sha256>,
    bytes: u64,
    _scratch: Scratch,
}

impl ScratchFile {
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => {
                file.write_all(bytes).await?;
                self.hasher.update(bytes);
                self.bytes += bytes.len() as u64;
                Ok(())
            }
            None => Err(io::Error::other("the file is finished")),
        }
    }

    /// Finishes the file. Once this returns, the bytes survive a power cut.
    pub async fn finish(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush().await?;
            file.sync_all().await?;
        }
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of the bytes written so far.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::clone(&self.hasher).finalize().into()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // It may have been renamed into place; then there is nothing to delete.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_dead_processes_are_deleted_and_those_of_live_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Scratch::open(folder.path()).unwrap();
        let theirs = Scratch::open(folder.path()).unwrap();
        let mut file = theirs.file().await.unwrap();
        file.write(b"half").await.unwrap();
        let dead = folder.path().join("dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("half-written"), "half").unwrap();

        assert_eq!(ours.clear_abandoned().unwrap(), 1);

        assert!(!dead.exists());
        assert!(file.path().exists());
    }

    #[tokio::test]
    async fn dropped_scratch_files_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(folder.path()).unwrap();
        let mut file = scratch.file().await.unwrap();
        file.write(b"half").await.unwrap();
        let path = file.path().to_owned();

        drop(file);

        assert!(!path.exists());
    }
}
