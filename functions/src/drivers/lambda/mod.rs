//! The driver of AWS Lambda: what a function is invoked with becomes deliveries of its step, and
//! what comes of them becomes an answer to the queue.
//!
//! Every message stands alone: it is read alone, its panics are caught alone, and it alone is
//! delivered again if it must be.

mod main;

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
use crate::pipeline::cpu_pool::panic_text;
use crate::pipeline::run_step::{Delivery, Verdict, run_step};
use crate::pipeline::sqs::SqsQueues;

pub use main::run;

/// Messages of a batch that are worked on at once. Pixels have a bound of their own.
const AT_ONCE: usize = 4;

/// What is left of the time for writing down how things stand, before Lambda ends the process.
const RESERVE: Duration = Duration::from_secs(2);

/// A message is not begun with less time than this.
const LEAST: Duration = Duration::from_secs(5);

/// How long a message is hidden that could not be read, written down or worked on in time.
const AGAIN: Duration = Duration::from_secs(10);

/// Waits that many share end at different moments, so that not all come back at once.
const SPREAD: Duration = Duration::from_secs(20);

/// One function on Lambda. Made once for a process, before its first invocation.
pub struct Function {
    /// What it does.
    pub step: StepKind,
    /// What it needs.
    pub ctx: Context,
    /// The queues, if messages may be put off; without them SQS's own waits have to do.
    pub queues: Option<SqsQueues>,
    /// The largest object that is adopted, in bytes.
    pub max_bytes: u64,
    /// Whether it is worth it to ask the store which trace an object belongs to.
    pub follows_traces: bool,
}

/// What to tell Lambda.
#[derive(Debug)]
pub enum Answer {
    /// The messages of SQS that are to be delivered again.
    Batch(SqsBatchResponse),
    /// Whoever invoked us directly has nothing more to do.
    Done,
}

/// A direct invocation has to be repeated.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Repeat(String);

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing is owed any more.
    Forget,
    /// Deliver it again, and count that.
    Again(Duration),
    /// Deliver it again as if it were new.
    Later(Duration),
}

impl Function {
    /// Does what an event asks for, by `deadline` at the latest.
    ///
    /// # Errors
    /// If an event that did not come through SQS has to be delivered again, or is none at all.
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
            let fate = AssertUnwindSafe(self.fate(message, deadline))
                .catch_unwind()
                .await;
            let fate = fate.unwrap_or_else(|panic| {
                error!(reason = %panic_text(panic.as_ref()), "a message made us crash");
                Fate::Again(AGAIN)
            });
            match fate {
                Fate::Forget => Ok(()),
                Fate::Later(wait) if self.put_off(message, wait).await => Ok(()),
                Fate::Again(wait) | Fate::Later(wait) => {
                    self.hide(message, wait).await;
                    Err(format!("to be delivered again in {wait:?}"))
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn fate(&self, message: &Message, deadline: Instant) -> Fate {
        let news = match &message.news {
            Ok(news) => news,
            Err(error) => {
                // It ends in the dead-letter queue, where somebody can look at it.
                error!(%error, "a message is left to the dead-letter queue");
                return Fate::Again(AGAIN);
            }
        };
        for ignored in &news.ignored {
            info!(%ignored, "ignored");
        }
        let mut fate = Fate::Forget;
        for created in &news.created {
            fate = fate.or(self.one(created, message, deadline).await);
        }
        fate
    }

    /// Works on one object of a message.
    async fn one(&self, created: &ObjectCreated, message: &Message, deadline: Instant) -> Fate {
        let stop = deadline - RESERVE;
        if Instant::now() + LEAST > stop {
            warn!(key = %created.key, "too little time is left; handed back");
            return Fate::Again(Duration::ZERO);
        }
        match timeout_at(stop, self.deliver(created, message)).await {
            Ok(Ok(Verdict::Acknowledge)) => Fate::Forget,
            Ok(Ok(Verdict::Retry(wait))) => Fate::Again(wait),
            Ok(Ok(Verdict::Postpone(wait))) => Fate::Later(wait),
            Ok(Err(reason)) => {
                error!(key = %created.key, %reason, "not written down; delivered again");
                Fate::Again(AGAIN)
            }
            Err(_) => {
                warn!(key = %created.key, "not done in time; handed back");
                Fate::Again(AGAIN)
            }
        }
    }

    async fn deliver(&self, created: &ObjectCreated, message: &Message) -> Result<Verdict, String> {
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

    /// The trace that began with the upload: it stands in messages that we sent ourselves, and
    /// with the object.
    async fn trace(&self, created: &ObjectCreated, message: &Message) -> Option<String> {
        if message.trace.is_some() || !self.follows_traces {
            return message.trace.clone();
        }
        // Whatever is wrong with the object shows when it is read.
        let head = self.ctx.store.head(&created.key).await.ok().flatten();
        head?.metadata.remove(TRACEPARENT)
    }

    async fn deliver_within(
        &self,
        created: &ObjectCreated,
        message: &Message,
    ) -> Result<Verdict, String> {
        let found = image::by_object_key(&created.key.path())
            .one(&self.ctx.db)
            .await
            .map_err(|error| error.to_string())?;
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
        let verdict = run_step(&self.ctx, delivery).await;
        verdict.map_err(|error| error.to_string())
    }

    /// Sends the message anew, with a delay; the old one can be forgotten then. Receiving it again
    /// and again instead would send it to the dead-letter queue although nothing is wrong.
    async fn put_off(&self, message: &Message, wait: Duration) -> bool {
        let (Some(queues), Some(_), Ok(news)) = (&self.queues, &message.id, &message.news) else {
            return false;
        };
        let trace = message.trace.as_deref();
        let before = message.receive_count.unwrap_or(1).saturating_sub(1) + message.carried;
        for created in &news.created {
            let wait = wait + spread();
            if let Err(error) = queues
                .send(self.step, &created.key, wait, before, trace)
                .await
            {
                warn!(%error, "a message cannot be put off");
                return false;
            }
        }
        true
    }

    /// SQS would show the message again only after the whole visibility timeout.
    async fn hide(&self, message: &Message, wait: Duration) {
        if let (Some(queues), Some(receipt)) = (&self.queues, &message.receipt)
            && let Err(error) = queues.show_again(self.step, receipt, wait).await
        {
            warn!(%error, "a message comes back later than it could");
        }
    }
}

impl Fate {
    /// What becomes of a message with several objects: whatever one of them asks for.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Again(a), Self::Again(b)) => Self::Again(a.min(b)),
            (Self::Again(wait), _) | (_, Self::Again(wait)) => Self::Again(wait),
            (Self::Later(a), Self::Later(b)) => Self::Later(a.min(b)),
            (Self::Later(wait), _) | (_, Self::Later(wait)) => Self::Later(wait),
            (Self::Forget, Self::Forget) => Self::Forget,
        }
    }
}

/// Something between nothing and [`SPREAD`], from the random bits of a UUID.
fn spread() -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() as u32;
    SPREAD.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
