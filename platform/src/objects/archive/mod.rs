//! Where backups are kept: files with paths, in a folder or below a prefix of a bucket. Unlike the
//! object store it has more than pictures, and nobody is told of new files.

mod folder;
mod s3;

use async_trait::async_trait;
use bytes::Bytes;

use super::{OpenObject, Scratch, ScratchFile, StoreError};

pub use folder::FolderArchive;
pub use s3::S3Archive;

/// Paths are relative and have no hidden parts: callers make them from names of their own.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Writes a small file, replacing an existing one. Readers never see half of it, and once this
    /// returns, it survives a power cut.
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// The same for a file of any size, from [`Archive::scratch`].
    async fn put_file(&self, path: &str, file: ScratchFile) -> Result<(), StoreError>;

    /// None if there is no such file.
    async fn open(&self, path: &str) -> Result<Option<OpenObject>, StoreError>;

    /// In bytes; none if there is no such file.
    async fn size(&self, path: &str) -> Result<Option<u64>, StoreError>;

    /// The paths of all files below a folder, sorted.
    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// Deletes a file. One that is not there is no error.
    async fn delete(&self, path: &str) -> Result<(), StoreError>;

    /// Where files are prepared.
    fn scratch(&self) -> &Scratch;

    /// Its location, for people.
    fn describe(&self) -> String;
}
