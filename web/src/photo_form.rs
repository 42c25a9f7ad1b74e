//! Multipart forms with photos, read as a stream: files are never held in memory, and everything else
//! is bounded.

mod file_name;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use multer::Multipart;

use crate::actions::image_notes::tidy_context;
use crate::problem::Problem;

const FIELD: &str = "file";
const CONTEXT: &str = "context";

/// The most bytes of a form between two files: preamble, headers, other fields.
const BETWEEN_FILES: usize = 64 * 1024;

/// The most parts of a form.
const PARTS: usize = 2_000;

pub struct PhotoForm {
    form: Multipart<'static>,
    unread: Arc<Unread>,
    parts: usize,
    context: Option<String>,
}

/// A photo while it arrives.
pub struct PhotoPart {
    /// As the client gives it; may be empty.
    pub file_name: String,
    /// The form's field `context` before it: what the sender says about the photos that follow.
    pub context: Option<String>,
    field: multer::Field<'static>,
    unread: Arc<Unread>,
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
        let unread = Arc::<Unread>::default();
        let body = Bounded {
            body: request.into_body().into_data_stream(),
            unread: Arc::clone(&unread),
        };
        Ok(Self {
            form: Multipart::new(body, boundary),
            unread,
            parts: 0,
            context: None,
        })
    }
}

impl PhotoForm {
    /// The next photo of the form; unknown fields are skipped.
    ///
    /// # Errors
    /// 400 if this is not a form, or has too much besides photos.
    pub async fn next_file(&mut self) -> Result<Option<PhotoPart>, Problem> {
        while let Some(field) = self.form.next_field().await.map_err(problem)? {
            self.unread.reset();
            self.parts += 1;
            if self.parts > PARTS {
                return Err(Problem::bad_request(format!(
                    "the form has more than {PARTS} parts; send fewer photos at once"
                )));
            }
            if field.name() == Some(CONTEXT) {
                if self.context.is_some() {
                    return Err(Problem::bad_request(format!(
                        "the form has the field `{CONTEXT}` twice; send it once, before the photos"
                    )));
                }
                // Bounded as whatever is between files.
                let text = field.text().await.map_err(problem)?;
                self.context = Some(tidy_context(&text)?);
                continue;
            }
            if field.name() == Some(FIELD) {
                return Ok(Some(PhotoPart {
                    file_name: file_name::of(&field),
                    context: self.context.clone().filter(|text| !text.is_empty()),
                    field,
                    unread: Arc::clone(&self.unread),
                }));
            }
        }
        Ok(None)
    }
}

impl PhotoPart {
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, Problem>> + Unpin {
        let unread = Skipping(self.unread);
        self.field.map(move |chunk| {
            unread.0.reset();
            chunk.map_err(problem)
        })
    }
}

fn problem(error: multer::Error) -> Problem {
    if let multer::Error::StreamReadFailed(cause) = &error
        && cause.is::<TooMuch>()
    {
        return Problem::bad_request(TooMuch.to_string());
    }
    Problem::bad_request(format!(
        "the form cannot be read to its end ({error}); send it again"
    ))
}

/// Marks the rest of a photo as skipped when its reader is dropped.
struct Skipping(Arc<Unread>);

impl Drop for Skipping {
    fn drop(&mut self) {
        self.0.skips.store(true, Ordering::Relaxed);
    }
}

/// Bytes that the parser has taken since it last returned a field or a chunk.
#[derive(Default)]
struct Unread {
    bytes: AtomicUsize,
    /// Whether the parser has been polled since then.
    parsed: AtomicBool,
    /// Whether the rest of a refused photo is skipped.
    skips: AtomicBool,
}

