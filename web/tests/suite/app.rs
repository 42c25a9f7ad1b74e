//! A server in this process, which a test can call, inspect and stop.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use entity::{call, image, job, provider, step};
use functions::drivers::local;
use functions::faces::FaceDetector;
use functions::pipeline::context::Context;
use functions::pipeline::pixel_workers::{MemoryBudget, PixelWorkers};
use functions::pipeline::release::{Decided, release};
use platform::aws::AwsSettings;
use platform::objects::{Body, ObjectKey};
use platform::settings::Settings;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use web::app::App;
use web::state::AppState;

use crate::client::Client;
use crate::databases;
use crate::s3::PASSWORD;

/// How long a condition may take to come true before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It dereferences to a client with no cookies: without a password that is
/// the admin, with one a visitor.
pub(crate) struct TestApp {
    client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) state: AppState,
    /// Used by [`TestApp::drain`]. Tests replace the captioner or the detector.
    pub(crate) context: Context,
    folder: Arc<TempDir>,
    database_url: Option<String>,
    server: JoinHandle<anyhow::Result<()>>,
    stop: DropGuard,
}

/// Settings for a [`TestApp`].
pub(crate) struct Builder {
    variables: BTreeMap<&'static str, String>,
    folder: Arc<TempDir>,
    /// None for SQLite, or before a database is created.
    database_url: Option<String>,
}

