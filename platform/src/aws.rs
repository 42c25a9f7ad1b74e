//! What all clients of AWS have in common: where it is, who we are, how long to wait and how often
//! to try. Each process makes one [`SdkConfig`], and its clients share one pool of connections.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use secrecy::{ExposeSecret as _, SecretString};

/// How often a request is sent at most. The SDK waits longer and longer between, at random, and
/// gives up sooner when everything fails, so that many instances do not make a bad time worse.
const ATTEMPTS: u32 = 4;

/// How long a connection may take. AWS answers from nearby.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one attempt may take until its answer begins. Requests that send or wait for more
/// say so themselves.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// What the settings say about AWS. Everything that is not said here is found by the SDK in its
/// own way: the instance's or the function's role, profiles, further variables.
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// Where AWS is; none for its own addresses.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Who we are, if not what the machine's role says.
    pub keys: Option<AccessKeys>,
}

/// Keys that stand in the environment.
#[derive(Clone, Debug)]
pub struct AccessKeys {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
    /// The session token, if the keys are temporary ones.
    pub session_token: Option<SecretString>,
}

/// What clients are made from. Nothing is asked yet but, if nobody says the region, the
/// machine's metadata.
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
