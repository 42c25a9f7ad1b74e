//! Objects as files in a folder: written under a temporary name, brought to the disk, renamed
//! into place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::fs;
use tokio_util::io::ReaderStream;

use crate::events::{ObjectCreated, ObjectEvents};

use super::{Area, Body, ObjectKey, ObjectStore, OpenObject, Scratch, ScratchFile, StoreError};

/// Bytes read from a file at a time.
const CHUNK: usize = 64 * 1024;

/// A store in a folder of this machine.
pub struct FolderStore {
    root: PathBuf,
    scratch: Scratch,
    events: Arc<dyn ObjectEvents>,
}

impl FolderStore {
    /// Opens the store and makes its folders where they are missing. `events` hears of every
    /// new original.
    pub fn open(root: &Path, events: Arc<dyn ObjectEvents>) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io {
            doing: format!("opening the folder {} for pictures", root.display()),
            source,
        };
        for area in [Area::Uploads, Area::Thumbnails, Area::Anonymised] {
            std::fs::create_dir_all(root.join(area.prefix())).map_err(failed)?;
        }
        let scratch = Scratch::open(&root.join(".incoming")).map_err(failed)?;
        Ok(Self {
            root: root.to_owned(),
            scratch,
            events,
        })
    }

    /// Where half-written files are: on the same file system, so that a rename suffices.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.path())
    }

    fn error(&self, doing: &str, key: &ObjectKey, source: io::Error) -> StoreError {
        match source.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound(key.clone()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::Full(self.root.clone())
            }
            _ => StoreError::Io {
                doing: format!("{doing} {key}"),
                source,
            },
        }
    }

    /// A disk that is not mounted must not look like a store without objects.
    async fn is_there(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.root).await {
            Ok(_) => Ok(()),
            Err(source) => Err(StoreError::Io {
                doing: format!("looking at the folder {}", self.root.display()),
                source,
            }),
        }
    }

    async fn write(&self, key: &ObjectKey, body: Body) -> io::Result<()> {
        let file = match body {
            Body::File(file) => file,
            Body::Bytes(bytes) => {
                let mut file = self.scratch.file().await?;
                file.write(&bytes).await?;
                file
            }
        };
        place(file, &self.path(key)).await
    }
}

/// Brings a scratch file to its place. The folder is synced too: else a power cut could
/// forget the new name although the bytes are there.
async fn place(mut file: ScratchFile, path: &Path) -> io::Result<()> {
    file.finish().await?;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).await?;
    fs::rename(file.path(), path).await?;
    fs::File::open(folder).await?.sync_all().await
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError> {
        self.write(key, body)
            .await
            .map_err(|source| match source.kind() {
                // Not the object but its folder or the scratch file is missing.
                io::ErrorKind::NotFound => StoreError::Io {
                    doing: format!("storing {key}"),
                    source,
                },
                _ => self.error("storing", key, source),
            })?;
        if key.area() == Area::Uploads {
            self.events
                .created(ObjectCreated { key: key.clone() })
                .await;
        }
        Ok(())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        match fs::read(self.path(key)).await {
            Ok(bytes) => Ok(bytes.into()),
            Err(source) => Err(self.error("reading", key, source)),
        }
    }

    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError> {
        let failed = |source| self.error("reading", key, source);
        let file = fs::File::open(self.path(key)).await.map_err(failed)?;
        let bytes = file.metadata().await.map_err(failed)?.len();
        Ok(OpenObject {
            bytes,
            stream: ReaderStream::with_capacity(file, CHUNK).boxed(),
        })
    }

    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(key)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_there().await.map(|()| None)
            }
            Err(source) => Err(self.error("looking at", key, source)),
        }
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        match fs::remove_file(self.path(key)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.error("deleting", key, error))
            }
            _ => Ok(()),
        }
    }

    fn describe(&self) -> String {
        format!("folder {}", self.root.display())
    }
}
