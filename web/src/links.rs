//! Addresses of pictures: this server's own, or, where the store can do that, presigned ones of
//! the store, so that no picture has to pass through here.

use platform::objects::{Disposition, ObjectKey, ObjectStore, Signer, StoreError};
use tracing::error;

use crate::access::{Rendition, Viewer};
use crate::state::AppState;
use crate::view::ImageRows;

/// How to get at pictures, for one answer.
#[derive(Clone, Debug)]
pub enum Links {
    /// Through this server.
    Own,
    /// Straight from the store.
    Presigned(Signer),
}

impl AppState {
    /// How this server hands out pictures now.
    pub async fn links(&self) -> Links {
        Links::of(self.store.as_ref()).await
    }
}

impl Links {
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
pub struct Wish {
    /// To keep it as a file, rather than to look at it.
    pub save: bool,
    /// To hear of it only (HEAD).
    pub head: bool,
}

impl ImageRows {
    /// The address of a rendition: none if it is not there yet, or not for this viewer. It
    /// changes when the rendition is made anew, so that browsers may keep what they have.
    pub fn url(&self, viewer: &Viewer, rendition: Rendition, links: &Links) -> Option<String> {
        let key = viewer.rendition(&self.image, rendition).ok()??;
        let own = self.own_url(viewer, rendition);
        let Links::Presigned(signer) = links else {
            return own;
        };
        let look = Wish {
            save: false,
            head: false,
        };
        match self.presigned(viewer, rendition, &key, signer, look) {
            Ok(url) => Some(url),
            Err(error) => {
                error!(%error, "an address cannot be signed");
                own
            }
        }
    }

    /// The presigned address of a rendition. That the viewer may see it is the caller's to know:
    /// the key comes from [`Viewer::rendition`].
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn presigned(
        &self,
        viewer: &Viewer,
        rendition: Rendition,
        key: &ObjectKey,
        signer: &Signer,
        wish: Wish,
    ) -> Result<String, StoreError> {
        let name = self.saved_name(viewer, rendition);
        let disposition = if wish.save {
            Disposition::Attachment(&name)
        } else {
            Disposition::Inline(&name)
        };
        let version = self.version(viewer, rendition);
        signer.read(key, &version, disposition, wish.head)
    }

    /// What a rendition is called once somebody has saved it.
    fn saved_name(&self, viewer: &Viewer, rendition: Rendition) -> String {
        let name = self.file_name(viewer);
        if rendition == Rendition::Original {
            return name;
        }
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
        format!("{stem}-{}.jpg", rendition.as_str())
    }
}
