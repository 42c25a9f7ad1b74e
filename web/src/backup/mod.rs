//! Backups: all rows as JSON, the same for every database, and the objects beside them.
//!
//! ```text
//! objects/uploads/…, objects/thumbnails/…, objects/anonymised/…   as in the store
//! snapshots/2026-11-26T15-05-24.123Z/rows/image.00001.jsonl.gz   a header, then a row a line
//! snapshots/2026-11-26T15-05-24.123Z/manifest.json               written last
//! ```
//!
//! Rows are read in one transaction, so they are those of one moment. Objects are copied after
//! them. Originals never change, so one that is there is not copied again, and snapshots share them.

mod images;
mod manifest;
mod objects;
mod prune;
mod restore;
mod rows;
mod tables;
mod take;
mod values;

use migration::MigrateError;
use platform::objects::StoreError;
use sea_orm::DbErr;

pub use manifest::{Manifest, Snapshot, newest_snapshot};
pub use prune::{Pruned, prune};
pub use restore::{Restore, Restored, queue_pending};
pub use tables::{LEFT_OUT, TABLES};
pub use take::{Backup, Taken};

/// Why a backup or a restore ended. Running it again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{doing}: {source}")]
    Io {
        doing: String,
        source: std::io::Error,
    },
    /// With what to do about it.
    #[error("{0}")]
    Refused(String),
    #[error("the backup is damaged: {0}")]
    Damaged(String),
}
