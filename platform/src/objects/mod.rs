//! The object store: the port, the keys, and an adapter beside it for each home.
//!
//! Objects are written whole or not at all, and reading one never shows half of it.

mod folder;
mod key;
mod scratch;

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use folder::FolderStore;
pub use key::{Area, InvalidKey, ObjectKey};
pub use scratch::{Scratch, ScratchFile};

/// Where originals and renditions are kept.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Stores an object, replacing the one that is there. When this returns, it survives a
    /// power cut.
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError>;

    /// The whole object.
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// The object as a stream, for sending it on without holding it in memory.
    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError>;

    /// Size in bytes, or none if there is no such object.
    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError>;

    /// Removes the object. It is no error if there is none.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

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

/// An object that is being read.
pub struct OpenObject {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its content.
    pub stream: BoxStream<'static, std::io::Result<Bytes>>,
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
    /// Anything else, with what was being done.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}
