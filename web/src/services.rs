//! The services that the server and the commands share: database, object store and queue, opened
//! in the order of their dependencies.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use functions::pipeline::context::Context;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::job_queue::JobQueue;
use functions::pipeline::outbox::Outbox;
use functions::pipeline::pixel_workers::{MemoryBudget, PixelWorkers};
use functions::pipeline::setup;
use functions::pipeline::sqs::SqsQueues;
use migration::Migrator;
use platform::events::{ObjectCreated, ObjectEvents};
use platform::objects::{FolderStore, ObjectStore, S3Store, Scratch};
use platform::settings::{QueueChoice, Settings, Storage};
use platform::{aws, database};
use sea_orm::DatabaseConnection;

pub struct Services {
    pub settings: Settings,
    pub db: DatabaseConnection,
    pub store: Arc<dyn ObjectStore>,
    /// For files that are not completely written yet.
    pub scratch: Scratch,
    /// The queue of this machine, whether or not functions elsewhere do the work.
    pub queue: JobQueue,
    /// Where steps are queued that run again.
    pub dispatch: Dispatch,
    /// Where pictures are decoded.
    pub pixels: PixelWorkers,
}

impl Services {
    /// Opens everything and migrates the database.
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.data).with_context(|| {
            format!(
                "the data folder {} cannot be made; set VITRINE_DATA to a folder that can",
                settings.data.display()
            )
        })?;
        let db = database(&settings).await?;
        let queue = JobQueue::new(db.clone());
        let (store, scratch) = store(&settings, Some(Arc::new(queue.clone())))
            .await
            .context("the store cannot be used; see VITRINE_STORAGE")?;
        let dispatch = dispatch(&settings, &db, &queue).await;
        let pixels = PixelWorkers::new(cores(), MemoryBudget::of_this_machine());
        Ok(Self {
            pixels,
            settings,
            db,
            store,
            scratch,
            queue,
            dispatch,
        })
    }

    pub fn context(&self) -> anyhow::Result<Context> {
        let (db, store) = (self.db.clone(), Arc::clone(&self.store));
        Ok(setup::context(
            &self.settings,
            db,
            store,
            self.pixels.with_own_queue(self.settings.workers),
        )?)
    }
}

/// Migrates the database, then opens it with new connections: prepared statements of the old ones
/// may know the old schema, see [`migration::up`].
async fn database(settings: &Settings) -> anyhow::Result<DatabaseConnection> {
    let connect = async || {
        database::connect(&settings.database)
            .await
            .context("the database cannot be opened; see DATABASE_URL and VITRINE_DATA")
    };
    let db = connect().await?;
    migration::up::<Migrator>(&db, migration::PATIENCE)
        .await
        .context("the database's schema cannot be brought up to date")?;
    db.close().await?;
    connect().await
}

async fn dispatch(settings: &Settings, db: &DatabaseConnection, queue: &JobQueue) -> Dispatch {
    match &settings.queue {
        QueueChoice::Jobs => Dispatch::Jobs(queue.clone()),
        QueueChoice::Sqs(address) => {
            let config = aws::config(&settings.aws).await;
            Dispatch::Sqs(Outbox::new(
                db.clone(),
                SqsQueues::connect(&config, address),
            ))
        }
    }
}

/// Opens the store and a folder for files that are not completely written yet. Where objects are
/// in a folder, it is on the same file system, so that a finished file is renamed, not copied.
/// `events` is told of new originals.
pub(crate) async fn store(
    settings: &Settings,
    events: Option<Arc<dyn ObjectEvents>>,
) -> anyhow::Result<(Arc<dyn ObjectStore>, Scratch)> {
    match &settings.storage {
        Storage::Folder(root) => {
            let store = FolderStore::open(root, events.unwrap_or_else(|| Arc::new(Unheard)))?;
            let scratch = store.scratch().clone();
            Ok((Arc::new(store), scratch))
        }
        Storage::S3(bucket) => {
            let config = aws::config(&settings.aws).await;
            // Where functions on AWS do the work, S3 notifies them itself, and nothing would
            // drain the local queue.
            let events = events.filter(|_| settings.workers > 0);
            let store = S3Store::new(&config, bucket, events).await?;
            store.check().await?;
            let scratch = Scratch::open(&settings.data.join("incoming"))
                .context("the folder for uploads in the data folder cannot be made")?;
            Ok((Arc::new(store), scratch))
        }
    }
}

/// For originals that start nothing.
struct Unheard;

#[async_trait]
impl ObjectEvents for Unheard {
    async fn created(&self, _event: ObjectCreated) {}
}

/// The number of cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
