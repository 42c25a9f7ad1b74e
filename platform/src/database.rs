//! The connection to the database. What SQLite needs to be trusted with concurrent writers is
//! set here and nowhere else.

mod login;
mod renewal;

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteError, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::time::{Instant, sleep};

use crate::settings::{Authority, DatabaseKind, DatabaseSettings};

pub(crate) use login::Login;

/// Whose signatures on certificates of RDS count.
const RDS_AUTHORITIES: &[u8] = include_bytes!("database/rds-ca.pem");

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait before a file that is busy is opened again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Opens the database. If name and password come from a keeper of secrets, they are fetched again
/// from there once the database refuses them, until the connection is closed.
///
/// # Errors
/// If it cannot be reached, or does not let us in.
pub async fn connect(settings: &DatabaseSettings) -> Result<DatabaseConnection, DbErr> {
    let db = open(settings).await?;
    if let Some(keeper) = settings.keeper().cloned() {
        match settings.kind() {
            DatabaseKind::Sqlite => {}
            DatabaseKind::Postgres => {
                let pool = db.get_postgres_connection_pool().clone();
                tokio::spawn(renewal::keep(pool, keeper));
            }
            DatabaseKind::MySql => {
                let pool = db.get_mysql_connection_pool().clone();
                tokio::spawn(renewal::keep(pool, keeper));
            }
        }
    }
    Ok(db)
}

/// Whoever opens a new file of SQLite first puts it into WAL mode. Others who open it in the same
/// moment are refused at once, whatever their busy timeout says, because SQLite does not let two
/// wait for each other; so they ask again.
async fn open(settings: &DatabaseSettings) -> Result<DatabaseConnection, DbErr> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match Database::connect(options(settings)).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(ASK_AGAIN).await,
            opened => return opened,
        }
    }
}

/// Whether somebody else holds the file of SQLite: the primary result code, in the lowest eight
/// bits, is `SQLITE_BUSY`.
fn is_busy(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    error.try_downcast_ref::<SqliteError>().is_some() && code.is_some_and(|code| code & 0xff == 5)
}

fn options(settings: &DatabaseSettings) -> ConnectOptions {
    let authority = settings.authority().clone();
    let for_mysql = authority.clone();
    let mut options = ConnectOptions::new(settings.url());
    options
        .max_connections(settings.max_connections())
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(BUSY_TIMEOUT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // In WAL mode, NORMAL may lose the last commits in a power cut; FULL does not.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
        })
        .map_sqlx_postgres_opts(move |postgres| match &authority {
            Authority::Web => postgres,
            Authority::Rds => postgres.ssl_root_cert_from_pem(RDS_AUTHORITIES.to_vec()),
            Authority::File(file) => postgres.ssl_root_cert(file),
        })
        .map_sqlx_mysql_opts(move |mysql| match &for_mysql {
            Authority::Web => mysql,
            Authority::Rds => mysql.ssl_ca_from_pem(RDS_AUTHORITIES.to_vec()),
            Authority::File(file) => mysql.ssl_ca(file),
        });
    options
}

/// Begins a transaction that will write. On SQLite it takes the write lock at once: a
/// transaction that reads first and writes later fails as soon as another one wrote between.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}
