//! The queues of AWS, one for each function. Messages that we send ourselves, to have a step done
//! again or later, look like those of S3, so that there is one parser and one way in.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::MessageAttributeValue;
use entity::step::StepKind;
use platform::events::{CARRIED, announcement};
use platform::objects::ObjectKey;
use platform::telemetry::TRACEPARENT;

/// What SQS delays a message by at most.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// What SQS hides a message for at most.
const LONGEST_HIDING: Duration = Duration::from_secs(12 * 60 * 60);

/// The queues of the functions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    /// The address of a queue, with `{step}` for the function.
    address: String,
}

/// A queue did not take it.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct QueueError {
    doing: String,
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

    /// Has a step of the image at `key` done after `delay` (or 15 minutes, if that is longer).
    /// `carried` is how often it was delivered before, and `trace` the trace it goes on with, as
    /// W3C's `traceparent`.
    ///
    /// # Errors
    /// If the queue does not take it.
    pub async fn send(
        &self,
        step: StepKind,
        key: &ObjectKey,
        delay: Duration,
        carried: u32,
        trace: Option<&str>,
    ) -> Result<(), QueueError> {
        let seconds = seconds(delay.min(LONGEST_DELAY));
        let mut request = self
            .client
            .send_message()
            .queue_url(self.url(step))
            .message_body(announcement(key))
            .delay_seconds(seconds);
        let carried = (carried > 0).then(|| ("Number", carried.to_string()));
        let trace = trace.map(|trace| ("String", trace.to_owned()));
        for (name, attribute) in [(CARRIED, carried), (TRACEPARENT, trace)] {
            let Some((kind, value)) = attribute else {
                continue;
            };
            let attribute = MessageAttributeValue::builder()
                .data_type(kind)
                .string_value(value)
                .build();
            if let Ok(attribute) = attribute {
                request = request.message_attributes(name, attribute);
            }
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(QueueError {
                doing: format!("sending to the queue of {step}"),
                cause: DisplayErrorContext(&error).to_string(),
            }),
        }
    }

    /// Has a message that somebody holds delivered again after `wait`.
    ///
    /// # Errors
    /// If the queue does not answer; it is delivered again then all the same, later.
    pub async fn show_again(
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
                doing: format!("giving a message back to the queue of {step}"),
                cause: DisplayErrorContext(&error).to_string(),
            }),
        }
    }

    fn url(&self, step: StepKind) -> String {
        self.address.replace("{step}", step.as_str())
    }
}

/// Whole seconds, upwards: nobody is delivered to before the time.
fn seconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}
