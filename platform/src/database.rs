//! The connection to the database.

mod login;
mod renewal;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::Duration;

#[cfg(not(feature = "sqlite"))]
use sea_orm::Database;
use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::settings::{Authority, DatabaseKind, DatabaseSettings};

pub(crate) use login::Login;

/// Whose signatures on certificates of RDS count.
const RDS_AUTHORITIES: &[u8] = include_bytes!("database/rds-ca.pem");

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens the database. If name and password come from a keeper of secrets, they are fetched again
/// from there once the database refuses them, until the connection is closed.
///
/// # Errors
/// If it cannot be reached, or does not let us in.
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
        return Err(DbErr::Custom(
            "this program cannot share a file of SQLite with others; it needs a server, as in \
             DATABASE_URL=postgres://db.example.org/vitrine"
                .to_owned(),
        ));
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

/// Begins a transaction that will write. On SQLite it takes the write lock at once: a
/// transaction that reads first and writes later fails as soon as another one wrote between.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}
