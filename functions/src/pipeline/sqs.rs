//! The queues of AWS, one for each function. Our own messages look like those of S3, so that there
//! is one parser and one way in.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use entity::step::StepKind;
use platform::events::{CARRIED, announcement};
use platform::objects::ObjectKey;
use platform::telemetry::TRACEPARENT;
use tracing::warn;
use uuid::Uuid;

/// The longest delay of a message on SQS.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// The longest visibility timeout of a message on SQS.
const LONGEST_HIDING: Duration = Duration::from_secs(12 * 60 * 60);

/// Messages in one `SendMessageBatch` at most.
pub(crate) const MAX_BATCH: usize = 10;

/// The queues of the functions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    /// The address of a queue, with `{step}` for the function.
    address: String,
}

/// A message for the image at `key`.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) id: Uuid,
    pub(crate) key: ObjectKey,
    /// As W3C's `traceparent`.
    pub(crate) trace: Option<String>,
}

/// A queue does not answer, or refuses the request.
#[derive(Debug, thiserror::Error)]
#[error("the queue of {step} does not answer ({doing}): {cause}")]
pub struct QueueError {
    step: StepKind,
    doing: &'static str,
    cause: String,
}

impl SqsQueues {
    /// The queues at this address, in which `{step}` stands for the function.
    pub fn connect(config: &SdkConfig, address: &str) -> Self {
        Self {
            client: Client::new(config),
            address: address.to_owned(),
        }
    }

    /// Sends up to [`MAX_BATCH`] messages, and returns the ids of those that SQS accepted.
    ///
    /// # Errors
    /// If the whole request fails. SQS may have accepted messages all the same.
    pub(crate) async fn send_batch(
        &self,
        step: StepKind,
        messages: &[Outgoing],
    ) -> Result<Vec<Uuid>, QueueError> {
        let failed = |cause| QueueError {
            step,
            doing: "sending messages",
            cause,
        };
        let mut request = self.client.send_message_batch().queue_url(self.url(step));
        for message in messages {
            let mut entry = SendMessageBatchRequestEntry::builder()
                .id(message.id.to_string())
                .message_body(announcement(&message.key));
            if let Some(trace) = &message.trace {
                entry = entry.message_attributes(TRACEPARENT, text("String", trace));
            }
            request = request.entries(entry.build().map_err(|error| failed(error.to_string()))?);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| failed(DisplayErrorContext(&error).to_string()))?;
        for refused in answer.failed() {
            let (code, reason) = (refused.code(), refused.message().unwrap_or_default());
            warn!(%step, id = refused.id(), code, reason, "SQS refused a message");
        }
        let accepted = answer.successful().iter();
        Ok(accepted
            .filter_map(|entry| entry.id().parse().ok())
            .collect())
    }

    /// Sends a message that was received anew, to be delivered after `delay`: 15 minutes at most.
    /// `carried` says how often it was delivered before.
    pub(crate) async fn send_anew(
        &self,
        step: StepKind,
        key: &ObjectKey,
        delay: Duration,
        carried: u32,
        trace: Option<&str>,
    ) -> Result<(), QueueError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(self.url(step))
            .message_body(announcement(key))
            .delay_seconds(seconds(delay.min(LONGEST_DELAY)));
        if carried > 0 {
            let carried = text("Number", &carried.to_string());
            request = request.message_attributes(CARRIED, carried);
        }
        if let Some(trace) = trace {
            request = request.message_attributes(TRACEPARENT, text("String", trace));
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(QueueError {
                step,
                doing: "sending a message anew",
                cause: DisplayErrorContext(&error).to_string(),
            }),
        }
    }

    /// Has a received message delivered again after `wait`, instead of after the visibility
    /// timeout.
    pub(crate) async fn show_again(
        &self,
        step: StepKind,
        receipt: &str,
        wait: Duration,
    ) -> Result<(), QueueError> {
        let request = self
            .client
            .change_message_visibility()
            .queue_url(self.url(step))
            .receipt_handle(receipt)
            .visibility_timeout(seconds(wait.min(LONGEST_HIDING)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(QueueError {
                step,
                doing: "giving a message back",
                cause: DisplayErrorContext(&error).to_string(),
            }),
        }
    }

    fn url(&self, step: StepKind) -> String {
        self.address.replace("{step}", step.as_str())
    }
}

fn text(kind: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(value)
        .build()
        .unwrap_or_else(|_| unreachable!("a message attribute has a type"))
}

/// Whole seconds, rounded up, so that nothing is delivered too early.
fn seconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}
