//! Builds the server from settings, and runs it until it is told to stop.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chrono::TimeDelta;
use functions::drivers::local::{self, Adoption};
use functions::pipeline::context::Context;
use functions::pipeline::copy_words::CopyWords;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::provider_budget;
use platform::host::{Host, ProcFiles};
use platform::settings::{PublicRendition, Settings, Storage};
use platform::telemetry::Scrape;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::{Policy, Proxies, Sessions, Tokens, VisitorRates};
use crate::answer_cache::cards::CardCache;
use crate::answer_cache::{AnswerCache, Freshness};
use crate::caption_pause::CaptionPause;
use crate::connections::{self, Limits, Rules};
use crate::event_streams::EventStreams;
use crate::ingest::UploadLimits;
use crate::live::Live;
use crate::remembered::Remembered;
use crate::router::router;
use crate::services::{Services, cores};
use crate::site::Site;
use crate::state::{AppState, Draining, Shared};
use crate::sweeping::Sweeping;
use crate::templates::Templates;
use crate::work_lock;
use crate::{measurements, metrics_endpoint};

/// How often the folder of a store is searched for photos that were put there by hand: it may have a
/// million files.
const ADOPTION: Duration = Duration::from_secs(5 * 60);

/// How long requests and jobs may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(25);

/// A server that is ready to run.
pub struct App {
    pub state: AppState,
    pub context: Context,
    /// Measure what has to be asked for: only worth it where metrics are collected.
    pub has_metrics: bool,
    /// Where Prometheus reads metrics.
    pub metrics: Option<(TcpListener, Scrape)>,
    host_files: ProcFiles,
    workers: usize,
    /// Whether photos in the store's folder that have no row are taken in.
    adopts: bool,
    /// How long the listener stays open after `/health` has turned.
    drain: Duration,
    /// Held while this process works on the data folder.
    _lock: Option<File>,
}

