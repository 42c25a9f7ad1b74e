//! What captions cost, who wrote them, and why they wait if they do.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::call::Sum;
use entity::image::{Provenance, provenance};
use entity::step::StepKind;
use functions::pipeline::provider_budget::{Pause, money};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Action, Viewer};
use crate::image_json::AuthorJson;
use crate::problem::Problem;
use crate::state::AppState;

/// Days in the report, today included.
const DAYS: i64 = 30;

/// What captions cost, who wrote them, and whether they are paused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionReport)]
pub struct Report {
    /// The provider; null if captions are made on this machine.
    pub asks: Option<Asked>,
    /// Why captions wait, if they do.
    pub paused: Option<PauseReport>,
    /// Days (UTC) of the last 30 on which there were requests, newest first.
    pub days: Vec<Day>,
    /// Where the current captions come from, the most frequent origin first.
    pub written: Vec<Written>,
    /// When the numbers in `written` held; among very many images, a while ago.
    pub counted_at: DateTime<Utc>,
}

/// The caption provider and its limits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionProvider)]
pub struct Asked {
    provider: &'static str,
    model: String,
    daily_limit: Option<u32>,
    per_minute: Option<u32>,
    /// Whether `VITRINE_CAPTION_PRICE` is set, so that costs are known.
    has_price: bool,
}

/// Why captions wait.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionPause)]
pub struct PauseReport {
    cause: &'static str,
    pub(crate) detail: String,
    pub(crate) until: DateTime<Utc>,
    /// Whether `POST /api/captions/resume` ends it: not if a limit of this server is the cause.
    can_resume: bool,
}

/// The requests of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionDay)]
pub struct Day {
    day: NaiveDate,
    requests: i64,
    captions: i64,
    blocked: i64,
    failed: i64,
    turned_away: i64,
    tokens_in: i64,
    tokens_out: i64,
    /// In millionths of the currency.
    cost_micros: Option<i64>,
    /// As text, with the currency.
    cost: Option<String>,
    /// Average duration of requests that were answered.
    millis: Option<i64>,
}

/// How many images have a caption of this origin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionProvenance)]
pub struct Written {
    #[schema(value_type = Option<AuthorJson>)]
    by: Option<entity::image::Author>,
    provider: Option<String>,
    model: Option<String>,
    prompt_version: Option<String>,
    language: Option<String>,
    images: i64,
}

impl From<Provenance> for Written {
    fn from(row: Provenance) -> Self {
        Self {
            by: row.caption_by,
            provider: row.caption_provider,
            model: row.caption_model,
            prompt_version: row.caption_prompt_version,
            language: row.caption_language,
            images: row.images,
        }
    }
}

impl From<&Pause> for PauseReport {
    fn from(pause: &Pause) -> Self {
        Self {
            cause: pause.why.as_str(),
            detail: pause.detail.clone(),
            until: pause.until,
            can_resume: pause.is_the_providers(),
        }
    }
}

impl Day {
    fn new(day: NaiveDate, sum: &Sum, currency: Option<&str>) -> Self {
        let cost = sum
            .cost_micros
            .zip(currency)
            .map(|(micros, currency)| money(currency, micros));
        let answered = sum.captions + sum.blocked + sum.failed;
        Self {
            day,
            requests: sum.requests,
            captions: sum.captions,
            blocked: sum.blocked,
            failed: sum.failed,
            turned_away: sum.turned_away,
            tokens_in: sum.tokens_in,
            tokens_out: sum.tokens_out,
            cost_micros: sum.cost_micros,
            cost,
            millis: sum.duration_ms.checked_div(answered),
        }
    }
}

pub(crate) async fn caption_report(state: &AppState, viewer: &Viewer) -> Result<Report, Problem> {
    viewer.require(Action::SeeDetails)?;
    let provider_budget = state.caption_pause.provider_budget();
    let currency = provider_budget
        .and_then(|provider_budget| provider_budget.price())
        .map(|price| price.currency.as_str());
    let today = Utc::now().date_naive();
    let first = today - TimeDelta::days(DAYS - 1);
    let days = Sum::by_day(&state.db, first, today).await?;
    let days = days
        .iter()
        .rev()
        .map(|(day, sum)| Day::new(*day, sum, currency))
        .collect();
    let db = state.db.clone();
    let count = || async move { provenance().all(&db).await };
    let counted = state.provenance.get(count).await?;
    Ok(Report {
        asks: provider_budget.map(|provider_budget| Asked {
            provider: provider_budget.account().provider,
            model: provider_budget.account().model.clone(),
            daily_limit: provider_budget.limits().per_day,
            per_minute: provider_budget.limits().per_minute,
            has_price: currency.is_some(),
        }),
        paused: state
            .caption_pause
            .pause()
            .await?
            .as_ref()
            .map(PauseReport::from),
        days,
        written: counted.value.into_iter().map(Written::from).collect(),
        counted_at: counted.at,
    })
}

/// Ends a pause that the provider caused.
pub(crate) async fn resume_captions(state: &AppState, viewer: &Viewer) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    if let Some(provider_budget) = state.caption_pause.provider_budget() {
        provider_budget.resume().await?;
        state.caption_pause.forget();
        state.dispatch.resume(StepKind::Annotate).await?;
    }
    Ok(())
}
