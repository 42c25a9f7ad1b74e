//! For `make dev`: styles, scripts and templates from disk rather than from the binary, and pages
//! that notice when one of these changes. It is compiled into every build, so that no build is the
//! only one to break, and can be switched on in those with debug assertions alone.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::{Stream, StreamExt as _, stream};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often files are looked at, while a page is open.
const INTERVAL: Duration = Duration::from_millis(100);

/// How soon a page asks again after the server was restarted.
const RETRY: Duration = Duration::from_millis(300);

/// The folder with `static` and `templates`, and when this process began to read it.
static FOLDER: OnceLock<(PathBuf, SystemTime)> = OnceLock::new();

/// # Errors
/// In a release.
pub(crate) fn read_from(folder: PathBuf) -> anyhow::Result<()> {
    ensure!(
        cfg!(debug_assertions),
        "a release serves only the styles, scripts and templates built into it; use `make dev`"
    );
    let _ = FOLDER.set((folder, SystemTime::now()));
    Ok(())
}

pub(crate) fn is_on() -> bool {
    cfg!(debug_assertions) && FOLDER.get().is_some()
}

/// The current text of a style sheet or script; none if it cannot be read, for example while an
/// editor saves it.
pub(crate) fn static_file(name: &str) -> Option<String> {
    read("static", name)
}

pub(crate) fn template(name: &str) -> Option<String> {
    read("templates", name)
}

fn read(kind: &str, name: &str) -> Option<String> {
    let (folder, _) = FOLDER.get()?;
    std::fs::read_to_string(folder.join(kind).join(name)).ok()
}

/// The page, with the script that waits for changes.
pub(crate) fn with_reload(page: &str) -> String {
    let script = "<script type=\"module\" src=\"/dev/reload.js\"></script>\n</head>";
    page.replacen("</head>", script, 1)
}

/// The routes that pages ask for changes, with `make dev`. The state's token ends them.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    CancellationToken: FromRef<S>,
{
    if !is_on() {
        return Router::new();
    }
    Router::new()
        .route("/dev/reload.js", get(script))
        .route("/dev/changes", get(changes))
}

async fn script() -> impl IntoResponse {
    let kind = [("content-type", "text/javascript; charset=utf-8")];
    (kind, include_str!("../dev/reload.js"))
}

/// Sends hashes of the files at once, and again after each change.
async fn changes(
    State(stop): State<CancellationToken>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let states = stream::unfold(None, |known| async move {
        loop {
            let now = FOLDER.get().map(|(folder, begun)| stamps(folder, *begun));
            if now != known {
                return Some((now?, now));
            }
            sleep(INTERVAL).await;
        }
    });
    let events = states.map(|(styles, pages)| {
        // Not as numbers: JavaScript's have 53 bits.
        let data = json!({ "styles": styles.to_string(), "pages": pages.to_string() });
        Ok(Event::default().retry(RETRY).data(data.to_string()))
    });
    Sse::new(events.take_until(stop.cancelled_owned()))
}

/// A hash of the style sheets, and one of everything else, the start of this process included.
fn stamps(folder: &Path, begun: SystemTime) -> (u64, u64) {
    let (mut styles, mut pages) = (DefaultHasher::new(), DefaultHasher::new());
    begun.hash(&mut pages);
    let files = walkdir::WalkDir::new(folder.join("static"))
        .sort_by_file_name()
        .into_iter()
        .chain(walkdir::WalkDir::new(folder.join("templates")).sort_by_file_name())
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    for file in files {
        let is_style = file.path().extension().is_some_and(|end| end == "css");
        let hasher = if is_style { &mut styles } else { &mut pages };
        file.path().hash(hasher);
        if let Ok(metadata) = file.metadata() {
            (metadata.modified().ok(), metadata.len()).hash(hasher);
        }
    }
    (styles.finish(), pages.finish())
}
