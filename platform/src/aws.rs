//! The common configuration of all AWS clients: endpoint, credentials, timeouts and retries. A
//! process makes one [`SdkConfig`], and its clients share one connection pool.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use secrecy::{ExposeSecret as _, SecretString};

/// Tries of a request. Between them the SDK waits with exponential backoff and jitter, and when
/// many requests fail it tries less, so that many instances do not make an outage worse.
const ATTEMPTS: u32 = 4;

/// AWS answers from nearby.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The time until the answer to one try begins. Requests that transfer more data set their own.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The settings for AWS. What is not set, the SDK finds in its own way: the role of the instance or
/// the function, profiles, other variables.
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// None for the endpoints of AWS.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// None for the role of the machine.
    pub keys: Option<AccessKeys>,
}

/// Keys from the environment.
#[derive(Clone, Debug)]
pub struct AccessKeys {
    pub id: String,
    pub secret: SecretString,
    /// Set for temporary keys.
    pub session_token: Option<SecretString>,
}

/// Loads the configuration. It sends no request, unless the region is unset: then it asks the
/// metadata service of the machine.
pub async fn config(settings: &AwsSettings) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(keys) = &settings.keys {
        let token = keys.session_token.as_ref();
        loader = loader.credentials_provider(Credentials::new(
            &keys.id,
            keys.secret.expose_secret(),
            token.map(|token| token.expose_secret().to_owned()),
            None,
            "environment",
        ));
    }
    loader.load().await
}
