//! Queues steps whose results are missing.

use std::collections::HashSet;

use entity::step::StepKind;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::lifecycle::rerun;
use sea_orm::DbErr;
use tracing::warn;
use uuid::Uuid;

use super::Check;

/// Queues these steps again, if the check repairs. Returns those that were.
pub(super) async fn queue(
    check: &Check<'_>,
    steps: impl Iterator<Item = (Uuid, StepKind)>,
) -> Result<HashSet<(Uuid, StepKind)>, DbErr> {
    let steps: HashSet<_> = steps.collect();
    if !check.repairs || steps.is_empty() {
        return Ok(HashSet::new());
    }
    let wanted: Vec<_> = steps.into_iter().collect();
    let queued = rerun(check.db, check.dispatch, &wanted).await?;
    if let Dispatch::Sqs(outbox) = check.dispatch
        && let Err(error) = outbox.send_due().await
    {
        warn!(%error, "a running server sends the messages later");
    }
    Ok(queued.into_iter().collect())
}
