//! Presigned addresses, at which the store serves an object directly for a while.
//!
//! An address is signed as of the beginning of the current half hour, so that a page has the same
//! addresses for up to half an hour, and browsers find pictures in their cache. It is valid until a
//! quarter of an hour after that half hour: for 15 to 45 minutes.
//!
//! It also expires with the credentials that signed it. A role's credentials last for hours and are
//! rotated. Credentials that are about to expire are fetched again, and if there are no newer ones
//! yet, the address has the shorter expiry.

mod signer;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use tokio::sync::Mutex;
use tracing::warn;
use url::Url;

pub use signer::{Disposition, Promise, Signer, WriteAddress};

use self::signer::Signed;
use super::StoreError;

/// The time for which a page has the same addresses.
const WINDOW: Duration = Duration::from_secs(30 * 60);

/// The shortest validity of a new address, unless the credentials expire earlier.
const MINIMUM: Duration = Duration::from_secs(15 * 60);

/// The interval of tries to fetch credentials that last longer.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// The time for which credentials are used without fetching them again: they may have been rotated.
const KEEP: Duration = Duration::from_secs(15 * 60);

/// Makes signers for one bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Presigning {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The address before the key.
    base: String,
    origin: String,
    region: Region,
    provider: SharedCredentialsProvider,
    known: Mutex<Option<Known>>,
    signed: Signed,
}

#[derive(Clone, Debug)]
struct Known {
    credentials: Credentials,
    asked_at: SystemTime,
}

impl Presigning {
    pub(super) async fn new(config: &SdkConfig, bucket: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Refused {
            doing: format!("finding bucket {bucket}"),
            reason,
        };
        let region = config.region().cloned();
        let region = region.ok_or_else(|| {
            refused(
                "its region is not set; set AWS_REGION, as in AWS_REGION=eu-central-1".to_owned(),
            )
        })?;
        let provider = config
            .credentials_provider()
            .ok_or_else(|| refused("no source of credentials is configured".to_owned()))?;
        // The SDK's own rules, so that both use the same address for a bucket.
        let parameters = Params::builder()
            .bucket(bucket)
            .region(region.as_ref())
            .set_endpoint(config.endpoint_url().map(str::to_owned))
            .force_path_style(config.endpoint_url().is_some())
            .use_fips(config.use_fips().unwrap_or_default())
            .use_dual_stack(config.use_dual_stack().unwrap_or_default())
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
        let base = endpoint.map_err(|error| refused(error.to_string()))?;
        let base = base.url().trim_end_matches('/').to_owned();
        let origin = Url::parse(&base)
            .map_err(|error| refused(format!("{base} is not an address: {error}")))?
            .origin()
            .ascii_serialization();
        Ok(Self {
            inner: Arc::new(Inner {
                base,
                origin,
                region,
                provider,
                known: Mutex::default(),
                signed: Signed::default(),
            }),
        })
    }

    /// Scheme, host and port of the addresses, for a Content-Security-Policy.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// A signer with the current time and credentials.
    ///
    /// # Errors
    /// If there are no credentials.
    pub async fn signer(&self) -> Result<Signer, StoreError> {
        let now = SystemTime::now();
        let credentials = self.credentials(now).await?;
        let (signed_at, expires_in) = validity(now, credentials.expiry());
        Ok(Signer {
            place: Arc::clone(&self.inner),
            credentials,
            signed_at,
            expires_in,
        })
    }

    async fn credentials(&self, now: SystemTime) -> Result<Credentials, StoreError> {
        let mut known = self.inner.known.lock().await;
        if let Some(known) = known.as_ref()
            && known.will_do(now)
        {
            return Ok(known.credentials.clone());
        }
        match self.inner.provider.provide_credentials().await {
            Ok(credentials) => {
                *known = Some(Known {
                    credentials: credentials.clone(),
                    asked_at: now,
                });
                Ok(credentials)
            }
            Err(error) => match known.as_mut() {
                Some(known) if known.lasts_until(now) => {
                    warn!(%error, "new credentials cannot be fetched; the old ones are still valid");
                    known.asked_at = now;
                    Ok(known.credentials.clone())
                }
                _ => Err(StoreError::Unavailable {
                    doing: "signing addresses".to_owned(),
                    reason: format!("there are no credentials ({error})"),
                }),
            },
        }
    }
}

impl Known {
    fn lasts_until(&self, instant: SystemTime) -> bool {
        self.credentials
            .expiry()
            .is_none_or(|expiry| expiry > instant)
    }

    /// Whether they need not be fetched again.
    fn will_do(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.asked_at).unwrap_or_default();
        let for_long = self.lasts_until(now + WINDOW + MINIMUM) && age < KEEP;
        for_long || (self.lasts_until(now) && age < ASK_AGAIN)
    }
}

/// The instant as of which a new address is signed, and how long after that it is valid.
fn validity(now: SystemTime, credentials_end: Option<SystemTime>) -> (SystemTime, Duration) {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let signed_at = UNIX_EPOCH + Duration::from_secs(since - since % WINDOW.as_secs());
    let full = WINDOW + MINIMUM;
    let expires_in = credentials_end.map_or(full, |end| {
        let left = end.duration_since(signed_at).unwrap_or_default();
        // Whole seconds, and AWS does not accept zero.
        Duration::from_secs(left.as_secs().max(1)).min(full)
    });
    (signed_at, expires_in)
}

#[cfg(test)]
mod tests;
