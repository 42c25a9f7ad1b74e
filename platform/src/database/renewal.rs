//! Passwords that are rotated while a process runs. Open connections stay open, but new ones are
//! refused. Then the secret is fetched again.
//!
//! The pool has no hook for a connection that fails, so code that turns errors of the database into
//! answers reports refused logins here. For those that are not reported, a connection is tried every few
//! seconds while the next query would open one: never one more than the pool may have, because the
//! database may have no more.

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{ConnectOptions, Connection, Database, Error, Pool};
use sea_orm::{DbErr, RuntimeErr};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::secrets::{CredentialSource, Login};

/// The interval between tries.
const EVERY: Duration = Duration::from_secs(5);

/// The timeout of a try.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts the logins that were reported as refused.
static REFUSALS: LazyLock<watch::Sender<u64>> = LazyLock::new(watch::Sender::default);

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

/// Has the secret fetched again if this error says that the login was refused.
pub fn report_refused_login(error: &DbErr) {
    if let DbErr::Conn(RuntimeErr::SqlxError(cause)) = error
        && is_refusal(cause)
    {
        REFUSALS.send_modify(|count| *count += 1);
    }
}

/// Keeps the pool able to connect until it is closed.
pub(super) async fn keep<DB: Database>(pool: Pool<DB>, credential_source: CredentialSource)
where
    <DB::Connection as Connection>::Options: LogIn,
{
    let mut refusals = REFUSALS.subscribe();
    let mut is_refused = false;
    loop {
        let is_due = tokio::select! {
            () = sleep(EVERY) => is_refused || would_connect(&pool),
            Ok(()) = refusals.changed(), if !is_refused => true,
            () = pool.close_event() => return,
        };
        if !is_due {
            continue;
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

/// Whether the next query opens a connection.
fn would_connect<DB: Database>(pool: &Pool<DB>) -> bool {
    pool.num_idle() == 0 && pool.size() < pool.options().get_max_connections()
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
        Ok(Err(error)) => is_refusal(&error),
        Err(_) => false,
    }
}

fn is_refusal(error: &Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    error.code().is_some_and(|code| code.starts_with(REFUSED))
}
