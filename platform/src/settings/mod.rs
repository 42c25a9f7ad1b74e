//! The settings: one struct, read once at the start from the environment. A bad value stops the
//! start with one message that names the variable, the value and an example.

mod aws;
mod caption_requests;
mod captions;
mod database;
mod instance;
mod proxies;
mod reader;
mod rights;
mod secret;
mod storage;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::aws::AwsSettings;
use crate::objects::MAX_OBJECT_BYTES;

pub use caption_requests::CaptionRequests;
pub use captions::{
    CaptionLimits, CaptionPrice, CaptionSource, CaptionerChoice, GeminiSettings, OpenAiSettings,
    TextReading,
};
pub(crate) use database::Authority;
pub use database::{DatabaseKind, DatabaseSettings};
pub use instance::Contact;
pub use proxies::IpNetwork;
use reader::Reader;
pub use reader::SettingError;
pub use storage::{QueueChoice, Storage};
pub use table::{Entry, TABLE, markdown};

/// The megabyte of VITRINE_MAX_UPLOAD_MB in bytes, as most file managers count it.
pub const MEGABYTE: u64 = 1024 * 1024;

#[derive(Clone, Debug)]
pub struct Settings {
    pub bind: SocketAddr,
    /// Where Prometheus reads metrics; nowhere if it is not set.
    pub metrics_bind: Option<SocketAddr>,
    /// Where the machine's `/proc` is mounted, in a container.
    pub host_proc: Option<PathBuf>,
    /// The folder for everything without another location.
    pub data: PathBuf,
    pub database: DatabaseSettings,
    pub storage: Storage,
    pub aws: AwsSettings,
    pub queue: QueueChoice,
    /// Deliveries by a queue of AWS before a message moves to the dead-letter queue.
    pub max_receives: i32,
    /// Steps that this process works on at once; 0 leaves them to others.
    pub workers: usize,
    pub captioner: CaptionerChoice,
    /// As a BCP 47 tag.
    pub caption_language: String,
    /// More languages in which captions say the same.
    pub more_languages: Vec<String>,
    pub caption_source: CaptionSource,
    pub text_reading: TextReading,
    /// A file with a prompt; none for the built-in one.
    pub caption_prompt: Option<PathBuf>,
    pub caption_limits: CaptionLimits,
    pub caption_price: Option<CaptionPrice>,
    pub caption_requests: CaptionRequests,
    /// The credit line of all pictures.
    pub credit: Option<String>,
    /// An address of the licence of all pictures, or its terms.
    pub licence: Option<String>,
    /// The side, in pixels, of the square that thumbnails fit into.
    pub thumbnail_size: u32,
    pub max_upload_bytes: u64,
    pub max_pixels: u64,
    /// Who makes an image public.
    pub release: ReleaseRule,
    /// The rendition that visitors see.
    pub public_rendition: PublicRendition,
    /// Who may upload and write messages.
    pub uploads: Uploads,
    pub admin_password: Option<SecretString>,
    /// Proxies that may say who is behind them.
    pub trusted_proxies: Vec<IpNetwork>,
    /// The address under which people know this server: scheme, host and port.
    pub public_url: Option<Url>,
    /// Whether visitors may ask to be covered.
    pub removal_requests: bool,
    /// How long deleted images can be brought back.
    pub trash_days: u64,
    /// What pages call this instance.
    pub title: String,
    /// Whom visitors can ask.
    pub contact: Option<Contact>,
    /// Whether search engines may list the pages.
    pub search_engines: SearchEngines,
    /// The name of this instance in logs and at `/load-balancer-test`.
    pub instance_id: String,
    /// How long the server goes on after `/health` has turned, so that balancers notice.
    pub drain: Duration,
    /// Settings without effect.
    pub warnings: Vec<String>,
}

/// Who makes an image public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseRule {
    /// A person, each of them.
    Review,
    /// The program, where its second look found nothing to be uncertain about; a person the others.
    AtOnce,
}

/// The rendition that visitors see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicRendition {
    Anonymised,
    Original,
}

/// Who may upload and write messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploads {
    /// People who are signed in.
    Members,
    /// Visitors as well.
    Anyone,
}

/// Whether search engines may list the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchEngines {
    Refuse,
    Allow,
}

