//! The REST interface: one file per resource. Each handler carries its own description, and
//! [`crate::openapi`] makes one document of them.

pub mod captions;
pub mod events;
pub mod images;
pub mod messages;
mod problems;
pub mod renditions;
pub mod steps;
pub mod upload_form;
pub mod uploads;
