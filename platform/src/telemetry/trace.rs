//! Traces that go on from one process to the next, as W3C's `traceparent` (Trace Context,
//! section 3.2): version, number of the trace, number of the span, whether it is recorded.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What W3C calls it: as a header, among the metadata of an object (`x-amz-meta-traceparent`) and
/// as the attribute of a message.
pub const TRACEPARENT: &str = "traceparent";

/// Begins a span that may go on with somebody else's trace: call it before the span is entered.
/// What is no `traceparent` counts as none. The number of the trace (32 hexadecimal digits) goes
/// into the span's field `trace_id`, and is returned if there is one.
pub fn begin(span: &Span, traceparent: Option<&str>) -> Option<String> {
    if let Some(parent) = traceparent.and_then(read) {
        // Without logs there are no traces, and nothing to go on with.
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

/// What somebody needs to go on with the trace that we are in; none if we are in none.
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
    fn only_a_whole_traceparent_is_one() {
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
    fn where_nothing_is_traced_there_is_nothing_to_go_on_with() {
        assert_eq!(traceparent(), None);
        assert_eq!(begin(&Span::none(), None), None);
    }
}
