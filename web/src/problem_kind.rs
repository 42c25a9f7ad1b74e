//! Every kind of problem a request can end with. The `type` of a problem leads to the page that
//! explains it, and the page and the OpenAPI document are both made from this list.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($name:ident = $status:ident, $slug:literal, $title:literal, $advice:literal, $example:literal;)+) => {
        /// Why a request did not get what it asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemKind {
            $(#[doc = $title] $name,)+
        }

        impl ProblemKind {
            /// Every kind, ordered by status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The status of an answer with this problem.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// The name in the `type` of a problem: `/docs/problems#slug`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),+ }
            }

            /// The same for every problem of this kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// What a client can do about it.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),+ }
            }

            /// A `detail` that such a problem has.
            pub fn example(self) -> &'static str {
                match self { $(Self::$name => $example),+ }
            }
        }
    };
}

kinds! {
    BadRequest = BAD_REQUEST, "bad-request", "The request cannot be read",
        "A parameter, header or body does not have the form that this address takes. Correct \
         what `detail` names; sending the same request again gives the same answer.",
        "limit=0 is not between 1 and 200";
    UnknownParameter = BAD_REQUEST, "unknown-parameter", "Unknown query parameter",
        "The query has a parameter that this address does not take. `detail` names it and lists \
         those that exist. To page through a list, follow its `Link` header, or send `next` of \
         the last answer as `after`.",
        "there is no query parameter `cursor` here; there are `limit`, `after` and `q`";
    NotSignedIn = UNAUTHORIZED, "not-signed-in", "Not signed in",
        "Visitors may not do this. People sign in at /login; programs send a token, as in \
         `Authorization: Bearer vt_…`. A token that was revoked, or a wrong password, ends here \
         too.",
        "this is for those who are signed in; sign in and try again";
    NotAllowed = FORBIDDEN, "not-allowed", "Not allowed",
        "You are signed in, and may not do this. A token may do what it was made for: make one \
         that may do more.",
        "you may not do this";
    OtherSite = FORBIDDEN, "other-site", "A request from another site",
        "A browser says that a page of another site sent this request. Open the page on this \
         server and try again. Programs that are not browsers leave out `Origin` and \
         `Sec-Fetch-Site`.",
        "this request comes from another site; open the page here and try again";
    NotThisMachine = FORBIDDEN, "not-this-machine", "Only for this machine",
        "Without a password, the server answers only to the machine it runs on, as localhost or \
         127.0.0.1, and not through a proxy. Set `VITRINE_ADMIN_PASSWORD` to use it under \
         another name.",
        "without a password this server answers only to this machine, as localhost or 127.0.0.1";
    NotFound = NOT_FOUND, "not-found", "Not found",
        "There is nothing at this address: the id is wrong, the item was deleted, or a rendition \
         is still being made. `GET /api/images/{id}?wait=30` answers once it is made.",
        "there is no such image";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed",
        "The address exists and does not take this method. The header `Allow` lists those it \
         takes.",
        "this address does not take this method";
    UploadStalled = REQUEST_TIMEOUT, "upload-stalled", "The upload stalled",
        "No bytes arrived for 20 seconds, or fewer than 1,024 bytes a second. Send the upload \
         again; with the same `Idempotency-Key` it cannot be stored twice.",
        "the request came too slowly or stood still; send it again";
    KeyReused = CONFLICT, "key-reused", "Idempotency key used before",
        "An upload of another photo had the same `Idempotency-Key`. Use a new key for each photo.",
        "this Idempotency-Key was used for another photo";
    StepBlocked = CONFLICT, "step-blocked", "The provider refused this picture",
        "The caption provider does not describe this picture, and asking again changes nothing. \
         Write the caption yourself with `PATCH /api/images/{id}`.",
        "the provider refused this picture, and that is final";
    OutdatedBoxes = CONFLICT, "outdated-boxes", "The boxes have changed",
        "Somebody, or a detector, has changed the boxes of this image since you read them. Read them \
         again with `GET /api/images/{id}/boxes`, and decide again.",
        "the boxes have version 4 by now, not 3; read them again";
    NotReady = CONFLICT, "not-ready", "The copy is not ready",
        "An image is released when its copy shows the boxes as they are. Wait until the step \
         `anonymise` is done (`GET /api/images/{id}?wait=30`), or have it run again if it failed.",
        "the copy is still being made; release it once it is done";
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "Too large",
        "The file has too many bytes, or the picture too many pixels. Send a smaller copy. The \
         limits are the settings `VITRINE_MAX_UPLOAD_MB` and `VITRINE_MAX_MEGAPIXELS`.",
        "the file is larger than the 50 MB taken here; send a smaller copy";
    UnsupportedType = UNSUPPORTED_MEDIA_TYPE, "unsupported-type", "Unsupported type",
        "The bytes are not JPEG, PNG, GIF, WebP, HEIC or AVIF (the file's name does not count), or the body \
         is not of the content type that this address takes.",
        "this is not a picture Vitrine can read; send JPEG, PNG, GIF, WebP, HEIC or AVIF";
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "Range not satisfiable",
        "The range begins behind the end of the file. `Content-Range` says how long the file is.",
        "the file ends after 2048 bytes; ask for less";
    UnreadableImage = UNPROCESSABLE_ENTITY, "unreadable-image", "Unreadable image",
        "The file is empty, cut short or damaged, or not the file that was announced. Copy it \
         again from the camera or card.",
        "the file is empty; copy it again from the camera or card";
    InvalidContent = UNPROCESSABLE_ENTITY, "invalid-content", "Invalid content",
        "A text is empty or too long, there are too many tags, a box lies outside of the picture or \
         lacks a reason, or there is nothing to change. `detail` says which and what the limit is.",
        "the caption is empty; say what the picture shows";
    TooManyRequests = TOO_MANY_REQUESTS, "too-many-requests", "Too many requests",
        "There were too many wrong passwords or tokens from this address, too many photos or \
         messages of visitors, or too many open event streams. Wait for as many seconds as \
         `Retry-After` says.",
        "too many wrong passwords; try again in 4 seconds";
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error",
        "Something went wrong in the server. Try again; if it stays, tell the operator the `trace_id`, \
         which is in the log as well.",
        "something went wrong on our side; please try again, and tell us the trace_id if it stays";
    DirectUploadsOff = NOT_IMPLEMENTED, "direct-uploads-off", "No direct uploads",
        "This server keeps pictures in a folder, so nothing can be uploaded past it. Send photos \
         to `POST /api/images`.",
        "this server keeps pictures in a folder; send the photo to POST /api/images";
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable",
        "The database or the store does not answer. Try again after as many seconds as \
         `Retry-After` says.",
        "the database does not answer; please try again in a moment";
    StoreFull = SERVICE_UNAVAILABLE, "store-full", "No space left",
        "There is no space left for pictures, or so little that the rest is kept for the database. \
         Tell the operator; try again once there is space.",
        "there is no space left for pictures; please tell the operator of this server";
}

impl ProblemKind {
    /// The `type` of a problem of this kind (RFC 9457), relative to this server.
    pub fn uri(self) -> String {
        format!("/docs/problems#{}", self.slug())
    }
}

/// For errors that come with nothing but a status, such as axum's own.
impl From<StatusCode> for ProblemKind {
    fn from(status: StatusCode) -> Self {
        let otherwise = if status.is_server_error() {
            Self::Internal
        } else {
            Self::BadRequest
        };
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.status() == status)
            .unwrap_or(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_kind_has_a_slug_of_its_own_and_the_list_is_ordered_by_status() {
        let slugs: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.status()));
    }
}
