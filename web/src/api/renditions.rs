//! `/api/images/{id}/{rendition}`: the pictures themselves, or the way to them where the store
//! hands them out itself.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::headers::{
    AcceptRanges, ContentRange, ETag, HeaderMapExt as _, IfNoneMatch, IfRange,
};
use bytes::Bytes;
use futures::{Stream, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use platform::objects::{Area, ObjectKey, ObjectStore, StoreError};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::problems::{NotFound, RangeNotSatisfiable};
use crate::access::{Rendition, Viewer};
use crate::byte_range::{ByteRange, Requested};
use crate::extract::{Path, Query};
use crate::picture_urls::ReadOptions;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// What is written otherwise in an `ETag`: keys of photos that were put into the store by hand may have any
/// letter.
const NOT_IN_TAGS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// For the browser's own cache only. The URLs we hand out change with the picture.
const PRIVATE: &str = "private, max-age=86400";
/// The same for copies, which are what visitors see: one that is withdrawn has to be gone from their
/// browsers soon.
const PRIVATE_COPY: &str = "private, max-age=900";
/// For a URL without the current version: kept, and revalidated each time.
const REVALIDATE: &str = "private, no-cache";

/// How much of a range is held in memory at a time.
const PIECE: u64 = 1024 * 1024;

/// The query of a rendition.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RenditionQuery {
    /// The version, as in the `urls` of an image: with the current one, the answer may be cached
    /// for a day.
    v: Option<String>,
    /// Download a file instead of showing a picture. Its value does not matter.
    save: Option<String>,
}

/// Download a picture
///
/// For everybody who may see it: visitors see what `VITRINE_PUBLIC_RENDITION` says, and the
/// thumbnail of it. Downloads can be resumed with `Range`. Where pictures are kept in S3, the
/// answer is a redirect to a presigned URL.
#[utoipa::path(
    get, path = "/api/images/{id}/{rendition}", operation_id = "downloadPicture", tag = "Images",
    params(
        ("id" = Uuid, Path),
        ("rendition" = String, Path, description = "`original`, `thumbnail` or `anonymised`.",
            example = "thumbnail"),
        RenditionQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of a copy."),
        ("Range" = Option<String>, Header,
            description = "One range of bytes, as in `bytes=1000-`. Anything else is ignored."),
        ("If-Range" = Option<String>, Header,
            description = "The `ETag` of the part that is there: the range is honoured only if \
            the picture is still the same."),
    ),
    responses(
        (status = 200, description = "The picture.",
            content(
                (inline(BinaryFile) = "image/jpeg"), (inline(BinaryFile) = "image/png"),
                (inline(BinaryFile) = "image/gif"), (inline(BinaryFile) = "image/webp"),
            ),
            headers(("ETag" = String, description = "The version of the picture."))),
        (status = 206, description = "The range of the picture.",
            content(
                (inline(BinaryFile) = "image/jpeg"), (inline(BinaryFile) = "image/png"),
                (inline(BinaryFile) = "image/gif"), (inline(BinaryFile) = "image/webp"),
            ),
            headers(
                ("ETag" = String, description = "The version of the picture."),
                ("Content-Range" = String, description = "As in `bytes 1000-2047/2048`."),
            )),
        (status = 304, description = "The copy with this `ETag` is up to date.",
            headers(("ETag" = String, description = "The version of the picture."))),
        (status = 307, description = "The picture is in the store.",
            headers(("Location" = String, description = "A presigned URL, valid for a while."))),
        NotFound, RangeNotSatisfiable,
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    method: Method,
    Path((id, rendition)): Path<(Uuid, String)>,
    Query(query): Query<RenditionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rendition = Rendition::parse(&rendition).ok_or_else(|| Problem::not_found("rendition"))?;
    let rows = state.image(&viewer, id).await?;
    let key = viewer.rendition(&rows.image, rendition)?.ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            "this picture is still being made; the image says when it is done",
        )
    })?;
    if let Some(presigning) = state.store.presigning() {
        let options = ReadOptions {
            save: query.save.is_some(),
            head: method == Method::HEAD,
        };
        let signer = presigning.signer().await?;
        let url = rows.presigned(&viewer, rendition, &key, &signer, options)?;
        return Ok(redirect(url));
    }
    let version = rows.version(&viewer, rendition);
    let path = key.path();
    let path = utf8_percent_encode(&path, NOT_IN_TAGS);
    let etag: ETag = format!("\"{path}-{version}\"")
        .parse()
        .map_err(Problem::internal)?;
    let mut answer = picture(&state, &key, &etag, &method, &headers).await?;
    let headers = answer.headers_mut();
    let is_current = query.v.as_deref() == Some(&*version);
    let cache = match is_current {
        true if key.area() == Area::Anonymised => PRIVATE_COPY,
        true => PRIVATE,
        false => REVALIDATE,
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("authorization, cookie"),
    );
    let name = rows.content_disposition(&viewer, rendition, query.save.is_some());
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.typed_insert(etag);
    headers.typed_insert(AcceptRanges::bytes());
    // A browser that opens the URL directly treats the bytes as this type of picture, never as a page.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(answer)
}

