//! Traces across processes, as W3C's `traceparent` (Trace Context, section 3.2): version, trace id,
//! span id, and whether the trace is recorded.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The name of the header, of the metadata of an object (`x-amz-meta-traceparent`) and of the
/// message attribute.
pub const TRACEPARENT: &str = "traceparent";

/// Begins a span that may continue another trace: call it before the span is entered. An invalid
/// `traceparent` is ignored. The trace id (32 hexadecimal digits) is recorded in the span's field
/// `trace_id`, and returned if there is one.
pub fn begin(span: &Span, traceparent: Option<&str>) -> Option<String> {
    if let Some(parent) = traceparent.and_then(read) {
        // Without logging there are no traces.
        let _ = span.set_parent(parent);
    }
    let context = span.context();
    let current = context.span();
    let found = current.span_context();
    if !found.is_valid() {
        return None;
    }
    let id = found.trace_id().to_string();
    span.record("trace_id", &id);
    Some(id)
}

/// The `traceparent` of the current span; none without a trace.
pub fn traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

fn read(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    let is_valid = context.span().span_context().is_valid();
    is_valid.then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_traceparents_are_ignored() {
        let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(read(whole).is_some());
        for damaged in [
            "",
            "hello",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(read(damaged).is_none(), "{damaged}");
        }
    }

    #[test]
    fn without_tracing_there_is_no_traceparent() {
        assert_eq!(traceparent(), None);
        assert_eq!(begin(&Span::none(), None), None);
    }
}
