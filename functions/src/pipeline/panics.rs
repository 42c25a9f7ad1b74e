//! Panics that are caught, as an error with their message.

use std::any::Any;

/// The work panicked, with this message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no reason given".to_owned()
    }
}
