//! Answers with one image, for all routes that have them: at once, or after waiting for its steps.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use entity::image::Audience;
use functions::pipeline::lifecycle::Accepted;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::access::Viewer;
use crate::image_json::ImageJson;
use crate::problem::Problem;
use crate::state::AppState;

/// The longest wait, in seconds: proxies and load balancers usually cut at 60.
const MAX_WAIT: u64 = 60;

/// Whether to wait until an image is settled.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Answer once no step is queued or running, or after so many seconds.
    #[param(minimum = 0, maximum = 60, default = 0)]
    wait: Option<u64>,
}

impl Wait {
    pub(super) fn patience(&self) -> Result<Duration, Problem> {
        match self.wait.unwrap_or(0) {
            seconds @ 0..=MAX_WAIT => Ok(Duration::from_secs(seconds)),
            seconds => Err(Problem::bad_request(format!(
                "wait={seconds} is not between 0 and {MAX_WAIT} seconds"
            ))),
        }
    }
}

/// 201 with a new image, 200 with one that was there already.
pub(super) async fn accepted(
    state: &AppState,
    viewer: &Viewer,
    taken: Accepted,
    patience: Duration,
) -> Result<Response, Problem> {
    let (status, id, image) = taken_in(state, viewer, taken, patience).await?;
    let location = [("location", format!("/api/images/{id}"))];
    Ok((status, location, Json(image)).into_response())
}

/// The image that an upload led to, with the status of the answer.
pub(super) async fn taken_in(
    state: &AppState,
    viewer: &Viewer,
    taken: Accepted,
    patience: Duration,
) -> Result<(StatusCode, Uuid, ImageJson), Problem> {
    let (status, image) = match taken {
        Accepted::Created(image) => (StatusCode::CREATED, image),
        Accepted::Existing(image) => (StatusCode::OK, image),
    };
    if !patience.is_zero() {
        state
            .live
            .until_settled(&Audience::Staff, image.id, patience)
            .await?;
    }
    // The sender gets an answer even if they do not see the image before it is released.
    let rows = state.image_for(&Audience::Staff, image.id).await?;
    let urls = state.url_source().await;
    Ok((status, image.id, ImageJson::new(&rows, viewer, &urls)))
}

/// Waits until no step is pending, at most for `patience`, and answers with the image.
pub(super) async fn settled(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    patience: Duration,
) -> Result<Json<ImageJson>, Problem> {
    if !patience.is_zero() {
        let audience = viewer.audience();
        state.live.until_settled(&audience, id, patience).await?;
    }
    one(state, viewer, id).await
}

pub(super) async fn one(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Json<ImageJson>, Problem> {
    let rows = state.image(viewer, id).await?;
    let urls = state.url_source().await;
    Ok(Json(ImageJson::new(&rows, viewer, &urls)))
}
