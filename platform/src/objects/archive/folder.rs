//! Backups in a folder, for example on another disk.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::fs;
use tokio_util::io::ReaderStream;

use super::Archive;
use crate::objects::folder::{CHUNK, place};
use crate::objects::{OpenObject, Scratch, ScratchFile, StoreError};

pub struct FolderArchive {
    root: PathBuf,
    scratch: Scratch,
}

impl FolderArchive {
    /// Opens the folder, and makes it if it is missing.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let scratch = Scratch::open(&root.join(".incoming")).map_err(|source| StoreError::Io {
            doing: format!("opening the folder {} for backups", root.display()),
            source,
        })?;
        Ok(Self {
            root: root.to_owned(),
            scratch,
        })
    }

    fn error(&self, doing: &str, path: &str, source: io::Error) -> StoreError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::Full(self.root.clone())
            }
            _ => StoreError::Io {
                doing: format!("{doing} {}", self.root.join(path).display()),
                source,
            },
        }
    }
}

#[async_trait]
impl Archive for FolderArchive {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let failed = |source| self.error("writing", path, source);
        let mut file = self.scratch.file().await.map_err(failed)?;
        file.write(&bytes).await.map_err(failed)?;
        self.put_file(path, file).await
    }

    async fn put_file(&self, path: &str, file: ScratchFile) -> Result<(), StoreError> {
        let placed = place(file, &self.root.join(path)).await;
        placed.map_err(|source| self.error("writing", path, source))
    }

    async fn open(&self, path: &str) -> Result<Option<OpenObject>, StoreError> {
        let failed = |source| self.error("reading", path, source);
        let file = match fs::File::open(self.root.join(path)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        Ok(Some(OpenObject {
            bytes: file.metadata().await.map_err(failed)?.len(),
            stream: ReaderStream::with_capacity(file, CHUNK).boxed(),
        }))
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.root.join(path)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("looking at", path, error)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let failed = |source| self.error("listing", folder, source);
        let mut folders = vec![folder.to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            let mut entries = match fs::read_dir(self.root.join(&folder)).await {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            while let Some(entry) = entries.next_entry().await.map_err(failed)? {
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                match entry.file_type().await.map_err(failed)?.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files.sort();
        Ok(files)
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let file = self.root.join(path);
        match fs::remove_file(&file).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.error("deleting", path, error));
            }
            _ => {}
        }
        // Folders that are empty now; the first that is not ends it.
        for folder in file.ancestors().skip(1).take_while(|at| *at != self.root) {
            if fs::remove_dir(folder).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    fn describe(&self) -> String {
        format!("folder {}", self.root.display())
    }
}
