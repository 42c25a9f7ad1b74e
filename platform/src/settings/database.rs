//! Which database, how it is reached, and who knows the password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::reader::{Reader, SettingError};
use super::secret::{DATABASE, DatabaseSecret};
use crate::database::Login;
use crate::secrets::{SecretError, SecretSource};

/// Connections of one process, where requests come at once.
const CONNECTIONS: u32 = 10;

/// The same in Lambda, where one process does little at once and there are many of them: the
/// smallest databases of RDS take about eighty connections.
const CONNECTIONS_IN_LAMBDA: u32 = 2;

/// Which database to use.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    kind: DatabaseKind,
    url: SecretString,
    authority: Authority,
    max_connections: u32,
    credential_source: Option<CredentialSource>,
}

/// The databases the schema is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file of this machine.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    MySql,
}

/// Whose signature on the server's certificate counts, besides those of the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Nobody's.
    Web,
    /// Amazon RDS's.
    Rds,
    /// Those in a file of certificates.
    File(PathBuf),
}

/// Who knows name and password, and tells them anew once they have changed.
#[derive(Clone)]
pub(crate) struct CredentialSource(Arc<dyn SecretSource>);

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl CredentialSource {
    /// Name and password as they are now.
    pub(crate) async fn login(&self) -> Result<Login, LoginError> {
        let json = self.0.secret(DATABASE).await?.ok_or(LoginError::Gone)?;
        Login::read(&json).map_err(LoginError::Unreadable)
    }
}

/// Why name and password cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// Whoever keeps the secret does not tell it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Nobody keeps it any more.
    #[error("the secret is gone")]
    Gone,
    /// It is not what it should be.
    #[error("{0}")]
    Unreadable(String),
}

impl DatabaseSettings {
    /// The SQLite database in this file.
    pub fn sqlite(path: &Path) -> Self {
        // `?` and `#` would end the path, `%` would be decoded.
        let path = path
            .display()
            .to_string()
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        Self {
            kind: DatabaseKind::Sqlite,
            url: format!("sqlite://{path}?mode=rwc").into(),
            authority: Authority::Web,
            max_connections: CONNECTIONS,
            credential_source: None,
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Connections of one process at most.
    pub fn max_connections(&self) -> u32 {
        self.max_connections
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn credential_source(&self) -> Option<&CredentialSource> {
        self.credential_source.as_ref()
    }
}

pub(super) fn database(
    reader: &Reader,
    data: &Path,
    secret: Option<DatabaseSecret>,
) -> Result<DatabaseSettings, SettingError> {
    let authority = match reader.text("DATABASE_CA_FILE") {
        Some(file) => {
            std::fs::read(file).map_err(|_| reader.bad("DATABASE_CA_FILE", "cannot be read"))?;
            Authority::File(file.into())
        }
        None if secret.is_some() => Authority::Rds,
        None => Authority::Web,
    };
    let in_lambda = reader.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
    let connections = if in_lambda {
        CONNECTIONS_IN_LAMBDA
    } else {
        CONNECTIONS
    };
    let max_connections = reader.number("DATABASE_MAX_CONNECTIONS", connections, 1..=1000)?;
    let given = reader.text("DATABASE_URL");
    if given.is_none() && secret.is_none() {
        return Ok(DatabaseSettings {
            max_connections,
            ..DatabaseSettings::sqlite(&data.join("vitrine.sqlite"))
        });
    }
    let mut url = match &secret {
        None => given.unwrap_or_default().to_owned(),
        Some(secret) => Login::complete(&secret.json, given).map_err(SettingError::new)?,
    };
    if let Some(rest) = url.strip_prefix("mariadb:") {
        url = format!("mysql:{rest}");
    }
    let kind = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => DatabaseKind::Sqlite,
        Some("postgres" | "postgresql") => DatabaseKind::Postgres,
        Some("mysql") => DatabaseKind::MySql,
        // The value may hold a password, so it is not repeated.
        _ => {
            return Err(SettingError::new(
                "DATABASE_URL begins with none of sqlite:, postgres: and mysql:; an example is \
                 DATABASE_URL=postgres://vitrine:password@localhost/vitrine"
                    .to_owned(),
            ));
        }
    };
    if authority != Authority::Web {
        url = verified(kind, &url);
    }
    Ok(DatabaseSettings {
        kind,
        url: url.into(),
        authority,
        max_connections,
        credential_source: secret.map(|secret| CredentialSource(secret.source)),
    })
}

/// The address with the certificate verified, unless it says something about that itself.
fn verified(kind: DatabaseKind, url: &str) -> String {
    let (name, value) = match kind {
        DatabaseKind::Sqlite => return url.to_owned(),
        DatabaseKind::Postgres => ("sslmode", "verify-full"),
        DatabaseKind::MySql => ("ssl-mode", "VERIFY_IDENTITY"),
    };
    let Ok(mut url) = Url::parse(url) else {
        return url.to_owned();
    };
    let says_itself = url
        .query_pairs()
        .any(|(name, _)| matches!(name.as_ref(), "sslmode" | "ssl-mode"));
    if !says_itself {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.into()
}
