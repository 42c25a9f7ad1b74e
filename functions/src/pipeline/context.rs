//! What the steps need, wherever they run.

use std::sync::Arc;
use std::time::Duration;

use platform::objects::ObjectStore;
use platform::settings::{CaptionSource, ReleaseRule};
use sea_orm::DatabaseConnection;

use crate::picture::Limits;
use crate::pipeline::pixel_workers::PixelWorkers;
use crate::pipeline::provider_budget::ProviderBudget;
use crate::steps::annotate::Captioner;

/// The ports and options of the steps. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub db: DatabaseConnection,
    pub store: Arc<dyn ObjectStore>,
    pub captioner: Arc<dyn Captioner>,
    /// None if the captioner sends no requests.
    pub provider_budget: Option<ProviderBudget>,
    pub pixels: PixelWorkers,
    pub options: Options,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Side, in pixels, of the square that thumbnails fit into.
    pub thumbnail_size: u32,
    pub limits: Limits,
    /// As a BCP 47 tag.
    pub caption_language: String,
    pub caption_source: CaptionSource,
    /// What becomes of an image whose copy is finished.
    pub release: ReleaseRule,
    /// Attempts at a step before it has failed, like SQS's `maxReceiveCount`.
    pub max_attempts: i32,
    /// The wait after the first failed attempt. Each later one is four times as long.
    pub backoff: Duration,
}

impl Options {
    pub const MAX_ATTEMPTS: i32 = 5;
    pub const BACKOFF: Duration = Duration::from_secs(2);

    /// The wait after `attempt` failed, counted from 1.
    pub fn wait_after(&self, attempt: i32) -> Duration {
        let doublings = 2 * (attempt.clamp(1, 8) - 1);
        self.backoff * 2_u32.pow(doublings.unsigned_abs())
    }
}
