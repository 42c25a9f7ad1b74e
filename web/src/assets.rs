//! Style sheets, scripts and icons, compiled into the binary, so that they always match the
//! templates. Every URL carries a version made from the content of all files, so that a browser
//! can cache a file for ever and still loads the new one after an update.

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::compression::{Compressible, Effort, is_known};
use crate::dev;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const MANIFEST: &str = "application/manifest+json";

/// The URL changes with the content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// For a URL without a version, or with that of another build.
const REVALIDATE: &str = "no-cache";

macro_rules! sources {
    ($($name:literal: $kind:expr,)+) => {
        &[$(($name, $kind, include_str!(concat!("../static/", $name)))),+]
    };
}

/// Name, content type, content as written.
static SOURCES: &[(&str, &str, &str)] = sources! {
    "base.css": CSS,
    "gallery.css": CSS,
    "upload.css": CSS,
    "image.css": CSS,
    "pages.css": CSS,
    "review.css": CSS,
    "docs.css": CSS,
    "app.js": JS,
    "announce.js": JS,
    "docs.js": JS,
    "dom.js": JS,
    "drafts.js": JS,
    "events.js": JS,
    "gallery.js": JS,
    "image.js": JS,
    "keys.js": JS,
    "live.js": JS,
    "pictures.js": JS,
    "review.js": JS,
    "review_boxes.js": JS,
    "review_desk.js": JS,
    "review_stage.js": JS,
    "review_work.js": JS,
    "scroll.js": JS,
    "swap.js": JS,
    "thats_me.js": JS,
    "times.js": JS,
    "upload.js": JS,
    "upload_queue.js": JS,
    "upload_request.js": JS,
    "zoom.js": JS,
    "icon.svg": SVG,
    "site.webmanifest": MANIFEST,
};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: Compressible,
}

struct Assets {
    version: String,
    files: Vec<Asset>,
}

static EMBEDDED: LazyLock<Arc<Assets>> = LazyLock::new(|| Arc::new(Assets::new(|_| None)));

/// The files in the binary, or on disk with `make dev`.
fn assets() -> Arc<Assets> {
    if dev::is_on() {
        return Arc::new(Assets::new(dev::static_file));
    }
    Arc::clone(&EMBEDDED)
}

impl Assets {
    /// All files, from `current` where that has them.
    fn new(current: impl Fn(&str) -> Option<String>) -> Self {
        let sources: Vec<_> = SOURCES
            .iter()
            .map(|&(name, content_type, embedded)| {
                let text = current(name).unwrap_or_else(|| embedded.to_owned());
                (name, content_type, text)
            })
            .collect();
        let mut hasher = Sha256::new();
        for (_, _, source) in &sources {
            hasher.update(source);
        }
        let version = hex::encode(&hasher.finalize()[..8]);
        let files = sources
            .into_iter()
            .map(|(name, content_type, source)| Asset {
                name,
                content_type,
                content: Compressible::new(with_versions(&source, &version).into(), Effort::Best),
            })
            .collect();
        Self { version, files }
    }

    fn file(&self, name: &str) -> Option<&Asset> {
        self.files.iter().find(|asset| asset.name == name)
    }
}

/// Adds the version to references between assets (`"./live.js"`): a module imported without it
/// would have a second URL, and be loaded twice.
fn with_versions(source: &str, version: &str) -> String {
    SOURCES.iter().fold(source.to_owned(), |text, (name, ..)| {
        text.replace(
            &format!("\"./{name}\""),
            &format!("\"./{name}?v={version}\""),
        )
    })
}

/// The URL of a static file, with its version; `None` if there is no such file.
pub fn asset_url(name: &str) -> Option<String> {
    let assets = assets();
    let asset = assets.file(name)?;
    Some(format!("/static/{}?v={}", asset.name, assets.version))
}

/// `GET /static/{file}`.
pub async fn serve(
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Response {
    let assets = assets();
    let Some(asset) = assets.file(&file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("W/\"{}\"", assets.version);
    let Ok(tag) = HeaderValue::from_str(&tag) else {
        unreachable!("hexadecimal digits are ASCII");
    };
    let current = query.as_deref().and_then(|query| query.strip_prefix("v="))
        == Some(assets.version.as_str());
    let caching = if current { IMMUTABLE } else { REVALIDATE };
    let mut headers = HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
    ]);
    headers.insert(header::ETAG, tag.clone());
    if is_known(&request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    asset.content.respond(&request, headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(file: &str, query: Option<&str>, tag: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(tag) = tag {
            headers.insert(header::IF_NONE_MATCH, tag.parse().unwrap());
        }
        serve(
            Path(file.to_owned()),
            RawQuery(query.map(str::to_owned)),
            headers,
        )
        .await
    }

    #[tokio::test]
    async fn the_current_address_may_be_kept_for_ever_and_any_other_is_asked_about() {
        let url = asset_url("app.js").unwrap();
        let query = url.split_once('?').unwrap().1;
        for (query, expected) in [
            (Some(query), IMMUTABLE),
            (Some("v=0"), REVALIDATE),
            (None, REVALIDATE),
        ] {
            let response = get("app.js", query, None).await;
            assert_eq!(response.headers()[header::CACHE_CONTROL], expected);
            assert_eq!(response.headers()[header::CONTENT_TYPE], JS);
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_the_file_is_told_so() {
        let tag = get("base.css", None, None).await.headers()[header::ETAG].clone();
        let response = get("base.css", None, tag.to_str().ok()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn an_unknown_file_is_not_found() {
        for name in ["nothing.css", "../Cargo.toml", ""] {
            assert_eq!(get(name, None, None).await.status(), StatusCode::NOT_FOUND);
        }
        assert_eq!(asset_url("nothing.css"), None);
    }

    #[test]
    fn every_import_between_modules_is_versioned_and_exists() {
        let assets = assets();
        for asset in &assets.files {
            let content = std::str::from_utf8(asset.content.whole()).unwrap();
            for (position, _) in content.match_indices("\"./") {
                let reference = content[position + 3..].split('"').next().unwrap();
                let (name, version) = reference.split_once("?v=").unwrap_or((reference, ""));
                assert!(asset_url(name).is_some(), "{}: {reference}", asset.name);
                assert_eq!(version, assets.version, "{}: {reference}", asset.name);
            }
        }
    }
}
