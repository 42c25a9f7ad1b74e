//! Asking a provider over HTTP, and what its troubles mean. The key is a header that is marked as
//! sensitive; it is in no address, no log and no error.

use std::error::Error as _;
use std::io::Read as _;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracing::field::Empty;
use tracing::{Instrument as _, info_span};

use super::answer::Unread;
use super::answer_format::KnownFormat;
use super::{
    Account, AnswerFormat, Answered, Caption, CaptionError, Captioner, Cause, Subject, Usage, reply,
};

/// No answer we asked for is longer, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// Nobody is believed who asks us to wait for longer.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a silent connection shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How much of a provider's own message is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// A captioner cannot be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the captioner cannot be set up: {0}")]
pub struct SetupError(String);

/// Where a provider is and how it wants to be addressed.
pub(super) struct Endpoint {
    /// The captioner's name, as it is kept with captions.
    pub(super) provider: &'static str,
    /// What the provider is called in messages.
    pub(super) name: &'static str,
    /// Where requests go.
    pub(super) url: String,
    /// The model that is asked.
    pub(super) model: String,
    /// The key, if one is wanted.
    pub(super) key: Option<SecretString>,
    /// The header that the key goes into.
    pub(super) key_header: HeaderName,
    /// What stands before the key there.
    pub(super) key_prefix: &'static str,
    /// The setting that holds the key, for messages.
    pub(super) key_setting: &'static str,
}

/// The connection to one provider.
pub(super) struct Http {
    client: Client,
    endpoint: Endpoint,
    account: Account,
    patience: Duration,
    server: Server,
}

/// Where a provider is, for traces.
struct Server {
    url: String,
    host: String,
    port: u16,
}

/// What a provider said.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
}

/// A provider's own words about what went wrong, as far as they are understood.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) about_key: bool,
    pub(super) about_account: bool,
    pub(super) about_content: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Complaint {
    /// Whether it says what it is about.
    pub(super) fn is_classified(&self) -> bool {
        self.about_key || self.about_account || self.about_content
    }
}

/// A captioner that asks a provider over HTTP.
#[async_trait]
pub(super) trait HttpCaptioner: Send + Sync {
    fn http(&self) -> &Http;

    /// The caption; what it took goes into `usage`, also if there is none.
    async fn answer(&self, subject: &Subject, usage: &mut Usage) -> Result<Caption, CaptionError>;

    /// Which response format is known to work, if there are several.
    fn known_format(&self) -> Option<&KnownFormat> {
        None
    }
}

#[async_trait]
impl<T: HttpCaptioner> Captioner for T {
    fn provider(&self) -> &'static str {
        self.http().account.provider
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.http().account)
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        let mut usage = Usage::default();
        let result = self.answer(subject, &mut usage).await;
        Answered {
            usage,
            format: self
                .known_format()
                .map(KnownFormat::first)
                .filter(|_| result.is_ok()),
            result,
        }
    }

    fn learn(&self, works: AnswerFormat) {
        if let Some(known) = self.known_format() {
            known.works(works);
        }
    }
}

