//! `/api/uploads`: photos that clients put into the store themselves, so that a slow line keeps no
//! server busy. What arrives lies apart, unseen, until the client says that it is complete; then
//! it is taken in like any other upload. Nothing is remembered here meanwhile: what was announced
//! is noted on the object, under the signature.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use entity::image;
use functions::picture::Refusal;
use functions::pipeline::lifecycle::Accepted;
use futures::{StreamExt as _, TryStreamExt as _};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use platform::Format;
use platform::objects::{Area, ObjectKey, ObjectStore, Presigning, Promise, StoreError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::images::accepted;
use crate::access::{Action, Viewer};
use crate::ingest::{ExpectedContent, UploadMeta};
use crate::problem::Problem;
use crate::state::AppState;

const FILE_NAME: &str = "file-name";
const SENDER: &str = "meta";
const SHA256: &str = "sha256";
const CONTENT_TYPE: &str = "announced-type";

/// The longest name of a file that is noted, in bytes before it is encoded.
const NAME_LENGTH: usize = 300;

/// What somebody wants to upload.
#[derive(Debug, Deserialize)]
pub struct Announcement {
    file_name: String,
    content_type: String,
    bytes: u64,
    sha256: String,
}

#[derive(Serialize)]
struct RunningAttempt {
    id: Uuid,
    /// Where to PUT the bytes.
    url: String,
    /// What has to come along with them.
    headers: BTreeMap<String, String>,
    expires_at: DateTime<Utc>,
}

/// `POST /api/uploads`
pub async fn begin(
    State(state): State<AppState>,
    viewer: Viewer,
    body: Result<Json<Announcement>, JsonRejection>,
) -> Result<Response, Problem> {
    viewer.require(Action::Upload)?;
    let presigning = presigning(&state)?;
    let Json(expected) = body?;
    let sha256 = expected.check(&state)?;
    let id = Uuid::new_v4();
    let signer = presigning.signer().await?;
    let mut metadata = vec![
        (FILE_NAME, encoded(&expected.file_name)),
        (SHA256, hex::encode(sha256)),
        (CONTENT_TYPE, expected.content_type.clone()),
    ];
    metadata.extend(viewer.name().map(|name| (SENDER, encoded(name))));
    let promise = Promise {
        content_type: &expected.content_type,
        bytes: expected.bytes,
        sha256,
        metadata: &metadata,
    };
    let address = signer.write(&ObjectKey::pending(id), &promise)?;
    let begun = RunningAttempt {
        id,
        url: address.url,
        headers: address.headers.into_iter().collect(),
        expires_at: signer.expires_at().into(),
    };
    Ok((StatusCode::CREATED, Json(begun)).into_response())
}

/// `POST /api/uploads/{id}/complete`
pub async fn complete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    viewer.require(Action::Upload)?;
    presigning(&state)?;
    let key = ObjectKey::pending(id);
    let meta = UploadMeta {
        name: viewer.name().map(str::to_owned),
        idempotency_key: Some(format!("upload {id}")),
        ..UploadMeta::default()
    };
    let Some(head) = state.store.head(&key).await? else {
        return again(&state, &viewer, &meta).await;
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
    let taken = take(&state, &key, head.bytes, meta).await;
    // What is refused for good is of no use any more; what failed here can be completed later.
    if taken.as_ref().err().is_none_or(is_final) {
        state.store.delete(&key).await?;
    }
    accepted(&state, &viewer, taken?).await
}

fn is_final(problem: &Problem) -> bool {
    matches!(
        problem.status(),
        StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
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

/// Somebody completes an upload of which nothing is there: the answer to the first time may have
/// been lost.
async fn again(state: &AppState, viewer: &Viewer, meta: &UploadMeta) -> Result<Response, Problem> {
    let key = meta.scoped_key().unwrap_or_default();
    match image::by_idempotency_key(&key).one(&state.db).await? {
        Some(image) if image.stored_at.is_some() && image.deleted_at.is_none() => {
            accepted(state, viewer, Accepted::Existing(image)).await
        }
        _ => Err(no_upload()),
    }
}

/// Removes what was put into the store longer ago than `kept` and never completed. Returns how
/// much that was.
///
/// # Errors
/// If the store does not answer; calling it again goes on where it stopped.
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

impl Announcement {
    /// Refuses what would be refused once it is there. Returns the checksum.
    fn check(&self, state: &AppState) -> Result<[u8; 32], Problem> {
        if !Format::ALL
            .iter()
            .any(|format| format.content_type() == self.content_type)
        {
            return Err(Refusal::NotAnImage.into());
        }
        if self.bytes > state.limits.max_bytes {
            return Err(Problem::too_many_bytes(state.limits.max_bytes));
        }
        if self.bytes == 0 || self.file_name.len() > NAME_LENGTH {
            return Err(Problem::bad_request(format!(
                "bytes is at least 1, and file_name has {NAME_LENGTH} bytes at most"
            )));
        }
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut sha256).map_err(|_| {
            Problem::bad_request("sha256 is the SHA-256 of the file in 64 hexadecimal digits")
        })?;
        Ok(sha256)
    }
}

fn presigning(state: &AppState) -> Result<&Presigning, Problem> {
    state.store.presigning().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "this server keeps pictures in a folder; send the photo to POST /api/images",
        )
    })
}

fn no_upload() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such upload: nothing has arrived yet, or it was completed or given up; PUT \
         the bytes first, or begin anew",
    )
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn noted(metadata: &HashMap<String, String>, name: &str) -> Option<String> {
    let text = percent_decode_str(metadata.get(name)?).decode_utf8();
    Some(text.ok()?.into_owned())
}
