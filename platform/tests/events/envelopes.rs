//! The documented envelopes, filled.

use serde_json::{Value, json};

use platform::events::{Malformed, StoreEvents, parse_invocation};

/// How an event of S3 or EventBridge reaches a function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier {
    /// Directly: it invokes the function.
    Directly,
    /// SNS invokes the function.
    Sns,
    /// Through a queue. Also through a topic with raw delivery, which looks the same.
    Sqs,
    /// Through a topic and a queue.
    SnsAndSqs,
}

pub(crate) const CARRIERS: [Carrier; 4] = [
    Carrier::Directly,
    Carrier::Sns,
    Carrier::Sqs,
    Carrier::SnsAndSqs,
];

impl Carrier {
    /// The payload of the invocation.
    pub(crate) fn wrap(self, message: &str) -> String {
        match self {
            Self::Directly => message.to_owned(),
            Self::Sns => {
                let mut event = fixture("lambda-sns.json");
                event["Records"][0]["Sns"]["Message"] = json!(message);
                event.to_string()
            }
            Self::Sqs => {
                let mut event = fixture("lambda-sqs.json");
                event["Records"][0]["body"] = json!(message);
                event.to_string()
            }
            Self::SnsAndSqs => {
                let mut notification = fixture("sns.json");
                notification["Message"] = json!(message);
                Self::Sqs.wrap(&notification.to_string())
            }
        }
    }

    /// The parsed message.
    pub(crate) fn deliver(self, message: &str) -> Result<StoreEvents, Malformed> {
        let mut messages = parse_invocation(self.wrap(message).as_bytes())?;
        assert_eq!(messages.len(), 1);
        messages.remove(0).news
    }
}

pub(crate) fn fixture(name: &str) -> Value {
    let text = match name {
        "s3.json" => include_str!("fixtures/s3.json"),
        "s3-deleted.json" => include_str!("fixtures/s3-deleted.json"),
        "s3-test.json" => include_str!("fixtures/s3-test.json"),
        "eventbridge.json" => include_str!("fixtures/eventbridge.json"),
        "eventbridge-deleted.json" => include_str!("fixtures/eventbridge-deleted.json"),
        "sns.json" => include_str!("fixtures/sns.json"),
        "sns-confirmation.json" => include_str!("fixtures/sns-confirmation.json"),
        "lambda-sns.json" => include_str!("fixtures/lambda-sns.json"),
        "lambda-sqs.json" => include_str!("fixtures/lambda-sqs.json"),
        other => panic!("there is no fixture {other}"),
    };
    serde_json::from_str(text).unwrap()
}

/// S3's event for a new object, with the key as it is in the message.
pub(crate) fn s3(encoded_key: &str) -> String {
    let mut message = fixture("s3.json");
    message["Records"][0]["s3"]["object"]["key"] = json!(encoded_key);
    message.to_string()
}

/// EventBridge's event for a new object.
pub(crate) fn bridged(key: &str) -> String {
    let mut message = fixture("eventbridge.json");
    message["detail"]["object"]["key"] = json!(key);
    message.to_string()
}

/// As S3 encodes keys: `application/x-www-form-urlencoded`, with slashes left alone.
pub(crate) fn form_encoded(key: &str) -> String {
    url::form_urlencoded::byte_serialize(key.as_bytes())
        .collect::<String>()
        .replace("%2F", "/")
}
