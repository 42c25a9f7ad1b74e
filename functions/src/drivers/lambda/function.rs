//! What one invocation does. Every message stands alone: it is read alone, its panics are caught
//! alone, and only it is delivered again if it has to be.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use entity::image;
use entity::step::StepKind;
use futures::{FutureExt as _, StreamExt as _, stream};
use platform::events::{Message, ObjectCreated, parse_invocation};
use platform::telemetry::{self, TRACEPARENT};
use tokio::time::{Instant, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, error, error_span, info, warn};

use crate::pipeline::adopt::adopt;
use crate::pipeline::context::Context;
use crate::pipeline::outcomes::{StepError, Verdict};
use crate::pipeline::panics::panic_text;
use crate::pipeline::run_step::{Delivery, run_step};
use crate::pipeline::sqs::SqsQueues;

/// Messages of a batch that are worked on at once. Work on pixels is bounded by the pool.
const AT_ONCE: usize = 4;

/// Time that is kept for writing down the outcome, before Lambda ends the process.
const RESERVE: Duration = Duration::from_secs(2);

/// No message is begun with less time than this.
const LEAST: Duration = Duration::from_secs(5);

/// The wait before a message is delivered again that could not be read or finished in time, or
/// whose outcome could not be written down.
const AGAIN: Duration = Duration::from_secs(10);

/// The jitter of postponed messages, so that they do not all come back at once.
const SPREAD: Duration = Duration::from_secs(20);

/// One function on Lambda. Made once for a process, before its first invocation.
pub struct Function {
    pub step: StepKind,
    pub ctx: Context,
    /// With them, messages can be postponed and hidden for a time of our own; without, only SQS's
    /// visibility timeout applies.
    pub queues: Option<SqsQueues>,
    /// The largest object that is adopted, in bytes.
    pub max_bytes: u64,
    /// Whether traces are exported, so that the store is asked which one an object belongs to.
    pub follows_traces: bool,
}

/// The answer to Lambda.
#[derive(Debug)]
pub enum Answer {
    /// The messages of SQS that are to be delivered again.
    Batch(SqsBatchResponse),
    /// A direct invocation is finished.
    Done,
}

/// A direct invocation has to be repeated.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Repeat(String);

impl Function {
    /// Handles an event by `deadline`.
    ///
    /// # Errors
    /// If the event cannot be read, or has to be delivered again and did not come through SQS.
    pub async fn invoke(&self, event: &[u8], deadline: Instant) -> Result<Answer, Repeat> {
        let messages = parse_invocation(event).map_err(|error| {
            error!(%error, "an invocation cannot be read");
            Repeat(error.to_string())
        })?;
        let is_batch = messages.iter().any(|message| message.id.is_some());
        let failures: Vec<_> = stream::iter(&messages)
            .map(|message| async move { (message, self.settle(message, deadline).await) })
            .buffer_unordered(AT_ONCE)
            .filter_map(async |(message, settled)| {
                settled.err().map(|reason| (message.id.clone(), reason))
            })
            .collect()
            .await;
        if is_batch {
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = failures
                .into_iter()
                .filter_map(|(id, _)| id)
                .map(|id| {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = id;
                    failure
                })
                .collect();
            return Ok(Answer::Batch(response));
        }
        match failures.into_iter().next() {
            Some((_, reason)) => Err(Repeat(reason)),
            None => Ok(Answer::Done),
        }
    }

