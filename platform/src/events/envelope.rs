//! The one parser of S3's events in all their envelopes: S3's own notification, the same inside
//! SNS, EventBridge's "Object Created", and each of those in the body of an SQS message.
//!
//! It requires only the fields that it uses, because S3, its imitations and later versions differ
//! in the others. AWS documents the envelopes in the user guides of S3 ("Event message structure",
//! "EventBridge event message structure"), of SNS ("HTTP/HTTPS notification JSON format") and of
//! Lambda ("Using Lambda with Amazon SQS", "… with SNS").

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ObjectCreated;
use crate::objects::{Area, ObjectKey};

/// The content of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreEvents {
    /// New originals.
    pub created: Vec<ObjectCreated>,
    /// Events that have no consequence here.
    pub ignored: Vec<Ignored>,
}

/// An event without a consequence here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// S3's test of a new notification configuration.
    TestEvent,
    /// A message of SNS about a subscription.
    Subscription,
    /// Another event than the creation of an object: its name in the envelope.
    OtherEvent(String),
    /// An object that is not one of our originals: its key.
    OtherKey(String),
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestEvent => f.write_str("S3's test of the connection"),
            Self::Subscription => f.write_str("a message of SNS about a subscription"),
            Self::OtherEvent(name) => write!(f, "the event {name:?}"),
            Self::OtherKey(key) => write!(f, "the object {key:?}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be understood: {0}")]
pub struct Malformed(String);

/// One message of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message id of SQS, to report it as failed. None without a queue in between.
    pub id: Option<String>,
    /// Deliveries by SQS, this one included. None without a queue in between.
    pub receive_count: Option<u32>,
    /// The receipt handle of SQS.
    pub receipt: Option<String>,
    /// Deliveries before it was sent anew: the attribute [`CARRIED`].
    pub carried: u32,
    /// The trace it belongs to: the attribute [`TRACEPARENT`](crate::telemetry::TRACEPARENT).
    pub trace: Option<String>,
    pub news: Result<StoreEvents, Malformed>,
}

/// Reads one message: the body of an SQS message, or what S3, SNS or EventBridge send directly.
///
/// # Errors
/// If it is not a message of S3, SNS or EventBridge, or any part of it is malformed.
pub fn parse(message: &[u8]) -> Result<StoreEvents, Malformed> {
    let envelope: Envelope = read(message)?;
    match (&envelope.kind, &envelope.message) {
        (Some(kind), Some(message)) => from_sns(kind, message),
        _ => from_s3(envelope),
    }
}

/// Reads the payload of an invocation: a batch of SQS messages, each read by itself, or one message
/// of S3, SNS or EventBridge.
///
/// # Errors
/// If it is neither, or a batch whose messages have no ids. A malformed message of a batch is an
/// error of that message only.
pub fn parse_invocation(event: &[u8]) -> Result<Vec<Message>, Malformed> {
    let envelope: Envelope = read(event)?;
    let Some(records) = &envelope.records else {
        return Ok(vec![Message::direct(parse(event))]);
    };
    records
        .iter()
        .map(|record| match Record::read(record) {
            Ok(Record {
                message_id: Some(id),
                body,
                receipt,
                attributes,
                own,
                ..
            }) => Ok(Message {
                id: Some(id),
                receive_count: attributes.and_then(|attributes| attributes.count()),
                receipt,
                carried: own
                    .as_ref()
                    .and_then(OwnAttributes::carried)
                    .unwrap_or_default(),
                trace: own.and_then(OwnAttributes::trace),
                news: body
                    .ok_or_else(|| Malformed("the SQS record has no body".to_owned()))
                    .and_then(|body| parse(body.as_bytes())),
            }),
            Ok(record) if record.source.as_deref() == Some("aws:sqs") => {
                Err(Malformed("an SQS record has no messageId".to_owned()))
            }
            other => {
                let mut news = StoreEvents::default();
                let read = other.and_then(|record| record.tell(&mut news));
                Ok(Message::direct(read.map(|()| news)))
            }
        })
        .collect()
}

impl Message {
    fn direct(news: Result<StoreEvents, Malformed>) -> Self {
        Self {
            id: None,
            receive_count: None,
            receipt: None,
            carried: 0,
            trace: None,
            news,
        }
    }
}

/// The message attribute with the number of deliveries before a message was sent anew.
pub const CARRIED: &str = "vitrine-carried";

/// The message about an object as S3 itself would send it: for steps that are to be done again.
pub fn announcement(key: &ObjectKey) -> String {
    let key = utf8_percent_encode(&key.path(), NON_ALPHANUMERIC).to_string();
    json!({
        "Records": [{
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": { "object": { "key": key } },
        }],
    })
    .to_string()
}

/// The outermost envelope. All envelopes have different fields, so one type holds them all.
#[derive(Deserialize)]
struct Envelope {
    /// S3, and every batch of Lambda. Each record is parsed by itself later.
    #[serde(rename = "Records")]
    records: Option<Vec<Value>>,
    /// S3's test.
    #[serde(rename = "Event")]
    event: Option<String>,
    /// SNS.
    #[serde(rename = "Type")]
    kind: Option<String>,
    /// SNS: the message inside.
    #[serde(rename = "Message")]
    message: Option<String>,
    /// EventBridge.
    source: Option<String>,
    /// EventBridge.
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    /// EventBridge: the object, for events of S3.
    detail: Option<Value>,
}