impl Unread {
    fn reset(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.parsed.store(false, Ordering::Relaxed);
        self.skips.store(false, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the form has more than {} KB that belong to no file; send the files alone", BETWEEN_FILES / 1024)]
struct TooMuch;

/// A body from which the parser cannot buffer much without returning a field or a chunk: by itself
/// it would buffer an endless preamble or header.
struct Bounded {
    body: BodyDataStream,
    unread: Arc<Unread>,
}

impl Stream for Bounded {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.unread.bytes.load(Ordering::Relaxed) > BETWEEN_FILES {
            let parsed = self.unread.parsed.swap(true, Ordering::Relaxed);
            if parsed && self.unread.skips.load(Ordering::Relaxed) {
                self.unread.bytes.store(0, Ordering::Relaxed);
                self.unread.parsed.store(false, Ordering::Relaxed);
                return self.poll_next(cx);
            }
            if parsed {
                return Poll::Ready(Some(Err(Box::new(TooMuch))));
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = ready!(self.body.poll_next_unpin(cx));
        if let Some(Ok(chunk)) = &chunk {
            self.unread.bytes.fetch_add(chunk.len(), Ordering::Relaxed);
        }
        Poll::Ready(chunk.map(|chunk| chunk.map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;

    use super::*;

    async fn form(chunks: Vec<Vec<u8>>) -> PhotoForm {
        let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(Body::from_stream(stream::iter(chunks)))
            .unwrap();
        PhotoForm::from_request(request, &()).await.unwrap()
    }

    fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
        [
            format!("--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(),
            content,
            b"\r\n",
        ]
        .concat()
    }

    async fn sizes(mut form: PhotoForm) -> Result<Vec<usize>, Problem> {
        let mut sizes = Vec::new();
        while let Some(part) = form.next_file().await? {
            let mut chunks = part.chunks();
            let mut size = 0;
            while let Some(chunk) = chunks.next().await {
                size += chunk?.len();
            }
            sizes.push(size);
        }
        Ok(sizes)
    }

    #[tokio::test]
    async fn files_of_any_size_pass_through() {
        let large = vec![b'p'; 5 * 1024 * 1024];
        let parts = [
            part("name=\"album\"", b"Summer"),
            part("name=\"file\"; filename=\"a.jpg\"", &large),
            part("name=\"file\"; filename=\"b.jpg\"", b"small"),
            b"--x--\r\n".to_vec(),
        ];
        let whole = parts.concat();
        for chunk in [1000, 65_536, whole.len()] {
            let chunks = whole.chunks(chunk).map(<[u8]>::to_vec).collect();
            assert_eq!(sizes(form(chunks).await).await.unwrap(), [large.len(), 5]);
        }
    }

    #[tokio::test]
    async fn the_rest_of_a_refused_photo_is_skipped() {
        let large = vec![b'p'; 1024 * 1024];
        let whole = [
            part("name=\"file\"; filename=\"a.jpg\"", &large),
            part("name=\"file\"; filename=\"b.jpg\"", b"small"),
            b"--x--\r\n".to_vec(),
        ]
        .concat();
        let mut form = form(whole.chunks(10_000).map(<[u8]>::to_vec).collect()).await;
        let mut refused = form.next_file().await.unwrap().unwrap().chunks();
        refused.next().await.unwrap().unwrap();
        drop(refused);

        let next = form.next_file().await.unwrap().unwrap();
        assert_eq!(next.file_name, "b.jpg");
    }

    #[tokio::test]
    async fn bytes_outside_of_files_are_bounded() {
        let many = || vec![vec![b'a'; 16 * 1024]; 64];
        let preamble = many();
        let header = [
            vec![b"--x\r\nContent-Disposition: form-data; name=\"".to_vec()],
            many(),
        ];
        let field = [
            vec![b"--x\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n".to_vec()],
            many(),
        ];
        for chunks in [preamble, header.concat(), field.concat()] {
            let problem = sizes(form(chunks).await).await.unwrap_err();
            assert_eq!(problem.status(), 400);
            assert!(
                problem.detail().contains("belong to no file"),
                "{problem:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_parts_of_a_form_are_counted() {
        let parts = (0..=PARTS).map(|_| part("name=\"t\"", b"")).collect();
        let problem = sizes(form(parts).await).await.unwrap_err();
        assert!(problem.detail().contains("parts"), "{problem:?}");
    }
}
