//! The REST interface: one file per resource.

pub mod captions;
pub mod events;
pub mod image_json;
pub mod images;
pub mod messages;
pub mod steps;
pub mod uploads;
