//! Multipart forms, read as a stream: a file of any size passes through without being held.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use multer::Multipart;

use crate::problem::Problem;

/// The name of the field that holds photos.
const FIELD: &str = "file";

/// How long the rest of a refused upload is read.
const PATIENCE: Duration = Duration::from_secs(20);

/// A form with photos.
pub struct PhotoForm(Multipart<'static>);

/// A photo of a form, while it arrives.
pub struct PhotoPart {
    /// What the client calls it; empty if it has no name.
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
                    "this is no form with a file; send multipart/form-data with a field `{FIELD}`"
                ))
            })?;
        Ok(Self(Multipart::new(
            request.into_body().into_data_stream(),
            boundary,
        )))
    }
}

impl PhotoForm {
    /// The next photo of the form. Other fields are passed over.
    ///
    /// # Errors
    /// 400 if this is no form after all.
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

    /// Reads on, so that the sender, who is still sending, gets to read the answer; but not for
    /// ever.
    pub async fn discard(mut self) {
        let rest = async { while let Ok(Some(_)) = self.0.next_field().await {} };
        // Whether it ended or the patience did: the answer goes out now.
        let _ = tokio::time::timeout(PATIENCE, rest).await;
    }
}

impl PhotoPart {
    /// The bytes as they arrive.
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, Problem>> + Unpin {
        self.field.map(|chunk| chunk.map_err(problem))
    }
}

fn problem(error: multer::Error) -> Problem {
    Problem::bad_request(format!(
        "the form cannot be read to its end ({error}); send it again"
    ))
}
