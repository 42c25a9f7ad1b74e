//! The REST interface: one file or folder per resource. Each handler carries its own description, and
//! [`crate::openapi`] makes one document of them.

pub mod captions;
pub mod events;
mod image_answer;
pub mod images;
pub mod messages;
mod problems;
pub mod renditions;
pub mod steps;
pub mod uploads;
