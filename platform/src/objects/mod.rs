//! The object store: the port, the keys, and an adapter for each home.
//!
//! Objects are written atomically: a reader never sees half of one.

pub mod archive;
mod folder;
mod key;
mod presign;
mod s3;
mod scratch;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use uuid::Uuid;

pub use folder::FolderStore;
pub use key::{Area, InvalidKey, ObjectKey};
pub use presign::{Disposition, Presigning, Promise, Signer, WriteAddress};
pub use s3::{MAX_OBJECT_BYTES, S3Store};
pub use scratch::{Scratch, ScratchFile};

#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Stores an object, replacing an existing one. Once this returns, it survives a power cut.
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError>;

    /// The whole object.
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// A range of the object: shorter than asked for if the object ends earlier.
    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// The object as a stream, to send it without holding it in memory.
    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError>;

    /// The object as a file, if the store keeps it as one on this machine.
    async fn file(&self, _key: &ObjectKey) -> Result<Option<File>, StoreError> {
        Ok(None)
    }

    /// The metadata of the object; none if it does not exist.
    async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError>;

    /// Size in bytes; none if the object does not exist.
    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError> {
        Ok(self.head(key).await?.map(|head| head.bytes))
    }

    /// Deletes the object. Deleting a missing object succeeds.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Deletes the earlier versions of the objects of an image that was deleted, where the store keeps
    /// versions and lets us. What it does not let us delete, it has to forget by itself.
    async fn delete_versions(&self, _image_id: Uuid, _original: &ObjectKey) {}

    /// Every object of an area in no particular order, read page by page. Objects whose key is not
    /// one of ours are skipped.
    fn list(&self, area: Area) -> BoxStream<'static, Result<ListedObject, StoreError>>;

    /// The copies of an image that have names of their own, with their thumbnails, in no particular
    /// order.
    fn copies(&self, image_id: Uuid) -> BoxStream<'static, Result<ListedObject, StoreError>>;

    /// Presigned addresses, if the store has them.
    fn presigning(&self) -> Option<&Presigning> {
        None
    }

    /// Its location, for people.
    fn describe(&self) -> String;
}

/// The content to store.
#[derive(Debug)]
pub enum Body {
    /// Bytes in memory: renditions.
    Bytes(Bytes),
    /// A finished scratch file, which is moved or deleted: uploads.
    File(ScratchFile),
}

/// The metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// In bytes.
    pub bytes: u64,
    /// Custom metadata: what an upload to a presigned address promised, and the trace of an
    /// original.
    pub metadata: HashMap<String, String>,
}

/// An object that is being read.
pub struct OpenObject {
    /// In bytes.
    pub bytes: u64,
    pub stream: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    pub key: ObjectKey,
    /// In bytes.
    pub bytes: u64,
    /// By the store's clock.
    pub stored_at: SystemTime,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no object {0}")]
    NotFound(ObjectKey),
    #[error("the store at {} is full; free some space", .0.display())]
    Full(PathBuf),
    /// The store did not answer several tries. Trying later may help.
    #[error("{doing}: {reason}; it may well work in a moment")]
    Unavailable { doing: String, reason: String },
    /// The store refuses. Trying again does not help: the configuration has to change.
    #[error("{doing}: {reason}")]
    Refused {
        doing: String,
        /// With what to do about it.
        reason: String,
    },
    #[error("{doing}: {source}")]
    Io {
        doing: String,
        source: std::io::Error,
    },
}