/// A file, unchanged.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct BinaryFile(Vec<u8>);

/// The signature expires, and what the viewer may see can change.
fn redirect(url: String) -> Response {
    let headers = [
        (header::LOCATION, url),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

async fn picture(
    state: &AppState,
    key: &ObjectKey,
    etag: &ETag,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let is_known = headers
        .typed_get::<IfNoneMatch>()
        .is_some_and(|known| !known.precondition_passes(etag));
    if is_known {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    // A condition that cannot be read does not hold.
    let is_outdated = headers.contains_key(header::IF_RANGE)
        && headers
            .typed_get::<IfRange>()
            .is_none_or(|condition| condition.is_modified(Some(etag), None));
    // Range is defined for GET only.
    let range = ByteRange::of(headers).filter(|_| method == Method::GET && !is_outdated);
    match range {
        Some(range) => part(state, key, range).await,
        None => whole(state, key).await,
    }
}

async fn whole(state: &AppState, key: &ObjectKey) -> Result<Response, Problem> {
    let object = state.store.open(key).await?;
    let mut response = Body::from_stream(object.stream).into_response();
    set_content(&mut response, key, object.bytes);
    Ok(response)
}

async fn part(state: &AppState, key: &ObjectKey, range: ByteRange) -> Result<Response, Problem> {
    let size = state.store.size(key).await?;
    let size = size.ok_or_else(|| StoreError::NotFound(key.clone()))?;
    let range = match range.within(size) {
        Requested::Part(range) => range,
        Requested::Whole => return whole(state, key).await,
        Requested::Nothing => {
            let detail = format!("the file ends after {size} bytes; ask for less");
            let problem = Problem::new(ProblemKind::RangeNotSatisfiable, detail);
            let mut response = problem.into_response();
            let length = ContentRange::unsatisfied_bytes(size);
            response.headers_mut().typed_insert(length);
            return Ok(response);
        }
    };
    let content_range = ContentRange::bytes(range.clone(), size).map_err(Problem::internal)?;
    let bytes = range.end - range.start;
    let pieces = pieces(Arc::clone(&state.store), key.clone(), range);
    let mut response = (StatusCode::PARTIAL_CONTENT, Body::from_stream(pieces)).into_response();
    set_content(&mut response, key, bytes);
    response.headers_mut().typed_insert(content_range);
    Ok(response)
}

fn set_content(response: &mut Response, key: &ObjectKey, bytes: u64) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    let content_type = HeaderValue::from_static(key.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
}

/// The bytes of a range, piece by piece. An object that becomes shorter meanwhile is an error, so
/// that the client does not take what it got for the whole range.
fn pieces(
    store: Arc<dyn ObjectStore>,
    key: ObjectKey,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold(range.start, move |start| {
        let (store, key, end) = (Arc::clone(&store), key.clone(), range.end);
        async move {
            if start >= end {
                return Ok(None);
            }
            let piece = store.get_range(&key, start..end.min(start + PIECE)).await?;
            if piece.is_empty() {
                return Err(StoreError::NotFound(key));
            }
            let next = start + piece.len() as u64;
            Ok(Some((piece, next)))
        }
    })
}
