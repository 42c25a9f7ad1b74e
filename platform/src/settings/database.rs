//! Settings of the database: its address, certificates and login.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::reader::{Reader, SettingError};
use super::secret::DatabaseSecret;
use crate::secrets::{CredentialSource, Login};

/// Connections of a server.
const CONNECTIONS: u32 = 10;

/// Connections of a Lambda function, which does little at once and has many copies: the smallest
/// databases of RDS accept about eighty connections.
const CONNECTIONS_IN_LAMBDA: u32 = 2;

#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    kind: DatabaseKind,
    url: SecretString,
    authority: Authority,
    max_connections: u32,
    credential_source: Option<CredentialSource>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

/// The certificate authorities that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Those of the web.
    Web,
    /// Those of the web and of Amazon RDS.
    Rds,
    /// Those of the web and in this file.
    File(PathBuf),
}

impl DatabaseSettings {
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
    // Libraries repeat what they cannot read, password included.
    if kind != DatabaseKind::Sqlite && !is_address(&url) {
        return Err(SettingError::new(
            "DATABASE_URL cannot be read: its host, port or an encoding is invalid; write special \
             characters of the password in percent encoding, as in \
             DATABASE_URL=postgres://vitrine:p%40ssword@localhost:5432/vitrine"
                .to_owned(),
        ));
    }
    if authority != Authority::Web {
        url = verified(kind, &url);
    }
    Ok(DatabaseSettings {
        kind,
        url: url.into(),
        authority,
        max_connections,
        credential_source: secret.map(|secret| CredentialSource::new(secret.source)),
    })
}

fn is_address(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.has_host() && !url.cannot_be_a_base())
}

/// Adds certificate verification to the address, unless it has a setting for that.
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
