//! The connection to the database.

mod renewal;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;
use std::time::Duration;

#[cfg(not(feature = "sqlite"))]
use sea_orm::Database;
use sea_orm::sqlx;
use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::time::sleep;
use tracing::warn;

pub use renewal::report_refused_login;

use crate::settings::{Authority, DatabaseKind, DatabaseSettings};

/// The certificate authorities of RDS.
const RDS_AUTHORITIES: &[u8] = include_bytes!("database/rds-ca.pem");

/// How long a writer waits for another one on SQLite, and a request for a connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens the database. A login that comes from Secrets Manager is fetched again once the database
/// refuses it, until the connection is closed.
pub async fn connect(settings: &DatabaseSettings) -> Result<DatabaseConnection, DbErr> {
    let options = options(settings);
    #[cfg(feature = "sqlite")]
    let db = sqlite::open(options).await?;
    #[cfg(not(feature = "sqlite"))]
    let db = connect_to_a_server(settings, options).await?;
    if let Some(credential_source) = settings.credential_source().cloned() {
        match settings.kind() {
            DatabaseKind::Sqlite => {}
            DatabaseKind::Postgres => {
                let pool = db.get_postgres_connection_pool().clone();
                tokio::spawn(renewal::keep(pool, credential_source));
            }
            DatabaseKind::MySql => {
                let pool = db.get_mysql_connection_pool().clone();
                tokio::spawn(renewal::keep(pool, credential_source));
            }
        }
    }
    Ok(db)
}

#[cfg(not(feature = "sqlite"))]
async fn connect_to_a_server(
    settings: &DatabaseSettings,
    options: ConnectOptions,
) -> Result<DatabaseConnection, DbErr> {
    if settings.kind() == DatabaseKind::Sqlite {
        return Err(DbErr::BackendNotSupported {
            db: "SQLite",
            ctx: "functions on Lambda share no files; they need a server, as in \
                  DATABASE_URL=postgres://db.example.org/vitrine",
        });
    }
    Database::connect(options).await
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

/// The connections of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub used: usize,
    pub idle: usize,
}

/// How many connections the pool has now.
pub fn connections(db: &DatabaseConnection) -> Connections {
    let (all, idle) = match db.get_database_backend() {
        DbBackend::Postgres => {
            let pool = db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DbBackend::MySql => {
            let pool = db.get_mysql_connection_pool();
            (pool.size(), pool.num_idle())
        }
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => {
            let pool = db.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
        _ => (0, 0),
    };
    Connections {
        used: (all as usize).saturating_sub(idle),
        idle,
    }
}

/// Begins a transaction that will write. On SQLite it takes the write lock at once: a transaction
/// that reads first fails at its first write if another one has written in between.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// How often a transaction is run if others keep getting in its way.
const RUNS: u32 = 6;

/// Runs a transaction, and again if the database ended it in favour of another one. Databases expect
/// that of their clients: "MySQL 8.4 Reference Manual", 17.7.5.3; "PostgreSQL Documentation", 13.5.
pub async fn retry_conflicts<T, F>(transaction: impl Fn() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    for run in 1..RUNS {
        match transaction().await {
            Err(error) if is_conflict(&error) => {
                warn!(%error, run, "another transaction was in the way; trying again");
                sleep(Duration::from_millis(5 << run)).await;
            }
            outcome => return outcome,
        }
    }
    transaction().await
}

/// Whether the database rolled a transaction back because of another one.
fn is_conflict(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) =
        error
    else {
        return false;
    };
    let Some(cause) = cause.as_database_error() else {
        return false;
    };
    match cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(cause) => MYSQL_IS_CONFLICT.contains(&cause.number()),
        None => {
            let is_postgres = cause
                .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                .is_some();
            is_postgres && cause.code().is_some_and(|state| state.starts_with("40"))
        }
    }
}

/// Whether the database could not do its work: it does not answer, is starting, full or overloaded,
/// or had to end the transaction. Trying again may help. Any other error is a mistake of ours.
pub fn is_unavailable(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return matches!(error, DbErr::Conn(_));
    };
    match cause.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(cause) => is_temporary(cause.as_ref()),
        _ => matches!(error, DbErr::Conn(_)),
    }
}

fn is_temporary(cause: &dyn sqlx::error::DatabaseError) -> bool {
    #[cfg(feature = "sqlite")]
    if cause
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        let code = cause.code().and_then(|code| code.parse::<u32>().ok());
        return code.is_some_and(|code| sqlite::IS_TEMPORARY.contains(&(code & 0xff)));
    }
    if let Some(cause) = cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return MYSQL_IS_TEMPORARY.contains(&cause.number());
    }
    cause.code().is_some_and(|state| {
        POSTGRES_IS_TEMPORARY
            .iter()
            .any(|class| state.starts_with(class))
    })
}

/// Classes of SQLSTATE and single ones, from "PostgreSQL Error Codes": connection, failed login,
/// read-only after a failover, transaction rollback, resources, lock timeout, operator intervention,
/// I/O.
const POSTGRES_IS_TEMPORARY: [&str; 8] = ["08", "28", "25006", "40", "53", "55P03", "57", "58"];

/// From the "Server Error Message Reference" of MySQL and MariaDB: changed row (1020), disk full (1021,
/// 1114), too many connections (1040, 1203), failed login (1045), shutdown (1053, 1927), lock timeout
/// (1205), deadlock (1213), read-only (1290, 1792, 1836).
const MYSQL_IS_TEMPORARY: [u16; 13] = [
    1020, 1021, 1040, 1045, 1053, 1114, 1203, 1205, 1213, 1290, 1792, 1836, 1927,
];

/// Of these, the ones that a transaction gets because of another one: a deadlock, and a row that changed
/// after the transaction began to read (MariaDB with `innodb_snapshot_isolation`, on from 11.6.2).
const MYSQL_IS_CONFLICT: [u16; 2] = [1020, 1213];
