//! The steps: pixels in, renditions and words out.

pub mod annotate;
pub mod anonymise;
pub mod thumbnail;
