//! Deletion is final, even while a step works on the image.

use chrono::TimeDelta;
use std::ops::Range;
use std::sync::{Arc, Mutex, mpsc};

use async_trait::async_trait;
use bytes::Bytes;
use entity::step::StepKind;
use functions::faces::{DetectError, Detection, Face, FaceDetector};
use functions::picture::Upright;
use functions::pipeline::context::Context;
use functions::pipeline::lifecycle::{self, accept};
use functions::pipeline::run_step::{Delivery, run_step};
use functions::testing;
use futures::stream::BoxStream;
use platform::objects::{
    Area, Body, Head, ListedObject, ObjectKey, ObjectStore, OpenObject, StoreError,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::app_with_a_photo;
use crate::app::TestApp;
use crate::ports::Held;
use crate::uploads::{FullStore, new_image};

/// A detector that announces that it has begun, and waits for permission to continue.
struct HeldDetector {
    begun: Arc<Semaphore>,
    go: Mutex<Option<mpsc::Receiver<()>>>,
}

impl FaceDetector for HeldDetector {
    fn name(&self) -> &str {
        "held"
    }

    fn detect(&self, _: &Upright) -> Result<Detection, DetectError> {
        // The second look at the copy is not held.
        if let Some(go) = self.go.lock().unwrap().take() {
            self.begun.add_permits(1);
            go.recv().unwrap();
        }
        Ok(Detection::default())
    }

    fn look_again(&self, _: &Upright, _: &[[f32; 4]], _: bool) -> Result<Vec<Face>, DetectError> {
        Ok(Vec::new())
    }
}

/// The real store, except that it announces when it reaches one place, and waits there.
struct Pausing {
    store: Arc<dyn ObjectStore>,
    at: Place,
    reached: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

#[derive(PartialEq)]
enum Place {
    BeforePutting,
    AfterDeletingTheLastObject,
}

impl Pausing {
    fn new(store: &Arc<dyn ObjectStore>, at: Place) -> Self {
        Self {
            store: Arc::clone(store),
            at,
            reached: Arc::new(Semaphore::new(0)),
            go: Arc::new(Semaphore::new(0)),
        }
    }

    async fn pause(&self) {
        self.reached.add_permits(1);
        self.go.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl ObjectStore for Pausing {
    async fn put(&self, key: &ObjectKey, body: Body) -> Result<(), StoreError> {
        if self.at == Place::BeforePutting {
            self.pause().await;
        }
        self.store.put(key, body).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.store.get(key).await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.store.get_range(key, range).await
    }

    async fn open(&self, key: &ObjectKey) -> Result<OpenObject, StoreError> {
        self.store.open(key).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError> {
        self.store.head(key).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.store.delete(key).await?;
        if self.at == Place::AfterDeletingTheLastObject && key.path().ends_with("-small.jpg") {
            self.pause().await;
        }
        Ok(())
    }

    fn list(&self, area: Area) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.store.list(area)
    }

    fn copies(&self, image_id: Uuid) -> BoxStream<'static, Result<ListedObject, StoreError>> {
        self.store.copies(image_id)
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}

/// A worker that anonymises the photo, and waits before it stores anything.
fn held_anonymiser(
    context: &Context,
    delivery: Delivery,
) -> (
    Arc<Semaphore>,
    mpsc::Sender<()>,
    tokio::task::JoinHandle<()>,
) {
    let begun = Arc::new(Semaphore::new(0));
    let (go, wait) = mpsc::channel();
    let detector = HeldDetector {
        begun: Arc::clone(&begun),
        go: Mutex::new(Some(wait)),
    };
    let context = Context {
        pixels: context.pixels.with_detector(Arc::new(detector)),
        ..context.clone()
    };
    let worker = tokio::spawn(async move {
        run_step(&context, delivery).await.unwrap();
    });
    (begun, go, worker)
}

#[tokio::test]
async fn deleting_during_anonymisation_leaves_nothing_behind() {
    let (app, id) = app_with_a_photo().await;
    let delivery = Delivery {
        image_id: id,
        step: StepKind::Anonymise,
        receive_count: 1,
    };
    let (begun, go, worker) = held_anonymiser(&app.context, delivery);
    begun.acquire().await.unwrap().forget();

    app.delete(&format!("/api/images/{id}")).await.expect(204);
    go.send(()).unwrap();
    worker.await.unwrap();

    assert_eq!(app.objects(), Vec::<String>::new());
    assert!(app.rows().await.is_empty());
    assert_eq!(app.drain().await, 0);
}

#[tokio::test]
async fn a_rendition_stored_during_a_deletion_is_deleted_too() {
    let (app, id) = app_with_a_photo().await;
    let delivery = Delivery {
        image_id: id,
        step: StepKind::Anonymise,
        receive_count: 1,
    };
    let (begun, go, worker) = held_anonymiser(&app.context, delivery);
    begun.acquire().await.unwrap().forget();
    let store = Pausing::new(&app.state.store, Place::AfterDeletingTheLastObject);
    let (deleted, go_on) = (Arc::clone(&store.reached), Arc::clone(&store.go));
    let db = app.state.db.clone();
    let deletion =
        tokio::spawn(
            async move { lifecycle::delete(&db, &store, id, None, TimeDelta::zero()).await },
        );

    // The worker finishes after all objects are deleted and before the rows are.
    deleted.acquire().await.unwrap().forget();
    go.send(()).unwrap();
    worker.await.unwrap();
    go_on.add_permits(1);
    assert!(deletion.await.unwrap().unwrap());

    assert_eq!(app.objects(), Vec::<String>::new());
    assert!(app.rows().await.is_empty());
}

#[tokio::test]
async fn deleting_during_captioning_is_final() {
    let (app, id) = app_with_a_photo().await;
    let held = Held::new("too late");
    let context = Context {
        captioner: held.clone(),
        ..app.context.clone()
    };
    let delivery = Delivery {
        image_id: id,
        step: StepKind::Annotate,
        receive_count: 1,
    };
    let worker = tokio::spawn(async move { run_step(&context, delivery).await });
    held.has_begun().await;

    app.delete(&format!("/api/images/{id}")).await.expect(204);
    held.let_go();
    worker.await.unwrap().unwrap();

    assert!(app.rows().await.is_empty());
    app.get(&format!("/api/images/{id}")).await.problem(404);
}

#[tokio::test]
async fn an_original_stored_again_after_deletion_is_deleted_too() {
    let app = TestApp::spawn().await;
    let photo = testing::photo(1, 32, 32);
    let new = new_image(&photo);
    let file = app.file_of(&photo).await;
    accept(&app.state.db, &FullStore, new.clone(), file)
        .await
        .unwrap_err();
    let store = Pausing::new(&app.state.store, Place::BeforePutting);
    let (reached, go_on) = (Arc::clone(&store.reached), Arc::clone(&store.go));
    let (db, file) = (app.state.db.clone(), app.file_of(&photo).await);
    let slower = tokio::spawn(async move { accept(&db, &store, new, file).await });
    reached.acquire().await.unwrap().forget();

    let id = app.upload("faster.jpg", &photo).await.expect(200).id();
    app.delete(&format!("/api/images/{id}")).await.expect(204);
    go_on.add_permits(1);
    slower.await.unwrap().unwrap();

    assert_eq!(app.objects(), Vec::<String>::new());
    assert!(app.rows().await.is_empty());
}