impl App {
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        let services = Services::open(settings).await?;
        let settings = &services.settings;
        for warning in &settings.warnings {
            warn!("{warning}");
        }
        let lock = take_over(&services).await?;
        let stop = CancellationToken::new();
        let context = services.context()?;
        let caption_pause = CaptionPause::new(context.provider_budget.clone());
        let state = AppState::new(Shared {
            sessions: Sessions::new(services.db.clone(), settings.admin_password.as_ref())
                .map_err(|error| anyhow!(error))?,
            tokens: Tokens::new(services.db.clone()),
            live: Live::new(
                services.db.clone(),
                Arc::clone(&services.store),
                caption_pause.clone(),
                stop.clone(),
            ),
            event_streams: EventStreams::within(Limits::of_this_process()),
            caption_pause,
            copy_words: CopyWords::new(&context),
            pixels: services.pixels.with_own_queue(cores()),
            limits: UploadLimits::from(settings),
            policy: Policy::from(settings),
            proxies: Proxies::from(settings),
            site: Site::from(settings),
            // A cover is on the copy: where visitors see originals, it would hide nothing.
            takes_removal_requests: settings.removal_requests
                && settings.public_rendition == PublicRendition::Anonymised,
            trash_kept: TimeDelta::days(i64::try_from(settings.trash_days).unwrap_or_default()),
            visitor_rates: VisitorRates::default(),
            search_engines: settings.search_engines,
            data: settings.data.as_path().into(),
            freshness: Freshness::of(services.db.clone()).await?,
            answers: AnswerCache::default(),
            cards: CardCache::default(),
            step_counts: Remembered::default(),
            provenance: Remembered::default(),
            templates: Templates::new().context("the templates are broken")?,
            instance_id: settings.instance_id.as_str().into(),
            draining: Draining::default(),
            db: services.db,
            store: services.store,
            scratch: services.scratch,
            queue: services.queue,
            dispatch: services.dispatch,
            stop,
        });
        Ok(Self {
            state,
            context,
            has_metrics: false,
            metrics: None,
            host_files: ProcFiles::choose(settings.host_proc.as_deref()),
            workers: settings.workers,
            adopts: settings.workers > 0 && matches!(settings.storage, Storage::Folder(_)),
            drain: settings.drain,
            _lock: lock,
        })
    }

    /// Serves until `shutdown` completes. Then `/health` turns at once, the listener closes once
    /// load balancers have had time to notice, and requests and jobs may finish.
    pub async fn run_until(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let state = self.state;
        let router = router(state.clone()).context("the OpenAPI document cannot be written")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(state.live.clone().run());
        tasks.spawn(local::run(
            self.context.clone(),
            state.queue.clone(),
            self.workers,
            state.stop.clone(),
        ));
        // Where functions of AWS work, every server sends messages: sending one twice is harmless.
        if let Dispatch::Sqs(outbox) = &state.dispatch {
            tasks.spawn(outbox.clone().run(state.stop.clone()));
        }
        if self.adopts {
            let adoption = Adoption::up_to(state.limits.max_bytes);
            tasks.spawn(adopt(adoption, self.context.clone(), state.stop.clone()));
        }
        let sweeping = Sweeping::new(self.context, state.clone(), self.workers > 0);
        tasks.spawn(sweeping.run());
        if self.has_metrics {
            let port = listener.local_addr()?.port();
            let host = Host::new(self.host_files, state.data.to_path_buf(), port);
            tasks.spawn(measurements::machine(host, state.stop.clone()));
            tasks.spawn(measurements::server(state.clone(), self.workers > 0));
        }
        if let Some((listener, scrape)) = self.metrics {
            let stop = state.stop.clone();
            tasks.spawn(metrics_endpoint::serve(listener, scrape, stop));
        }
        let stopping = state.stop.clone();
        if !state.policy.needs_password() && !connections::can_be_looked_up() {
            warn!(
                "this system does not say whose a connection is: without a password, only a \
                 request's headers tell whether it comes from this machine"
            );
        }
        let rules = Rules {
            limits: Limits::of_this_process(),
            looks_up_owner: !state.policy.needs_password(),
            is_proxy: {
                let proxies = state.proxies.clone();
                Arc::new(move |address| proxies.are_trusted_at(address))
            },
        };
        let server = connections::serve(listener, router, rules, stopping);
        let server = tokio::spawn(server);
        shutdown.await;
        state.draining.begin();
        if !self.drain.is_zero() {
            info!(
                seconds = self.drain.as_secs(),
                "draining: load balancers may notice"
            );
            tokio::time::sleep(self.drain).await;
        }
        info!("stopping: finishing requests and jobs");
        state.stop.cancel();
        let finished = async {
            while tasks.join_next().await.is_some() {}
            server.await
        };
        match tokio::time::timeout(GRACE, finished).await {
            Ok(served) => served
                .context("the server died")?
                .context("the server failed")?,
            Err(_) => warn!("stopped before everything was finished; the next start continues"),
        }
        let closed = state.db.close_by_ref().await;
        closed.context("closing the database")?;
        Ok(())
    }
}

/// On one machine, one process works. It holds a lock, and so knows that no other worker is alive:
/// leases that a dead one left are released at once.
async fn take_over(services: &Services) -> anyhow::Result<Option<File>> {
    let settings = &services.settings;
    if settings.workers == 0 {
        return Ok(None);
    }
    let refusal = format!(
        "another vitrine already works in {}; stop it, or set VITRINE_DATA to another folder",
        settings.data.display()
    );
    let Some(lock) = work_lock::take(settings, &refusal)? else {
        return Ok(None);
    };
    provider_budget::release_all(&services.db).await?;
    let released = services.queue.release_all().await?;
    if released > 0 {
        info!(jobs = released, "released the jobs of the last run");
    }
    Ok(Some(lock))
}

/// Takes in what somebody put into the store's folder by hand.
async fn adopt(mut adoption: Adoption, context: Context, stop: CancellationToken) {
    loop {
        match adoption.look(&context).await {
            Ok(0) => {}
            Ok(photos) => info!(photos, "took in photos that were put into the store"),
            Err(error) => warn!(%error, "the store cannot be searched for new photos"),
        }
        tokio::select! {
            () = tokio::time::sleep(ADOPTION) => {}
            () = stop.cancelled() => return,
        }
    }
}
