//! An empty store of each kind for one test.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_config::SdkConfig;
use platform::events::{ObjectCreated, ObjectEvents};
use platform::objects::{Body, FolderStore, ObjectStore, S3Store, Scratch};
use platform::testing::Moto;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A store with its surroundings.
pub(crate) struct Home {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) heard: Arc<Heard>,
    scratch: Scratch,
    _folder: TempDir,
}

/// Records events.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<ObjectCreated>>);

#[async_trait]
impl ObjectEvents for Heard {
    async fn created(&self, event: ObjectCreated) {
        self.0.lock().unwrap().push(event);
    }
}

pub(crate) fn folder() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = FolderStore::open(folder.path(), heard.clone()).unwrap();
    let scratch = store.scratch().clone();
    Home {
        store: Arc::new(store),
        heard,
        scratch,
        _folder: folder,
    }
}

pub(crate) async fn s3() -> Option<Home> {
    let moto = moto().await?;
    Some(bucket(&moto.sdk_config().await, &moto.bucket().await).await)
}

/// A store in this bucket with this client configuration.
pub(crate) async fn bucket(config: &SdkConfig, bucket: &str) -> Home {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = S3Store::new(config, bucket, Some(heard.clone()))
        .await
        .unwrap();
    Home {
        store: Arc::new(store),
        heard,
        scratch: Scratch::open(folder.path()).unwrap(),
        _folder: folder,
    }
}

/// One server for all tests: each has a bucket of its own.
pub(crate) async fn moto() -> Option<&'static Moto> {
    static MOTO: OnceCell<Option<Moto>> = OnceCell::const_new();
    MOTO.get_or_init(Moto::start).await.as_ref()
}

impl Home {
    /// A scratch file with these bytes, as an upload leaves it.
    pub(crate) async fn file_of(&self, bytes: &[u8]) -> Body {
        let mut file = self.scratch.file().await.unwrap();
        for chunk in bytes.chunks(100_000) {
            file.write(chunk).await.unwrap();
        }
        file.finish().await.unwrap();
        Body::File(file)
    }
}

/// Bytes without repetition.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| step()).collect()
}
