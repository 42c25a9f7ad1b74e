//! An answer that is kept, and its forms: whole, compressed, and `304 Not Modified`.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::compression::{Compressible, Effort, is_known};

#[derive(Debug)]
pub(crate) struct Answer {
    made_at: Instant,
    tag: HeaderValue,
    headers: HeaderMap,
    body: Compressible,
}

impl Answer {
    /// Adds a weak entity tag made from the body, so that all instances give the same one.
    pub(crate) fn new(mut headers: HeaderMap, body: Bytes) -> Self {
        let digest = hex::encode(&Sha256::digest(&body)[..12]);
        let Ok(tag) = HeaderValue::from_str(&format!("W/\"{digest}\"")) else {
            unreachable!("hexadecimal digits are ASCII");
        };
        headers.insert(header::ETAG, tag.clone());
        headers.remove(header::CONTENT_LENGTH);
        Self {
            made_at: Instant::now(),
            tag,
            headers,
            body: Compressible::new(body, Effort::Quick),
        }
    }

    pub(crate) fn made_at(&self) -> Instant {
        self.made_at
    }

    /// Bytes in memory at most, once all forms have been asked for.
    pub(crate) fn weight(&self) -> u64 {
        // Text shrinks to less than a third of its size in each of the three forms.
        let headers = 64 * self.headers.len() as u64;
        2 * self.body.whole().len() as u64 + headers + 256
    }

    /// What to send to a client with these request headers.
    pub(crate) fn respond(&self, request: &HeaderMap) -> Response {
        let mut headers = self.headers.clone();
        if is_known(request, &self.tag) {
            headers.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        self.body.respond(request, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_it_already_gets_no_body() {
        let answer = Answer::new(HeaderMap::new(), "A picture".into());
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, answer.tag.clone())]);
        let response = answer.respond(&known);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], answer.tag);
        assert_eq!(answer.respond(&HeaderMap::new()).status(), StatusCode::OK);
    }
}
