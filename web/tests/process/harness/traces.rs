//! Traces as a collector receives them.

use std::collections::BTreeSet;

use platform::testing::{CollectedSpan, Collector};

use super::eventually;

/// The steps of an image.
pub(crate) const STEPS: [&str; 3] = ["annotate", "anonymise", "thumbnail"];

/// The trace of an image, once all its steps are in it.
pub(crate) async fn trace_of(collector: &Collector, image: &str) -> Vec<CollectedSpan> {
    let attribute = |span: &CollectedSpan, name: &str| span.attributes.get(name).cloned();
    eventually("a span of each step has arrived", async || {
        let spans = collector.spans();
        let steps = spans.iter().filter(|span| {
            attribute(span, "image_id").as_deref() == Some(image)
                && attribute(span, "outcome").as_deref() == Some("done")
        });
        let traces: BTreeSet<_> = steps.clone().map(|span| span.trace_id.clone()).collect();
        let names: BTreeSet<_> = steps.map(|span| span.name.as_str()).collect();
        if names.len() < STEPS.len() || spans.iter().all(|span| !span.name.starts_with("POST /")) {
            return None;
        }
        assert_eq!(traces.len(), 1, "the steps are in different traces");
        let of_trace = spans.iter().filter(|span| traces.contains(&span.trace_id));
        let of_trace: Vec<_> = of_trace.cloned().collect();
        let known: BTreeSet<_> = of_trace.iter().map(|span| &span.span_id).collect();
        // The outer ones arrive last.
        let whole = of_trace
            .iter()
            .filter(|span| !span.parent_id.is_empty())
            .all(|span| known.contains(&span.parent_id));
        whole.then_some(of_trace)
    })
    .await
}

pub(crate) fn named<'a>(spans: &'a [CollectedSpan], name: &str) -> &'a CollectedSpan {
    spans
        .iter()
        .find(|span| span.name == name)
        .unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}
