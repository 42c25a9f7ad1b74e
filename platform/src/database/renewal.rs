//! Passwords that are rotated while a process runs. Open connections stay open, but new ones are
//! refused. So a connection is tried every few seconds, and once it is refused, the secret is fetched
//! again.
//!
//! The pool has no hook that runs just before it connects, hence the trying.

use std::time::Duration;

use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{ConnectOptions, Connection, Database, Error, Pool};
use secrecy::ExposeSecret as _;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::secrets::{CredentialSource, Login};

/// The interval between tries: a changed password is noticed within this time.
const EVERY: Duration = Duration::from_secs(5);

/// The timeout of a try.
const PATIENCE: Duration = Duration::from_secs(10);

/// The SQLSTATE class with which PostgreSQL and MySQL refuse a login: "invalid authorization
/// specification" in standard SQL.
const REFUSED: &str = "28";

pub(super) trait LogIn: ConnectOptions + Clone {
    fn with_login(self, login: &Login) -> Self;
}

impl LogIn for PgConnectOptions {
    fn with_login(self, login: &Login) -> Self {
        self.username(&login.username)
            .password(login.password.expose_secret())
    }
}

impl LogIn for MySqlConnectOptions {
    fn with_login(self, login: &Login) -> Self {
        self.username(&login.username)
            .password(login.password.expose_secret())
    }
}

/// Keeps the pool able to connect until it is closed.
pub(super) async fn keep<DB: Database>(pool: Pool<DB>, credential_source: CredentialSource)
where
    <DB::Connection as Connection>::Options: LogIn,
{
    let mut is_refused = false;
    loop {
        tokio::select! {
            () = sleep(EVERY) => {}
            () = pool.close_event() => return,
        }
        if !is_login_refused(&pool).await {
            is_refused = false;
            continue;
        }
        if !is_refused {
            warn!("the database refuses name and password; fetching them again");
        }
        is_refused = true;
        match credential_source.login().await {
            Ok(login) => {
                let options = (*pool.connect_options()).clone();
                pool.set_connect_options(options.with_login(&login));
                if !is_login_refused(&pool).await {
                    info!("the database takes the new name and password");
                    is_refused = false;
                }
            }
            Err(error) => warn!(%error, "name and password of the database cannot be fetched"),
        }
    }
}

/// Whether a new connection is refused because of its name or password. For a database that does not
/// answer at all, nothing can be done here.
async fn is_login_refused<DB: Database>(pool: &Pool<DB>) -> bool {
    let options = pool.connect_options();
    match timeout(PATIENCE, options.connect()).await {
        Ok(Ok(connection)) => {
            // Only whether it opened matters.
            let _ = connection.close().await;
            false
        }
        Ok(Err(Error::Database(error))) => {
            error.code().is_some_and(|code| code.starts_with(REFUSED))
        }
        Ok(Err(_)) | Err(_) => false,
    }
}
