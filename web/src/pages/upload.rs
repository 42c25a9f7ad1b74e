//! The upload form without JavaScript: several files in one request, and a page with the result of
//! each.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use functions::pipeline::lifecycle::Accepted;
use serde::Serialize;
use serde_json::json;

use super::{Page, html, or_login};
use crate::access::{Action, Client, Viewer};
use crate::ingest::UploadMeta;
use crate::photo_form::PhotoForm;
use crate::problem::Problem;
use crate::state::AppState;

#[derive(Debug, Serialize)]
struct Outcome {
    file_name: String,
    ok: bool,
    url: Option<String>,
    existing: bool,
    error: Option<String>,
}

impl Outcome {
    fn new(file_name: String, taken: Result<Accepted, Problem>) -> Self {
        let (image, error) = match taken {
            Ok(Accepted::Created(image)) => (Some((image, false)), None),
            Ok(Accepted::Existing(image)) => (Some((image, true)), None),
            Err(problem) => (None, Some(problem.detail().to_owned())),
        };
        Self {
            file_name,
            ok: image.is_some(),
            existing: image.as_ref().is_some_and(|(_, existing)| *existing),
            url: image.map(|(image, _)| format!("/images/{}", image.id)),
            error,
        }
    }
}

/// `POST /upload`
pub async fn receive(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    mut form: PhotoForm,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::Upload) {
        return Ok(or_login(problem, "/"));
    }
    let mut outcomes = Vec::new();
    while let Some(part) = form.next_file().await? {
        let file_name = part.file_name.clone();
        let meta = UploadMeta {
            file_name: file_name.clone(),
            name: viewer.name().map(str::to_owned),
            ..UploadMeta::default()
        };
        let taken = match state.admit(&viewer, &client, Action::Upload) {
            Ok(()) => state.ingest().take(meta, part.chunks()).await,
            Err(problem) => Err(problem),
        };
        // A browser sends an empty field if no file was chosen.
        if !file_name.is_empty() {
            outcomes.push(Outcome::new(file_name, taken));
        }
    }
    if !outcomes.is_empty()
        && outcomes
            .iter()
            .all(|outcome| outcome.ok && !outcome.existing)
    {
        return Ok(Redirect::to("/gallery").into_response());
    }
    let context = json!({
        "page": Page::new(&state, &viewer, "/upload", "Upload"),
        "results": outcomes,
    });
    html(&state, "uploaded.html", &context)
}
