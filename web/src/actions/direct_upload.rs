//! Direct uploads: the client puts a photo into the object store itself, under a presigned URL,
//! so that a slow connection keeps no server busy. Until completion it is an invisible pending
//! object; completing it takes it in like any other upload. It has no row meanwhile: the client's
//! announcement is signed metadata of the object.

use std::collections::HashMap;
use std::time::Duration;

use entity::image;
use functions::picture::Refusal;
use functions::pipeline::lifecycle::Accepted;
use futures::{StreamExt as _, TryStreamExt as _};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use platform::Format;
use platform::objects::{
    Area, ObjectKey, ObjectStore, Presigning, Promise, StoreError, WriteAddress,
};
use serde::Deserialize;
use std::time::SystemTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::ingest::{ExpectedContent, UploadMeta};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

const FILE_NAME: &str = "file-name";
const SENDER: &str = "sender";
const SHA256: &str = "sha256";
const CONTENT_TYPE: &str = "announced-type";

/// The longest file name, in bytes before it is encoded: object metadata is limited.
const NAME_LENGTH: usize = 300;

/// A photo that a client wants to put into the store itself.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "file_name": "party.jpg",
    "content_type": "image/jpeg",
    "bytes": 2_481_032,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}))]
pub struct UploadAnnouncement {
    #[schema(max_length = 300)]
    file_name: String,
    /// `image/jpeg`, `image/png`, `image/gif`, `image/webp`, `image/heic` (or `image/heif`) or
    /// `image/avif`.
    content_type: String,
    #[schema(minimum = 1)]
    bytes: u64,
    /// Of the file, in hexadecimal digits.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9a-fA-F]{64}$")]
    sha256: String,
}

/// A direct upload that has begun.
pub(crate) struct PendingUpload {
    pub(crate) id: Uuid,
    pub(crate) address: WriteAddress,
    pub(crate) expires_at: SystemTime,
}

/// Signs a URL under which the announced bytes, and no others, can be put.
pub(crate) async fn begin_upload(
    state: &AppState,
    viewer: &Viewer,
    announced: &UploadAnnouncement,
) -> Result<PendingUpload, Problem> {
    let presigning = presigning(state)?;
    let sha256 = announced.check(state)?;
    let id = Uuid::new_v4();
    let signer = presigning.signer().await?;
    let mut metadata = vec![
        (FILE_NAME, encoded(&announced.file_name)),
        (SHA256, hex::encode(sha256)),
        (CONTENT_TYPE, announced.content_type.clone()),
    ];
    metadata.extend(viewer.name().map(|name| (SENDER, encoded(name))));
    let promise = Promise {
        content_type: &announced.content_type,
        bytes: announced.bytes,
        sha256,
        metadata: &metadata,
    };
    Ok(PendingUpload {
        id,
        address: signer.write(&ObjectKey::pending(id), &promise)?,
        expires_at: signer.expires_at(),
    })
}

/// Takes in the object behind the signed URL. Completing twice gives the same answer.
pub(crate) async fn complete_upload(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Accepted, Problem> {
    viewer.require(Action::Upload)?;
    presigning(state)?;
    let key = ObjectKey::pending(id);
    let meta = UploadMeta {
        name: viewer.name().map(str::to_owned),
        idempotency_key: Some(format!("upload {id}")),
        ..UploadMeta::default()
    };
    let Some(head) = state.store.head(&key).await? else {
        return completed_before(state, &meta).await;
    };
    let noted = |name| noted(&head.metadata, name);
    if noted(SENDER).as_deref() != viewer.name() {
        return Err(no_upload());
    }
    let meta = UploadMeta {
        file_name: noted(FILE_NAME).unwrap_or_default(),
        expected: Some(ExpectedContent {
            sha256: noted(SHA256).unwrap_or_default(),
            content_type: noted(CONTENT_TYPE).unwrap_or_default(),
        }),
        ..meta
    };
    let taken = take(state, &key, head.bytes, meta).await;
    // A refused photo stays refused: its bytes go. After a temporary failure the client can
    // complete it again.
    if taken.as_ref().err().is_none_or(Problem::is_about_the_photo) {
        state.store.delete(&key).await?;
    }
    taken
}

async fn take(
    state: &AppState,
    key: &ObjectKey,
    bytes: u64,
    meta: UploadMeta,
) -> Result<Accepted, Problem> {
    if bytes > state.limits.max_bytes {
        return Err(Problem::too_many_bytes(state.limits.max_bytes));
    }
    let object = state.store.open(key).await?;
    let chunks = object.stream.map_err(|source| StoreError::Io {
        doing: format!("reading {key}"),
        source,
    });
    state.ingest().take(meta, chunks.boxed()).await
}

/// The answer to the first request may have been lost.
async fn completed_before(state: &AppState, meta: &UploadMeta) -> Result<Accepted, Problem> {
    let key = meta.scoped_key().unwrap_or_default();
    match image::by_idempotency_key(&key).one(&state.db).await? {
        Some(image) if image.stored_at.is_some() && image.deleted_at.is_none() => {
            Ok(Accepted::Existing(image))
        }
        _ => Err(no_upload()),
    }
}

/// Deletes pending objects older than `kept` and returns how many there were. After an error,
/// calling it again continues.
pub async fn forget_pending(store: &dyn ObjectStore, kept: Duration) -> Result<usize, StoreError> {
    if store.presigning().is_none() {
        return Ok(0);
    }
    let mut forgotten = 0;
    let mut pending = store.list(Area::Pending);
    while let Some(object) = pending.try_next().await? {
        if object.stored_at.elapsed().unwrap_or_default() >= kept {
            store.delete(&object.key).await?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

impl UploadAnnouncement {
    /// Refuses now what would be refused on completion. Returns the checksum.
    fn check(&self, state: &AppState) -> Result<[u8; 32], Problem> {
        if Format::from_content_type(&self.content_type).is_none() {
            return Err(Refusal::NotAnImage.into());
        }
        if self.bytes > state.limits.max_bytes {
            return Err(Problem::too_many_bytes(state.limits.max_bytes));
        }
        if self.bytes == 0 || self.file_name.len() > NAME_LENGTH {
            return Err(Problem::bad_request(format!(
                "bytes must be at least 1, and file_name at most {NAME_LENGTH} bytes long"
            )));
        }
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut sha256).map_err(|_| {
            Problem::bad_request("sha256 must be the SHA-256 of the file in 64 hexadecimal digits")
        })?;
        Ok(sha256)
    }
}

fn presigning(state: &AppState) -> Result<&Presigning, Problem> {
    state.store.presigning().ok_or_else(|| {
        Problem::new(
            ProblemKind::DirectUploadsOff,
            "this server keeps pictures in a folder; send the photo to POST /api/images",
        )
    })
}

fn no_upload() -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        "there is no such upload: its bytes have not arrived, or it was completed or has expired; \
         PUT the bytes first, or begin a new upload",
    )
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn noted(metadata: &HashMap<String, String>, name: &str) -> Option<String> {
    let text = percent_decode_str(metadata.get(name)?).decode_utf8();
    Some(text.ok()?.into_owned())
}
