//! How Vitrine is doing: what waits, what failed and why, room, costs and versions. And one more try
//! for all that failed.

use chrono::{DateTime, Utc};
use entity::call::Sum;
use entity::step::{self, Failure, FailureCount, StepKind, StepState};
use functions::pipeline::lifecycle::rerun;
use functions::pipeline::provider_budget::money;
use platform::disk::Space;
use sea_orm::DbBackend;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caption_report::PauseReport;
use super::step_counts::StepCounts;
use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;

/// Steps per transaction.
const BATCH: u64 = 200;

/// Steps that one request queues at most, so that it comes to an end.
const RETRIED_AT_ONCE: u64 = 5_000;

/// How Vitrine is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Status)]
pub struct Report {
    /// When the numbers of steps held; among very many images, a while ago.
    pub counted_at: DateTime<Utc>,
    /// Each kind of step, with the numbers of those that are not done.
    pub steps: Vec<StepReport>,
    /// When the step that has waited longest was queued.
    pub waiting_since: Option<DateTime<Utc>>,
    /// The most frequent reasons of failures.
    pub reasons: Vec<Reason>,
    /// The last failures, newest first.
    pub failures: Vec<FailureReport>,
    /// Where database and uploads are kept on this server; null if it cannot be told.
    pub disk: Option<Disk>,
    pub captions: CaptionsToday,
    pub versions: Versions,
}

/// The steps of a kind that are not done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StepStatus)]
pub struct StepReport {
    #[schema(value_type = String, example = "annotate")]
    pub step: StepKind,
    pub queued: i64,
    pub running: i64,
    pub failed: i64,
    pub blocked: i64,
}

/// Why steps failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FailureReason)]
pub struct Reason {
    #[schema(value_type = String, example = "annotate")]
    pub step: StepKind,
    /// `failed`, or `blocked` if the provider refused the picture.
    #[schema(value_type = String, example = "failed")]
    pub state: StepState,
    pub error: String,
    pub steps: i64,
}

/// A step that failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StepFailure)]
pub struct FailureReport {
    pub image_id: Uuid,
    pub file_name: String,
    #[schema(value_type = String, example = "annotate")]
    pub step: StepKind,
    pub error: String,
    pub at: Option<DateTime<Utc>>,
}

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Disk {
    pub free: u64,
    pub total: u64,
    /// Whether uploads are refused because too little is left.
    pub is_nearly_full: bool,
}

/// Requests to the provider of captions today (UTC).
#[derive(Debug, Serialize, ToSchema)]
pub struct CaptionsToday {
    requests: i64,
    /// As text, with the currency; null if no price is set.
    cost: Option<String>,
    /// Why captions wait, if they do.
    pub paused: Option<PauseReport>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Versions {
    vitrine: &'static str,
    /// The database's kind.
    database: &'static str,
    /// The face detector, with its version.
    detector: String,
}

impl From<FailureCount> for Reason {
    fn from(row: FailureCount) -> Self {
        Self {
            step: row.name,
            state: row.state,
            error: row.error.unwrap_or_default(),
            steps: row.steps,
        }
    }
}

impl From<Failure> for FailureReport {
    fn from(row: Failure) -> Self {
        Self {
            image_id: row.image_id,
            file_name: row.file_name,
            step: row.name,
            error: row.error.unwrap_or_default(),
            at: row.finished_at,
        }
    }
}

pub(crate) async fn status_report(state: &AppState, viewer: &Viewer) -> Result<Report, Problem> {
    viewer.require(Action::SeeDetails)?;
    let counts = || StepCounts::read(state.db.clone());
    let counted = state.step_counts.get(counts).await?;
    let counts = counted.value;
    let kinds = StepKind::ALL.into_iter();
    Ok(Report {
        counted_at: counted.at,
        steps: kinds.map(|kind| step_report(&counts, kind)).collect(),
        waiting_since: counts.waiting_since,
        reasons: counts.reasons.into_iter().map(Reason::from).collect(),
        failures: counts.latest.into_iter().map(FailureReport::from).collect(),
        disk: Space::at(&state.data).ok().map(|space| Disk {
            free: space.free,
            total: space.total,
            is_nearly_full: space.is_nearly_full(),
        }),
        captions: captions_today(state).await?,
        versions: Versions {
            vitrine: env!("CARGO_PKG_VERSION"),
            database: match state.db.get_database_backend() {
                DbBackend::Sqlite => "SQLite",
                DbBackend::Postgres => "PostgreSQL",
                _ => "MySQL or MariaDB",
            },
            detector: state.pixels.detector_name().to_owned(),
        },
    })
}

fn step_report(counts: &StepCounts, step: StepKind) -> StepReport {
    StepReport {
        step,
        queued: counts.of(step, StepState::Queued),
        running: counts.of(step, StepState::Running),
        failed: counts.of(step, StepState::Failed),
        blocked: counts.of(step, StepState::Blocked),
    }
}

async fn captions_today(state: &AppState) -> Result<CaptionsToday, Problem> {
    let today = Utc::now().date_naive();
    let days = Sum::by_day(&state.db, today, today).await?;
    let sum = days.get(&today);
    let budget = state.caption_pause.provider_budget();
    let price = budget.and_then(|budget| budget.price());
    let spent = sum.and_then(|sum| sum.cost_micros).zip(price);
    let pause = state.caption_pause.pause().await?;
    Ok(CaptionsToday {
        requests: sum.map_or(0, |sum| sum.requests),
        cost: spent.map(|(micros, price)| money(&price.currency, micros)),
        paused: pause.as_ref().map(PauseReport::from),
    })
}

/// Queues all steps of a kind that failed, with a new round of attempts. Returns how many: 5000 at
/// most, so that whoever asks gets an answer. What a provider refused stays refused.
pub(crate) async fn retry_failed(
    state: &AppState,
    viewer: &Viewer,
    step: &str,
) -> Result<u64, Problem> {
    viewer.require(Action::Manage)?;
    let kind: StepKind = step.parse().map_err(|_| Problem::not_found("step"))?;
    let mut queued = 0;
    while queued < RETRIED_AT_ONCE {
        let failed = step::failed(kind, BATCH).all(&state.db).await?;
        let wanted: Vec<_> = failed.iter().map(|step| (step.image_id, kind)).collect();
        let done = rerun(&state.db, &state.dispatch, &wanted).await?.len();
        if done == 0 {
            break;
        }
        queued += done as u64;
    }
    Ok(queued)
}
