//! Values of columns as JSON, exactly: text, numbers, and instants to the microsecond.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use sea_orm::sea_query::ColumnType;
use sea_orm::{JsonValue, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Text,
    Uuid,
    Boolean,
    Integer,
    Bigint,
    Float,
    Instant,
    /// A date and time without a zone.
    Local,
    Json,
}

const LOCAL: &str = "%Y-%m-%dT%H:%M:%S%.6f";

impl Kind {
    /// None for a type that no table of ours has.
    pub(super) fn of(column: &ColumnType) -> Option<Self> {
        Some(match column {
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Self::Text,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Integer => Self::Integer,
            ColumnType::BigInteger => Self::Bigint,
            ColumnType::Float => Self::Float,
            ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => Self::Instant,
            ColumnType::DateTime => Self::Local,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            _ => return None,
        })
    }

    /// The value for the database. None if the JSON is of another kind.
    pub(super) fn value(self, json: &JsonValue) -> Option<Value> {
        if json.is_null() {
            return Some(self.null());
        }
        Some(match self {
            Self::Text => json.as_str()?.to_owned().into(),
            Self::Uuid => Uuid::try_parse(json.as_str()?).ok()?.into(),
            Self::Boolean => json.as_bool()?.into(),
            Self::Integer => i32::try_from(json.as_i64()?).ok()?.into(),
            Self::Bigint => json.as_i64()?.into(),
            #[allow(clippy::cast_possible_truncation)]
            Self::Float => (json.as_f64()? as f32).into(),
            Self::Instant => {
                let instant = DateTime::parse_from_rfc3339(json.as_str()?).ok()?;
                instant.with_timezone(&Utc).into()
            }
            Self::Local => NaiveDateTime::parse_from_str(json.as_str()?, LOCAL)
                .ok()?
                .into(),
            Self::Json => json.clone().into(),
        })
    }

    fn null(self) -> Value {
        match self {
            Self::Text => Value::String(None),
            Self::Uuid => Value::Uuid(None),
            Self::Boolean => Value::Bool(None),
            Self::Integer => Value::Int(None),
            Self::Bigint => Value::BigInt(None),
            Self::Float => Value::Float(None),
            Self::Instant => Value::ChronoDateTimeUtc(None),
            Self::Local => Value::ChronoDateTime(None),
            Self::Json => Value::Json(None),
        }
    }
}

/// The JSON of a value. None for a kind that no column of ours has.
pub(super) fn json(value: Value) -> Option<JsonValue> {
    Some(match value {
        Value::String(text) => text.into(),
        Value::Uuid(id) => id.map(|id| id.to_string()).into(),
        Value::Bool(truth) => truth.into(),
        Value::Int(number) => number.into(),
        Value::BigInt(number) => number.into(),
        Value::Float(number) => number.map(f64::from).into(),
        Value::ChronoDateTimeUtc(instant) => instant
            .map(|instant| instant.to_rfc3339_opts(SecondsFormat::Micros, true))
            .into(),
        Value::ChronoDateTime(local) => local.map(|local| local.format(LOCAL).to_string()).into(),
        Value::Json(json) => json.map_or(JsonValue::Null, |json| *json),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let instant = DateTime::from_timestamp_micros(1_764_169_524_123_456).unwrap();
        for (kind, value) in [
            (Kind::Text, Value::from("Füchse 🦊")),
            (Kind::Uuid, Value::from(Uuid::from_u128(7))),
            (Kind::Boolean, Value::from(true)),
            (Kind::Integer, Value::from(i32::MIN)),
            (Kind::Bigint, Value::from(i64::MAX)),
            (Kind::Float, Value::from(0.1_f32)),
            (Kind::Instant, Value::from(instant)),
            (Kind::Local, Value::from(instant.naive_utc())),
            (Kind::Json, Value::from(serde_json::json!({"a": [1, null]}))),
        ] {
            let text = json(value.clone()).unwrap().to_string();
            let read = serde_json::from_str(&text).unwrap();
            assert_eq!(kind.value(&read), Some(value), "{text}");
            assert_eq!(kind.value(&JsonValue::Null), Some(kind.null()));
            assert_eq!(json(kind.null()), Some(JsonValue::Null));
        }
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        assert_eq!(Kind::Integer.value(&serde_json::json!(1_u64 << 40)), None);
        assert_eq!(Kind::Uuid.value(&serde_json::json!("7")), None);
        assert_eq!(Kind::Instant.value(&serde_json::json!("today")), None);
    }
}
