//! Puts the whole together: settings in, a server out that runs until it is told to stop.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use functions::annotate::{Captioner, Describer};
use functions::context::{Context, Options};
use functions::cpu::CpuPool;
use functions::faces;
use functions::local::{self, Queue};
use functions::picture::Limits;
use migration::{Migrator, MigratorTrait as _};
use platform::database;
use platform::objects::{FolderStore, ObjectStore, Scratch};
use platform::settings::{CaptionerChoice, DatabaseKind, Settings, Storage};
use sea_orm::DatabaseConnection;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::{Policy, Sessions};
use crate::live::Live;
use crate::router::router;
use crate::state::{AppState, Draining, UploadLimits};
use crate::templates::Templates;

/// How often the sweeper comes round.
const SWEEP: Duration = Duration::from_secs(60);

/// How long an upload may take from its row to its object before it counts as given up.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How long requests and jobs have to finish once the server stops.
const GRACE: Duration = Duration::from_secs(25);

/// Database, store and queue: what commands share with the server.
pub struct Parts {
    /// What was set.
    pub settings: Settings,
    /// The rows.
    pub db: DatabaseConnection,
    /// The objects.
    pub store: Arc<dyn ObjectStore>,
    /// Where half-written files are.
    pub scratch: Scratch,
    /// The queue.
    pub queue: Queue,
}

impl Parts {
    /// Opens everything and brings the schema up to date.
    ///
    /// # Errors
    /// If the data folder, the database or the store cannot be used.
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.data).with_context(|| {
            format!(
                "the data folder {} cannot be made; set VITRINE_DATA to a folder that can",
                settings.data.display()
            )
        })?;
        let db = database::connect(&settings.database)
            .await
            .context("the database cannot be opened; see DATABASE_URL and VITRINE_DATA")?;
        migrate(&db, &settings.data)
            .await
            .context("the database's schema cannot be brought up to date")?;
        let queue = Queue::new(db.clone());
        let (store, scratch) = match &settings.storage {
            Storage::Folder(root) => {
                let store = FolderStore::open(root, Arc::new(queue.clone()))
                    .context("see VITRINE_STORAGE")?;
                let scratch = store.scratch().clone();
                (Arc::new(store) as Arc<dyn ObjectStore>, scratch)
            }
        };
        Ok(Self {
            settings,
            db,
            store,
            scratch,
            queue,
        })
    }

    /// What the functions need.
    pub fn context(&self) -> Context {
        let settings = &self.settings;
        let limits = Limits {
            max_pixels: settings.max_pixels,
        };
        Context {
            db: self.db.clone(),
            store: Arc::clone(&self.store),
            captioner: captioner(settings.captioner),
            detector: Arc::new(faces::bundled()),
            cpu: CpuPool::new(settings.workers, settings.max_pixels),
            options: Options {
                thumbnail_size: settings.thumbnail_size,
                limits,
                caption_language: settings.caption_language.clone(),
                max_attempts: Options::MAX_ATTEMPTS,
                backoff: Options::BACKOFF,
            },
        }
    }
}

/// Brings the schema up to date, one process of this data folder at a time: two that start at
/// once would both create the tables.
async fn migrate(db: &DatabaseConnection, data: &Path) -> anyhow::Result<()> {
    let turn = File::create(data.join("migrate.lock"))?;
    let _turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn)).await??;
    Ok(Migrator::up(db, None).await?)
}

/// The captioner that was chosen.
pub fn captioner(choice: CaptionerChoice) -> Arc<dyn Captioner> {
    match choice {
        CaptionerChoice::Describe => Arc::new(Describer),
    }
}

/// A server that is ready to run.
pub struct App {
    /// What handlers can reach.
    pub state: AppState,
    /// What the functions need.
    pub context: Context,
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
        let parts = Parts::open(settings).await?;
        let settings = &parts.settings;
        for warning in &settings.warnings {
            warn!("{warning}");
        }
        let lock = take_over(&parts).await?;
        let stop = CancellationToken::new();
        let context = parts.context();
        let state = AppState {
            sessions: Sessions::new(parts.db.clone(), settings.admin_password.as_ref())
                .map_err(|error| anyhow!(error))?,
            live: Live::new(parts.db.clone(), stop.clone()),
            cpu: CpuPool::new(cores(), settings.max_pixels),
            limits: UploadLimits::from(settings),
            policy: Policy::from(settings),
            templates: Templates::new().context("the templates are broken")?,
            instance_id: settings.instance_id.as_str().into(),
            draining: Draining::default(),
            db: parts.db,
            store: parts.store,
            scratch: parts.scratch,
            queue: parts.queue,
            stop,
        };
        Ok(Self {
            state,
            context,
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
        if self.workers > 0 {
            tasks.spawn(sweep(self.context, state.clone()));
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
async fn take_over(parts: &Parts) -> anyhow::Result<Option<File>> {
    let settings = &parts.settings;
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
    let released = parts.queue.release_all().await?;
    if released > 0 {
        info!(jobs = released, "taking up what the last run left");
    }
    Ok(Some(lock))
}

async fn sweep(context: Context, state: AppState) {
    loop {
        match state.scratch.clear_abandoned() {
            Ok(0) => {}
            Ok(files) => info!(files, "cleared what was left half-written"),
            Err(error) => warn!(%error, "half-written files cannot be cleared"),
        }
        match local::sweep(&context, &state.queue, UPLOAD_PATIENCE).await {
            Ok(swept) if swept == local::Swept::default() => {}
            Ok(swept) => info!(?swept, "put right what was left half done"),
            Err(error) => warn!(%error, "sweeping did not get to its end"),
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = state.stop.cancelled() => return,
        }
    }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
