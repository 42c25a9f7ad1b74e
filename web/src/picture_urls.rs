//! URLs of pictures: of this server, or, where the store can presign, of the store, so that no
//! picture passes through the server.

use platform::objects::{ObjectStore, Signer};
use tracing::error;

/// The query parameter that asks for a download instead of a picture to display. Links to a
/// presigned URL need it: the attribute `download` has no effect across origins.
pub(crate) const SAVE: &str = "save";

/// How URLs of pictures are made, for one answer.
#[derive(Clone, Debug)]
pub enum UrlSource {
    /// This server's own URLs.
    Own,
    /// Presigned URLs of the store.
    Presigned(Signer),
}

impl UrlSource {
    /// If signing fails, the server's own URLs are used, so that the page is shown at least.
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

/// What a presigned URL is for.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Download as a file instead of display.
    pub save: bool,
    /// HEAD instead of GET: the method is part of the signature.
    pub head: bool,
}
