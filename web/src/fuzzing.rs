//! Private readers of this crate, for `web/examples/fuzz`.

use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use axum::http::header;
use futures::executor::block_on;
use futures::{StreamExt as _, stream};

use crate::cursor::Cursor;
use crate::photo_form::PhotoForm;

/// Reads a form with the boundary `x`, and returns how many bytes its photos have.
pub fn form(chunks: Vec<Vec<u8>>) -> usize {
    block_on(async {
        let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(Body::from_stream(stream::iter(chunks)));
        let mut bytes = 0;
        let Ok(request) = request else { return bytes };
        let Ok(mut form) = PhotoForm::from_request(request, &()).await else {
            return bytes;
        };
        while let Ok(Some(part)) = form.next_file().await {
            let mut chunks = part.chunks();
            while let Some(Ok(chunk)) = chunks.next().await {
                bytes += chunk.len();
            }
        }
        bytes
    })
}

/// Reads a cursor, which has to survive being written again and to fit one kind of list.
pub fn cursor(text: &str) {
    if let Ok(cursor) = Cursor::decode(text) {
        assert_eq!(Cursor::decode(&cursor.encode()).ok(), Some(cursor));
        let fits = [
            cursor.row().is_ok(),
            cursor.rank().is_ok(),
            cursor.risk().is_ok(),
        ];
        assert_eq!(fits.into_iter().filter(|fits| *fits).count(), 1);
    }
}
