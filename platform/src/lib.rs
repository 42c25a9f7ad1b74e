//! What the code stands on: settings, database, object store, events, telemetry.
//! Nothing in here knows what is done to an image.

mod format;

pub use format::Format;