    /// Works on one message. An error has it delivered again, and says why.
    async fn settle(&self, message: &Message, deadline: Instant) -> Result<(), String> {
        let span = error_span!("message", message_id = message.id, step = %self.step);
        async {
            let verdict = AssertUnwindSafe(self.verdict(message, deadline))
                .catch_unwind()
                .await;
            let verdict = verdict.unwrap_or_else(|panic| {
                error!(reason = %panic_text(panic.as_ref()), "a message caused a panic");
                Verdict::Retry(AGAIN)
            });
            match verdict {
                Verdict::Acknowledge => Ok(()),
                Verdict::Postpone(wait) if self.postpone(message, wait).await => Ok(()),
                Verdict::Retry(wait) | Verdict::Postpone(wait) => {
                    self.hide(message, wait).await;
                    Err(format!("to be delivered again in {wait:?}"))
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn verdict(&self, message: &Message, deadline: Instant) -> Verdict {
        let news = match &message.news {
            Ok(news) => news,
            Err(error) => {
                // It ends in the dead-letter queue, for a person to look at.
                error!(%error, "a message is left to the dead-letter queue");
                return Verdict::Retry(AGAIN);
            }
        };
        for ignored in &news.ignored {
            info!(%ignored, "ignored");
        }
        let mut verdict = Verdict::Acknowledge;
        for created in &news.created {
            verdict = verdict.or(self.one(created, message, deadline).await);
        }
        verdict
    }

    /// Works on one object of a message.
    async fn one(&self, created: &ObjectCreated, message: &Message, deadline: Instant) -> Verdict {
        let stop = deadline - RESERVE;
        if Instant::now() + LEAST > stop {
            warn!(key = %created.key, "too little time is left; handed back");
            return Verdict::Retry(Duration::ZERO);
        }
        match timeout_at(stop, self.deliver(created, message)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(reason)) => {
                error!(key = %created.key, %reason, "the outcome is not known; delivered again");
                Verdict::Retry(AGAIN)
            }
            Err(_) => {
                warn!(key = %created.key, "not finished in time; handed back");
                Verdict::Retry(AGAIN)
            }
        }
    }

    async fn deliver(
        &self,
        created: &ObjectCreated,
        message: &Message,
    ) -> Result<Verdict, StepError> {
        let span = error_span!(
            "object",
            otel.name = %format_args!("process {}", self.step),
            otel.kind = "consumer",
            messaging.operation.type = "process",
            messaging.destination.name = %self.step,
            messaging.message.id = message.id,
            trace_id = Empty,
            image_id = Empty,
        );
        let trace = self.trace(created, message).await;
        telemetry::begin(&span, trace.as_deref());
        self.deliver_within(created, message).instrument(span).await
    }

    /// The trace that began with the upload: an attribute of our own messages, else metadata of the
    /// object.
    async fn trace(&self, created: &ObjectCreated, message: &Message) -> Option<String> {
        if message.trace.is_some() || !self.follows_traces {
            return message.trace.clone();
        }
        // An error shows up again when the object is read.
        let head = self.ctx.store.head(&created.key).await.ok().flatten();
        head?.metadata.remove(TRACEPARENT)
    }

    async fn deliver_within(
        &self,
        created: &ObjectCreated,
        message: &Message,
    ) -> Result<Verdict, StepError> {
        let found = image::by_object_key(&created.key.path())
            .one(&self.ctx.db)
            .await?;
        let image = match found {
            Some(image) => image,
            None => match adopt(&self.ctx, &created.key, self.max_bytes).await? {
                Some(image) => image,
                None => return Ok(Verdict::Acknowledge),
            },
        };
        Span::current().record("image_id", tracing::field::display(image.id));
        let receives = message.receive_count.unwrap_or(1) + message.carried;
        let delivery = Delivery {
            image_id: image.id,
            step: self.step,
            receive_count: i32::try_from(receives).unwrap_or(i32::MAX),
        };
        Ok(run_step(&self.ctx, delivery).await?)
    }

    /// Sends a copy of the message with a delay, so that the message itself can be deleted.
    /// Receiving it again and again would move it to the dead-letter queue although nothing is
    /// wrong. False if no copy could be sent.
    async fn postpone(&self, message: &Message, wait: Duration) -> bool {
        let (Some(queues), Some(_), Ok(news)) = (&self.queues, &message.id, &message.news) else {
            return false;
        };
        let trace = message.trace.as_deref();
        let before = message.receive_count.unwrap_or(1).saturating_sub(1) + message.carried;
        for created in &news.created {
            let wait = wait + jitter();
            if let Err(error) = queues
                .send_anew(self.step, &created.key, wait, before, trace)
                .await
            {
                warn!(%error, "a message cannot be postponed");
                return false;
            }
        }
        true
    }

    /// Without this, the message is visible again only after the whole visibility timeout.
    async fn hide(&self, message: &Message, wait: Duration) {
        if let (Some(queues), Some(receipt)) = (&self.queues, &message.receipt)
            && let Err(error) = queues.show_again(self.step, receipt, wait).await
        {
            warn!(%error, "a message is delivered again later than it could be");
        }
    }
}

/// Up to [`SPREAD`], from the random bits of a UUID.
fn jitter() -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() as u32;
    SPREAD.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
