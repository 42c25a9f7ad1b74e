//! Signs addresses with AWS Signature Version 4 in the query. It sends no requests.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::error::BoxError;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_cache::sync::Cache;

use crate::objects::{ObjectKey, StoreError};

use super::Inner;

/// Everything that AWS wants encoded: all but letters, digits and these.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same in a path.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// Addresses for reading that are remembered; a page has some hundred. Each takes about a kilobyte.
const REMEMBERED: usize = 10_000;

/// Addresses for reading that were signed already: all pages of half an hour have the same.
#[derive(Debug)]
pub(super) struct Signed(Cache<Reading, Arc<str>>);

/// All that such an address depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reading {
    path: String,
    version: String,
    disposition: String,
    head: bool,
    signed_at: SystemTime,
    expires_in: Duration,
    access_key: String,
}

impl Default for Signed {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

#[cfg(test)]
impl Signed {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// What a client promises to upload.
#[derive(Clone, Debug)]
pub struct Promise<'a> {
    pub content_type: &'a str,
    /// In bytes.
    pub bytes: u64,
    pub sha256: [u8; 32],
    /// Custom metadata: names in lower case, values in visible ASCII.
    pub metadata: &'a [(&'static str, String)],
}

/// An address to which an object can be uploaded.
#[derive(Clone, Debug)]
pub struct WriteAddress {
    pub url: String,
    /// The signed headers, which the upload has to have.
    pub headers: Vec<(String, String)>,
}

/// What a browser does with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition<'a> {
    /// Show it; this is its name if it is saved.
    Inline(&'a str),
    /// Save it under this name.
    Attachment(&'a str),
}

/// Signs addresses. Made for one request, so that all addresses of a page have the same expiry.
#[derive(Clone, Debug)]
pub struct Signer {
    pub(super) place: Arc<Inner>,
    pub(super) credentials: Credentials,
    pub(super) signed_at: SystemTime,
    pub(super) expires_in: Duration,
}

impl Signer {
    /// When the addresses expire.
    pub fn expires_at(&self) -> SystemTime {
        self.signed_at + self.expires_in
    }

    /// An address for reading the object, by GET or, if `head`, by HEAD. Content type and
    /// disposition are signed. `version` becomes a part of the address, so that a browser does not
    /// use an older object from its cache.
    pub fn read(
        &self,
        key: &ObjectKey,
        version: &str,
        disposition: Disposition<'_>,
        head: bool,
    ) -> Result<String, StoreError> {
        let reading = Reading {
            path: key.path(),
            version: version.to_owned(),
            disposition: disposition.to_string(),
            head,
            signed_at: self.signed_at,
            expires_in: self.expires_in,
            access_key: self.credentials.access_key_id().to_owned(),
        };
        let signed = self.place.signed.0.get_or_insert_with(&reading, || {
            let query = [
                ("response-content-disposition", reading.disposition.clone()),
                ("response-content-type", key.content_type().to_owned()),
                // S3 ignores parameters that begin with `x-`, except for its access log.
                ("x-version", reading.version.clone()),
            ];
            let method = if head { "HEAD" } else { "GET" };
            self.sign(method, &reading.path, &query, &[]).map(Arc::from)
        });
        match signed {
            Ok(url) => Ok(url.as_ref().to_owned()),
            Err(error) => Err(refused(key, &error)),
        }
    }

    /// An address to which exactly the promised object can be uploaded: size, type, checksum and
    /// metadata are signed.
    pub fn write(
        &self,
        key: &ObjectKey,
        promise: &Promise<'_>,
    ) -> Result<WriteAddress, StoreError> {
        let mut headers = vec![
            ("content-length".to_owned(), promise.bytes.to_string()),
            ("content-type".to_owned(), promise.content_type.to_owned()),
            (
                "x-amz-checksum-sha256".to_owned(),
                BASE64.encode(promise.sha256),
            ),
        ];
        for (name, value) in promise.metadata {
            headers.push((format!("x-amz-meta-{name}"), value.clone()));
        }
        match self.sign("PUT", &key.path(), &[], &headers) {
            Ok(url) => Ok(WriteAddress { url, headers }),
            Err(error) => Err(refused(key, &error)),
        }
    }

    pub(super) fn sign(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, String)],
        headers: &[(String, String)],
    ) -> Result<String, BoxError> {
        let mut url = format!("{}/{}", self.place.base, utf8_percent_encode(path, PATH));
        let mut separator = '?';
        let mut add = |url: &mut String, name: &str, value: &str| {
            // Writing into a string cannot fail.
            let _ = write!(
                url,
                "{separator}{name}={}",
                utf8_percent_encode(value, VALUE)
            );
            separator = '&';
        };
        for (name, value) in query {
            add(&mut url, name, value);
        }
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = Some(self.expires_in);
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.place.region.as_ref())
            .name("s3")
            .time(self.signed_at)
            .settings(settings)
            .build()?
            .into();
        let request = SignableRequest::new(
            method,
            &url,
            headers.iter().map(|(name, value)| (&**name, &**value)),
            SignableBody::UnsignedPayload,
        )?;
        let (instructions, _) = sign(request, &parameters)?.into_parts();
        for (name, value) in instructions.params() {
            add(&mut url, name, value);
        }
        Ok(url)
    }
}

fn refused(key: &ObjectKey, error: &BoxError) -> StoreError {
    StoreError::Refused {
        doing: format!("signing an address of {key}"),
        reason: error.to_string(),
    }
}

impl std::fmt::Display for Disposition<'_> {
    /// The header. Names beyond ASCII are encoded as in RFC 8187, with an ASCII name for old
    /// programs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = match self {
            Self::Inline(name) => ("inline", name),
            Self::Attachment(name) => ("attachment", name),
        };
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ';
        let plain: String = name
            .chars()
            .map(|c| if is_plain(c) { c } else { '_' })
            .collect();
        write!(f, "{kind}; filename=\"{plain}\"")?;
        if plain != *name {
            write!(f, "; filename*=UTF-8''{}", utf8_percent_encode(name, VALUE))?;
        }
        Ok(())
    }
}
