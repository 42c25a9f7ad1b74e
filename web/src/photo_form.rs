//! Multipart forms with photos, read as a stream: a file of any size is never held in memory.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use multer::Multipart;

use crate::problem::Problem;

const FIELD: &str = "file";

/// How long the rest of a refused upload is read.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct PhotoForm(Multipart<'static>);

/// A photo while it arrives.
pub struct PhotoPart {
    /// As the client gives it; may be empty.
    pub file_name: String,
    field: multer::Field<'static>,
}

impl<S: Send + Sync> FromRequest<S> for PhotoForm {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let boundary = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| multer::parse_boundary(kind.to_str().ok()?).ok())
            .ok_or_else(|| {
                Problem::bad_request(format!(
                    "this is not a form with a file; send multipart/form-data with a field `{FIELD}`"
                ))
            })?;
        Ok(Self(Multipart::new(
            request.into_body().into_data_stream(),
            boundary,
        )))
    }
}

impl PhotoForm {
    /// The next photo of the form; other fields are skipped.
    pub async fn next_file(&mut self) -> Result<Option<PhotoPart>, Problem> {
        while let Some(field) = self.0.next_field().await.map_err(problem)? {
            if field.name() == Some(FIELD) {
                return Ok(Some(PhotoPart {
                    file_name: field.file_name().unwrap_or_default().to_owned(),
                    field,
                }));
            }
        }
        Ok(None)
    }

    /// Reads the rest, because a client that is still sending does not read the answer. Gives up
    /// after [`PATIENCE`].
    pub async fn discard(mut self) {
        let rest = async { while let Ok(Some(_)) = self.0.next_field().await {} };
        // Either way the answer is sent now.
        let _ = tokio::time::timeout(PATIENCE, rest).await;
    }
}

impl PhotoPart {
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, Problem>> + Unpin {
        self.field.map(|chunk| chunk.map_err(problem))
    }
}

fn problem(error: multer::Error) -> Problem {
    Problem::bad_request(format!(
        "the form cannot be read to its end ({error}); send it again"
    ))
}
