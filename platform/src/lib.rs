//! The foundations: settings, secrets, database, object store, AWS, telemetry. Nothing in here
//! knows what is done to an image.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aws;
pub mod database;
pub mod disk;
pub mod events;
mod format;
pub mod host;
pub mod memory;
pub mod objects;
pub mod process;
pub mod secrets;
pub mod settings;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use format::Format;
