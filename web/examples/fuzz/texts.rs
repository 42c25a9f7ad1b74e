//! Everything else that strangers send: forms, events, replies of providers, cursors.

use functions::steps::annotate::fuzzing as replies;
use platform::events::{parse, parse_invocation};
use platform::objects::ObjectKey;
use web::fuzzing;

/// The first byte decides into how large chunks the rest is cut, as a network does.
pub(crate) fn form(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let chunk = usize::from(*first) * 16 + 1;
    let taken = fuzzing::form(body.chunks(chunk).map(<[u8]>::to_vec).collect());
    assert!(taken <= body.len(), "{taken} bytes of {}", body.len());
}

pub(crate) fn events(data: &[u8]) {
    if let Ok(events) = parse(data) {
        for event in events.created {
            let path = event.key.path();
            assert!(path.starts_with("uploads/"), "{path}");
            assert_eq!(ObjectKey::parse(&path).ok().as_ref(), Some(&event.key));
        }
    }
    let _ = parse_invocation(data);
}

/// The first byte decides about the status.
pub(crate) fn captions(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let status = match first {
        0..128 => 200,
        other => 400 + u16::from(*other),
    };
    replies::read(status, body);
}

pub(crate) fn cursor(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::cursor(text);
    }
}