/// One record of S3, of a batch of SQS or of SNS that invokes a function directly.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventSource", alias = "EventSource")]
    source: Option<String>,
    #[serde(rename = "eventName")]
    name: Option<String>,
    s3: Option<Value>,
    #[serde(rename = "messageId")]
    message_id: Option<String>,
    #[serde(rename = "receiptHandle")]
    receipt: Option<String>,
    body: Option<String>,
    attributes: Option<Attributes>,
    #[serde(rename = "messageAttributes")]
    own: Option<OwnAttributes>,
    #[serde(rename = "Sns")]
    sns: Option<SnsRecord>,
}

/// The object: the field `s3` of S3's records, `detail` of EventBridge.
#[derive(Deserialize)]
struct Place {
    object: Object,
}

impl Place {
    fn read(value: Value) -> Result<Self, Malformed> {
        Self::deserialize(value)
            .map_err(|error| Malformed(format!("it does not name the object: {error}")))
    }
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount")]
    receive_count: Option<String>,
}

impl Attributes {
    fn count(&self) -> Option<u32> {
        self.receive_count.as_deref()?.parse().ok()
    }
}

/// The attributes of our own messages.
#[derive(Deserialize)]
struct OwnAttributes {
    #[serde(rename = "vitrine-carried")]
    carried: Option<OwnAttribute>,
    traceparent: Option<OwnAttribute>,
}

#[derive(Deserialize)]
struct OwnAttribute {
    #[serde(rename = "stringValue")]
    value: Option<String>,
}

impl OwnAttributes {
    fn carried(&self) -> Option<u32> {
        self.carried.as_ref()?.value.as_ref()?.parse().ok()
    }

    fn trace(self) -> Option<String> {
        self.traceparent?.value
    }
}

#[derive(Deserialize)]
struct SnsRecord {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Message")]
    message: String,
}

impl Record {
    fn read(value: &Value) -> Result<Self, Malformed> {
        Self::deserialize(value).map_err(|error| Malformed(format!("a record is damaged: {error}")))
    }

    /// Adds a record of S3 or SNS.
    fn tell(self, news: &mut StoreEvents) -> Result<(), Malformed> {
        match (self.source.as_deref(), self.name, self.sns) {
            (Some("aws:s3"), Some(name), _) if is_creation(&name) => {
                let key = Place::read(self.s3.unwrap_or_default())?.object.key;
                news.created_or_ignored(&decode(&key)?);
                Ok(())
            }
            (Some("aws:s3"), Some(name), _) => {
                news.ignored.push(Ignored::OtherEvent(name));
                Ok(())
            }
            (Some("aws:sns"), _, Some(sns)) => {
                let told = from_sns(&sns.kind, &sns.message)?;
                news.created.extend(told.created);
                news.ignored.extend(told.ignored);
                Ok(())
            }
            (source, ..) => Err(Malformed(format!(
                "a record with the source {source:?} is not one of S3, SNS or SQS"
            ))),
        }
    }
}

impl StoreEvents {
    fn created_or_ignored(&mut self, key: &str) {
        match ObjectKey::parse(key) {
            Ok(key) if key.area() == Area::Uploads => self.created.push(ObjectCreated { key }),
            _ => self.ignored.push(Ignored::OtherKey(key.to_owned())),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(json).map_err(|error| {
        // Only the position: the content may be anything and would end up in a log.
        Malformed(format!(
            "it is not JSON of S3, SNS, EventBridge or SQS ({:?} at line {}, column {})",
            error.classify(),
            error.line(),
            error.column()
        ))
    })
}

/// The message inside a message of SNS, which is never another one of SNS.
fn from_sns(kind: &str, message: &str) -> Result<StoreEvents, Malformed> {
    if kind != "Notification" {
        return Ok(StoreEvents {
            ignored: vec![Ignored::Subscription],
            ..StoreEvents::default()
        });
    }
    from_s3(read(message.as_bytes())?)
}

/// An event of S3, direct or through EventBridge.
fn from_s3(envelope: Envelope) -> Result<StoreEvents, Malformed> {
    let mut news = StoreEvents::default();
    if let Some(records) = &envelope.records {
        for record in records {
            Record::read(record)?.tell(&mut news)?;
        }
    } else if envelope.event.as_deref() == Some("s3:TestEvent") {
        news.ignored.push(Ignored::TestEvent);
    } else if let (Some(source), Some(name)) = (envelope.source, envelope.detail_type) {
        if source == "aws.s3" && name == "Object Created" {
            // EventBridge does not encode keys.
            let place = Place::read(envelope.detail.unwrap_or_default())?;
            news.created_or_ignored(&place.object.key);
        } else {
            news.ignored.push(Ignored::OtherEvent(name));
        }
    } else {
        return Err(Malformed(
            "it is JSON, but not of S3, SNS or EventBridge".to_owned(),
        ));
    }
    Ok(news)
}

/// The name of the event. Some send it with the prefix that it has in the configuration of a
/// bucket.
fn is_creation(name: &str) -> bool {
    let name = name.strip_prefix("s3:").unwrap_or(name);
    name.starts_with("ObjectCreated:")
}

/// Decodes `application/x-www-form-urlencoded`, which S3 applies to keys.
fn decode(key: &str) -> Result<String, Malformed> {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Malformed(format!("the key {key:?} is not UTF-8 once it is decoded")))
}
