//! What every handler can reach. Cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use functions::picture::Limits;
use functions::pipeline::cpu_pool::CpuPool;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::job_queue::JobQueue;
use platform::objects::{ObjectStore, Scratch};
use platform::settings::Settings;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use crate::access::{Policy, Sessions, Tokens};
use crate::caption_pause::CaptionPause;
use crate::ingest::Ingest;
use crate::live::Live;
use crate::picture_urls::UrlSource;
use crate::templates::Templates;

/// Shared by all handlers.
#[derive(Clone)]
pub struct AppState {
    /// The rows.
    pub db: DatabaseConnection,
    /// The objects.
    pub store: Arc<dyn ObjectStore>,
    /// Where uploads are while they are not complete.
    pub scratch: Scratch,
    /// The queue of this machine.
    pub queue: JobQueue,
    /// Where work is queued that is to be done again.
    pub dispatch: Dispatch,
    /// How captioning stands.
    pub caption_pause: CaptionPause,
    /// Where uploads are checked.
    pub cpu: CpuPool,
    /// What may be uploaded.
    pub limits: UploadLimits,
    /// What the settings say about access.
    pub policy: Policy,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Which programs may come in.
    pub tokens: Tokens,
    /// The pages.
    pub templates: Templates,
    /// The live updates.
    pub live: Live,
    /// What this instance is called.
    pub instance_id: Arc<str>,
    /// Ends everything that would go on for ever.
    pub stop: CancellationToken,
    /// Whether new requests should go elsewhere.
    pub draining: Draining,
}

impl AppState {
    /// How this server hands out pictures now.
    pub async fn url_source(&self) -> UrlSource {
        UrlSource::of(self.store.as_ref()).await
    }

    /// The intake of the server.
    pub fn ingest(&self) -> Ingest<'_> {
        Ingest {
            db: &self.db,
            store: self.store.as_ref(),
            scratch: &self.scratch,
            cpu: &self.cpu,
            limits: self.limits,
        }
    }
}

/// What may be uploaded.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// Bytes of a file.
    pub max_bytes: u64,
    /// Pixels of a picture.
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

/// Whether this instance is about to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on `/health` says that it is.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
