//! What the code stands on: settings, database, object store, telemetry.
//! Nothing in here knows what is done to an image.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod database;
pub mod events;
mod format;
pub mod memory;
pub mod objects;
pub mod settings;
pub mod telemetry;

pub use format::Format;