impl Http {
    pub(super) fn new(endpoint: Endpoint, patience: Duration) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &endpoint.key {
            let value = format!("{}{}", endpoint.key_prefix, key.expose_secret());
            let mut value = HeaderValue::from_str(&value).map_err(|_| {
                SetupError(format!(
                    "{} does not fit into a header",
                    endpoint.key_setting
                ))
            })?;
            value.set_sensitive(true);
            headers.insert(endpoint.key_header.clone(), value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(patience)
            // One connection is kept for all requests. A long wait for an answer looks idle to
            // firewalls and routers, which would drop it.
            .tcp_keepalive(KEEP_ALIVE)
            // A redirect would carry the key to whoever it names.
            .redirect(redirect::Policy::none());
        if is_this_machine(&endpoint.url) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| SetupError(root_cause(&error)))?;
        Ok(Self {
            client,
            account: account(&endpoint),
            server: Server::at(&endpoint.url),
            endpoint,
            patience,
        })
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// Posts JSON and reads the answer, whatever its status. Requests for one caption, which
    /// began at `began`, share the time that an answer may take.
    pub(super) async fn post(
        &self,
        body: &impl Serialize,
        began: Instant,
    ) -> Result<Reply, CaptionError> {
        // The address holds no key, and the provider is told nothing of our traces.
        let span = info_span!(
            "provider",
            otel.name = "POST",
            otel.kind = "client",
            http.request.method = "POST",
            url.full = self.server.url,
            server.address = self.server.host,
            server.port = self.server.port,
            gen_ai.provider.name = self.endpoint.provider,
            gen_ai.request.model = self.endpoint.model,
            http.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        let posted = self.exchange(body, began).instrument(span.clone()).await;
        let trouble = match &posted {
            Ok(reply) => {
                span.record("http.response.status_code", reply.status.as_u16());
                let is_error = reply.status.is_client_error() || reply.status.is_server_error();
                is_error.then(|| reply.status.as_u16().to_string())
            }
            Err(error) => Some(error.kind().to_owned()),
        };
        if let Some(trouble) = trouble {
            span.record("error.type", trouble);
            span.record("otel.status_code", "ERROR");
        }
        posted
    }

    async fn exchange(&self, body: &impl Serialize, began: Instant) -> Result<Reply, CaptionError> {
        let left = self.patience.saturating_sub(began.elapsed());
        let request = self
            .client
            .post(&self.endpoint.url)
            .json(body)
            .timeout(left);
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
            if reply::is_over(&body) {
                break;
            }
        }
        Ok(Reply {
            status,
            body: uncompressed(body)?,
            retry_after,
        })
    }

    /// What to do about an answer that is no success.
    pub(super) fn trouble(&self, reply: &Reply, status: u16, complaint: Complaint) -> CaptionError {
        let name = self.endpoint.name;
        let message = self.told(&complaint.message);
        let retry_after = complaint
            .retry_after
            .max(reply.retry_after)
            .map(|wait| wait.min(MAX_WAIT));
        match status {
            _ if complaint.about_content => CaptionError::Blocked(message),
            // The message may show parts of the key.
            _ if complaint.about_key => self.key_rejected(),
            401 => self.key_rejected(),
            403 => rejected(format!(
                "{name} denies access (check {}): {message}",
                self.endpoint.key_setting
            )),
            // No credit, or not in this country: true for every picture.
            status if complaint.about_account || status == 402 => {
                rejected(format!("{name} does not serve this account: {message}"))
            }
            // 503 is "overloaded" (RFC 9110, section 15.6.4), and Gemini's word for it too.
            429 | 503 => CaptionError::TurnedAway {
                cause: Cause::Busy,
                reason: format!("{name} is busy: {message}"),
                retry_after,
            },
            status @ (408 | 500..=599) => CaptionError::Transient {
                reason: format!("{name} is in trouble (status {status}): {message}"),
                retry_after,
            },
            413 => {
                CaptionError::Permanent(format!("{name} says the picture is too large: {message}"))
            }
            404 => rejected(format!("{name} knows no such model or address: {message}")),
            status => CaptionError::Permanent(format!(
                "{name} does not take the request (status {status}): {message}"
            )),
        }
    }

    /// What to do about a success that brings nothing, with what it says instead, if anything.
    pub(super) fn empty(&self, message: &str) -> CaptionError {
        let mut reason = format!("{} gave an empty answer", self.endpoint.name);
        if !message.is_empty() {
            reason = format!("{reason}: {}", self.told(message));
        }
        CaptionError::Transient {
            reason,
            retry_after: None,
        }
    }

    /// What to do about a success without an answer in it.
    pub(super) fn unread(&self, unread: Unread) -> CaptionError {
        match unread {
            Unread::Empty => self.empty(""),
            Unread::Blocked(reason) => CaptionError::Blocked(reason),
            Unread::Unusable(why) => CaptionError::Unusable(why),
        }
    }

    fn key_rejected(&self) -> CaptionError {
        rejected(format!(
            "{} rejects the key: check {}",
            self.endpoint.name, self.endpoint.key_setting
        ))
    }

    fn broken(&self, error: &reqwest::Error) -> CaptionError {
        let name = self.endpoint.name;
        if error.is_connect() {
            return CaptionError::TurnedAway {
                cause: Cause::Unreachable,
                reason: format!("{name} cannot be reached: {}", root_cause(error)),
                retry_after: None,
            };
        }
        let reason = if error.is_timeout() {
            format!("{name} did not answer within {:?}", self.patience)
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
        if let Some(key) = &self.endpoint.key {
            message = message.replace(key.expose_secret(), "[key]");
        }
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.chars().take(MAX_MESSAGE).collect::<String>() {
            told if told.is_empty() => "it does not say why".to_owned(),
            told => told,
        }
    }
}

fn rejected(reason: String) -> CaptionError {
    CaptionError::TurnedAway {
        cause: Cause::Rejected,
        reason,
        retry_after: None,
    }
}

/// Servers may compress unasked (RFC 9110, section 12.5.3), and some forget to say so.
fn uncompressed(body: Vec<u8>) -> Result<Vec<u8>, CaptionError> {
    if !body.starts_with(b"\x1f\x8b") {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(body.as_slice()).take(MAX_ANSWER as u64 + 1);
    decoder
        .read_to_end(&mut plain)
        .map_err(|_| CaptionError::Unusable("it is compressed and damaged".to_owned()))?;
    if plain.len() > MAX_ANSWER {
        return Err(CaptionError::Unusable("it is far too long".to_owned()));
    }
    Ok(plain)
}

/// The key goes into the hash so that a new one is another account; nobody gets it back out.
fn account(endpoint: &Endpoint) -> Account {
    let mut hash = Sha256::new();
    let key = endpoint.key.as_ref().map_or("", |key| key.expose_secret());
    for part in [endpoint.provider, &endpoint.url, &endpoint.model, key] {
        hash.update(part);
        hash.update([0]);
    }
    Account {
        id: hex::encode(&hash.finalize()[..16]),
        provider: endpoint.provider,
        model: endpoint.model.clone(),
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

impl Server {
    /// Only the parts of an address that cannot hold a secret.
    fn at(url: &str) -> Self {
        let url = url::Url::parse(url).ok();
        let host = url.as_ref().and_then(|url| url.host_str());
        let host = host.unwrap_or_default().to_owned();
        let port = url.as_ref().and_then(url::Url::port_or_known_default);
        let port = port.unwrap_or_default();
        let url = url.map_or_else(String::new, |url| {
            format!("{}://{host}:{port}{}", url.scheme(), url.path())
        });
        Self { url, host, port }
    }
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
    fn a_trace_gets_no_secret_of_an_address() {
        let server = Server::at("https://me:secret@gateway.example/gemini?key=secret");
        assert_eq!(server.url, "https://gateway.example:443/gemini");
        assert_eq!(server.host, "gateway.example");
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
