//! The processing of images: a thumbnail, a caption, and a copy with faces made unrecognisable.
//!
//! - [`steps`]: the steps on pixels. They know neither rows nor queues.
//! - [`picture`]: decoding, metadata, colour, orientation, encoding.
//! - [`faces`]: the face detector.
//! - [`pipeline`]: one step of one image on rows and objects, and its outcomes.
//! - [`drivers`]: what calls the pipeline: workers on one machine, or AWS Lambda.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod drivers;
pub mod faces;
pub mod picture;
pub mod pipeline;
pub mod steps;
#[cfg(feature = "testing")]
pub mod testing;
