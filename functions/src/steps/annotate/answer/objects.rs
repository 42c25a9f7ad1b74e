//! Objects that describe a picture, wherever they are in a text: between words, in wrappers, within
//! a JSON string, without their first brace.

use std::ops::ControlFlow;

use serde_json::Value;

use super::fields::{Fields, MAX_WRAPPERS};
use crate::steps::annotate::lenient_json::{self, Extent, Quotes, Work};
use crate::steps::annotate::markup;

/// An object and how much of it is there.
pub(super) type Found = (Extent, Fields);

/// The first of the most complete objects that describe a picture.
pub(super) fn first_object(text: &str, work: &Work) -> Option<Found> {
    object_in(text, work, 0, false)
}

/// The last whole one: thoughts begin with drafts.
pub(super) fn last_whole_object(text: &str, work: &Work) -> Option<Found> {
    object_in(text, work, 0, true).filter(|(extent, _)| *extent == Extent::Whole)
}

fn object_in(text: &str, work: &Work, wrappers: usize, last: bool) -> Option<Found> {
    let mut best: Option<Found> = None;
    for quotes in [Quotes::Escaped, Quotes::Unescaped] {
        lenient_json::each_object(text, quotes, work, |value, extent| {
            let is_better = best
                .as_ref()
                .is_none_or(|(so_far, _)| extent < *so_far || (last && extent == *so_far));
            if is_better && let Some(fields) = fields_within(&value, work, wrappers) {
                best = Some((extent, fields));
                if extent == Extent::Whole && !last {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        if best
            .as_ref()
            .is_some_and(|(extent, _)| *extent == Extent::Whole)
        {
            break;
        }
    }
    best
}

/// The fields of an object, or of one that it wraps.
fn fields_within(value: &Value, work: &Work, wrappers: usize) -> Option<Fields> {
    if wrappers > MAX_WRAPPERS {
        return None;
    }
    let deeper = |value: &Value| fields_within(value, work, wrappers + 1);
    match value {
        Value::Object(members) => Fields::of(members).or_else(|| members.values().find_map(deeper)),
        Value::Array(items) => items.iter().find_map(deeper),
        Value::String(text) if text.contains('{') => object_in(text, work, wrappers + 1, false)
            .filter(|(extent, _)| *extent == Extent::Whole)
            .map(|(_, fields)| fields),
        _ => None,
    }
}

/// JSON that was written into a JSON string, once or twice, or into HTML.
pub(super) fn escaped_object(text: &str, work: &Work) -> Option<Found> {
    if text.contains("&quot;") {
        return first_object(&text.replace("&quot;", "\"").replace("&amp;", "&"), work);
    }
    let mut text = text.to_owned();
    for _ in 0..2 {
        if !text.contains("\\\"") {
            return None;
        }
        text = markup::unescaped(&text);
        if let Some(found) = first_object(&text, work) {
            return Some(found);
        }
    }
    None
}

/// `"alt_text": "…"` and so on, without the brace before it.
pub(super) fn object_without_brace(text: &str, work: &Work) -> Option<Found> {
    let at = text.find(['"', '\''])?;
    let names_alt_text = text[at + 1..].get(..3)?.eq_ignore_ascii_case("alt");
    if text.contains('{') || !names_alt_text {
        return None;
    }
    [Quotes::Escaped, Quotes::Unescaped]
        .into_iter()
        .find_map(|quotes| {
            let (value, extent) = lenient_json::members(&text[at..], quotes, work)?;
            Some((extent, Fields::of(value.as_object()?)?))
        })
}
