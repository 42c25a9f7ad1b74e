//! Addresses of pictures: this server's own, or, where the store can do that, presigned ones of
//! the store, so that no picture has to pass through here.

use platform::objects::{ObjectStore, Signer};
use tracing::error;

/// How to get at pictures, for one answer.
#[derive(Clone, Debug)]
pub enum UrlSource {
    /// Through this server.
    Own,
    /// Straight from the store.
    Presigned(Signer),
}

impl UrlSource {
    /// How pictures in this store are handed out now. If nothing can be signed, they are asked for
    /// here, and whoever asks is told: a page without pictures is better than none.
    pub async fn of(store: &dyn ObjectStore) -> Self {
        let Some(presigning) = store.presigning() else {
            return Self::Own;
        };
        match presigning.signer().await {
            Ok(signer) => Self::Presigned(signer),
            Err(error) => {
                error!(%error, "addresses cannot be signed");
                Self::Own
            }
        }
    }
}

/// What somebody wants of a picture in the store.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// To keep it as a file, rather than to look at it.
    pub save: bool,
    /// To hear of it only (HEAD).
    pub head: bool,
}
