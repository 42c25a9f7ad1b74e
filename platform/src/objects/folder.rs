//! Objects as files in a folder: written under a temporary name, synced, then renamed.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::events::{ObjectCreated, ObjectEvents};

use super::{
    Area, Body, Head, ListedObject, ObjectKey, ObjectStore, OpenObject, Scratch, ScratchFile,
    StoreError,
};

/// Bytes read at a time.
pub(super) const CHUNK: usize = 64 * 1024;

/// A store in a folder of this machine.
pub struct FolderStore {
    root: PathBuf,
    scratch: Scratch,
    events: Arc<dyn ObjectEvents>,
}

impl FolderStore {
    /// Opens the store and creates missing folders. `events` is told of every new original.
    pub fn open(root: &Path, events: Arc<dyn ObjectEvents>) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io {
            doing: format!("opening the folder {} for pictures", root.display()),
            source,
        };
        for area in Area::ALL {
            std::fs::create_dir_all(root.join(area.prefix())).map_err(failed)?;
        }
        let scratch = Scratch::open(&root.join(".incoming")).map_err(failed)?;
        Ok(Self {
            root: root.to_owned(),
            scratch,
            events,
        })
    }

    /// Unfinished files, on the same file system so that they can be renamed into place.
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

    /// A disk that is not mounted must not look like an empty store.
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

/// Renames a scratch file into place. The folder is synced as well, or a power cut could lose the
/// new name although the bytes are there.
pub(super) async fn place(mut file: ScratchFile, path: &Path) -> io::Result<()> {
    file.finish().await?;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).await?;
    fs::rename(file.path(), path).await?;
    fs::File::open(folder).await?.sync_all().await
}

/// Walks through an area and its folders. Objects that are deleted meanwhile are skipped.
struct Walk {
    root: PathBuf,
    /// Folders still to be read, relative to the root.
    folders: Vec<PathBuf>,
    reading: Option<(PathBuf, fs::ReadDir)>,
}

impl Walk {
    async fn next(&mut self) -> io::Result<Option<ListedObject>> {
        loop {
            let Some((folder, entries)) = &mut self.reading else {
                let Some(folder) = self.folders.pop() else {
                    return Ok(None);
                };
                match fs::read_dir(self.root.join(&folder)).await {
                    Ok(entries) => self.reading = Some((folder, entries)),
                    // The folder of an image is there while it has copies; those of areas always.
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound
                            && folder.components().count() > 1 => {}
                    Err(error) => return Err(error),
                }
                continue;
            };
            let Some(entry) = entries.next_entry().await? else {
                self.reading = None;
                continue;
            };
            let path = folder.join(entry.file_name());
            let metadata = match entry.metadata().await {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_dir() {
                self.folders.push(path);
            } else if let Some(Ok(key)) = path.to_str().map(ObjectKey::parse) {
                return Ok(Some(ListedObject {
                    key,
                    bytes: metadata.len(),
                    stored_at: metadata.modified()?,
                }));
            }
        }
    }
}

impl FolderStore {
    fn list_below(&self, folder: String) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        let walk = Walk {
            root: self.root.clone(),
            folders: vec![PathBuf::from(&folder)],
            reading: None,
        };
        let failed = move |source| StoreError::Io {
            doing: format!("listing {folder}"),
            source,
        };
        stream::try_unfold(walk, |mut walk| async move {
            Ok(walk.next().await?.map(|listed| (listed, walk)))
        })
        .map_err(failed)
        .boxed()
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError> {
        self.write(key, body)
            .await
            .map_err(|source| match source.kind() {
                // Not the object is missing, but its folder or the scratch file.
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

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        let failed = |source| self.error("reading", key, source);
        let mut file = fs::File::open(self.path(key)).await.map_err(failed)?;
        file.seek(SeekFrom::Start(range.start))
            .await
            .map_err(failed)?;
        let mut bytes = Vec::new();
        let mut part = file.take(range.end.saturating_sub(range.start));
        part.read_to_end(&mut bytes).await.map_err(failed)?;
        Ok(bytes.into())
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

    async fn file(&self, key: &ObjectKey) -> Result<Option<std::fs::File>, StoreError> {
        match fs::File::open(self.path(key)).await {
            Ok(file) => Ok(Some(file.into_std().await)),
            Err(source) => Err(self.error("reading", key, source)),
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError> {
        match fs::metadata(self.path(key)).await {
            Ok(metadata) => Ok(Some(Head {
                bytes: metadata.len(),
                ..Head::default()
            })),
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

    fn list(&self, area: Area) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.list_below(area.prefix().to_owned())
    }

    fn copies(&self, image_id: Uuid) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.list_below(ObjectKey::folder_of_copies(image_id))
    }

    fn describe(&self) -> String {
        format!("folder {}", self.root.display())
    }
}
