//! The lock of migrations. Several instances may start at once, and each brings the schema up to
//! date first. One of them migrates; the others wait, and find nothing left to do.
//!
//! Everything happens on one connection, so a pool of one is enough, and anything that ends that
//! connection, a crash or a cut cable, releases the lock.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::prelude::MigratorTrait;
use tokio::time::Instant;
use tracing::info;

/// The longest wait for the lock: longer than any migration should take.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// "vitrine" in ASCII. PostgreSQL's advisory locks belong to one database, and have numbers.
const POSTGRES_LOCK: i64 = 0x0076_6974_7269_6e65;

/// MySQL's named locks belong to the whole server, and their names are 64 characters at most.
const MYSQL_LOCK: &str = "CONCAT('vitrine ', MD5(DATABASE()))";

/// PostgreSQL's SQLSTATE for a lock timeout.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLite's primary result code for a file that another connection writes to. The higher bits of a
/// code say more.
const SQLITE_BUSY: u32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The lock was not released in time.
    #[error(
        "another process has held the database's schema for {} seconds; see whether a vitrine \
         that migrates hangs, stop it, and start this one again",
        .0.as_secs()
    )]
    OutOfPatience(Duration),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Applies the missing migrations, in one process of this database at a time.
///
/// On SQLite, close the connections that were open before, and open others. A connection that has
/// read an older schema with the full-text index, and has not used that index, fails its next
/// statement with "no such table", although the table exists (seen up to SQLite 3.51.3: a reset of
/// its schema that comes while FTS5 opens the index is lost).
///
/// # Errors
/// If a migration fails, or another process does not finish within `patience`.
pub async fn up<M: MigratorTrait>(
    db: &DatabaseConnection,
    patience: Duration,
) -> Result<(), MigrateError> {
    apply::<M>(db, None, patience).await
}

/// The same for the next `steps` migrations only.
pub async fn up_by<M: MigratorTrait>(
    db: &DatabaseConnection,
    steps: u32,
    patience: Duration,
) -> Result<(), MigrateError> {
    apply::<M>(db, Some(steps), patience).await
}

/// On one connection, so that on SQLite no other reads a schema that is half way to the next.
async fn apply<M: MigratorTrait>(
    db: &DatabaseConnection,
    steps: Option<u32>,
    patience: Duration,
) -> Result<(), MigrateError> {
    match db.get_database_backend() {
        DbBackend::Sqlite => {
            let tx = begin_on_sqlite(db, patience).await?;
            M::up(&tx, steps).await?;
            tx.commit().await?;
        }
        DbBackend::Postgres => {
            let tx = db.begin().await?;
            lock_postgres(&tx, patience).await?;
            M::up(&tx, steps).await?;
            tx.commit().await?;
        }
        _ => {
            // It only holds the connection: statements that change the schema commit.
            let tx = db.begin().await?;
            lock_mysql(&tx, patience).await?;
            let migrated = M::up(&tx, steps).await;
            let released = ask(&tx, format!("SELECT RELEASE_LOCK({MYSQL_LOCK})")).await;
            migrated?;
            released?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// SQLite has one writer at a time: from here on, this transaction.
async fn begin_on_sqlite(
    db: &DatabaseConnection,
    patience: Duration,
) -> Result<DatabaseTransaction, MigrateError> {
    let deadline = Instant::now() + patience;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    loop {
        // SQLite itself waits for the busy timeout of the connection.
        match db.begin_with_options(options).await {
            Err(error) if is_busy(&error) => {
                if Instant::now() >= deadline {
                    return Err(MigrateError::OutOfPatience(patience));
                }
                info!("waiting for another process to finish writing to the database");
            }
            begun => return Ok(begun?),
        }
    }
}

async fn lock_postgres(tx: &DatabaseTransaction, patience: Duration) -> Result<(), MigrateError> {
    let tried = format!("SELECT CASE WHEN pg_try_advisory_xact_lock({POSTGRES_LOCK}) THEN 1 END");
    if ask(tx, tried).await? == Some(1) {
        return Ok(());
    }
    info!("waiting for another process to bring the database's schema up to date");
    let milliseconds = patience.as_millis();
    tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {milliseconds}"))
        .await?;
    let waited = tx
        .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSTGRES_LOCK})"))
        .await;
    match waited {
        Err(error) if code(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => {
            return Err(MigrateError::OutOfPatience(patience));
        }
        waited => waited?,
    };
    tx.execute_unprepared("SET LOCAL lock_timeout TO DEFAULT")
        .await?;
    Ok(())
}

async fn lock_mysql(tx: &DatabaseTransaction, patience: Duration) -> Result<(), MigrateError> {
    let lock = |seconds: f64| format!("SELECT GET_LOCK({MYSQL_LOCK}, {seconds})");
    if ask(tx, lock(0.0)).await? == Some(1) {
        return Ok(());
    }
    info!("waiting for another process to bring the database's schema up to date");
    match ask(tx, lock(patience.as_secs_f64())).await? {
        Some(1) => Ok(()),
        _ => Err(MigrateError::OutOfPatience(patience)),
    }
}

/// The result of a query for an integer, which may be NULL.
async fn ask(tx: &DatabaseTransaction, question: String) -> Result<Option<i32>, DbErr> {
    let question = Statement::from_string(tx.get_database_backend(), question);
    let Some(row) = tx.query_one_raw(question).await? else {
        return Ok(None);
    };
    row.try_get_by_index(0)
}

fn is_busy(error: &DbErr) -> bool {
    let code = code(error).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

/// The database's error code.
fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}
