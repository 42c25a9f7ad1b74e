//! Name and password as Secrets Manager keeps them for a database of RDS: a JSON document, whose
//! fields the Secrets Manager User Guide lists under "JSON structure of AWS Secrets Manager
//! database credential secrets". The secrets that RDS itself manages hold `username` and
//! `password` and nothing else.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// An address to begin with, for messages.
const EXAMPLE: &str = "DATABASE_URL=postgres://db.example.org/vitrine";

/// Name and password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: SecretString,
}

#[derive(Deserialize)]
struct Document {
    username: String,
    password: SecretText,
    engine: Option<String>,
    host: Option<String>,
    /// A number; some write it as text.
    port: Option<Value>,
    dbname: Option<String>,
}

/// Text that does not show in `Debug`.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl Document {
    fn read(json: &SecretString) -> Result<Self, String> {
        // What the parser says could repeat a part of the secret.
        serde_json::from_str(json.expose_secret()).map_err(|_| {
            "DATABASE_SECRET_ARN names a secret that is no JSON document with username and \
             password, as RDS keeps them"
                .to_owned()
        })
    }

    /// The address without name and password, as far as the secret tells.
    fn address(&self) -> Result<Url, String> {
        let (Some(engine), Some(host)) = (&self.engine, &self.host) else {
            return Err(format!(
                "the secret of DATABASE_SECRET_ARN does not say which engine and host, as those \
                 that RDS manages never do; set DATABASE_URL to the address without name and \
                 password, for example {EXAMPLE}"
            ));
        };
        let scheme = match engine.as_str() {
            "postgres" | "postgresql" | "aurora-postgresql" => "postgres",
            "mysql" | "mariadb" | "aurora-mysql" => "mysql",
            other => {
                return Err(format!(
                    "the secret of DATABASE_SECRET_ARN is for the engine {other}; Vitrine takes \
                     postgres, mysql and mariadb"
                ));
            }
        };
        Url::parse(&format!("{scheme}://{host}"))
            .map_err(|_| "the secret of DATABASE_SECRET_ARN has a host that is none".to_owned())
    }

    fn port(&self) -> Option<u16> {
        match self.port.as_ref()? {
            Value::Number(port) => port.as_u64()?.try_into().ok(),
            Value::String(port) => port.parse().ok(),
            _ => None,
        }
    }
}

impl Login {
    /// Reads what a secret holds.
    pub(crate) fn read(json: &SecretString) -> Result<Self, String> {
        let document = Document::read(json)?;
        Ok(Self {
            username: document.username,
            password: document.password.0,
        })
    }

    /// The whole address of a database: what `given` says, and from the secret what it does not
    /// say.
    pub(crate) fn complete(json: &SecretString, given: Option<&str>) -> Result<String, String> {
        let document = Document::read(json)?;
        let mut url = match given {
            None => document.address()?,
            Some(given) => Url::parse(given).map_err(|_| {
                format!("DATABASE_URL is no address of a database; an example is {EXAMPLE}")
            })?,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "DATABASE_URL holds a name or a password, and DATABASE_SECRET_ARN is set as well; \
                 take them out of the address, as in {EXAMPLE}"
            ));
        }
        if url.port().is_none() {
            let _ = url.set_port(document.port());
        }
        if url.path().trim_matches('/').is_empty() {
            let name = document.dbname.as_deref().ok_or_else(|| {
                format!(
                    "neither DATABASE_URL nor the secret of DATABASE_SECRET_ARN says the \
                     database's name; an example is {EXAMPLE}"
                )
            })?;
            url.set_path(name);
        }
        // `Url` would leave a percent sign alone, and whoever reads it would decode it.
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = encode(document.password.0.expose_secret());
        let set = url
            .set_username(&encode(&document.username))
            .and_then(|()| url.set_password(Some(&password)));
        match set {
            Ok(()) => Ok(url.into()),
            Err(()) => Err(format!(
                "DATABASE_URL names no server, and DATABASE_SECRET_ARN is set; an example is \
                 {EXAMPLE}"
            )),
        }
    }
}
