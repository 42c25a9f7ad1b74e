//! What the server and the commands stand on alike: settings, database, store and queue, opened
//! in the order in which they need each other.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use functions::annotate::{Captioner, Describer, Gemini, OpenAi, PATIENCE};
use functions::context::{Context, Options};
use functions::cpu::CpuPool;
use functions::faces;
use functions::local::Queue;
use functions::picture::Limits;
use migration::{Migrator, MigratorTrait as _};
use platform::database;
use platform::objects::{FolderStore, ObjectStore, Scratch};
use platform::settings::{CaptionerChoice, Settings, Storage};
use sea_orm::DatabaseConnection;

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
    ///
    /// # Errors
    /// If the captioner cannot be set up.
    pub fn context(&self) -> anyhow::Result<Context> {
        let settings = &self.settings;
        let limits = Limits {
            max_pixels: settings.max_pixels,
        };
        Ok(Context {
            db: self.db.clone(),
            store: Arc::clone(&self.store),
            captioner: captioner(&settings.captioner)?,
            detector: Arc::new(faces::bundled()),
            cpu: CpuPool::new(settings.workers, settings.max_pixels),
            options: Options {
                thumbnail_size: settings.thumbnail_size,
                limits,
                caption_language: settings.caption_language.clone(),
                caption_source: settings.caption_source,
                max_attempts: Options::MAX_ATTEMPTS,
                backoff: Options::BACKOFF,
            },
        })
    }
}

/// Brings the schema up to date, one process of this data folder at a time: two that start at
/// once would both create the tables.
async fn migrate(db: &DatabaseConnection, data: &Path) -> anyhow::Result<()> {
    let turn = File::create(data.join("migrate.lock"))?;
    let _turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn)).await??;
    Ok(Migrator::up(db, None).await?)
}

/// The captioner that was chosen. It is asked for nothing yet.
///
/// # Errors
/// If it cannot be set up.
pub fn captioner(choice: &CaptionerChoice) -> anyhow::Result<Arc<dyn Captioner>> {
    Ok(match choice {
        CaptionerChoice::Describe => Arc::new(Describer),
        CaptionerChoice::Gemini(settings) => Arc::new(Gemini::new(settings, PATIENCE)?),
        CaptionerChoice::OpenAi(settings) => Arc::new(OpenAi::new(settings, PATIENCE)?),
    })
}

/// Cores of this machine, or of as much of it as this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
