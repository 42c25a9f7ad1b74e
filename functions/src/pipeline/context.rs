//! What a function needs to do its work, in whichever home it runs.

use std::sync::Arc;
use std::time::Duration;

use platform::objects::ObjectStore;
use platform::settings::CaptionSource;
use sea_orm::DatabaseConnection;

use crate::faces::FaceDetector;
use crate::picture::Limits;
use crate::pipeline::cpu_pool::CpuPool;
use crate::pipeline::provider_budget::ProviderBudget;
use crate::steps::annotate::Captioner;

/// The ports and options of the three functions. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The rows.
    pub db: DatabaseConnection,
    /// The objects.
    pub store: Arc<dyn ObjectStore>,
    /// Who writes captions.
    pub captioner: Arc<dyn Captioner>,
    /// How much that may cost; none if the captioner asks nobody.
    pub provider_budget: Option<ProviderBudget>,
    /// Who finds faces.
    pub detector: Arc<dyn FaceDetector>,
    /// Where pixels are worked on.
    pub cpu: CpuPool,
    /// The rest.
    pub options: Options,
}

/// What can be set about the functions.
#[derive(Clone, Debug)]
pub struct Options {
    /// Side, in pixels, of the square that thumbnails fit into.
    pub thumbnail_size: u32,
    /// The largest picture that is decoded.
    pub limits: Limits,
    /// What captions are written in, as a BCP 47 tag.
    pub caption_language: String,
    /// What captioners get to see.
    pub caption_source: CaptionSource,
    /// How often a step is tried before it is given up, as SQS's `maxReceiveCount`.
    pub max_attempts: i32,
    /// How long to wait after the first failed attempt; each later wait is four times as long.
    pub backoff: Duration,
}

impl Options {
    /// How often a step is tried unless something else is set.
    pub const MAX_ATTEMPTS: i32 = 5;
    /// The first wait unless something else is set.
    pub const BACKOFF: Duration = Duration::from_secs(2);

    /// How long to wait after `attempt` (from 1) failed.
    pub fn wait_after(&self, attempt: i32) -> Duration {
        let doublings = 2 * (attempt.clamp(1, 8) - 1);
        self.backoff * 2_u32.pow(doublings.unsigned_abs())
    }
}
