//! What handlers share. Extractors take single fields of it.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use chrono::TimeDelta;
use entity::image::{Audience, Provenance};
use functions::pipeline::copy_words::CopyWords;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::job_queue::JobQueue;
use functions::pipeline::pixel_workers::PixelWorkers;
use platform::objects::{ObjectStore, Scratch};
use platform::settings::SearchEngines;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::{
    Action, Client, Credentials, Policy, Proxies, Sessions, Tokens, Viewer, VisitorRates,
};
use crate::actions::step_counts::StepCounts;
use crate::answer_cache::cards::CardCache;
use crate::answer_cache::{AnswerCache, Freshness};
use crate::caption_pause::CaptionPause;
use crate::event_streams::EventStreams;
use crate::image_rows::ImageRows;
use crate::ingest::{Ingest, UploadLimits};
use crate::live::Live;
use crate::picture_urls::UrlSource;
use crate::problem::Problem;
use crate::remembered::Remembered;
use crate::site::Site;
use crate::templates::Templates;

/// Cheap to clone: the router does so several times for every request.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[derive(Clone)]
pub struct Shared {
    pub db: DatabaseConnection,
    pub store: Arc<dyn ObjectStore>,
    /// For uploads that are not complete yet.
    pub scratch: Scratch,
    /// The queue of this machine, whether or not functions elsewhere do the work.
    pub queue: JobQueue,
    /// Where steps are queued that run again.
    pub dispatch: Dispatch,
    pub caption_pause: CaptionPause,
    /// Writes descriptions into the public copies.
    pub copy_words: CopyWords,
    /// Where uploads are decoded to check them.
    pub pixels: PixelWorkers,
    pub limits: UploadLimits,
    pub policy: Policy,
    pub proxies: Proxies,
    pub site: Site,
    /// Whether visitors may ask to be covered.
    pub takes_removal_requests: bool,
    /// How long deleted images can be brought back.
    pub trash_kept: TimeDelta,
    pub visitor_rates: VisitorRates,
    pub search_engines: SearchEngines,
    pub sessions: Sessions,
    pub tokens: Tokens,
    pub templates: Templates,
    pub freshness: Freshness,
    pub answers: AnswerCache,
    pub cards: CardCache,
    /// What takes long to count among very many images.
    pub step_counts: Remembered<StepCounts>,
    pub provenance: Remembered<Vec<Provenance>>,
    pub live: Live,
    pub event_streams: EventStreams,
    pub instance_id: Arc<str>,
    /// Where the database and everything without another place is.
    pub data: Arc<Path>,
    /// Cancelled when the server stops: ends background tasks and open streams.
    pub stop: CancellationToken,
    pub draining: Draining,
}

/// What extractors that know no more of the state take from it.
macro_rules! parts {
    ($($field:ident: $kind:ty),+ $(,)?) => {
        $(impl FromRef<AppState> for $kind {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        })+
    };
}

parts! {
    policy: Policy,
    proxies: Proxies,
    sessions: Sessions,
    stop: CancellationToken,
    tokens: Tokens,
}

impl AppState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Replaces where uploads are decoded to check them.
    pub fn set_pixels(&mut self, pixels: PixelWorkers) {
        Arc::make_mut(&mut self.0).pixels = pixels;
    }

    /// How URLs of pictures are made for this answer.
    pub async fn url_source(&self) -> UrlSource {
        UrlSource::of(self.store.as_ref()).await
    }

    /// One image that this viewer sees, with its steps.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn image(&self, viewer: &Viewer, id: Uuid) -> Result<ImageRows, Problem> {
        self.image_for(&viewer.audience(), id).await
    }

    /// One image that this audience sees, with its steps.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn image_for(&self, audience: &Audience, id: Uuid) -> Result<ImageRows, Problem> {
        ImageRows::load(&self.db, &self.caption_pause, audience, &[id])
            .await?
            .pop()
            .ok_or_else(|| Problem::not_found("image"))
    }

    /// Refuses what somebody may not do, or has done too often.
    ///
    /// # Errors
    /// 401, 403 or 429.
    pub(crate) fn admit(
        &self,
        viewer: &Viewer,
        client: &Client,
        action: Action,
    ) -> Result<(), Problem> {
        viewer.require(action)?;
        self.visitor_rates.admit(viewer, client, action)
    }

    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            tokens: self.tokens.clone(),
            sessions: self.sessions.clone(),
        }
    }

    pub fn ingest(&self) -> Ingest<'_> {
        Ingest {
            db: &self.db,
            store: self.store.as_ref(),
            scratch: &self.scratch,
            pixels: &self.pixels,
            limits: self.limits,
        }
    }
}

/// Whether this instance is about to stop, so that a load balancer sends requests elsewhere.
/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on `/health` answers 503.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
