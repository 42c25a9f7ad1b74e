//! One JSON object for each event, with the fields of all its spans on the same level, so that a
//! search for a trace or an image needs one name only. Inner spans override outer ones, and the
//! event overrides both.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime as Clock};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::fields::is_for_traces;

pub(super) struct OneLine;

struct Fields<'a>(&'a mut Map<String, Value>);

impl<S> FormatEvent<S, JsonFields> for OneLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let written = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Ok(Value::Object(of_span))) =
                written.map(|written| serde_json::from_str(&written.fields))
            {
                fields.extend(of_span);
            }
        }
        event.record(&mut Fields(&mut fields));
        fields.retain(|name, _| !is_for_traces(name));
        let mut time = String::new();
        Clock.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        fields.insert("timestamp".to_owned(), time.into());
        fields.insert("level".to_owned(), metadata.level().as_str().into());
        fields.insert("target".to_owned(), metadata.target().into());
        writeln!(writer, "{}", Value::Object(fields))
    }
}

impl Fields<'_> {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}
