//! Takes photos in, whether they come by a page, the API, a direct upload or `vitrine import`: a
//! photo is streamed to a scratch file while it is hashed and counted, then checked, then stored.

use std::net::IpAddr;

use bytes::Bytes;
use entity::embedded::EmbeddedWords;
use entity::image;
use functions::picture::{Inspection, Limits, Refusal};
use functions::pipeline::lifecycle::{Accepted, LifecycleError, NewImage, accept};
use functions::pipeline::pixel_workers::{PictureFile, PixelWorkers};
use futures::{Stream, StreamExt as _};
use platform::Format;
use platform::objects::{Body, ObjectStore, Scratch, ScratchFile, StoreError};
use platform::settings::Settings;
use platform::telemetry::metrics;
use sea_orm::DatabaseConnection;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tracing::Span;

use crate::connections::network;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// The longest file name that is kept, in characters.
const NAME_LENGTH: usize = 200;

/// The dependencies for taking photos in. The command `import` has them without a server.
pub struct Ingest<'a> {
    pub db: &'a DatabaseConnection,
    pub store: &'a dyn ObjectStore,
    pub scratch: &'a Scratch,
    pub pixels: &'a PixelWorkers,
    pub limits: UploadLimits,
}

/// The largest upload that is accepted.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    pub max_bytes: u64,
    pub picture: Limits,
}

impl From<&Settings> for UploadLimits {
    fn from(settings: &Settings) -> Self {
        Self {
            max_bytes: settings.max_upload_bytes,
            picture: Limits {
                max_pixels: settings.max_pixels,
            },
        }
    }
}

/// The facts of an upload besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct UploadMeta {
    /// As sent by the client.
    pub file_name: String,
    /// The sender; none for a visitor.
    pub name: Option<String>,
    /// The address of a visitor.
    pub visitor: Option<IpAddr>,
    pub idempotency_key: Option<String>,
    /// What the sender says about the photo, for the captioner.
    pub context: Option<String>,
    /// The client's announcement, if there is one.
    pub expected: Option<ExpectedContent>,
}

/// A client's announcement of bytes that come later.
#[derive(Clone, Debug)]
pub struct ExpectedContent {
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    pub content_type: String,
}

impl UploadMeta {
    /// The idempotency key for the database: hashed together with the sender, so that two senders can
    /// use the same key. A visitor is the network of their address.
    pub fn scoped_key(&self) -> Option<String> {
        let key = self.idempotency_key.as_deref()?;
        let scope = match (&self.name, self.visitor) {
            (Some(name), _) => name.clone(),
            (None, Some(address)) => format!("visitor at {}", network(address)),
            (None, None) => String::new(),
        };
        Some(hex::encode(Sha256::digest(format!("{scope}\n{key}"))))
    }
}

/// A file that has arrived completely.
struct Received {
    file: ScratchFile,
    sha256: String,
}

