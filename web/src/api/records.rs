//! `/api/records`: the publication record.

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use entity::image::Author;
use entity::publication_record::{self, Action, Model, RecordedBox, Sending};
use futures::stream;
use sea_orm::{ColumnTrait as _, DatabaseConnection, DbErr, QueryFilter as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::{self, Viewer};
use crate::box_json::{CoversJson, KindJson, ShapeJson, StateJson};
use crate::cursor::Cursor;
use crate::extract::Query;
use crate::image_json::AuthorJson;
use crate::json_enum::json_enum;
use crate::paging::{Page, Paging, PagingQuery, cut};
use crate::problem::Problem;
use crate::state::AppState;

/// Records that are read at once for a CSV file.
const BATCH: u64 = 500;

/// Which records, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordsQuery {
    /// Only of this image.
    image: Option<Uuid>,
    /// A file with all records instead of a page in JSON: `csv`.
    #[param(inline, default = "json")]
    format: Option<FormatJson>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatJson {
    Json,
    Csv,
}

/// Who made an image public, or took it back, and what was shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublicationRecord)]
pub struct RecordJson {
    id: Uuid,
    image_id: Uuid,
    action: ActionJson,
    at: DateTime<Utc>,
    /// A person, a program, a detector, or `rule:at-once`.
    #[schema(required)]
    by: Option<String>,
    /// Of the original, in hexadecimal digits.
    sha256: String,
    boxes_version: i32,
    /// The boxes that held.
    boxes: Vec<RecordedBoxJson>,
    /// The detector, with its version, that had searched last.
    #[schema(required)]
    detector: Option<String>,
    /// The caption that held.
    #[schema(required)]
    caption: Option<RecordedCaption>,
    /// What had been sent to providers until then.
    sent: Vec<SendingJson>,
}

json_enum! {
    ActionJson as PublicationAction for Action {
        /// It became public.
        Released,
        /// It was public, and boxes or words changed.
        Revised,
        /// It is no longer public.
        Withdrawn,
        /// It was public, and was deleted.
        Deleted,
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordedCaption)]
struct RecordedCaption {
    text: String,
    #[schema(required)]
    by: Option<AuthorJson>,
    #[schema(required)]
    provider: Option<String>,
    #[schema(required)]
    model: Option<String>,
    #[schema(required)]
    prompt_version: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordedBox)]
struct RecordedBoxJson {
    id: Uuid,
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    shape: ShapeJson,
    covers: CoversJson,
    state: StateJson,
    #[schema(required)]
    reason: Option<String>,
    by_kind: KindJson,
    #[schema(required)]
    by_name: Option<String>,
    #[schema(required)]
    version: Option<String>,
}

/// Requests about the image to one model of a provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sending)]
struct SendingJson {
    provider: String,
    #[schema(required)]
    model: Option<String>,
    /// The picture of which a small copy was sent: `anonymised` or `original`; null if it was not kept
    /// at the time.
    #[schema(required)]
    rendition: Option<String>,
    requests: u32,
}

/// Read the publication record
///
/// For admins, and programs that read. Newest first. A record is never changed, and stays when its
/// image is deleted.
#[utoipa::path(
    get, path = "/api/records", operation_id = "listRecords", tag = "Release",
    params(RecordsQuery, PagingQuery),
    responses((status = 200, description = "A page of records, or all of them as CSV.",
        content((Page<RecordJson> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
    Query(query): Query<RecordsQuery>,
) -> Result<Response, Problem> {
    viewer.require(access::Action::SeeDetails)?;
    if query.format == Some(FormatJson::Csv) {
        return Ok(csv(state.db.clone(), query.image));
    }
    let after = paging.after.map(Cursor::row).transpose()?;
    let found = page(&state.db, query.image, after, paging.limit + 1).await?;
    let (rows, next) = cut(found, paging.limit, |row| Cursor::Row(row.at, row.id));
    let items = rows.into_iter().map(RecordJson::from).collect();
    let page: Page<RecordJson> = Page { items, next };
    Ok(page.respond(&uri))
}

async fn page(
    db: &DatabaseConnection,
    image: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut select = publication_record::page(after, limit);
    if let Some(image) = image {
        select = select.filter(publication_record::Column::ImageId.eq(image));
    }
    select.all(db).await
}

const HEADER: &str = "id,image_id,action,at,by,sha256,boxes_version,boxes,detector,caption,caption_by,\
                      caption_provider,caption_model,prompt_version,sent\r\n";

/// All records, read batch by batch as fast as the client takes them.
fn csv(db: DatabaseConnection, image: Option<Uuid>) -> Response {
    let rows = stream::try_unfold(Some(None), move |after| {
        let db = db.clone();
        async move {
            let Some(after) = after else {
                return Ok::<_, DbErr>(None);
            };
            let rows = page(&db, image, after, BATCH).await?;
            let is_first = after.is_none();
            let next = rows.last().map(|row| Some((row.at, row.id)));
            let mut text = if is_first {
                HEADER.to_owned()
            } else {
                String::new()
            };
            text.extend(rows.into_iter().map(line));
            Ok(Some((text, next)))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"publication-record.csv\"",
        ),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    (headers, Body::from_stream(rows)).into_response()
}

fn line(row: Model) -> String {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let fields = [
        row.id.to_string(),
        row.image_id.to_string(),
        row.action.as_str().to_owned(),
        row.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        row.by_name.unwrap_or_default(),
        row.sha256,
        row.boxes_version.to_string(),
        json(serde_json::to_string(&row.boxes)),
        row.detector.unwrap_or_default(),
        row.caption_text.unwrap_or_default(),
        match row.caption_by {
            Some(Author::Machine) => "machine".to_owned(),
            Some(Author::Person) => "person".to_owned(),
            None => String::new(),
        },
        row.caption_provider.unwrap_or_default(),
        row.caption_model.unwrap_or_default(),
        row.prompt_version.unwrap_or_default(),
        json(serde_json::to_string(&row.sent)),
    ];
    fields.map(|field| quoted(&field)).join(",") + "\r\n"
}

/// A field as in RFC 4180. What a spreadsheet would take for a formula is marked as text.
fn quoted(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", field.replace('"', "\"\""))
}

impl From<Model> for RecordJson {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            image_id: row.image_id,
            action: row.action.into(),
            at: row.at,
            by: row.by_name,
            sha256: row.sha256,
            boxes_version: row.boxes_version,
            boxes: row.boxes.0.into_iter().map(Into::into).collect(),
            detector: row.detector,
            caption: row.caption_text.map(|text| RecordedCaption {
                text,
                by: row.caption_by.map(Into::into),
                provider: row.caption_provider,
                model: row.caption_model,
                prompt_version: row.prompt_version,
            }),
            sent: row.sent.0.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RecordedBox> for RecordedBoxJson {
    fn from(row: RecordedBox) -> Self {
        Self {
            id: row.id,
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
            shape: row.shape.into(),
            covers: row.covers.into(),
            state: row.state.into(),
            reason: row.reason,
            by_kind: row.by_kind.into(),
            by_name: row.by_name,
            version: row.version,
        }
    }
}

impl From<Sending> for SendingJson {
    fn from(row: Sending) -> Self {
        Self {
            provider: row.provider,
            model: row.model,
            rendition: row.rendition,
            requests: row.requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_quoted_and_formulas_are_text() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("line\r\nbreak"), "\"line\r\nbreak\"");
    }
}
