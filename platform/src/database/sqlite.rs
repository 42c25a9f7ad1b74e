//! SQLite: the pragmas that concurrent writers need.

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::{SqliteError, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use tokio::time::{Instant, sleep};

use super::BUSY_TIMEOUT;

/// The interval between tries to open a busy file.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The primary result code of a file that another connection has locked. The higher bits of a code
/// say more. <https://sqlite.org/rescode.html>
const BUSY: u32 = 5;

/// Primary result codes that say nothing about the statement: busy, locked, read-only, I/O error,
/// full, cannot open.
pub(super) const IS_TEMPORARY: [u32; 6] = [BUSY, 6, 8, 10, 13, 14];

/// Opens a database of any kind.
///
/// The process that opens a new file first puts it into WAL mode. Others that open it at the same
/// moment fail at once, whatever their busy timeout is, because SQLite avoids a deadlock; so they try
/// again.
pub(super) async fn open(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode, NORMAL may lose the last commits in a power cut; FULL does not.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
    });
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(ASK_AGAIN).await,
            opened => return opened,
        }
    }
}

fn is_busy(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    let error = error.as_database_error();
    let error = error.and_then(|error| error.try_downcast_ref::<SqliteError>());
    let code = error.and_then(DatabaseError::code);
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}
