//! Fields in text logs, without those that are for traces only.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Prefixes of fields that are left out of logs: those that control how a span is exported, and paths,
/// which may be personal; the route is logged instead.
const FOR_TRACES: [&str; 3] = ["otel.", "messaging.", "url."];

/// Whether a field is for traces only.
pub(super) fn is_for_traces(name: &str) -> bool {
    FOR_TRACES.iter().any(|prefix| name.starts_with(prefix))
}

/// The default format of tracing-subscriber, without the fields for traces.
pub(super) struct ForPeople;

struct Visitor<'a>(DefaultVisitor<'a>);

impl<'w> FormatFields<'w> for ForPeople {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !is_for_traces(field.name()) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !is_for_traces(field.name()) {
            self.0.record_debug(field, value);
        }
    }
}
