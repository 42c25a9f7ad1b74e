//! `/api/review`: the list of the release desk.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use entity::desk::{Filter, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::actions::release_image;
use crate::actions::review_images::review_images;
use crate::box_json::BoxJson;
use crate::extract::Query;
use crate::image_json::ImageJson;
use crate::image_rows::ImageRows;
use crate::json_enum::json_enum;
use crate::paging::{Paging, PagingQuery};
use crate::picture_urls::UrlSource;
use crate::problem::Problem;
use crate::state::AppState;

json_enum! {
    /// Which images.
    FilterJson as ReviewFilter for Filter {
        /// Those about which somebody has to decide, released ones with newer uncertain boxes, and
        /// those about which somebody asked to be covered.
        Unreviewed,
        Held,
        /// Those whose copy could not be made.
        Failed,
        /// Those whose caption a machine wrote and nobody has found right.
        Unchecked,
        /// Those that the captioner failed on or refused.
        NotDescribed,
        /// Those without a caption, unless they are decorative.
        WithoutAltText,
        Released,
        /// Those that were public before there was a release.
        Legacy,
        /// Those about which somebody asked to be covered, without an answer yet.
        Requests,
    }
}

/// The query of the desk.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    #[param(inline, default = "unreviewed")]
    filter: Option<FilterJson>,
    /// Uploaded by this person or program.
    by: Option<String>,
    /// Uploaded on this day, in UTC.
    day: Option<NaiveDate>,
}

/// An image of the desk.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewItem)]
pub struct ReviewItem {
    #[serde(flatten)]
    image: ImageJson,
    boxes: Vec<BoxJson>,
    boxes_version: i32,
    /// The version of the boxes that the copy shows.
    #[schema(required)]
    copy_version: Option<i32>,
    /// How much it needs a look.
    risk: i32,
}

/// A page of the desk.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReviewPage)]
pub struct ReviewPage {
    /// The most urgent first.
    items: Vec<ReviewItem>,
    /// The cursor of the next page: send it as `after`. Null on the last page.
    #[schema(required)]
    next: Option<String>,
    /// How many images there are with this filter, on all pages.
    left: u64,
}

impl ReviewItem {
    fn new(rows: &ImageRows, viewer: &Viewer, urls: &UrlSource) -> Self {
        Self {
            image: ImageJson::new(rows, viewer, urls),
            boxes: rows.boxes.iter().map(BoxJson::from).collect(),
            boxes_version: rows.image.boxes_version,
            copy_version: rows.image.copy_version,
            risk: rows.image.risk,
        }
    }
}

/// List images to look at
///
/// For admins. Those that most need a look come first: with uncertain boxes, with many small faces,
/// dark ones, then those on which nothing was found.
#[utoipa::path(
    get, path = "/api/review", operation_id = "listReview", tag = "Release",
    params(ReviewQuery, PagingQuery),
    responses((status = 200, description = "A page of images.", body = ReviewPage)),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    paging: Paging,
    Query(query): Query<ReviewQuery>,
) -> Result<Json<ReviewPage>, Problem> {
    let wanted = Wanted {
        filter: query.filter.map_or(Filter::Unreviewed, Filter::from),
        by: query.by,
        day: query.day,
    };
    let page = review_images(&state, &viewer, &wanted, &paging).await?;
    let urls = state.url_source().await;
    Ok(Json(ReviewPage {
        items: page
            .rows
            .iter()
            .map(|rows| ReviewItem::new(rows, &viewer, &urls))
            .collect(),
        next: page.next,
        left: page.left,
    }))
}

/// How many images were released.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleasedCount)]
pub struct ReleasedCount {
    released: u64,
}

/// Release all that are certain
///
/// For admins. Releases every image that waits for a decision, whose copy is finished, and in which
/// neither the search nor the second look found anything uncertain.
#[utoipa::path(
    post, path = "/api/review/release-certain", operation_id = "releaseCertain", tag = "Release",
    responses((status = 200, description = "They are released.", body = ReleasedCount)),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn release_certain(
    State(state): State<AppState>,
    viewer: Viewer,
) -> Result<Json<ReleasedCount>, Problem> {
    let released = release_image::release_certain(&state, &viewer).await?;
    Ok(Json(ReleasedCount { released }))
}
