//! The object store: the port, the keys, and an adapter beside it for each home.
//!
//! Objects are written whole or not at all, and reading one never shows half of it.

mod folder;
mod key;
mod presign;
mod s3;
mod scratch;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use folder::FolderStore;
pub use key::{Area, InvalidKey, ObjectKey};
pub use presign::{Disposition, Presigning, Promise, Signer, WriteAddress};
pub use s3::{MAX_OBJECT_BYTES, S3Store};
pub use scratch::{Scratch, ScratchFile};

/// Where originals and renditions are kept.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Stores an object, replacing the one that is there. When this returns, it survives a
    /// power cut.
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError>;

    /// The whole object.
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// Some of an object's bytes: fewer than asked for where it ends earlier.
    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// The object as a stream, for sending it on without holding it in memory.
    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError>;

    /// What is known of the object without reading it, or none if there is no such object.
    async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError>;

    /// Size in bytes, or none if there is no such object.
    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError> {
        Ok(self.head(key).await?.map(|head| head.bytes))
    }

    /// Removes the object. It is no error if there is none.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Every object of an area, in no particular order, read page by page. What has no key of
    /// ours is left out.
    fn list(&self, area: Area) -> BoxStream<'static, Result<ListedObject, StoreError>>;

    /// How the store hands out objects itself, if it can.
    fn presigning(&self) -> Option<&Presigning> {
        None
    }

    /// Where it is, for people.
    fn describe(&self) -> String;
}

/// What is put into the store.
#[derive(Debug)]
pub enum Body {
    /// Bytes in memory: renditions.
    Bytes(Bytes),
    /// A finished scratch file: uploads. It is consumed.
    File(ScratchFile),
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its size in bytes.
    pub bytes: u64,
    /// What was noted on it by whoever put it there: under a presigned address, and the trace of
    /// an original.
    pub metadata: HashMap<String, String>,
}

/// An object that is being read.
pub struct OpenObject {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its content.
    pub stream: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was stored, by the store's clock.
    pub stored_at: SystemTime,
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object with this key.
    #[error("there is no object {0}")]
    NotFound(ObjectKey),
    /// Nothing fits any more.
    #[error("the store at {} is full; free some space", .0.display())]
    Full(PathBuf),
    /// The store is busy, slow or away, after several attempts.
    #[error("{doing}: {reason}; it may well work in a moment")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// What happened.
        reason: String,
    },
    /// The store will not do it, and asking again changes nothing: somebody has to.
    #[error("{doing}: {reason}")]
    Refused {
        /// What was being done.
        doing: String,
        /// What happened, and what to do about it.
        reason: String,
    },
    /// Anything else, with what was being done.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}
