//! The login of a database as Secrets Manager keeps it for RDS: a JSON document, whose fields the
//! Secrets Manager User Guide lists under "JSON structure of AWS Secrets Manager database credential
//! secrets". The secrets that RDS itself manages hold only `username` and `password`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The example in error messages.
const EXAMPLE: &str = "DATABASE_URL=postgres://db.example.org/vitrine";

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
        // The parser's message could repeat a part of the secret.
        serde_json::from_str(json.expose_secret()).map_err(|_| {
            "DATABASE_SECRET_ARN names a secret that is not a JSON document with username and \
             password, as RDS makes them"
                .to_owned()
        })
    }

    /// The address without name and password, as far as the secret has it.
    fn address(&self) -> Result<Url, String> {
        let (Some(engine), Some(host)) = (&self.engine, &self.host) else {
            return Err(format!(
                "the secret of DATABASE_SECRET_ARN has no engine and host, as is usual for secrets \
                 that RDS manages; set DATABASE_URL to the address without name and \
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
            .map_err(|_| "the secret of DATABASE_SECRET_ARN has an invalid host".to_owned())
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
    /// Reads the content of a secret.
    pub(crate) fn read(json: &SecretString) -> Result<Self, String> {
        let document = Document::read(json)?;
        Ok(Self {
            username: document.username,
            password: document.password.0,
        })
    }

    /// The full address of a database: `given`, completed from the secret.
    pub(crate) fn complete(json: &SecretString, given: Option<&str>) -> Result<String, String> {
        let document = Document::read(json)?;
        let mut url = match given {
            None => document.address()?,
            Some(given) => Url::parse(given).map_err(|_| {
                format!("DATABASE_URL is not the address of a database; an example is {EXAMPLE}")
            })?,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "DATABASE_URL has a name or a password, and DATABASE_SECRET_ARN is set as well; \
                 remove them from the address, as in {EXAMPLE}"
            ));
        }
        if url.port().is_none() {
            let _ = url.set_port(document.port());
        }
        if url.path().trim_matches('/').is_empty() {
            let name = document.dbname.as_deref().ok_or_else(|| {
                format!(
                    "neither DATABASE_URL nor the secret of DATABASE_SECRET_ARN has the name of the \
                     database; an example is {EXAMPLE}"
                )
            })?;
            url.set_path(name);
        }
        // `Url` does not encode a percent sign, which the reader would decode.
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = encode(document.password.0.expose_secret());
        let set = url
            .set_username(&encode(&document.username))
            .and_then(|()| url.set_password(Some(&password)));
        match set {
            Ok(()) => Ok(url.into()),
            Err(()) => Err(format!(
                "DATABASE_URL has no host, and DATABASE_SECRET_ARN is set; an example is \
                 {EXAMPLE}"
            )),
        }
    }
}
