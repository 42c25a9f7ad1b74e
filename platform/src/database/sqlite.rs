//! What SQLite needs to be trusted with concurrent writers is set here and nowhere else.

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::{SqliteError, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use tokio::time::{Instant, sleep};

use super::BUSY_TIMEOUT;

/// How long to wait before a file that is busy is opened again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The primary result code of a file that somebody else holds. Bits beyond the lowest eight tell
/// why.
const BUSY: u32 = 5;

/// Opens a database, whichever kind it is.
///
/// Whoever opens a new file first puts it into WAL mode. Others who open it in the same moment are
/// refused at once, whatever their busy timeout is, because SQLite does not let two wait for each
/// other; so they ask again.
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
