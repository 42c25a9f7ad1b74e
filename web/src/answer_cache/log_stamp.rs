//! Whether SQLite has committed anything, by the time of its write-ahead log. A query costs much more.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};

/// A log that was written to so short a time ago says nothing. Its transaction may not be visible yet,
/// and the next one may get the same time: those of files advance in steps of some milliseconds.
const SETTLED: Duration = Duration::from_secs(2);

/// Equal stamps mean that nothing was committed between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogStamp {
    inode: u64,
    size: u64,
    modified: SystemTime,
}

impl LogStamp {
    /// None if there is no such file, or it was written to just now.
    pub(super) fn of(log: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(log).ok()?;
        let modified = metadata.modified().ok()?;
        // A time in the future says nothing either.
        let age = SystemTime::now().duration_since(modified).ok()?;
        (age > SETTLED).then(|| Self {
            inode: metadata.ino(),
            size: metadata.len(),
            modified,
        })
    }
}

/// The write-ahead log of SQLite; none for another database, or one in memory.
pub(super) async fn log_of(db: &DatabaseConnection) -> Result<Option<PathBuf>, DbErr> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(None);
    }
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main' AND file <> ''";
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let row = db.query_one_raw(statement).await?;
    let file = row
        .map(|row| row.try_get::<String>("", "file"))
        .transpose()?;
    Ok(file.map(|file| format!("{file}-wal").into()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_has_another_stamp_after_it_was_written_to_and_none_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vitrine.sqlite-wal");
        assert_eq!(LogStamp::of(&path), None);
        let mut log = File::create(&path).unwrap();
        log.write_all(b"a transaction").unwrap();
        assert_eq!(LogStamp::of(&path), None);

        let long_ago = SystemTime::now() - Duration::from_secs(60);
        log.set_modified(long_ago).unwrap();
        let before = LogStamp::of(&path);
        assert!(before.is_some());
        assert_eq!(LogStamp::of(&path), before);

        log.set_modified(long_ago + Duration::from_millis(1))
            .unwrap();
        assert_ne!(LogStamp::of(&path), before);
        log.set_modified(SystemTime::now() + Duration::from_secs(60))
            .unwrap();
        assert_eq!(LogStamp::of(&path), None);
    }
}
