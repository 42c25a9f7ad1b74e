//! The pictures themselves, or the way to them where the store hands them out itself.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::access::{Rendition, Viewer};
use crate::image_rows::ImageRows;
use crate::picture_urls::ReadOptions;
use crate::problem::Problem;
use crate::state::AppState;

/// Kept by the browser of whoever may see it, and by nobody in between. The addresses we hand
/// out change with the picture.
const PRIVATE: &str = "private, max-age=86400";
/// An address without a version: kept, but asked about each time.
const REVALIDATE: &str = "private, no-cache";

/// The query of whoever wants a file rather than a picture, where the store hands it out: there
/// the attribute `download` of a link has no effect.
pub const SAVE: &str = "save";

/// `GET /api/images/{id}/{rendition}`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    method: Method,
    Path((id, rendition)): Path<(Uuid, String)>,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rendition = Rendition::parse(&rendition).ok_or_else(|| Problem::not_found("rendition"))?;
    let rows = ImageRows::get(&state, id).await?;
    let key = viewer.rendition(&rows.image, rendition)?.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "this picture is still being made; the image says when it is done",
        )
    })?;
    if let Some(presigning) = state.store.presigning() {
        let options = ReadOptions {
            save: query.as_deref() == Some(SAVE),
            head: method == Method::HEAD,
        };
        let signer = presigning.signer().await?;
        let url = rows.presigned(&viewer, rendition, &key, &signer, options)?;
        return Ok(elsewhere(url));
    }
    let version = rows.version(&viewer, rendition);
    let etag = format!("\"{}-{version}\"", key.path());
    let current = query.as_deref() == Some(&format!("v={version}"));
    let mut answer = if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let object = state.store.open(&key).await?;
        let mut response = Body::from_stream(object.stream).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, object.bytes.into());
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(key.content_type()),
        );
        response
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(if current { PRIVATE } else { REVALIDATE }),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static("authorization, cookie"),
    );
    headers.insert(header::ETAG, etag.parse().map_err(Problem::internal)?);
    // A picture opened by itself is a picture, whatever its bytes look like to a browser.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(answer)
}

/// The address is valid for a while only, and what the viewer may see can change.
fn elsewhere(url: String) -> Response {
    let headers = [
        (header::LOCATION, url),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}
