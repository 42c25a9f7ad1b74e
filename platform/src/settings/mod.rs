//! The settings: one struct, read once at the start from the environment. A bad value stops
//! the start with one message that names the variable, the value and an example.

mod captions;
mod reader;
mod table;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

pub use captions::{CaptionSource, CaptionerChoice, GeminiSettings, OpenAiSettings};
use reader::Reader;
pub use reader::SettingError;
pub use table::{Entry, TABLE, markdown};

/// Bytes in the megabyte of VITRINE_MAX_UPLOAD_MB: the one that file managers mostly show.
pub const MEGABYTE: u64 = 1024 * 1024;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub bind: SocketAddr,
    /// The folder for everything that has no other place.
    pub data: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// Where objects are kept.
    pub storage: Storage,
    /// How many images are worked on at once in this process; 0 leaves it to others.
    pub workers: usize,
    /// Who writes captions.
    pub captioner: CaptionerChoice,
    /// What captions are written in, as a BCP 47 tag.
    pub caption_language: String,
    /// What captioners get to see.
    pub caption_source: CaptionSource,
    /// Side of the square, in pixels, that thumbnails fit into.
    pub thumbnail_size: u32,
    /// The largest upload, in bytes.
    pub max_upload_bytes: u64,
    /// The largest picture, in pixels.
    pub max_pixels: u64,
    /// What visitors see.
    pub public_rendition: PublicRendition,
    /// Who may upload.
    pub uploads: Uploads,
    /// The password of the admin.
    pub admin_password: Option<SecretString>,
    /// What this instance is called in logs and by `/load-balancer-test`.
    pub instance_id: String,
    /// What was set and has no effect.
    pub warnings: Vec<String>,
}

/// Which database to use.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    kind: DatabaseKind,
    url: SecretString,
}

/// The databases the schema is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file of this machine.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    MySql,
}

impl DatabaseSettings {
    /// The SQLite database in this file.
    pub fn sqlite(path: &Path) -> Self {
        // `?` and `#` would end the path, `%` would be decoded.
        let path = path
            .display()
            .to_string()
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        Self {
            kind: DatabaseKind::Sqlite,
            url: format!("sqlite://{path}?mode=rwc").into(),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Connections of one process at most.
    pub fn max_connections(&self) -> u32 {
        10
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }
}

/// Where objects are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A folder of this machine.
    Folder(PathBuf),
}

/// What visitors see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicRendition {
    /// The copy without recognisable faces.
    Anonymised,
    /// The photo as it was uploaded.
    Original,
}

/// Who may upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploads {
    /// Those who are signed in.
    Members,
    /// Visitors too; they may also write messages.
    Anyone,
}

impl Settings {
    /// Reads the environment of this process.
    pub fn from_env() -> Result<Self, SettingError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        Self::from_variables(variables)
    }

    /// Reads the given variables. An empty value counts as none.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let reader = Reader::new(variables);
        let data = PathBuf::from(reader.text_or("VITRINE_DATA", "./data"));
        let settings = Self {
            bind: reader.parse_or("VITRINE_BIND", SocketAddr::from(([127, 0, 0, 1], 8080)))?,
            database: database(&reader, &data)?,
            storage: storage(&reader, &data)?,
            data,
            workers: reader.number("VITRINE_WORKERS", cores(), 0..=256)?,
            captioner: captions::captioner(&reader)?,
            caption_language: captions::language(&reader)?,
            caption_source: captions::source(&reader)?,
            thumbnail_size: reader.number("VITRINE_THUMBNAIL_SIZE", 400, 16..=4096)?,
            max_upload_bytes: reader.number("VITRINE_MAX_UPLOAD_MB", 50, 1..=10_000)? * MEGABYTE,
            max_pixels: reader.number("VITRINE_MAX_MEGAPIXELS", 100, 1..=4_000)? * 1_000_000,
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
            instance_id: reader
                .text("VITRINE_INSTANCE_ID")
                .map_or_else(host_name, str::to_owned),
            warnings: warnings(&reader),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Whether whoever reaches the server is at this machine's keyboard and no password is
    /// asked for.
    pub fn is_keyboard_admin(&self) -> bool {
        self.admin_password.is_none()
    }

    fn check(&self) -> Result<(), SettingError> {
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

fn database(reader: &Reader, data: &Path) -> Result<DatabaseSettings, SettingError> {
    if reader.text("DATABASE_SECRET_ARN").is_some() {
        return Err(reader.not_yet("DATABASE_SECRET_ARN", "set DATABASE_URL"));
    }
    let Some(url) = reader.text("DATABASE_URL") else {
        return Ok(DatabaseSettings::sqlite(&data.join("vitrine.sqlite")));
    };
    let kind = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => DatabaseKind::Sqlite,
        Some("postgres" | "postgresql") => DatabaseKind::Postgres,
        Some("mysql" | "mariadb") => DatabaseKind::MySql,
        // The value may hold a password, so it is not repeated.
        _ => {
            return Err(SettingError::new(
                "DATABASE_URL begins with none of sqlite:, postgres: and mysql:; an example is \
                 DATABASE_URL=postgres://vitrine:password@localhost/vitrine"
                    .to_owned(),
            ));
        }
    };
    let url = match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    };
    Ok(DatabaseSettings {
        kind,
        url: url.into(),
    })
}

fn storage(reader: &Reader, data: &Path) -> Result<Storage, SettingError> {
    match reader.text("VITRINE_STORAGE") {
        None => Ok(Storage::Folder(data.join("objects"))),
        Some(url) if url.starts_with("s3:") => {
            Err(reader.not_yet("VITRINE_STORAGE", "name a folder, as in ./data/objects"))
        }
        Some(folder) => Ok(Storage::Folder(
            folder.strip_prefix("file://").unwrap_or(folder).into(),
        )),
    }
}

/// What was set and has no effect: names nobody knows, and what is not used yet.
fn warnings(reader: &Reader) -> Vec<String> {
    let mut warnings = reader.unknown();
    if reader.text("GEMINI_API_KEY_SECRET_ARN").is_some() {
        warnings.push(
            "GEMINI_API_KEY_SECRET_ARN is for a later version and has no effect; for now, set \
             GEMINI_API_KEY"
                .to_owned(),
        );
    }
    warnings
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn host_name() -> String {
    std::fs::read_to_string("/etc/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this-machine".to_owned())
}

#[cfg(test)]
mod tests;
