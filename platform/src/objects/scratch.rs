//! Half-written files. Each process has a folder of its own, held by a file lock that the
//! operating system lets go when the process ends, however it ends. A folder whose lock is
//! free therefore belongs to nobody and is cleared away, at once and without guessing by age.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

const LOCK: &str = "lock";

/// A folder for files that are not finished.
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
    /// Makes a folder for this process below `parent`.
    pub fn open(parent: &Path) -> io::Result<Self> {
        loop {
            let own = parent.join(Uuid::new_v4().to_string());
            fs::create_dir_all(&own)?;
            let lock = match File::create(own.join(LOCK)) {
                Ok(lock) => lock,
                // Somebody cleared the folder before it was ours.
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

    /// A new, empty file.
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

    /// Clears away what processes left behind that are gone. Returns how many files that were.
    pub fn clear_abandoned(&self) -> io::Result<usize> {
        let mut cleared = 0;
        for entry in fs::read_dir(&self.inner.parent)? {
            let folder = entry?.path();
            if folder == self.inner.own || !folder.is_dir() {
                continue;
            }
            let Ok(lock) = OpenOptions::new().write(true).open(folder.join(LOCK)) else {
                // Just being made, or just being cleared.
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
        // Nothing depends on it: what stays is cleared by the next process.
        let _ = fs::remove_dir_all(&self.own);
    }
}

/// A file that is being written. It is hashed and counted on the way, so that a store can verify
/// what it gets. It is gone when this is dropped.
#[derive(Debug)]
pub struct ScratchFile {
    path: PathBuf,
    file: Option<tokio::fs::File>,
    hasher: Box<Sha256>,
    bytes: u64,
    _scratch: Scratch,
}

impl ScratchFile {
    /// Appends bytes.
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

    /// Ends writing; when this returns, the bytes survive a power cut.
    pub async fn finish(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush().await?;
            file.sync_all().await?;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of what was written so far.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::clone(&self.hasher).finalize().into()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // It may have been moved into its place; then there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_dead_process_left_is_cleared_and_what_a_live_one_writes_is_not() {
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
    async fn a_file_that_is_not_put_anywhere_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(folder.path()).unwrap();
        let mut file = scratch.file().await.unwrap();
        file.write(b"half").await.unwrap();
        let path = file.path().to_owned();

        drop(file);

        assert!(!path.exists());
    }
}
