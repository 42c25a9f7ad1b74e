//! stub

pub mod assets;
pub mod templates;