impl Builder {
    pub(crate) fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.insert(name, value.to_string());
        self
    }

    pub(crate) fn password(self, password: &str) -> Self {
        self.set("VITRINE_ADMIN_PASSWORD", password)
    }

    /// Visitors see what the second look found nothing uncertain about.
    pub(crate) fn releases_at_once(self) -> Self {
        self.set("VITRINE_RELEASE", "at-once")
    }

    pub(crate) fn anyone_may_upload(self) -> Self {
        self.set("VITRINE_UPLOADS", "anyone")
    }

    pub(crate) fn max_upload_mb(self, megabytes: u32) -> Self {
        self.set("VITRINE_MAX_UPLOAD_MB", megabytes)
    }

    /// Objects in this bucket.
    pub(crate) fn on_s3(self, aws: &AwsSettings, bucket: &str) -> Self {
        let keys = aws.keys.as_ref().unwrap();
        self.set("VITRINE_STORAGE", format!("s3://{bucket}"))
            .set("AWS_ENDPOINT_URL", aws.endpoint.as_ref().unwrap())
            .set("AWS_REGION", aws.region.as_ref().unwrap())
            .set("AWS_ACCESS_KEY_ID", &keys.id)
            .set("AWS_SECRET_ACCESS_KEY", keys.secret.expose_secret())
    }

    /// The same rows and objects as another server.
    pub(crate) fn on_the_data_of(mut self, other: &TestApp) -> Self {
        self.folder = Arc::clone(&other.folder);
        self.database_url.clone_from(&other.database_url);
        self
    }

    /// The rows and objects of a folder and a database.
    pub(crate) fn on_data_in(mut self, folder: TempDir, database_url: Option<String>) -> Self {
        self.folder = Arc::new(folder);
        self.database_url = database_url;
        self
    }

    /// A server with a password, and its admin.
    pub(crate) async fn spawn_with_admin(self) -> (TestApp, Client) {
        let app = self.password(PASSWORD).spawn().await;
        let admin = app.sign_in(PASSWORD).await;
        (app, admin)
    }

    pub(crate) async fn spawn(mut self) -> TestApp {
        if self.database_url.is_none() {
            self.database_url = databases::empty().await;
        }
        let data = self.folder.path().join("data");
        let mut variables: BTreeMap<String, String> = BTreeMap::from(
            [
                ("VITRINE_DATA", data.to_str().unwrap()),
                ("VITRINE_BIND", "127.0.0.1:0"),
                ("VITRINE_WORKERS", "0"),
                ("VITRINE_CAPTIONER", "describe"),
                // Tests of it say so.
                ("VITRINE_OCR", "off"),
                ("VITRINE_INSTANCE_ID", "test"),
                // Most tests of deletions want to see what is left.
                ("VITRINE_TRASH_DAYS", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        if let Some(url) = &self.database_url {
            variables.insert("DATABASE_URL".to_owned(), url.clone());
        }
        for (name, value) in self.variables {
            variables.insert(name.to_owned(), value);
        }
        let settings = Settings::from_variables(variables).unwrap();
        let mut app = App::build(settings).await.unwrap();
        // This process is a test, not the program that can be a worker.
        let program = env!("CARGO_BIN_EXE_vitrine").into();
        let pixels = PixelWorkers::of_program(program, 2, MemoryBudget::of_this_machine());
        app.context.pixels = pixels.with_own_queue(2);
        app.state.set_pixels(pixels);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (state, context) = (app.state.clone(), app.context.clone());
        let server = tokio::spawn(app.run_until(listener, stop.clone().cancelled_owned()));
        TestApp {
            client: Client::new(address),
            address,
            state,
            context,
            folder: self.folder,
            database_url: self.database_url,
            server,
            stop: stop.drop_guard(),
        }
    }
}

impl Deref for TestApp {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        Builder {
            variables: BTreeMap::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
            database_url: None,
        }
    }

    /// A server without a password: every client is the admin.
    pub(crate) async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    /// A client without cookies.
    pub(crate) fn visitor(&self) -> Client {
        Client::new(self.address)
    }

    /// A client without cookies that comes from another loopback address.
    pub(crate) fn visitor_at(&self, address: impl Into<IpAddr>) -> Client {
        Client::from(address.into(), self.address)
    }

    /// A client that has signed in with this password.
    pub(crate) async fn sign_in(&self, password: &str) -> Client {
        let client = Client::new(self.address);
        client
            .post_form("/login", &[("password", password)])
            .await
            .expect(303);
        client
    }

    /// Runs every job that is due. Returns how many there were.
    pub(crate) async fn drain(&self) -> usize {
        let worked = local::drain(&self.context, &self.state.queue)
            .await
            .unwrap();
        // The pause is cached for a second.
        self.state.caption_pause.forget();
        worked
    }

    /// From now on [`TestApp::drain`] finds the faces that this detector finds.
    pub(crate) fn find_faces_with(&mut self, detector: impl FaceDetector + 'static) {
        self.context.pixels = self.context.pixels.with_detector(Arc::new(detector));
    }

    /// Starts workers, beside those of the server.
    pub(crate) fn workers(&self, count: usize) -> Workers {
        let stop = CancellationToken::new();
        let (context, queue) = (self.context.clone(), self.state.queue.clone());
        let task = tokio::spawn(local::run(context, queue, count, stop.clone()));
        Workers { stop, task }
    }

    /// Sweeps, which queues owed work. Where S3 notifies functions elsewhere, that is how jobs get
    /// into the queue of a test.
    pub(crate) async fn queue_what_is_owed(&self) {
        local::sweep(
            &self.context,
            &self.state.dispatch,
            Duration::from_secs(3600),
            DateTime::UNIX_EPOCH,
        )
        .await
        .unwrap();
    }

    /// Makes everything due that waits for a time: retries, leases and pauses.
    pub(crate) async fn let_time_pass(&self) {
        job::Entity::update_many()
            .col_expr(job::Column::VisibleAt, Expr::value(entity::now()))
            .exec(&self.state.db)
            .await
            .unwrap();
        provider::Entity::update_many()
            .col_expr(provider::Column::Until, Expr::value(entity::now()))
            .exec(&self.state.db)
            .await
            .unwrap();
        self.state.caption_pause.forget();
        self.state
            .queue
            .resume(step::StepKind::Annotate)
            .await
            .unwrap();
    }

    /// Moves all provider requests into the past.
    pub(crate) async fn let_requests_age(&self, by: TimeDelta) {
        for call in call::Entity::find().all(&self.state.db).await.unwrap() {
            call::Entity::update_many()
                .filter(call::Column::Id.eq(call.id))
                .col_expr(call::Column::At, Expr::value(call.at - by))
                .exec(&self.state.db)
                .await
                .unwrap();
        }
        self.let_time_pass().await;
    }

    /// The copy of an image.
    pub(crate) async fn copy(&self, id: Uuid) -> Vec<u8> {
        let row = self.row(id).await.unwrap();
        self.object(&ObjectKey::anonymised(id, row.copy_id)).await
    }

    /// Makes an image public, as a person does.
    pub(crate) async fn release(&self, id: Uuid) {
        let decided = release(&self.state.db, id, None, Some("admin")).await;
        assert_eq!(decided.unwrap(), Decided::Done);
    }

    pub(crate) async fn row(&self, id: Uuid) -> Option<image::Model> {
        image::Entity::find_by_id(id)
            .one(&self.state.db)
            .await
            .unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<image::Model> {
        image::Entity::find().all(&self.state.db).await.unwrap()
    }

    pub(crate) async fn step(&self, id: Uuid, name: step::StepKind) -> step::Model {
        step::Entity::find_by_id((id, name))
            .one(&self.state.db)
            .await
            .unwrap()
            .unwrap()
    }

    pub(crate) async fn object(&self, key: &ObjectKey) -> Vec<u8> {
        self.state.store.get(key).await.unwrap().to_vec()
    }

    /// A scratch file with these bytes, as an upload leaves it.
    pub(crate) async fn file_of(&self, bytes: &[u8]) -> Body {
        let mut file = self.state.scratch.file().await.unwrap();
        file.write(bytes).await.unwrap();
        file.finish().await.unwrap();
        Body::File(file)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Every object in the store, as `area/name`.
    pub(crate) fn objects(&self) -> Vec<String> {
        let store = self.data().join("objects");
        let mut found: Vec<_> = files_below(&store)
            .into_iter()
            .filter(|name| !name.starts_with(".incoming"))
            .collect();
        found.sort();
        found
    }

    /// Scratch files.
    pub(crate) fn unfinished_files(&self) -> Vec<String> {
        files_below(&self.data().join("objects/.incoming"))
            .into_iter()
            .filter(|name| !name.ends_with("/lock"))
            .collect()
    }

    /// Scratch files where objects are not in a folder.
    pub(crate) fn unfinished_uploads(&self) -> Vec<String> {
        files_below(&self.data().join("incoming"))
            .into_iter()
            .filter(|name| !name.ends_with("/lock"))
            .collect()
    }

    /// Every file in the temporary folder of this server, to find misplaced ones.
    pub(crate) fn everything_on_disk(&self) -> Vec<String> {
        files_below(self.folder.path())
    }

    /// Stops the server and waits until it has stopped.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.server.await.unwrap().unwrap();
    }
}

/// Workers that work until they are told to stop.
pub(crate) struct Workers {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Workers {
    /// Waits until each has finished its job.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap();
            path.to_string_lossy().into_owned()
        })
        .collect()
}

/// Waits until a condition holds. `what` describes it in the message of a failure.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "after {PATIENCE:?} it still does not hold that {what}"
    );
}