impl Settings {
    /// Reads the environment of this process, and fetches secrets from AWS Secrets Manager.
    ///
    /// # Errors
    /// If a value is invalid, or a secret cannot be fetched.
    pub async fn load() -> Result<Self, SettingError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        Self::load_from(variables).await
    }

    /// Reads the given variables, and fetches secrets from AWS Secrets Manager. An empty value
    /// counts as unset.
    ///
    /// # Errors
    /// If a value is invalid, or a secret cannot be fetched.
    pub async fn load_from(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let mut reader = Reader::new(variables);
        let database = secret::fetch(&mut reader).await?;
        Self::read(&reader, database)
    }

    /// Reads the given variables. Secrets in AWS Secrets Manager are refused, because nothing is
    /// fetched.
    ///
    /// # Errors
    /// If a value is invalid.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let reader = Reader::new(variables);
        secret::refuse_kept(&reader)?;
        Self::read(&reader, None)
    }

    fn read(
        reader: &Reader,
        database_secret: Option<secret::DatabaseSecret>,
    ) -> Result<Self, SettingError> {
        let data = PathBuf::from(reader.text_or("VITRINE_DATA", "./data"));
        let captioner = captions::captioner(reader)?;
        let (caption_language, more_languages) = captions::languages(reader)?;
        let settings = Self {
            bind: reader.parse_or("VITRINE_BIND", SocketAddr::from(([127, 0, 0, 1], 8080)))?,
            metrics_bind: reader.parse("VITRINE_METRICS_BIND")?,
            host_proc: reader.text("VITRINE_HOST_PROC").map(PathBuf::from),
            database: database::database(reader, &data, database_secret)?,
            storage: storage::storage(reader, &data)?,
            aws: aws::aws(reader)?,
            data,
            queue: storage::queue(reader)?,
            max_receives: reader.number("VITRINE_MAX_RECEIVES", 5, 2..=1000)?,
            workers: workers(reader)?,
            caption_requests: caption_requests::requests(reader, &captioner)?,
            captioner,
            credit: rights::line(reader, "VITRINE_CREDIT")?,
            licence: rights::line(reader, "VITRINE_LICENCE")?,
            caption_language,
            more_languages,
            caption_source: captions::source(reader)?,
            text_reading: captions::text_reading(reader)?,
            caption_prompt: reader.text("VITRINE_CAPTION_PROMPT").map(PathBuf::from),
            caption_limits: captions::limits(reader)?,
            caption_price: captions::price(reader)?,
            thumbnail_size: reader.number("VITRINE_THUMBNAIL_SIZE", 400, 16..=4096)?,
            max_upload_bytes: reader.number("VITRINE_MAX_UPLOAD_MB", 50, 1..=10_000)? * MEGABYTE,
            max_pixels: reader.number("VITRINE_MAX_MEGAPIXELS", 100, 1..=4_000)? * 1_000_000,
            release: reader.choice(
                "VITRINE_RELEASE",
                ReleaseRule::Review,
                &[
                    ("review", ReleaseRule::Review),
                    ("at-once", ReleaseRule::AtOnce),
                ],
            )?,
            public_rendition: reader.choice(
                "VITRINE_PUBLIC_RENDITION",
                PublicRendition::Anonymised,
                &[
                    ("anonymised", PublicRendition::Anonymised),
                    ("original", PublicRendition::Original),
                ],
            )?,
            uploads: reader.choice(
                "VITRINE_UPLOADS",
                Uploads::Members,
                &[("members", Uploads::Members), ("anyone", Uploads::Anyone)],
            )?,
            admin_password: reader
                .text("VITRINE_ADMIN_PASSWORD")
                .map(SecretString::from),
            trusted_proxies: proxies::trusted_proxies(reader)?,
            public_url: proxies::public_url(reader)?,
            removal_requests: reader.choice(
                "VITRINE_REMOVAL_REQUESTS",
                true,
                &[("on", true), ("off", false)],
            )?,
            trash_days: reader.number("VITRINE_TRASH_DAYS", 30, 0..=3650)?,
            title: instance::title(reader)?,
            contact: instance::contact(reader)?,
            search_engines: reader.choice(
                "VITRINE_SEARCH_ENGINES",
                SearchEngines::Refuse,
                &[
                    ("refuse", SearchEngines::Refuse),
                    ("allow", SearchEngines::Allow),
                ],
            )?,
            instance_id: reader
                .text("VITRINE_INSTANCE_ID")
                .map_or_else(new_instance_id, str::to_owned),
            drain: Duration::from_secs(reader.number("VITRINE_DRAIN_SECONDS", 0, 0..=3600)?),
            warnings: reader.unknown(),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Whether the person at this machine is the admin, without a password.
    pub fn is_keyboard_admin(&self) -> bool {
        self.admin_password.is_none()
    }

    fn check(&self) -> Result<(), SettingError> {
        if matches!(self.storage, Storage::S3(_)) && self.max_upload_bytes > MAX_OBJECT_BYTES {
            return Err(SettingError::new(format!(
                "VITRINE_MAX_UPLOAD_MB is more than the {} that S3 takes in one piece; an example \
                 is VITRINE_MAX_UPLOAD_MB=50",
                MAX_OBJECT_BYTES / MEGABYTE
            )));
        }
        if self.bind.ip().is_loopback() || self.admin_password.is_some() {
            return Ok(());
        }
        Err(SettingError::new(format!(
            "VITRINE_BIND is {}, which others can reach, and no password is set: set \
             VITRINE_ADMIN_PASSWORD, for example VITRINE_ADMIN_PASSWORD='four random plain words', \
             or listen on 127.0.0.1 only",
            self.bind
        )))
    }
}

/// With queues on AWS, no work is done in this process.
fn workers(reader: &Reader) -> Result<usize, SettingError> {
    let name = "VITRINE_WORKERS";
    if reader.text("VITRINE_QUEUE").is_none() {
        return reader.number(name, cores(), 0..=256);
    }
    match reader.number(name, 0, 0..=256)? {
        0 => Ok(0),
        _ => Err(reader.bad(
            name,
            "sets workers, but VITRINE_QUEUE gives their work to functions on AWS",
        )),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Anybody may ask for it, so it is not the name of the host. On AWS, it is the id of the instance,
/// which its service passes in.
fn new_instance_id() -> String {
    let id = Uuid::new_v4().simple().to_string();
    format!("instance-{}", &id[..12])
}

#[cfg(test)]
mod tests;
