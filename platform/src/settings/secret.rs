//! Settings that are secrets. Each is in its own variable, or another variable names where it is
//! kept. Both at once are an error, because it would be unclear which one applies.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::reader::{Reader, SettingError};
use crate::secrets::{ARN_SUFFIX, DATABASE, Environment, SecretSource, SecretsManager};

/// Settings whose whole value is a secret.
const SETTINGS: [&str; 3] = ["VITRINE_ADMIN_PASSWORD", "GEMINI_API_KEY", "OPENAI_API_KEY"];

/// The login of the database in Secrets Manager, and the source to fetch it again from.
pub(super) struct DatabaseSecret {
    pub(super) json: SecretString,
    pub(super) source: Arc<dyn SecretSource>,
}

/// Fetches secrets and puts them among the variables.
pub(super) async fn fetch(reader: &mut Reader) -> Result<Option<DatabaseSecret>, SettingError> {
    let aws = super::aws::aws(reader)?;
    let Some(manager) = SecretsManager::new(&aws, reader.pairs()).await else {
        return Ok(None);
    };
    let environment = Environment::new(reader.pairs());
    for setting in SETTINGS {
        let given = read(&environment, setting).await?;
        let Some(kept) = read(&manager, setting).await? else {
            continue;
        };
        if given.is_some() {
            return Err(SettingError::new(format!(
                "{setting} and {setting}{ARN_SUFFIX} are both set; take one of them away"
            )));
        }
        if serde_json::from_str::<serde_json::Map<_, _>>(kept.expose_secret()).is_ok() {
            return Err(SettingError::new(format!(
                "{setting}{ARN_SUFFIX} names a secret of keys and values; store it as plain text"
            )));
        }
        reader.fill(setting, kept.expose_secret());
    }
    let Some(json) = read(&manager, DATABASE).await? else {
        return Ok(None);
    };
    Ok(Some(DatabaseSecret {
        json,
        source: Arc::new(manager),
    }))
}

async fn read(
    source: &dyn SecretSource,
    setting: &str,
) -> Result<Option<SecretString>, SettingError> {
    let secret = source.secret(setting).await;
    secret.map_err(|error| SettingError::new(error.to_string()))
}

/// Refuses secrets in Secrets Manager, for a reader that fetches nothing.
pub(super) fn refuse_kept(reader: &Reader) -> Result<(), SettingError> {
    match reader.pairs().find(|(name, _)| name.ends_with(ARN_SUFFIX)) {
        None => Ok(()),
        Some((name, _)) => Err(SettingError::new(format!(
            "{name} names a secret, and secrets are not fetched here"
        ))),
    }
}