impl Ingest<'_> {
    /// Takes a photo in. The stream has to end by itself if its source stalls, as the bodies of
    /// requests and the objects of a store do.
    ///
    /// # Errors
    /// 413, 415 or 422 if the photo is refused, 409 if its idempotency key was used for another
    /// photo.
    pub async fn take<S, E>(&self, meta: UploadMeta, chunks: S) -> Result<Accepted, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Problem>,
    {
        let taken = self.check_and_take(meta, chunks).await;
        if let Ok(Accepted::Created(image) | Accepted::Existing(image)) = &taken {
            Span::current().record("image_id", tracing::field::display(image.id));
        }
        metrics::upload(match &taken {
            Ok(Accepted::Created(_)) => "created",
            Ok(Accepted::Existing(_)) => "existing",
            Err(problem) if problem.status().is_client_error() => "refused",
            Err(_) => "failed",
        });
        taken
    }

    async fn check_and_take<S, E>(&self, meta: UploadMeta, chunks: S) -> Result<Accepted, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Problem>,
    {
        let received = self.receive(chunks).await?;
        if let Some(expected) = &meta.expected
            && expected.sha256 != received.sha256
        {
            return Err(Problem::new(
                ProblemKind::UnreadableImage,
                "the bytes differ from the announced checksum; upload them again",
            ));
        }
        let key = meta.scoped_key();
        if let Some(answered) = self.answered_before(key.as_deref(), &received).await? {
            return Ok(answered);
        }
        let (inspection, embedded) = self.verify(&received).await?;
        if let Some(expected) = &meta.expected
            && Format::from_content_type(&expected.content_type) != Some(inspection.format)
        {
            return Err(Problem::new(
                ProblemKind::UnsupportedType,
                format!(
                    "{} was announced and {} arrived; announce the real type",
                    expected.content_type,
                    inspection.format.content_type()
                ),
            ));
        }
        let new = NewImage {
            file_name: tidy_name(&meta.file_name),
            format: inspection.format,
            bytes: received.file.bytes(),
            width: inspection.width,
            height: inspection.height,
            sha256: received.sha256,
            taken_at: inspection.taken_at,
            camera: inspection.camera,
            embedded,
            context: meta.context,
            uploaded_by: meta.name,
            idempotency_key: key,
        };
        Ok(accept(self.db, self.store, new, Body::File(received.file)).await?)
    }

    /// The answer to an earlier request with this key.
    async fn answered_before(
        &self,
        key: Option<&str>,
        received: &Received,
    ) -> Result<Option<Accepted>, Problem> {
        let Some(key) = key else {
            return Ok(None);
        };
        match image::by_idempotency_key(key).one(self.db).await? {
            Some(image) if image.sha256 != received.sha256 => Err(LifecycleError::KeyTaken.into()),
            Some(image) if image.stored_at.is_some() && image.deleted_at.is_none() => {
                Ok(Some(Accepted::Created(image)))
            }
            _ => Ok(None),
        }
    }

    async fn receive<S, E>(&self, mut chunks: S) -> Result<Received, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Problem>,
    {
        if self
            .scratch
            .space()
            .is_ok_and(platform::disk::Space::is_nearly_full)
        {
            return Err(StoreError::Full("the folder for uploads".into()).into());
        }
        let mut file = self.scratch.file().await.map_err(scratch_problem)?;
        let mut head = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(Into::into)?;
            if head.len() < Format::SNIFF_BYTES {
                head.extend(chunk.iter().take(Format::SNIFF_BYTES - head.len()));
                if head.len() == Format::SNIFF_BYTES {
                    check_format(&head)?;
                }
            }
            if file.bytes() + chunk.len() as u64 > self.limits.max_bytes {
                return Err(Problem::too_many_bytes(self.limits.max_bytes));
            }
            file.write(&chunk).await.map_err(scratch_problem)?;
        }
        if file.bytes() == 0 {
            return Err(Problem::new(
                ProblemKind::UnreadableImage,
                "the file is empty; copy it again from the camera or card",
            ));
        }
        check_format(&head)?;
        file.finish().await.map_err(scratch_problem)?;
        Ok(Received {
            sha256: hex::encode(file.sha256()),
            file,
        })
    }

    /// The file stays on disk until there is room for it in memory.
    async fn verify(
        &self,
        received: &Received,
    ) -> Result<(Inspection, Option<EmbeddedWords>), Problem> {
        let room = self.pixels.room(received.file.bytes()).await;
        let path = received.file.path().to_owned();
        let open = move || PictureFile::open(&path, room);
        let file = spawn_blocking(open)
            .await
            .map_err(Problem::internal)?
            .map_err(scratch_problem)?;
        Ok(self
            .pixels
            .verify(&file, &self.limits.picture, true)
            .await?)
    }
}

fn check_format(head: &[u8]) -> Result<(), Problem> {
    match Format::sniff(head) {
        Some(_) => Ok(()),
        None => Err(Refusal::NotAnImage.into()),
    }
}

fn scratch_problem(source: std::io::Error) -> Problem {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded => StoreError::Full("the folder for uploads".into()).into(),
        _ => StoreError::Io {
            doing: "receiving an upload".to_owned(),
            source,
        }
        .into(),
    }
}

/// The last part of the name, on one line and of bounded length. It is shown, and never used as a
/// path.
fn tidy_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let tidy: String = last
        .chars()
        .filter(|c| !c.is_control() && !is_direction(*c))
        .take(NAME_LENGTH)
        .collect();
    let tidy = tidy.trim();
    if tidy.is_empty() {
        "photo".to_owned()
    } else {
        tidy.to_owned()
    }
}

/// Characters that change the direction of writing can disguise an extension.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::tidy_name;

    #[test]
    fn a_file_name_loses_its_path_and_control_characters() {
        assert_eq!(tidy_name("../../etc/passwd"), "passwd");
        assert_eq!(tidy_name(r"C:\Users\me\Ferien.jpg"), "Ferien.jpg");
        assert_eq!(tidy_name("a\0b\nc.jpg"), "abc.jpg");
        assert_eq!(tidy_name("photo\u{202E}gpj.exe"), "photogpj.exe");
        assert_eq!(tidy_name(" / "), "photo");
        assert_eq!(tidy_name(&"x".repeat(500)).len(), 200);
    }
}
