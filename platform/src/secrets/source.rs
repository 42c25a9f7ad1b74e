//! The sources of secrets: the environment, and AWS Secrets Manager.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;

use crate::aws::{self, AwsSettings};

/// The end of the variable that names the secret of a setting.
pub const ARN_SUFFIX: &str = "_SECRET_ARN";

#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync + 'static {
    /// The current secret of a setting; none if this source does not have it.
    async fn secret(&self, setting: &str) -> Result<Option<SecretString>, SecretError>;
}

/// A secret exists and cannot be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}{ARN_SUFFIX}={arn} cannot be used: {why}")]
pub struct SecretError {
    setting: String,
    arn: String,
    why: String,
}

/// The environment: a secret is the value of its setting.
pub struct Environment(BTreeMap<String, SecretString>);

impl Environment {
    /// Empty variables count as unset.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = variables
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| (name.to_owned(), value.into()));
        Self(variables.collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[async_trait]
impl SecretSource for Environment {
    async fn secret(&self, setting: &str) -> Result<Option<SecretString>, SecretError> {
        Ok(self.0.get(setting).cloned())
    }
}

/// AWS Secrets Manager: a secret has an ARN, or a name that is unique in its region.
pub struct SecretsManager {
    client: Client,
    arns: BTreeMap<String, String>,
}

impl SecretsManager {
    /// The secrets that these variables name, as in `GEMINI_API_KEY_SECRET_ARN`. None if there are
    /// no such variables, so that AWS need not be reachable.
    pub async fn new<'a>(
        settings: &AwsSettings,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<Self> {
        let arns: BTreeMap<_, _> = variables
            .into_iter()
            .filter(|(_, arn)| !arn.trim().is_empty())
            .filter_map(|(name, arn)| Some((name.strip_suffix(ARN_SUFFIX)?, arn.trim())))
            .map(|(setting, arn)| (setting.to_owned(), arn.to_owned()))
            .collect();
        if arns.is_empty() {
            return None;
        }
        let client = Client::new(&aws::config(settings).await);
        Some(Self { client, arns })
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretsManager").field(&self.arns).finish()
    }
}

#[async_trait]
impl SecretSource for SecretsManager {
    async fn secret(&self, setting: &str) -> Result<Option<SecretString>, SecretError> {
        let Some(arn) = self.arns.get(setting) else {
            return Ok(None);
        };
        let cannot = |why: String| SecretError {
            setting: setting.to_owned(),
            arn: arn.clone(),
            why,
        };
        let answer = self.client.get_secret_value().secret_id(arn).send().await;
        let value = answer.map_err(|error| cannot(advice(&error)))?;
        match value.secret_string {
            Some(secret) if !secret.trim().is_empty() => Ok(Some(secret.into())),
            _ => Err(cannot(
                "the secret has no text; store it as plain text, not as binary data".to_owned(),
            )),
        }
    }
}

/// What went wrong, and what to check. The service's messages name the caller and the secret, never
/// its content.
fn advice(error: &SdkError<GetSecretValueError>) -> String {
    let Some(service) = error.as_service_error() else {
        let why = match error {
            SdkError::TimeoutError(_) => "no answer in time",
            SdkError::DispatchFailure(_) => "no connection, or no credentials for it",
            _ => "no valid answer",
        };
        return format!(
            "{why} from Secrets Manager; check AWS_REGION, the role of this machine, and that it \
             can reach the service (a NAT gateway or a VPC endpoint)"
        );
    };
    let look_at = match service.code() {
        Some("ResourceNotFoundException") => "check the ARN and AWS_REGION",
        Some("AccessDeniedException" | "DecryptionFailure") => {
            "allow this role secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key \
             of its own"
        }
        _ => "check the secret in the console of Secrets Manager",
    };
    let code = service.code().unwrap_or("an error");
    let message = service.message().unwrap_or("without a reason");
    format!("{code} ({message}); {look_at}")
}
