//! Puts the whole together: settings in, a server out that runs until it is told to stop.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use functions::drivers::local;
use functions::pipeline::context::Context;
use functions::pipeline::cpu_pool::CpuPool;
use functions::pipeline::dispatch::Dispatch;
use platform::settings::{DatabaseKind, Settings};
use platform::telemetry::metrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::{Policy, Sessions, Tokens};
use crate::api::uploads::forget_pending;
use crate::caption_pause::CaptionPause;
use crate::live::Live;
use crate::router::router;
use crate::services::{Services, cores};
use crate::state::{AppState, Draining, UploadLimits};
use crate::templates::Templates;

/// How often the sweeper comes round.
const SWEEP: Duration = Duration::from_secs(60);

/// How often the age of the queue is measured.
const MEASURE: Duration = Duration::from_secs(10);

/// How long an upload may take from its row to its object before it counts as given up.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How long an upload is kept that somebody put into the store and did not complete.
const PENDING_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long requests and jobs have to finish once the server stops.
const GRACE: Duration = Duration::from_secs(25);

/// A server that is ready to run.
pub struct App {
    /// What handlers can reach.
    pub state: AppState,
    /// What the functions need.
    pub context: Context,
    /// Whether somebody collects how old the queue is, so that it is worth it to look.
    pub measures_queue: bool,
    workers: usize,
    /// Held as long as this process works on this data folder.
    _lock: Option<File>,
}

impl App {
    /// Builds the server.
    ///
    /// # Errors
    /// If something it stands on cannot be used.
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
        let state = AppState {
            sessions: Sessions::new(services.db.clone(), settings.admin_password.as_ref())
                .map_err(|error| anyhow!(error))?,
            tokens: Tokens::new(services.db.clone()),
            live: Live::new(
                services.db.clone(),
                Arc::clone(&services.store),
                caption_pause.clone(),
                stop.clone(),
            ),
            caption_pause,
            cpu: CpuPool::new(cores(), settings.max_pixels),
            limits: UploadLimits::from(settings),
            policy: Policy::from(settings),
            templates: Templates::new().context("the templates are broken")?,
            instance_id: settings.instance_id.as_str().into(),
            draining: Draining::default(),
            db: services.db,
            store: services.store,
            scratch: services.scratch,
            queue: services.queue,
            dispatch: services.dispatch,
            stop,
        };
        Ok(Self {
            state,
            context,
            measures_queue: false,
            workers: settings.workers,
            _lock: lock,
        })
    }

    /// Serves until `shutdown` is over, then lets requests and jobs finish.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn run_until(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let state = self.state;
        let service = router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let mut tasks = JoinSet::new();
        tasks.spawn(state.live.clone().run());
        tasks.spawn(local::run(
            self.context.clone(),
            state.queue.clone(),
            self.workers,
            state.stop.clone(),
        ));
        // Where functions of AWS work, every server sweeps: it does no harm to sweep twice.
        let puts_right = self.workers > 0 || matches!(state.dispatch, Dispatch::Sqs(_));
        tasks.spawn(sweep(self.context, state.clone(), puts_right));
        if self.measures_queue && self.workers > 0 {
            tasks.spawn(measure_queue(state.clone()));
        }
        let stopping = state.stop.clone().cancelled_owned();
        let server = tokio::spawn(
            axum::serve(listener, service)
                .with_graceful_shutdown(stopping)
                .into_future(),
        );
        shutdown.await;
        info!("stopping: finishing what has been begun");
        state.draining.begin();
        state.stop.cancel();
        let finished = async {
            while tasks.join_next().await.is_some() {}
            server.await
        };
        match tokio::time::timeout(GRACE, finished).await {
            Ok(served) => served
                .context("the server died")?
                .context("the server failed")?,
            Err(_) => warn!("stopped in the middle of something; it is taken up at the next start"),
        }
        state.db.close().await.context("closing the database")?;
        Ok(())
    }
}

/// On one machine, one process works. Whoever holds the lock knows that no other worker is
/// alive, so jobs that one held when it died are taken up at once.
async fn take_over(services: &Services) -> anyhow::Result<Option<File>> {
    let settings = &services.settings;
    if settings.workers == 0 || settings.database.kind() != DatabaseKind::Sqlite {
        return Ok(None);
    }
    let path = settings.data.join("serve.lock");
    let lock = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    lock.try_lock().map_err(|_| {
        anyhow!(
            "another vitrine already works in {}; stop it, or set VITRINE_DATA to another folder",
            settings.data.display()
        )
    })?;
    let released = services.queue.release_all().await?;
    if released > 0 {
        info!(jobs = released, "taking up what the last run left");
    }
    Ok(Some(lock))
}

/// Tells how old the queue is, so that somebody sees when work is left undone.
async fn measure_queue(state: AppState) {
    loop {
        match state.queue.age().await {
            Ok(age) => metrics::queue_age(age),
            Err(error) => warn!(%error, "the queue's age cannot be told"),
        }
        tokio::select! {
            () = tokio::time::sleep(MEASURE) => {}
            () = state.stop.cancelled() => return,
        }
    }
}

/// Clears away what dead processes left, and where this process is to, puts right what is half
/// done.
async fn sweep(context: Context, state: AppState, puts_right: bool) {
    loop {
        match state.scratch.clear_abandoned() {
            Ok(0) => {}
            Ok(files) => info!(files, "cleared what was left half-written"),
            Err(error) => warn!(%error, "half-written files cannot be cleared"),
        }
        match forget_pending(state.store.as_ref(), PENDING_KEPT).await {
            Ok(0) => {}
            Ok(uploads) => info!(uploads, "forgot uploads that were never completed"),
            Err(error) => warn!(%error, "uploads that were never completed cannot be removed"),
        }
        if puts_right {
            put_right(&context, &state).await;
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = state.stop.cancelled() => return,
        }
    }
}

async fn put_right(context: &Context, state: &AppState) {
    let queue = match &state.dispatch {
        Dispatch::Jobs(queue) => Some(queue),
        Dispatch::Sqs(_) => None,
    };
    match local::sweep(context, queue, UPLOAD_PATIENCE).await {
        Ok(swept) if swept == local::Swept::default() => {}
        Ok(swept) => info!(?swept, "put right what was left half done"),
        Err(error) => warn!(%error, "sweeping did not get to its end"),
    }
}
