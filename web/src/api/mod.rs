//! The REST interface: one file or folder per resource. Each handler carries its own description, and
//! [`crate::openapi`] makes one document of them.

pub mod boxes;
pub mod captions;
pub mod events;
mod image_answer;
pub mod images;
pub mod messages;
mod problems;
pub mod records;
pub mod release;
pub mod removal_requests;
pub mod renditions;
pub mod review;
pub mod status;
pub mod steps;
pub mod trash;
pub mod uploads;
