//! Asking a provider over HTTP, and what its troubles mean. The key is a header that is marked as
//! sensitive; it is in no address, no log and no error.

use std::error::Error as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::CaptionError;

/// No answer we asked for is longer, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// Nobody is believed who asks us to wait for longer.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How much of a provider's own message is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// A captioner cannot be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the captioner cannot be set up: {0}")]
pub struct SetupError(String);

/// The connection to one provider.
pub(super) struct Http {
    client: Client,
    url: String,
    key: Option<SecretString>,
    /// What the provider is called in messages.
    name: &'static str,
    /// The setting that holds the key, for messages.
    key_setting: &'static str,
    patience: Duration,
}

/// What a provider said.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// A provider's own words about what went wrong, as far as they are understood.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) about_key: bool,
    pub(super) about_content: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Http {
    pub(super) fn new(
        name: &'static str,
        url: String,
        header: Option<(HeaderName, String)>,
        key: Option<SecretString>,
        key_setting: &'static str,
        patience: Duration,
    ) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        if let Some((header, value)) = header {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| SetupError(format!("{key_setting} does not fit into a header")))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(patience)
            // A redirect would carry the key to whoever it names.
            .redirect(redirect::Policy::none());
        if is_this_machine(&url) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| SetupError(root_cause(&error)))?;
        Ok(Self {
            client,
            url,
            key,
            name,
            key_setting,
            patience,
        })
    }

    /// Posts JSON and reads the answer, whatever its status.
    pub(super) async fn post(&self, body: &impl Serialize) -> Result<Reply, CaptionError> {
        let request = self.client.post(&self.url).json(body);
        let mut response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(wait_asked_for);
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.broken(&error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(CaptionError::Unusable("it is far too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            body,
            retry_after,
        })
    }

    /// What to do about an answer that is no success.
    pub(super) fn trouble(&self, reply: &Reply, complaint: Complaint) -> CaptionError {
        let name = self.name;
        let message = self.told(&complaint.message);
        let transient = |reason| CaptionError::Transient {
            reason,
            retry_after: complaint
                .retry_after
                .max(reply.retry_after)
                .map(|wait| wait.min(MAX_WAIT)),
        };
        match reply.status.as_u16() {
            _ if complaint.about_content => CaptionError::Blocked(message),
            // The message may show parts of the key.
            _ if complaint.about_key => self.key_rejected(),
            401 | 403 => self.key_rejected(),
            429 => transient(format!("{name} is busy: {message}")),
            status @ (408 | 500..=599) => {
                transient(format!("{name} is in trouble (status {status}): {message}"))
            }
            413 => {
                CaptionError::Permanent(format!("{name} says the picture is too large: {message}"))
            }
            404 => {
                CaptionError::Permanent(format!("{name} knows no such model or address: {message}"))
            }
            status => CaptionError::Permanent(format!(
                "{name} does not take the request (status {status}): {message}"
            )),
        }
    }

    fn key_rejected(&self) -> CaptionError {
        CaptionError::Permanent(format!(
            "{} rejects the key: check {}",
            self.name, self.key_setting
        ))
    }

    fn broken(&self, error: &reqwest::Error) -> CaptionError {
        let name = self.name;
        let reason = if error.is_timeout() {
            format!("{name} did not answer within {:?}", self.patience)
        } else if error.is_connect() {
            format!("{name} cannot be reached: {}", root_cause(error))
        } else {
            format!("the connection to {name} broke: {}", root_cause(error))
        };
        CaptionError::Transient {
            reason,
            retry_after: None,
        }
    }

    /// A provider's message, on one line, of bearable length, without the key.
    fn told(&self, message: &str) -> String {
        let mut message = message.to_owned();
        if let Some(key) = &self.key {
            message = message.replace(key.expose_secret(), "[key]");
        }
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.chars().take(MAX_MESSAGE).collect::<String>() {
            told if told.is_empty() => "it does not say why".to_owned(),
            told => told,
        }
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn wait_asked_for(header: &HeaderValue) -> Option<Duration> {
    let text = header.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - Utc::now()).to_std().unwrap_or_default())
}

/// What is on this machine is never behind a proxy.
fn is_this_machine(url: &str) -> bool {
    let host = url::Url::parse(url).ok().and_then(|url| match url.host()? {
        url::Host::Domain(name) => Some(name == "localhost"),
        url::Host::Ipv4(ip) => Some(ip.is_loopback()),
        url::Host::Ipv6(ip) => Some(ip.is_loopback()),
    });
    host == Some(true)
}

/// The innermost cause, which says what happened; the outer ones say where.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_none() {
        return "no reason given".to_owned();
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<Duration> {
        wait_asked_for(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        let date = (Utc::now() + chrono::TimeDelta::seconds(90))
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        let wait = asked(&date).unwrap().as_secs();
        assert!((80..=90).contains(&wait), "{wait}");
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-5"), None);
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        assert!(is_this_machine("http://localhost:11434/v1"));
        assert!(is_this_machine("http://127.0.0.1:1"));
        assert!(is_this_machine("http://[::1]:1"));
        assert!(!is_this_machine(
            "https://generativelanguage.googleapis.com"
        ));
    }
}
